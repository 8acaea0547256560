"""Smooth weighted round robin: turns in proportion to the weights, spread evenly instead of in bursts.

The algorithm is nginx's (commit 52327e0627f4, 2012, "smooth weighted round-robin balancing"): with each request
everybody is credited its share, and who is asked pays for it. Here credit is counted in requests, so that it keeps its
meaning when weights change, and who really is asked pays: also a stand-in, or the place of a conversation that stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from router.balancing.base import shares

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from router.balancing.base import P

MOST_OWED: Final = 8.0
"""Requests for which somebody can be ahead or behind. Taking turns stays below it; what conversations bring to one
place beyond it is not made up for, or new requests would keep away from there for as long as these lasted."""
DIGITS: Final = 9
"""Credits that differ only by rounding are equal: then the settings' order decides."""


class SmoothWeighted:
    """The default policy. Deterministic: the same requests in the same order go the same way."""

    def __init__(self) -> None:
        self._credit: dict[str, float] = {}
        self._groups: dict[str, tuple[tuple[str, float], ...]] = {}
        """By deployment: the ids and shares of those among whom it was ordered last."""

    def order(self, group: Sequence[P]) -> list[P]:
        """Return the group by what each will be owed with this request, most first."""
        if len(group) < 2:  # noqa: PLR2004  # nothing to choose, and nobody else to be credited
            for each in group:
                self._groups.pop(each.id, None)
            return list(group)
        members = tuple(zip((each.id for each in group), shares([each.weight for each in group]), strict=True))
        owed = {name: round(self._credit.get(name, 0.0) + share, DIGITS) for name, share in members}
        for name in owed:
            self._groups[name] = members
        return sorted(group, key=lambda each: -owed[each.id])  # stable

    def asked(self, deployment: str) -> None:
        """Credit its group, and let it pay."""
        group = self._groups.get(deployment)
        if group is None:
            return
        owed = {name: self._credit.get(name, 0.0) + share for name, share in group}
        owed[deployment] -= 1.0
        level = sum(owed.values()) / len(owed)  # 0 but for what the bound cut off and for who was away meanwhile
        for name, credit in owed.items():
            self._credit[name] = min(max(credit - level, -MOST_OWED), MOST_OWED)

    def keep(self, ids: Container[str]) -> None:
        """Forget the credit of deployments that are no more."""
        self._credit = {name: credit for name, credit in self._credit.items() if name in ids}
        self._groups = {name: group for name, group in self._groups.items() if name in ids}
