"""Makes new rows of old ones: entities give way to others of their type, so that forms are not learnt by heart.

The others come from the rows themselves and from a lexicon; digits and capitals of codes and amounts are drawn anew.
"""

from __future__ import annotations

import string
import tomllib
from typing import TYPE_CHECKING, cast

from classifier.ner.spans import Span, SpanRow
from config.errors import CorpusError

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LEXICON = "lexicon.toml"
Forms = dict[tuple[str, str], tuple[str, ...]]
"""Language and type -> forms."""
_KEPT, _FROM_LEXICON = 0.3, 0.3
_DRAWN_ANEW = 0.6


def read_lexicon(path: Path) -> Forms:
    """Return the forms of a lexicon, none where there is no such file. Raises `CorpusError` where it is damaged."""
    if not path.is_file():
        return {}
    try:
        found: dict[str, object] = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"is no TOML: {error}", file=str(path)) from error
    lexicon: Forms = {}
    for lang, types in found.items():
        for name, forms in cast("Mapping[str, object]", types if isinstance(types, dict) else {}).items():
            listed = cast("list[object]", forms) if isinstance(forms, list) else [None]
            if not all(isinstance(form, str) and form for form in listed):
                raise CorpusError(f"{lang}.{name} must be a list of texts", file=str(path))
            lexicon[lang, name] = tuple(str(form) for form in listed)
    return lexicon


class Swapper:
    """Knows the distinct forms of each type in each language."""

    def __init__(self, rows: Sequence[SpanRow], lexicon: Forms, dice: random.Random) -> None:
        self._dice = dice
        self._lexicon = lexicon
        forms: dict[tuple[str, str], dict[str, None]] = {}
        for row in rows:
            for span in row.spans:
                forms.setdefault((row.lang, span.type), {})[row.text[span.start : span.end]] = None
        self._forms = {key: tuple(each) for key, each in forms.items()}

    def swapped(self, row: SpanRow) -> SpanRow:
        """Return the row with most entities replaced by others of their type and language."""
        text, spans, at = "", list[Span](), 0
        for span in row.spans:
            text += row.text[at : span.start]
            form = self._other(row.text[span.start : span.end], (row.lang, span.type))
            spans.append(Span(len(text), len(text) + len(form), span.type))
            text += form
            at = span.end
        return SpanRow(text + row.text[at:], tuple(spans), row.lang)

    def _other(self, form: str, key: tuple[str, str]) -> str:
        chance = self._dice.random()
        if chance >= _KEPT:
            listed = self._lexicon.get(key, ()) if chance >= 1 - _FROM_LEXICON else ()
            form = self._dice.choice(listed or self._forms[key])
        return self._drawn_anew(form) if any(each.isdigit() for each in form) else form

    def _drawn_anew(self, form: str) -> str:
        """Return the form with its digits, and the capitals next to them, drawn anew; a zero in front stays one."""
        if self._dice.random() >= _DRAWN_ANEW:
            return form
        letters = sum(each.isdigit() for each in form) > 2  # noqa: PLR2004  # a code, and not a model's name
        return "".join(
            self._dice.choice("123456789")
            if each in "123456789"
            else self._dice.choice(string.ascii_uppercase)
            if letters and each in string.ascii_uppercase
            else each
            for each in form
        )
