"""The installed version of the product."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def product_version() -> str:
    """Return the version of the distribution `thalamus-proxy`."""
    try:
        return version("thalamus-proxy")
    except PackageNotFoundError:  # a checkout that was never installed
        return "0+unknown"
