"""Turns data into HTML: one Jinja environment with autoescape, so that all that a prompt holds is text."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from admin import words

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

__all__ = ["STATIC", "Renderer"]


class Renderer:
    """Renders templates. Undefined names are errors, so that a page cannot silently lose a part."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(words.FILTERS)
        self._environment.globals["static"] = static_url

    def render(self, template: str, context: Mapping[str, object]) -> str:
        """Return the HTML."""
        return self._environment.get_template(template).render(context)


@lru_cache(maxsize=64)
def static_url(path: str) -> str:
    """Return where a static file is, with the beginning of its hash: an address that may be kept for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/dashboard/static/{path}?v={digest}"
