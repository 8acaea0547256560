"""What a request names, for the search of documents: heard from the tagger in time, and told in the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from classifier.readings import mentions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json, Mention
    from proxy.exchange import Exchange
    from proxy.house import House
    from retrieval.scoped import Lifted


async def named(house: House, exchange: Exchange) -> tuple[Mention, ...]:
    """Return what the last turn names, waiting for the tagger as long as the settings allow; nothing where it is late.

    Where no document could rise by it, nobody waits.
    """
    wait_ms = house.settings.classifier.features_wait_ms
    if house.settings.retrieval.entity_boost <= 0 or not house.documents.has_own:
        return ()
    if exchange.beside is not None and wait_ms > 0:
        exchange.mentions = mentions_of(await exchange.beside.hear_names(within_s=wait_ms / 1000))
    return exchange.mentions


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
