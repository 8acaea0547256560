"""What single change would have made another model the most probable one: found by running the choice again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.types import Json
    from router.choosing.rerun import Rerun
    from router.choosing.values import Question

__all__ = ["Change", "Flip", "Options", "applied", "flips_json", "flips_of"]

Feature = Literal["dial", "language", "domain", "intent", "complexity", "n_tokens", "has_code", "health"]
RESTS: Final = "resting"
WORKS: Final = "healthy"
DIAL_STEPS: Final = 20
DIAL_DIGITS: Final = 3
MAX_COMPLEXITY: Final = 10
MAX_TOKENS: Final = 128_000


@dataclass(frozen=True, slots=True)
class Change:
    """One feature that is another than it was."""

    feature: Feature
    before: str | float | bool
    after: str | float | bool
    model: str | None = None
    """Whose health it is."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A change that makes another model the most probable one."""

    change: Change
    model: str
    probability: float
    """Of the model then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What else a request could have been."""

    languages: Sequence[str] = ("zh", "en")
    domains: Sequence[str] = ()
    intents: Sequence[str] = ()


def flips_of(rerun: Rerun, options: Options) -> tuple[Flip, ...]:
    """Return the changes that flip the choice, each with who is favoured then.

    Of numbers the nearest one above and below that flips it, of names all. Pure.
    """
    favourite = rerun.favourite()
    found: list[Flip] = []
    for changes in _ladders(rerun):
        flips = (_flip(rerun, change, favourite) for change in changes)
        nearest = next((each for each in flips if each is not None), None)
        if nearest is not None:
            found.append(_nearest_dial(rerun, nearest, favourite))
    for change in (*_names(rerun, options), *_healths(rerun)):
        flip = _flip(rerun, change, favourite)
        if flip is not None:
            found.append(flip)
    return tuple(found)


def applied(rerun: Rerun, change: Change) -> Rerun:
    """Return the choice with one thing changed. Raises `ValueError` where nobody would be left to choose."""
    if change.feature == "health":
        return _with_health(rerun, change)
    if change.feature == "dial":
        taste = replace(rerun.terms.taste, dial=float(change.after))
        return replace(rerun, terms=replace(rerun.terms, taste=taste))
    asked: Question
    match change.feature:
        case "language":
            asked = replace(rerun.question, language=str(change.after))
        case "domain":
            asked = replace(rerun.question, domain=str(change.after))
        case "intent":
            asked = replace(rerun.question, intents=(str(change.after),))
        case "complexity":
            asked = replace(rerun.question, complexity=int(change.after))
        case "n_tokens":
            asked = replace(rerun.question, n_tokens=int(change.after))
        case "has_code":
            asked = replace(rerun.question, has_code=bool(change.after))
    return replace(rerun, question=asked)


def _with_health(rerun: Rerun, change: Change) -> Rerun:
    if change.after == RESTS:
        left = tuple(each for each in rerun.offers if each.model != change.model)
        if not left:
            raise ValueError("nobody would be left")
        return replace(rerun, offers=left)
    back = tuple(each for each in rerun.resting if each.model == change.model)
    return replace(rerun, offers=(*rerun.offers, *back))


def _flip(rerun: Rerun, change: Change, favourite: str) -> Flip | None:
    changed = applied(rerun, change)
    model = changed.favourite()
    return None if model == favourite else Flip(change, model, changed.probabilities()[model])


def _nearest_dial(rerun: Rerun, flip: Flip, favourite: str) -> Flip:
    """Return the flip at the dial next to the turning point, where it is one of the dial."""
    if flip.change.feature != "dial":
        return flip
    inside, outside, found = float(flip.change.before), float(flip.change.after), flip
    while abs(outside - inside) > 10**-DIAL_DIGITS:
        middle = (inside + outside) / 2
        nearer = _flip(rerun, replace(flip.change, after=middle), favourite)
        if nearer is None:
            inside = middle
        else:
            outside, found = middle, nearer
    return found


def _ladders(rerun: Rerun) -> Iterator[list[Change]]:
    """Yield changes of numbers, nearest first, up and down apart."""
    dial = rerun.terms.taste.dial
    steps = [n / DIAL_STEPS for n in range(DIAL_STEPS + 1)]
    yield [Change("dial", dial, each) for each in steps if each > dial]
    yield [Change("dial", dial, each) for each in reversed(steps) if each < dial]
    level = rerun.question.complexity
    yield [Change("complexity", level, each) for each in range(level + 1, MAX_COMPLEXITY + 1)]
    yield [Change("complexity", level, each) for each in range(level - 1, 0, -1)]
    length = max(1, rerun.question.n_tokens)
    yield [Change("n_tokens", length, length << n) for n in range(1, 17) if length << n <= MAX_TOKENS]
    yield [Change("n_tokens", length, length >> n) for n in range(1, length.bit_length()) if length >> n]


def _names(rerun: Rerun, options: Options) -> Iterator[Change]:
    question = rerun.question
    yield from (Change("language", question.language, each) for each in options.languages if each != question.language)
    yield from (Change("domain", question.domain, each) for each in options.domains if each != question.domain)
    intent = question.intents[0] if question.intents else ""
    yield from (Change("intent", intent, each) for each in options.intents if (each,) != question.intents)
    yield Change("has_code", question.has_code, not question.has_code)


def _healths(rerun: Rerun) -> Iterator[Change]:
    if len(rerun.offers) > 1:
        yield from (Change("health", WORKS, RESTS, each.model) for each in rerun.offers)
    yield from (Change("health", RESTS, WORKS, each.model) for each in rerun.resting)


def flips_json(flips: Sequence[Flip]) -> list[Json]:
    """Return flips as JSON values."""
    return [
        {
            "feature": each.change.feature,
            "before": each.change.before,
            "after": each.change.after,
            "of": each.change.model,
            "model": each.model,
            "probability": round(each.probability, 6),
        }
        for each in flips
    ]
