"""Makes new rows of old ones: each entity gives way to another of its type, so that forms are not learnt by heart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.ner.spans import Span, SpanRow

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence


class Swapper:
    """Knows the distinct forms of each type in each language."""

    def __init__(self, rows: Sequence[SpanRow], dice: random.Random) -> None:
        self._dice = dice
        forms: dict[tuple[str, str], dict[str, None]] = {}
        for row in rows:
            for span in row.spans:
                forms.setdefault((row.lang, span.type), {})[row.text[span.start : span.end]] = None
        self._forms = {key: tuple(each) for key, each in forms.items()}

    def swapped(self, row: SpanRow) -> SpanRow:
        """Return the row with each entity replaced, as likely as not, by another of its type and language."""
        text, spans, at = "", list[Span](), 0
        for span in row.spans:
            text += row.text[at : span.start]
            form = row.text[span.start : span.end]
            if self._dice.random() < 0.5:  # noqa: PLR2004  # as likely as not
                form = self._dice.choice(self._forms[row.lang, span.type])
            spans.append(Span(len(text), len(text) + len(form), span.type))
            text += form
            at = span.end
        return SpanRow(text + row.text[at:], tuple(spans), row.lang)
