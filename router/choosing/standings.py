"""What was expected for a question asked a moment ago, so that asking it again computes nothing. Bounded, short-lived.

The draw is not kept: a kept standing is drawn from anew, with the request's own seed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from router.choosing.choose import standing, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from router.choosing.choose import Standing, Terms
    from router.choosing.values import Experience, Offer, Question

LIFETIME_S: Final = 60.0
MAX_BYTES: Final = 8_000_000
_BYTES_A_STANDING: Final = 1_200
_BYTES_A_MODEL: Final = 1_500
"""About what a row with its texts takes, measured with long reasons."""


class Standings:
    """The route cache: standings by policy version, caller, dial, warm model, offers and question.

    `clock` gives monotonic seconds. With `max_entries` 0 nothing is kept.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        max_entries: int,
        max_bytes: int = MAX_BYTES,
        lifetime_s: float = LIFETIME_S,
    ) -> None:
        self._clock = clock
        self._max_entries, self._max_bytes, self._lifetime_s = max_entries, max_bytes, lifetime_s
        self._kept: OrderedDict[tuple[object, ...], tuple[float, int, Standing]] = OrderedDict()
        self.n_bytes = 0
        self.n_hits = 0

    def __len__(self) -> int:
        """Return how many are kept, those whose time is over included."""
        return len(self._kept)

    def adopt(self, max_entries: int) -> None:
        """Take another bound after a reload."""
        self._max_entries = max_entries
        self._shrink()

    def of(
        self,
        question: Question,
        offers: Sequence[Offer],
        experience: Experience,
        *,
        terms: Terms,
        warm: str | None = None,
    ) -> Standing:
        """Return what `standing` does, from before where it was asked within the lifetime. Raises `ValueError`."""
        if self._max_entries <= 0:
            return standing(question, offers, experience, terms=terms, warm=warm)
        key = (version_of(terms, experience.version), terms.taste.dial, warm, tuple(offers), *_plain(question))
        now = self._clock()
        found = self._kept.get(key)
        if found is not None and now < found[0]:
            self._kept.move_to_end(key)
            self.n_hits += 1
            return found[2]
        stood = standing(question, offers, experience, terms=terms, warm=warm)
        if found is not None:
            self.n_bytes -= found[1]
        size = _BYTES_A_STANDING + _BYTES_A_MODEL * len(offers)
        self._kept[key] = (now + self._lifetime_s, size, stood)
        self._kept.move_to_end(key)
        self.n_bytes += size
        self._shrink()
        return stood

    def _shrink(self) -> None:
        while self._kept and (len(self._kept) > self._max_entries or self.n_bytes > self._max_bytes):
            _, (_, size, _) = self._kept.popitem(last=False)
            self.n_bytes -= size


def _plain(question: Question) -> tuple[object, ...]:
    """Return all that tells a question from another; of its text a digest, so that no text is kept."""
    digest = hashlib.blake2b(question.text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return (
        digest,
        question.language,
        question.domain,
        question.intents,
        question.complexity,
        question.n_tokens,
        question.has_code,
        question.has_tools,
        question.has_images,
        question.wants_json,
        question.task_state,
        question.caller,
    )
