"""What the books keep of a choice, and the question read back from it: no text of anybody, and small numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from config.intents import NONE
from router.choosing.scoring import flipping_dial
from router.choosing.values import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.types import Json
    from router.choosing.values import Choice, Expected, Ranked

_DIGITS = 6


def question_json(question: Question) -> Json:
    """Return what is kept of a question: all but its text and who asked (`key_prefix` of the decision says that)."""
    return {
        "language": question.language,
        "domain": question.domain,
        "intents": list(question.intents),
        "complexity": question.complexity,
        "n_tokens": question.n_tokens,
        "has_code": question.has_code,
        "has_tools": question.has_tools,
        "has_images": question.has_images,
        "wants_json": question.wants_json,
        "task_state": question.task_state,
    }


def question_from(stored: Mapping[str, object], *, caller: str | None = None) -> Question:
    """Return the question of `question_json`, its text empty; what is missing or of another kind is as if unknown.

    Asking for none of the intents is no intent: else all such questions would be one topic, whatever they are about.
    """
    intents = stored.get("intents")
    return Question(
        text="",
        language=_text(stored.get("language")),
        domain=_text(stored.get("domain")),
        intents=tuple(each for each in cast("list[object]", intents) if isinstance(each, str) and each != NONE)
        if isinstance(intents, list)
        else (),
        complexity=_whole(stored.get("complexity"), 1),
        n_tokens=_whole(stored.get("n_tokens"), 0),
        has_code=stored.get("has_code") is True,
        has_tools=stored.get("has_tools") is True,
        has_images=stored.get("has_images") is True,
        wants_json=stored.get("wants_json") is True,
        task_state=_text(stored.get("task_state")),
        caller=caller,
    )


def candidates_json(choice: Choice) -> list[Json]:
    """Return the candidates of a choice in the order of trying, each with what its score is the sum of."""
    return [_candidate(each) for each in choice.ranked]


def expected_json(choice: Choice) -> Json:
    """Return the expected quality by model."""
    return {each.model: round(each.expected.quality, _DIGITS) for each in choice.ranked if each.expected is not None}


def runner_up_json(choice: Choice, *, dial: float) -> Json | None:
    """Return who stood next, and what would have put it first; `None` where nobody else could be chosen.

    `margin` is by how much its score fell short, negative where the chosen one was drawn, or named by the judge,
    although it scored lower. `flips_at_dial` is the dial at which both score alike, `None` where no dial does that, and
    where the score is not why the chosen one stands first: then no dial would put the other one there.
    """
    if len(choice.ranked) == 1:
        return None
    first, second = choice.ranked[:2]
    margin = first.score - second.score
    flips = flipping_dial(first.parts, second.parts, dial) if margin >= 0 else None
    return {
        "model": second.model,
        "margin": round(margin, _DIGITS),
        "flips_at_dial": None if flips is None else round(flips, 3),
    }


def _candidate(ranked: Ranked) -> Json:
    told: Json = {
        "model": ranked.model,
        "probability": round(ranked.probability, _DIGITS),
        "score": round(ranked.score, _DIGITS),
        "parts": {name: round(value, _DIGITS) for name, value in ranked.parts.items()},
    }
    expected = ranked.expected
    if expected is None:
        return told
    return told | {
        "predicted_quality": round(expected.quality, _DIGITS),
        "deviation": round(expected.deviation, _DIGITS),
        "expected_cost_usd": None if expected.cost_usd is None else float(f"{expected.cost_usd:.4g}"),
        "expected_latency_ms": None if expected.latency_ms is None else round(expected.latency_ms, 1),
        "n": round(expected.n, 2),
        "prior": round(expected.quality if expected.prior is None else expected.prior, _DIGITS),
        "reasons": list(expected.reasons),
        **_newcomer(expected),
    }


def _newcomer(expected: Expected) -> Json:
    """Return what there is to keep of a new model: outcomes so far, and its ceiling while it has one."""
    if expected.newcomer is None:
        return {}
    told: Json = {"newcomer": round(expected.newcomer, _DIGITS)}
    return told if expected.ceiling is None else told | {"ceiling": round(expected.ceiling, _DIGITS)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
