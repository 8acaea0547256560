"""What a request names, for the search of documents: read by the tagger before it, and told in the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from classifier.readings import ENTITIES, mentions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json, Mention
    from proxy.house import House
    from retrieval.scoped import Lifted

MAX_BYTES: Final = 300
"""Longer texts are not read, which would take more than 2 ms; their many words say enough."""


def named(house: House, text: str) -> tuple[Mention, ...]:
    """Return what a short turn names, in this thread: half a millisecond, where documents could rise by it."""
    settings = house.settings
    if settings.retrieval.entity_boost <= 0 or not settings.classifier.features or not house.documents.has_own:
        return ()
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return ()
    reading = house.understanding.read_one(ENTITIES, text)
    return () if reading is None else mentions_of({ENTITIES: reading})


def told(lifted: Sequence[Lifted], *, with_texts: bool) -> list[Json]:
    """Return what came of each name, as the trace shows it; without texts no word of the user stands there."""
    return [
        {
            **({"text": each.mention.text} if with_texts else {}),
            "type": each.mention.type,
            "windows": each.n_windows,
            "lift": round(each.lift, 4),
            "passages": [f"{at.doc}:{at.start_line}-{at.end_line}" for at in each.passages],
        }
        for each in lifted
    ]
