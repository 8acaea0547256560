"""The choice: expectations become scores, scores become probabilities, and a seed draws. Pure; see `values.py`."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from router.balancing.base import shares
from router.choosing import drawing, newcomers
from router.choosing.scoring import Taste, parts_of
from router.choosing.values import Choice, Expected, Ranked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.choosing.values import Experience, Offer, Question

FORM: Final = "learned-1"
"""Changes with every change of what is computed here."""

LEAD: Final = 0.05
"""Of the score: by how much more another model must lead, what a warm cache is worth aside, for a conversation to leave
the one that it has. People notice when the voice changes."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How is chosen: the same for all requests until the settings change, but for the dial."""

    taste: Taste = field(default_factory=Taste)
    method: drawing.Method = "thompson"
    temperature: float = 0.05
    """Of `softmax`, in units of the score."""
    epsilon: float = 0.1
    """Of `epsilon`, which only simulations compare: the share that is spread over all."""
    floor: float = drawing.FLOOR
    spread: float = 1.0
    """Of `thompson`: the part of each deviation that is drawn with. Less than 1 tries less what is probably worse, and
    lets a single rating move probabilities by more."""
    newcomer_share: float = newcomers.SHARE
    """What new models together may get while nothing is known of them; with 1 they have no ceiling."""
    threshold: float = 0.0
    """How likely the leading model must be the best for the expectations to count whole; see `trust`."""

    def trust(self, surest: float) -> float:
        """Return how much of the draw is by the expectations, 0 to 1; `surest` is how likely the leading one is best.

        It rises from 0 at half the threshold to 1 at the threshold: nothing tips at once. The rest is by weight.
        """
        return 1.0 if self.threshold <= 0 else min(1.0, max(0.0, 2 * surest / self.threshold - 1))


@dataclass(frozen=True, slots=True)
class Standing:
    """What the expectations came to, before anything is drawn: it may be kept for the same question asked again."""

    expected: tuple[Expected, ...]
    parts: tuple[Mapping[str, float], ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]
    """Floor and ceilings included."""
    p_best: tuple[float, ...]
    """How likely each is to be the best of them."""
    trust: float = 1.0
    """Part of the draw that is by the expectations; the rest is by weight."""
    problem: str | None = None
    """Why the expectations could not be used; then weights stand in for them."""

    def surest(self, own: str | None = None) -> int:
        """Return the place of the highest score, where nothing is to be explored.

        A new model that still has a ceiling is passed over, unless it is `own`, or all have one. `own`, the model that
        the conversation has, stays unless another leads by over `LEAD`.
        """
        places = range(len(self.scores))
        open_ = [at for at in places if self.expected[at].ceiling is None or self.expected[at].model == own]
        best = max(open_ or places, key=self.scores.__getitem__)
        return next((at for at in open_ if self._stays(at, own, best)), best)

    def _stays(self, at: int, own: str | None, best: int) -> bool:
        return self.expected[at].model == own and self.scores[at] >= self.scores[best] - LEAD


def choose(
    question: Question,
    offers: Sequence[Offer],
    experience: Experience,
    *,
    seed: int,
    terms: Terms | None = None,
    explores: bool = True,
    warm: str | None = None,
) -> Choice:
    """Return the choice among `offers`: at least one, each of another model, all of them eligible.

    The same arguments give the same choice. Where `explores` is false, the highest score is taken with probability 1,
    `Standing.surest`. `warm` is the model that holds the conversation's prompt in its cache. Expectations that are no
    numbers (a damaged policy) are not used: then the weights speak, and a reason says so. Raises `ValueError` without
    offers.
    """
    terms = terms or Terms()
    stood = standing(question, offers, experience, terms=terms, warm=warm)
    return settle(stood, version=version_of(terms, experience.version), seed=seed, explores=explores, own=warm)


def standing(
    question: Question, offers: Sequence[Offer], experience: Experience, *, terms: Terms, warm: str | None = None
) -> Standing:
    """Return scores and probabilities of the offers, in their order. Raises `ValueError` without offers."""
    if not offers:
        raise ValueError("there is nothing to choose from")
    expected = experience.expect(question, offers)
    problem = problem_of(expected, offers)
    if problem is not None:
        return _by_weights(offers, problem)
    parts = parts_of(question, expected, terms.taste, warm=warm)
    scores = tuple(math.fsum(each.values()) for each in parts)
    p_best = drawing.thompson(scores, [each.deviation for each in expected])
    match terms.method:
        case "thompson":
            probabilities = p_best
            if terms.spread != 1.0:
                probabilities = drawing.thompson(scores, [terms.spread * each.deviation for each in expected])
        case "softmax":
            probabilities = drawing.softmax(scores, temperature=terms.temperature)
        case "epsilon":
            probabilities = drawing.epsilon(scores, share=terms.epsilon)
    trust = terms.trust(max(p_best))
    if trust < 1:
        by_weight = _shares(offers)
        probabilities = tuple(trust * p + (1 - trust) * w for p, w in zip(probabilities, by_weight, strict=True))
    probabilities = drawing.with_floor(probabilities, terms.floor)
    held = newcomers.holding([e.newcomer for e in expected], share=terms.newcomer_share, floor=terms.floor)
    if held is None:
        return Standing(tuple(expected), parts, scores, probabilities, p_best, trust)
    expected = tuple(_held(each, ceiling) for each, ceiling in zip(expected, held.ceilings, strict=True))
    return Standing(expected, parts, scores, held.applied(probabilities), p_best, trust)


def settle(
    stood: Standing,
    *,
    version: str,
    seed: int,
    explores: bool = True,
    stay: str | None = None,
    own: str | None = None,
) -> Choice:
    """Draw one of those that stand, or take one without exploring, and put them in the order of trying.

    Where `explores` is false, `stay` is taken with probability 1 if it is among them, else the surest; `own` is the
    model that this conversation has. Other models that are new and have a ceiling are tried last: if the chosen one
    fails, what it leaves is not theirs.
    """
    n = len(stood.scores)
    best, highest = stood.surest(own), max(stood.scores)
    sure = next((i for i, each in enumerate(stood.expected) if each.model == stay), best)
    chosen = drawing.drawn(stood.probabilities, seed=seed) if explores else sure
    probabilities = stood.probabilities if explores else drawing.certain(n, sure)
    ranked = tuple(
        Ranked(
            stood.expected[i].model,
            probability=probabilities[i],
            score=stood.scores[i],
            parts=stood.parts[i],
            expected=stood.expected[i],
            p_best=stood.p_best[i],
        )
        for i in range(n)
    )
    ranked = tuple(sorted(ranked, key=lambda each: (each is not ranked[chosen], each.waits(own), -each.score)))
    return Choice(
        ranked,
        version,
        seed=seed if explores else None,
        explored=explores and stood.problem is None and stood.scores[chosen] < highest,
        confidence=stood.p_best[chosen],
        reasons=_reasons(ranked, stood, how=_how(ranked[0], explores=explores, stays=sure != best)),
    )


def version_of(terms: Terms, experience_version: str) -> str:
    """Return the hash that names a policy: how is chosen, the dial apart, and what was learned."""
    taste = terms.taste
    how = (terms.method, terms.temperature, terms.epsilon, terms.floor, *((terms.spread,) * (terms.spread != 1.0)))
    new = terms.newcomer_share
    how = (*how, *((f"threshold {terms.threshold:g}",) * (terms.threshold > 0)))
    whole = (FORM, taste.latency_weight, taste.switching_weight, *how, f"new {new:g}", experience_version)
    return f"{FORM}-{hashlib.blake2b(repr(whole).encode(), digest_size=6).hexdigest()}"


def problem_of(expected: Sequence[Expected], offers: Sequence[Offer]) -> str | None:
    """Return what is wrong with expectations, `None` where they can be used."""
    if [each.model for each in expected] != [each.model for each in offers]:
        return "the policy speaks of other models than were offered"
    for each in expected:
        numbers = (each.quality, each.deviation, each.cost_usd or 0.0, each.latency_ms or 0.0, each.newcomer or 0.0)
        if not all(math.isfinite(number) for number in numbers) or min(numbers[1:]) < 0.0:
            return f"the policy expects no possible number of {each.model!r}"
    return None


def _held(expected: Expected, ceiling: float | None) -> Expected:
    if ceiling is None or expected.newcomer is None:
        return expected
    told = newcomers.told_of(expected.newcomer, ceiling)
    return replace(expected, ceiling=ceiling, reasons=(told, *expected.reasons))


def _shares(offers: Sequence[Offer]) -> tuple[float, ...]:
    weights = [max(0.0, offer.weight) for offer in offers]
    return tuple(shares(weights)) if sum(weights) > 0 else (1.0 / len(offers),) * len(offers)


def _by_weights(offers: Sequence[Offer], problem: str) -> Standing:
    by_weight = _shares(offers)
    return Standing(
        tuple(Expected(offer.model, 0.0, 0.0) for offer in offers),
        tuple({"weight": share} for share in by_weight),
        by_weight,
        by_weight,
        by_weight,
        problem=problem,
    )


def _how(first: Ranked, *, explores: bool, stays: bool) -> str:
    if explores:
        return f"drawn with probability {first.probability:.2f}"
    return "it serves this tool loop" if stays else "the highest score, without exploring"


def _reasons(ranked: Sequence[Ranked], stood: Standing, *, how: str) -> tuple[str, ...]:
    if stood.problem is not None:
        return (f"{stood.problem}: by weight",)
    if len(ranked) == 1:
        return (f"{ranked[0].model!r} is the only one that may answer",)
    first, second = ranked[:2]
    drawn = first.probability < 1
    unsure = (f"not sure enough: {100 * (1 - stood.trust):.0f} % by weight",) if drawn and stood.trust < 1 else ()
    return (f"{first.model!r}: {how}; {_told(first)}", f"runner-up {second.model!r}: {_told(second)}", *unsure)


def _told(ranked: Ranked) -> str:
    parts = ", ".join(f"{name} {value:+.3f}" for name, value in ranked.parts.items() if value)
    return f"score {ranked.score:.3f} ({parts})"
