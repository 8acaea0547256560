"""Reads what an assistant's turn proposes, as an order: "I can refund it to your card. Shall I?" gives the refund.

A bare yes agrees to this. Only the end of the turn is read; questions of fact, refusals and courtesy propose nothing.
What comes out is an assistant's word, no person's: it names an intent and may raise a mark, and can take none away.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, Literal

from classifier import proposal_en, proposal_zh

if TYPE_CHECKING:
    from collections.abc import Sequence

Stands = Literal["alone", "beside", "below"]

MAX_READ: Final = 1_200
"""Characters read of the end of a turn, where plans and questions stand, once its code is gone."""
MAX_SENTENCES: Final = 12
MAX_TRIED: Final = 6
"""So many sentences, each with its list, are searched for offers, from the end."""
MAX_PROPOSAL_CHARS: Final = 400
MAX_COMMAND_CHARS: Final = 300
"""A fenced command up to this length is read where the line above it offers to run it."""
_MAX_OFFERS: Final = 3
"""So many offers are read, the last ones; the points of a list count as one."""

_CODE: Final = re.compile(r"```.*?```", re.DOTALL)
_MARKS: Final = re.compile(r"[*_`#>]{1,9}(?=\S)|(?<=\S)[*_`]{1,9}")
_SENTENCE: Final = re.compile(
    r"(?<![\s(]\d)(?<![\s(]\d\d)(?:[.!]{1,9}|\.{3,9})(?=\s|$)|[。！；;\n]{1,99}|(?<=\?)(?=\s)|(?<=？)"
)
_POINT: Final = re.compile(r"(?:[-*•]\s|\(?\d{1,2}[.)、](?!\d)|[一二三四五六七八九十][、.])\s{0,9}")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")


def proposed(words: str) -> str | None:
    """Return what the end of an assistant's turn offers to do, as an order; `None` where it offers nothing.

    Reads `MAX_READ` characters, and returns at most `MAX_PROPOSAL_CHARS`. Never raises.
    """
    tail = _CODE.sub("\n", f"\n{words[-8 * MAX_READ :]}")[-MAX_READ:].replace("’", "'")
    sentences = [each for part in _SENTENCE.split(tail) if (each := part.strip())][-MAX_SENTENCES:]
    last_said = reversed(_with_points(sentences)[-MAX_TRIED:])
    offers = list(islice((offer for said, points in last_said if (offer := _offer(said, points))), _MAX_OFFERS))[::-1]
    if not offers and sentences and sentences[-1].endswith(("?", "？")):
        last = _clean(sentences[-1])
        offers = [(proposal_zh if _HAN.search(last) else proposal_en).bare_question(last)]
    if not any(offers) and sentences:
        last = _clean(sentences[-1])
        if (proposal_zh if _HAN.search(last) else proposal_en).asks_leave(last):
            told = (_consequence(_clean(each)) for each in reversed(sentences[-MAX_TRIED:]))
            offers = list(islice(filter(None, told), 1))
    if command := _command(words[-8 * MAX_READ :]):
        offers = [*filter(None, offers), command]
    return "; ".join(offers)[:MAX_PROPOSAL_CHARS] or None


def stands(words: str, offer: str) -> Stands:
    """Return how an offer stands to the request before it: for itself, beside it, or as a word about how it is done."""
    orders = [(each, proposal_zh if _HAN.search(each) else proposal_en) for each in offer.split("; ")]
    if all(room.is_manner(each) for each, room in orders):
        return "below"
    tail = words[-MAX_READ:].replace("’", "'")
    granted = (proposal_zh if _HAN.search(tail) else proposal_en).grants(tail.lstrip())
    own = any(not room.is_manner(each) and room.names_object(each) for each, room in orders)
    return "alone" if own and not granted else "beside"


def _with_points(sentences: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return each sentence with the points of a list that stand below it."""
    starts = [at for at, each in enumerate(sentences) if at == 0 or _POINT.match(each) is None]
    return [
        (sentences[start], [_POINT.sub("", each, count=1) for each in sentences[start + 1 : end]])
        for start, end in pairwise((*starts, len(sentences)))
    ]


def _offer(said: str, points: Sequence[str]) -> str:
    said = _clean(said)
    room = proposal_zh if _HAN.search(said) else proposal_en
    if points and room.announces(said):
        return "; ".join(map(_clean, points))
    offer = "" if _POINT.match(said) else room.offer_in(said)
    goes_on = offer and points and (":" in said or "：" in said)
    return "; ".join((offer, *map(_clean, points))) if goes_on else offer


def _consequence(sentence: str) -> str:
    return (proposal_zh if _HAN.search(sentence) else proposal_en).consequence_in(sentence)


def _command(tail: str) -> str:
    """Return the last fenced block, where it is short and the line above it offers to run it."""
    end = tail.rfind("```")
    start = tail.rfind("```", 0, max(0, end))
    if start < 0 or end - start > MAX_COMMAND_CHARS or len(tail) - end > MAX_READ:
        return ""
    above = _clean(tail[max(0, start - MAX_COMMAND_CHARS) : start].strip().rpartition("\n")[2]).replace("’", "'")
    above = [each for part in _SENTENCE.split(above) if (each := part.strip())][-1:]
    if not above or not (proposal_zh if _HAN.search(above[0]) else proposal_en).runs(above[0]):
        return ""
    return "; ".join(line for each in tail[start + 3 : end].splitlines()[1:] if (line := each.strip()))


def _clean(sentence: str) -> str:
    return _MARKS.sub("", sentence).strip()
