"""The baseline: every form that the training rows mark, found wherever it stands, the longest first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from classifier.ner.spans import Span
from classifier.ner.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.ner.spans import SpanRow


class Gazetteer:
    """A list of forms with the type that each has most often."""

    def __init__(self, rows: Sequence[SpanRow]) -> None:
        counts: dict[tuple[str, ...], Counter[str]] = {}
        for row in rows:
            for span in row.spans:
                form = tuple(each.form for each in tokens(row.text[span.start : span.end]))
                counts.setdefault(form, Counter())[span.type] += 1
        self._types = {form: found.most_common(1)[0][0] for form, found in counts.items() if form}
        self._longest = max((len(form) for form in self._types), default=0)

    def entities(self, text: str) -> tuple[Span, ...]:
        """Return the places where a listed form stands, from the left, the longest first."""
        read = tokens(text)
        form = [each.form for each in read]
        found: list[Span] = []
        at = 0
        while at < len(read):
            for size in range(min(self._longest, len(read) - at), 0, -1):
                if name := self._types.get(tuple(form[at : at + size])):
                    found.append(Span(read[at].start, read[at + size - 1].end, name))
                    at += size
                    break
            else:
                at += 1
        return tuple(found)
