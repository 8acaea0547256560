"""Turns data into HTML: one Jinja environment with autoescape, so that all that a prompt holds is text."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from admin import words
from admin.charts.drawn import DRAWN
from admin.page import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from admin.i18n import Texts
    from admin.page import Language, Page

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

__all__ = ["STATIC", "Renderer"]


class Renderer:
    """Renders templates. Undefined names are errors, so that a page cannot silently lose a part.

    An environment per language holds `t` as a global, so that macros have it however they are imported.
    """

    def __init__(self, texts: Mapping[Language, Texts]) -> None:
        self._environments = {language: _environment(each) for language, each in texts.items()}

    def render(self, template: str, context: Mapping[str, object], *, language: Language) -> str:
        """Return the HTML."""
        return self._environments[language].get_template(template).render(context)


def _environment(texts: Texts) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    environment.filters["sort_groups"] = _sort_groups
    environment.globals.update(t=texts, static=static_url, charts=DRAWN)
    return environment


def _sort_groups(groups: Iterable[tuple[Group, list[Page]]]) -> list[tuple[Group, list[Page]]]:
    order = get_args(Group)
    return sorted(groups, key=lambda each: order.index(each[0]))


@lru_cache(maxsize=64)
def static_url(path: str) -> str:
    """Return where a static file is, with the beginning of its hash: an address that may be kept for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/dashboard/static/{path}?v={digest}"
