"""Turns data into HTML: one Jinja environment with autoescape, so that all that a prompt holds is text."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from typing_extensions import override

from admin import words
from admin.charts.drawn import DRAWN
from admin.page import Group
from admin.reasons import reason_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jinja2.bccache import Bucket

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

    def __init__(self, texts: Mapping[Language, Texts], *, templates: Path = TEMPLATES) -> None:
        self._environments = {language: _environment(each, templates) for language, each in texts.items()}

    def compile_all(self) -> None:
        """Compile every template, so that no page's first visitor, nor the loop that serves it, waits for that."""
        for environment in self._environments.values():
            for name in environment.list_templates(extensions=["html"]):
                environment.get_template(name)

    def render(self, template: str, context: Mapping[str, object], *, language: Language) -> str:
        """Return the HTML."""
        return self._environments[language].get_template(template).render(context)


def _environment(texts: Texts, templates: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates),
        auto_reload=False,  # a package that is upgraded under a process has templates that its texts do not fit
        autoescape=True,
        undefined=StrictUndefined,
        bytecode_cache=_compiled(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {**words.FILTERS, "sort_groups": _sort_groups}
    environment.filters.update(filters)
    cast("dict[str, object]", environment.globals).update(t=texts, static=static_url, charts=DRAWN, reason_in=reason_in)
    return environment


class _Compiled(BytecodeCache):
    """Keeps compiled templates: compiling a page takes 100 ms, and each language has an environment of its own."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    @override
    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    @override
    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


@lru_cache(maxsize=1)
def _compiled() -> _Compiled:
    """Return the one of the process: templates come with the package, and each is kept with its source's checksum."""
    return _Compiled()


def _sort_groups(groups: Iterable[tuple[Group, list[Page]]]) -> list[tuple[Group, list[Page]]]:
    order = get_args(Group)
    return sorted(groups, key=lambda each: order.index(each[0]))


@lru_cache(maxsize=64)
def static_url(path: str) -> str:
    """Return where a static file is, with the beginning of its hash: an address that may be kept for ever."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/dashboard/static/{path}?v={digest}"
