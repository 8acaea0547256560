"""A stored choice, run again: what was expected then, moved by what one change would change by what is known now.

Nothing is drawn here. Expectations are not learned anew: the stored ones stand, and where a change touches what was
asked, the difference that today's experience sees between both questions is added to them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from router.choosing.choose import Terms, standing
from router.choosing.eligibility import RESTING
from router.choosing.newcomers import share_of
from router.choosing.scoring import FULL_PROMPT_TOKENS, HALF_LATENCY_MS
from router.choosing.stored import question_from
from router.choosing.values import Expected, Offer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.choose import Standing
    from router.choosing.values import Experience, Question

__all__ = ["CLOSE", "Rerun", "StoredExperience", "rerun_of"]

CLOSE: Final = 0.005
"""Probabilities that differ by less were computed alike: the books keep six digits."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a choice is made from, ready to be made again."""

    question: Question
    offers: tuple[Offer, ...]
    experience: Experience
    terms: Terms
    warm: str | None = None
    """The model that held the conversation's prompt in its cache."""
    explores: bool = True
    """Whether a model was drawn; else the surest one was taken."""
    resting: tuple[Offer, ...] = ()
    """Models that could not be chosen for no other reason than that they rested after failures."""

    def probabilities(self) -> dict[str, float]:
        """Return with which probability each would be drawn."""
        values = self._stood().probabilities
        return {each.model: value for each, value in zip(self.offers, values, strict=True)}

    def favourite(self) -> str:
        """Return the most probable model, or the one that is taken where nothing is drawn; of several, the first."""
        stood = self._stood()
        at = max(range(len(self.offers)), key=stood.probabilities.__getitem__)
        return self.offers[at if self.explores else stood.surest(self.warm)].model

    def _stood(self) -> Standing:
        return standing(self.question, self.offers, self.experience, terms=self.terms, warm=self.warm)


@dataclass(frozen=True, slots=True)
class StoredExperience:
    """An `Experience` that remembers one choice; see the file's first words."""

    question: Question
    stored: Mapping[str, Expected]
    now: Experience

    @property
    def version(self) -> str:
        """Return what is added to the stored expectations."""
        return f"stored+{self.now.version}"

    def expect(self, question: Question, offers: Sequence[Offer]) -> tuple[Expected, ...]:
        """Return what was expected of each offer, moved; one that was not weighed then is expected as of now."""
        after = self.now.expect(question, offers)
        before = after if question == self.question else self.now.expect(self.question, offers)
        return tuple(
            new if (known := self.stored.get(offer.model)) is None else _moved(known, old, new)
            for offer, old, new in zip(offers, before, after, strict=True)
        )


def rerun_of(
    decision: Mapping[str, object], *, offers: Mapping[str, Offer], experience: Experience, terms: Terms
) -> Rerun | None:
    """Return a booked decision ready to be run again, `None` where no policy made it.

    `offers` are models as the catalogue has them now; `terms` are those of now, of which the dial and both weights are
    replaced by those that the stored scores tell.
    """
    known = _object(decision.get("features")) or {}
    candidates = _candidates(known.get("candidates"))
    asked = _object(known.get("question"))
    if not candidates or asked is None:
        return None
    question = question_from(asked)
    expected = {each.model: each for each in map(_expected, candidates) if each is not None}
    if len(expected) != len(candidates):
        return None  # drawn by weight, as the expectations could not be used
    eligible = decision.get("eligible")
    order = [name for name in cast("list[str]", eligible) if name in expected] if isinstance(eligible, list) else []
    order += [name for name in expected if name not in order]
    return Rerun(
        question,
        tuple(offers.get(name) or Offer(name) for name in order),
        StoredExperience(question, expected, experience),
        _terms(known, candidates, question, terms),
        warm=_warm(candidates),
        explores=decision.get("seed") is not None,
        resting=tuple(offers.get(name) or Offer(name) for name in _resting(known.get("excluded"))),
    )


def _moved(stored: Expected, before: Expected, after: Expected) -> Expected:
    if before == after:
        return stored
    quality = min(1.0, max(0.0, stored.quality + after.quality - before.quality))
    deviation = stored.deviation * after.deviation / before.deviation if before.deviation > 0 else stored.deviation
    cost = stored.cost_usd
    if cost is not None and before.cost_usd and after.cost_usd is not None:
        cost *= after.cost_usd / before.cost_usd
    return replace(stored, quality=quality, deviation=deviation, cost_usd=cost)


def _terms(
    known: Mapping[str, object], candidates: Sequence[Mapping[str, object]], question: Question, terms: Terms
) -> Terms:
    taste, dial = terms.taste, known.get("dial")
    latency, switching = taste.latency_weight, taste.switching_weight
    for each in candidates:
        parts, wait_ms = _parts(each), _number(each.get("expected_latency_ms"))
        if wait_ms and "latency" in parts:
            latency = -parts["latency"] * (wait_ms + HALF_LATENCY_MS) / wait_ms
        if parts.get("switching") and question.n_tokens > 0:
            switching = -parts["switching"] / min(1.0, question.n_tokens / FULL_PROMPT_TOKENS)
    found = _number(dial)
    dial_then = taste.dial if found is None else found
    then = replace(taste, dial=dial_then, latency_weight=latency, switching_weight=switching)
    return replace(terms, taste=then, newcomer_share=_newcomer_share(candidates, terms))


def _newcomer_share(candidates: Sequence[Mapping[str, object]], terms: Terms) -> float:
    """Return the share under which new models were held then, that of now where none was."""
    pairs = [(_number(each.get("newcomer")), _number(each.get("ceiling"))) for each in candidates]
    found = share_of(pairs)
    return terms.newcomer_share if found is None else found


def _warm(candidates: Sequence[Mapping[str, object]]) -> str | None:
    """Return the only model that pays nothing for being moved to, where the others do."""
    stays = [str(each["model"]) for each in candidates if not _parts(each).get("switching")]
    return stays[0] if len(stays) == 1 < len(candidates) else None


def _expected(candidate: Mapping[str, object]) -> Expected | None:
    quality, deviation = _number(candidate.get("predicted_quality")), _number(candidate.get("deviation"))
    if quality is None or deviation is None:
        return None
    return Expected(
        str(candidate["model"]),
        quality,
        deviation,
        _number(candidate.get("expected_cost_usd")),
        _number(candidate.get("expected_latency_ms")),
        n=_number(candidate.get("n")) or 0.0,
        newcomer=_number(candidate.get("newcomer")),
    )


def _candidates(value: object) -> list[Mapping[str, object]]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, object]", each) for each in found if isinstance(each, dict) and "model" in each]


def _parts(candidate: Mapping[str, object]) -> dict[str, float]:
    found = _object(candidate.get("parts")) or {}
    return {name: value for name, each in found.items() if (value := _number(each)) is not None}


def _resting(value: object) -> list[str]:
    return [name for name, reasons in (_object(value) or {}).items() if reasons == [RESTING]]


def _object(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
