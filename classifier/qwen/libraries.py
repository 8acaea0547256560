"""The heavy libraries, imported when first used and nowhere else; they are the product's extra `ml`.

They come as `Any`: the gateway is typed and tested where they are not installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from config.errors import ThalamusError


class MissingLibraryError(ThalamusError):
    """A library that this installation was made without is needed; the message says how to add it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not installed; add it with: pip install 'thalamus-proxy[ml]'.")
        self.name = name


def library(name: str) -> Any:
    """Return the module of this name. Raises `MissingLibraryError`."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingLibraryError(name.partition(".")[0]) from error


def torch() -> Any:
    """Return PyTorch."""
    return library("torch")


def transformers() -> Any:
    """Return Transformers."""
    return library("transformers")


def peft() -> Any:
    """Return PEFT."""
    return library("peft")
