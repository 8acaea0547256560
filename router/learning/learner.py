"""Learns from lessons, one after the other, and says what is to be expected now. Knows nothing of books and files."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from router.learning.cap import Width, largest_share, probes_of, subject_of
from router.learning.heads import Head, Sums, head_of
from router.learning.preferences import Preferences
from router.learning.profiles import Profiles
from router.learning.speakers import MAX_SPEAKERS, NO_SUBJECT, Budgets, Speaker
from router.learning.told import in_order, slot_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from router.learning.told import Told

MAX_REMEMBERED: Final = 20_000
"""Decisions whose lesson is known well enough to be replaced by another word about them."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A lesson that counts already, to be taken out if something else is said of its decision."""

    reward: float
    weight: float
    source: str
    prior: float
    beyond: float
    """What was counted as its caller's own taste."""
    speaker: str | None
    said: float
    """Seconds since 1970."""
    model: str


class Learner:
    """What all lessons so far come to. Its methods may be called from several threads."""

    def __init__(self, *, settled: frozenset[str] | None = None) -> None:
        self.totals: dict[str, Sums] = {}
        """By model, what is in force."""
        self.speakers: OrderedDict[str, Speaker] = OrderedDict()
        self.budgets = Budgets()
        """Of speakers whose lessons are not kept apart any more."""
        self.preferences = Preferences()
        self.profiles = Profiles()
        self.remembered: OrderedDict[str, Remembered] = OrderedDict()
        """By decision, the latest last."""
        self.known_since = 0.0
        """Seconds since 1970: what was learned of words said later is remembered, and would not count twice."""
        self.n_lessons = 0
        self.data = ""
        """Digest of all lessons in the order in which they were learned."""
        self.n_refused = 0
        """Lessons that were no numbers."""
        self.lock = threading.RLock()
        self.width = Width()
        """Of the draw that what is learned is for: how much a key may teach depends on it."""
        self.settled = settled
        """Models that were there from the start; each other one is new. `None` until a catalogue was met."""
        self._heads: dict[str, Head] = {}

    def learn(self, lessons: Iterable[Told]) -> int:
        """Learn what is new in these lessons, or said differently than before, and return how many those were."""
        usable: list[Told] = []
        for each in lessons:
            if each.usable:
                usable.append(each)
            else:
                self.n_refused += 1
        n = 0
        with self.lock:
            for (_, speaker), together in groupby(in_order(usable), key=slot_of):
                fresh = [each for each in together if self._is_fresh(each)]
                if speaker is None:
                    for each in fresh:
                        self._take(each, self.totals)
                elif fresh:
                    self._hear(speaker, fresh)
                n += len(fresh)
            self.n_lessons += n
        return n

    def draw_with(self, width: Width) -> bool:
        """Weigh anew what each key said where the draw has another width now; returns whether it has."""
        with self.lock:
            if width == self.width:
                return False
            self.width = width
            for speaker in self.speakers.values():
                self._count(speaker, -speaker.share)
                self._weigh(speaker)
            return True

    def meet(self, models: Iterable[str]) -> bool:
        """Take the models of a first catalogue for settled, with those of which something is known; returns whether so.

        Later catalogues change nothing: what they bring is new.
        """
        with self.lock:
            if self.settled is not None:
                return False
            self.settled = frozenset((*models, *self.totals, *(name for name, _, _ in self.profiles.cells)))
            return True

    def is_new(self, model: str) -> bool:
        """Return whether a model came later than the first catalogue, or was reset."""
        return self.settled is not None and model not in self.settled

    def outcomes_of_new(self, settled: frozenset[str] | None) -> Mapping[str, float]:
        """Return the weight of all outcomes by model, of each that is not `settled`; nobody is new without those."""
        with self.lock:
            new = () if settled is None else self.totals.keys() - settled
            return {name: round(self.totals[name].n(), 3) for name in new}

    def heads(self) -> Mapping[str, Head]:
        """Return what is to be expected of each model that was learned of; what is returned stays as it is."""
        with self.lock:
            for model, sums in self.totals.items():
                if model not in self._heads:
                    self._heads[model] = head_of(sums)
            return dict(self._heads)

    def version(self) -> str:
        """Return a name that changes with everything that changes an expectation."""
        with self.lock:
            digest = hashlib.blake2b(digest_size=5)
            digest.update(b"%d %d" % (self.n_lessons, len(self.preferences)))
            digest.update(repr(sorted(self.settled or ())).encode("utf-8", "surrogatepass"))
            for model in sorted(self.totals):
                digest.update(model.encode("utf-8", "surrogatepass"))
                digest.update(self.totals[model].squares.tobytes())
                digest.update(self.totals[model].targets.tobytes())
            return digest.hexdigest()

    def knows(self, model: str) -> bool:
        """Return whether anything was learned of this model."""
        with self.lock:
            counted = (self.totals, *(speaker.sums for speaker in self.speakers.values()))
            return any(model in each for each in counted) or any(key[0] == model for key in self.profiles.cells)

    def reset(self, model: str, *, keep: float = 0.0) -> None:
        """Let what was learned of one model count for a share `keep` only: its version changed, or it got worse.

        With 0 everything about it is forgotten, the lessons of single decisions too, and it is new again.
        """
        with self.lock:
            for each in (self.totals, *(speaker.sums for speaker in self.speakers.values())):
                sums = each.pop(model, None)
                if sums is not None and keep > 0:
                    each[model] = Sums()
                    each[model].add(sums, keep)
            if keep <= 0:
                self.preferences.forget_model(model)
                self.profiles.forget(model)
                for name in [name for name, each in self.remembered.items() if each.model == model]:
                    del self.remembered[name]
                if self.settled is not None:
                    self.settled -= {model}
            self._heads.clear()
            self.n_lessons += 1

    def forget_caller(self, caller: str) -> bool:
        """Forget one caller's own taste, and what it taught about models; returns whether there was anything."""
        with self.lock:
            had = self.preferences.forget(caller)
            self.budgets.forget(caller)
            speaker = self.speakers.pop(caller, None)
            if speaker is not None:
                self._count(speaker, -speaker.share)
            gone = [name for name, each in self.remembered.items() if each.speaker == caller]
            for name in gone:
                del self.remembered[name]
            self.n_lessons += had or speaker is not None
            return had or speaker is not None or bool(gone)

    def _is_fresh(self, told: Told) -> bool:
        known = self.remembered.get(told.lesson.decision_id)
        return known is None or (known.reward, known.weight, known.source) != _word(told)

    def _hear(self, name: str, lessons: list[Told]) -> None:
        """Take what one key says, and let as much of all it said count as may."""
        if name not in self.speakers:
            self.speakers[name] = self.budgets.back(name, at=lessons[0].said.timestamp())
        speaker = self.speakers[name]
        self.speakers.move_to_end(name)
        self._count(speaker, -speaker.share)
        now = max(each.said.timestamp() for each in lessons)
        speaker.grow(now)
        for each in lessons:
            speaker.speak_of(subject_of(each.lesson.question))
            self._take(each, speaker.sums)
        self._weigh(speaker)
        while len(self.speakers) > MAX_SPEAKERS:
            self.budgets.keep(*self.speakers.popitem(last=False), now=now)

    def _weigh(self, speaker: Speaker) -> None:
        """Let as much count as may of what a key said, of which nothing counts now."""
        others, probes = self._with_all(speaker.sums), probes_of(speaker.subjects)
        speaker.share, speaker.used = largest_share(
            others, speaker.sums, probes, speaker.allowed, width=self.width, is_new=self.is_new
        )
        self._count(speaker, speaker.share)

    def _take(self, told: Told, into: dict[str, Sums]) -> None:
        """Count a lesson in the place of what was known of its decision."""
        lesson, heard = told.lesson, self._heard(told, told.speaker)
        caller = lesson.question.caller
        known = self.remembered.pop(lesson.decision_id, None)
        if known is not None:
            self._take_out(told, known)
        into.setdefault(lesson.model, Sums()).learn(
            heard.vector(), told.reward - told.prior, weight=lesson.weight, topic=heard.topic
        )
        beyond = 0.0
        if caller is not None:
            beyond = told.reward - told.prior - self._shift(told)
            self.preferences.learn(caller, lesson.model, beyond, weight=lesson.weight, at=told.said.timestamp())
        self.profiles.count(told)
        self.remembered[lesson.decision_id] = Remembered(
            *_word(told),
            prior=told.prior,
            beyond=beyond,
            speaker=told.speaker,
            said=told.said.timestamp(),
            model=lesson.model,
        )
        word = f"{self.data} {lesson.decision_id} {lesson.model} {_word(told)}"
        self.data = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        while len(self.remembered) > MAX_REMEMBERED:
            _, gone = self.remembered.popitem(last=False)
            self.known_since = max(self.known_since, gone.said)
        self._heads.pop(lesson.model, None)

    def _take_out(self, told: Told, known: Remembered) -> None:
        """Undo what was counted of the decision that a lesson is about."""
        lesson, heard = told.lesson, self._heard(told, known.speaker)
        speaker = self.speakers.get(known.speaker) if known.speaker is not None else None
        if speaker is not None and known.said < speaker.since:
            speaker = None
        counted = [(self.totals, 1.0 if speaker is None else speaker.share)]
        if speaker is not None:
            counted.append((speaker.sums, 1.0))
        elif known.speaker is not None:  # it is not known any more how much of it counts: it stays
            counted = []
        for sums, share in counted:
            sums.setdefault(lesson.model, Sums()).learn(
                heard.vector(), known.reward - known.prior, weight=-share * known.weight, topic=heard.topic
            )
        if lesson.question.caller is not None:
            self.preferences.learn(
                lesson.question.caller,
                lesson.model,
                known.beyond,
                weight=-known.weight,
                at=told.said.timestamp(),
            )
        before = replace(lesson, reward=known.reward, weight=known.weight, source=known.source)
        self.profiles.count(replace(told, lesson=before), -1)

    def _heard(self, told: Told, name: str | None) -> Told:
        """Return a lesson with the subject as which it counts when this key says it."""
        speaker = self.speakers.get(name) if name is not None else None
        if speaker is None:
            return told
        subject = subject_of(told.lesson.question)
        return told if speaker.heard(subject) == subject else told.about(NO_SUBJECT)

    def _shift(self, told: Told) -> float:
        sums = self.totals.get(told.lesson.model)
        return 0.0 if sums is None else head_of(sums).expect(told.vector(), told.topic)[0]

    def _with_all(self, own: Mapping[str, Sums]) -> dict[str, Sums]:
        return {model: self.totals.get(model) or Sums() for model in own}

    def _count(self, speaker: Speaker, share: float) -> None:
        """Add a share of what a key said to what is in force."""
        for model, sums in speaker.sums.items():
            self.totals.setdefault(model, Sums()).add(sums, share)
            self._heads.pop(model, None)


def _word(told: Told) -> tuple[float, float, str]:
    return told.reward, told.lesson.weight, told.lesson.source
