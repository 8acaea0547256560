"""Who may know of whose questions, and what the answers to similar ones came to by model. Pure.

A key sees its own. Of the questions of other keys it is told sums alone, and these only where at least three other
keys stand behind a sum: else a key could try out what one other one asks. Each key's mean counts once, so that one
that asks and rates much says no more of a model than one that rated once. What a key is told of others is rounded, and
made of a few questions of each key.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from router.similar.values import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from router.similar.values import Neighbour

LEAST_CROWD: Final = 3
"""Other keys that must stand behind a sum."""
OF_EACH: Final = 5
"""Most questions of any one key in a sum that a key is told."""
_STEPS: Final = (1, 3, 5, 10, 20, 50)


def own(neighbours: Iterable[Neighbour], caller: str | None) -> tuple[Neighbour, ...]:
    """Return those that a caller may see one by one: its own, and all of them where no key is needed (`None`)."""
    return tuple(each for each in neighbours if caller is None or each.asked.caller == caller)


def records(neighbours: Sequence[Neighbour], caller: str | None) -> tuple[Record, ...]:
    """Return how the answers were received by model, as far as a caller may know, the most spoken of first.

    A key is told of the first `OF_EACH` of every key.
    """
    rewards: dict[str, dict[str | None, list[float]]] = {}
    taken: Counter[str | None] = Counter()
    for each in neighbours:
        if each.asked.rated is None:
            continue
        taken[each.asked.caller] += 1
        if caller is None or taken[each.asked.caller] <= OF_EACH:
            by_caller = rewards.setdefault(each.asked.model, {})
            by_caller.setdefault(each.asked.caller, []).append(each.asked.rated.reward)
    found: list[Record] = []
    for model, by_caller in rewards.items():
        others = sum(each not in {None, caller} for each in by_caller)  # `None`: from the time without keys
        voices = [
            said
            for each, said in by_caller.items()
            if caller is None or each == caller or others >= LEAST_CROWD
        ]  # fmt: skip
        if voices:
            mean = sum(sum(said) / len(said) for said in voices) / len(voices)
            n = sum(map(len, voices))
            found.append(Record(model, n, mean) if caller is None else Record(model, _coarse(n), round(mean, 1)))
    return tuple(sorted(found, key=lambda each: (-each.n, each.model)))


def _coarse(n: int) -> int:
    """Return a number of outcomes as a key is told it: exact ones would tell what one other said, before and after."""
    return max((step for step in _STEPS if step <= n), default=n)
