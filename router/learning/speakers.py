"""Who spoke, and how much more each may teach: kept also of those whose lessons are not kept apart any more."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from router.learning.cap import BUDGET, Subject
from router.learning.heads import Sums
from router.learning.preferences import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SPEAKERS: Final = 128
"""Keys whose lessons are kept apart, to be weighed; of the others what counts now goes on counting."""
MAX_SUBJECTS: Final = 48
"""Subjects of a key on which its influence is measured; of any other it teaches without its subject."""
NO_SUBJECT: Final = Subject("", (), has_tools=False, has_images=False, wants_json=False, task_state="")
MAX_BUDGETS: Final = 10_000
"""Keys of which no more is known than what they may teach still."""


@dataclass(slots=True)
class Speaker:
    """All that one key said, and how much of it counts."""

    sums: dict[str, Sums] = field(default_factory=dict[str, Sums])
    """By model, as if it counted whole."""
    subjects: dict[Subject, None] = field(default_factory=dict[Subject, None])
    """What it taught about. None is ever left out again: its lessons stay in the sums."""
    share: float = 0.0
    used: float = 0.0
    """How far that moves probabilities at most."""
    allowed: float = BUDGET
    at: float = 0.0
    """When it was last allowed more, seconds since 1970."""
    since: float = 0.0
    """When it began to speak, or came back: what it said before is in the sums for good. Seconds since 1970."""

    def grow(self, now: float) -> None:
        """Allow as much more as the time since then brings; nothing of what it said counts after this."""
        grown = BUDGET * max(0.0, now - self.at) / DAY_S
        self.allowed = min(self.used + BUDGET, self.allowed + grown)
        self.at, self.share = max(now, self.at), 0.0

    def speak_of(self, subject: Subject) -> None:
        """Teach about a subject from now on, while there is room for another."""
        if subject not in self.subjects and len(self.subjects) >= MAX_SUBJECTS - 1:
            subject = NO_SUBJECT
        self.subjects[subject] = None

    def heard(self, subject: Subject) -> Subject:
        """Return as what a lesson about a subject counts: once there was no room for it, as one about none."""
        return subject if subject in self.subjects else NO_SUBJECT


class Budgets:
    """What keys may teach still whose lessons are in the sums for good.

    After a day without a word a key may teach as much as one that never spoke, so nothing needs to be known of it.
    """

    def __init__(self, kept: Iterable[tuple[str, float, float]] = ()) -> None:
        self._kept = OrderedDict((name, (left, at)) for name, left, at in kept)

    def __iter__(self) -> Iterator[tuple[str, float, float]]:
        """Return name, what is left, and as of when (seconds since 1970), the one longest away first."""
        return iter([(name, left, at) for name, (left, at) in self._kept.items()])

    def __len__(self) -> int:
        """Return how many keys are known."""
        return len(self._kept)

    def keep(self, name: str, speaker: Speaker, *, now: float) -> None:
        """Keep what a speaker may teach still, now that its lessons are not kept apart any more."""
        self._kept[name] = max(0.0, speaker.allowed - speaker.used), speaker.at
        while self._kept and (len(self._kept) > MAX_BUDGETS or next(iter(self._kept.values()))[1] <= now - DAY_S):
            self._kept.popitem(last=False)

    def back(self, name: str, *, at: float) -> Speaker:
        """Return the speaker of this name with what is left to it, one that never spoke with all; `at` is now."""
        left, since = self._kept.pop(name, (BUDGET, at))
        return Speaker(allowed=left, at=since, since=at)

    def forget(self, name: str) -> None:
        """Know nothing of a key any more."""
        self._kept.pop(name, None)
