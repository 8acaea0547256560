"""Reads a booked decision as the explorer tells it: where the time went, who said what, who could answer. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from config.types import Json, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["attempts_of", "candidates_of", "draw_of", "entities_of", "intent_of", "stages_of", "usage_of"]

DISPATCH: Final = "dispatch"
BESIDE: Final = "beside"


def stages_of(decision: Json) -> list[Json]:
    """Return the stages in order, each attempt behind the stage that made it; milliseconds since the request came."""
    found: list[Json] = []
    for span in _objects(decision.get("timings")):
        notes = _object(span.get("notes"))
        left_out = notes.get("skipped") is True
        found.append(
            {
                "name": span.get("name"),
                "start_ms": _number(span.get("start_ms")),
                "duration_ms": _number(span.get("duration_ms")),
                "depth": 0,
                "state": "off" if left_out else "good",
                "note": "skipped" if left_out else "abstained" if notes.get("abstained") is True else "",
            }
        )
        if span.get("name") == DISPATCH:
            found += _attempt_rows(decision, after_ms=_number(span.get("start_ms")))
    return found


def intent_of(decision: Json) -> Json:
    """Return what was thought to be asked, and what each tier said that was asked about it, in their order."""
    notes = _notes(decision, "classify")
    return {
        "label": decision.get("intent"),
        "labels": decision.get("intents") or [],
        "confidence": decision.get("confidence"),
        "source": decision.get("intent_source"),
        "tiers": _objects(notes.get("tiers")),
        "beside": [
            {"model": name, **_object(each)} for name, each in _notes(decision, BESIDE).items() if _object(each)
        ],
        "rule": _notes(decision, "reflex").get("rule"),
    }


def entities_of(decision: Json) -> list[Json]:
    """Return the names that models found in the request, each with who found it; without texts where none are kept."""
    return [
        {"found_by": name, **entity}
        for name, reading in _notes(decision, BESIDE).items()
        for entity in _objects(_object(reading).get("entities"))
    ]


def candidates_of(decision: Json) -> list[Json]:
    """Return those that could have answered, in the order of trying, with what spoke for each as far as it is known."""
    features = _object(decision.get("features"))
    weighed = {str(each.get("model")): each for each in _objects(features.get("candidates"))}
    eligible, chances = _texts(decision.get("eligible")), _list(decision.get("probabilities"))
    drawn = dict(zip(eligible, chances, strict=False))
    ranked = _texts(decision.get("ranked"))
    order = [*ranked, *(name for name in eligible if name not in ranked)]
    return [
        {
            "model": name,
            "rank": rank,
            "probability": drawn.get(name),
            "is_chosen": name == decision.get("chosen"),
            "is_served": name == decision.get("served_model"),
            "weighed": weighed.get(name),
        }
        for rank, name in enumerate(order, 1)
    ]


def draw_of(decision: Json) -> Json:
    """Return how the model was come by."""
    features = _object(decision.get("features"))
    return {
        "was_drawn": decision.get("seed") is not None,
        "seed": None if decision.get("seed") is None else str(decision["seed"]),  # browsers round beyond 2**53
        "explored": decision.get("explored"),
        "policy_version": decision.get("policy_version"),
        "experience": features.get("experience"),
        "dial": features.get("dial"),
        "confidence": features.get("choice_confidence"),
        "runner_up": features.get("runner_up"),
        "excluded": features.get("excluded") or {},
        "relaxed": features.get("relaxed"),
        "trial": features.get("trial"),
        "arm": decision.get("arm"),
        "reasons": decision.get("reasons") or [],
        "judge": decision.get("judge"),
    }


def attempts_of(decision: Json) -> list[Json]:
    """Return the attempts in their order."""
    return _objects(decision.get("attempts"))


def usage_of(decision: Json) -> Usage | None:
    """Return the tokens of the answer that the client got; `None` where none are known."""
    told = [each for each in attempts_of(decision) if each.get("committed") and each.get("input_tokens") is not None]
    if not told:
        return None
    last = told[-1]
    return Usage(
        int(_number(last.get("input_tokens"))),
        int(_number(last.get("output_tokens"))),
        cached_tokens=int(_number(last.get("cached_tokens"))),
        cache_write_tokens=int(_number(last.get("cache_write_tokens"))),
    )


def _attempt_rows(decision: Json, *, after_ms: float) -> list[Json]:
    """Return attempts as rows of the waterfall: one follows upon another, as the books keep no beginnings."""
    rows: list[Json] = []
    for each in attempts_of(decision):
        took_ms, failure = _number(each.get("duration_ms")), each.get("failure_class")
        rows.append(
            {
                "name": each.get("deployment"),
                "start_ms": after_ms,
                "duration_ms": took_ms,
                "depth": 1,
                "state": "bad" if failure else "good",
                "note": failure or "",
            }
        )
        after_ms += took_ms
    return rows


def _notes(decision: Json, stage: str) -> Mapping[str, Any]:
    spans = [each for each in _objects(decision.get("timings")) if each.get("name") == stage]
    return _object(spans[-1].get("notes")) if spans else {}


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [cast("Json", each) for each in _list(value) if isinstance(each, dict)]


def _texts(value: object) -> list[str]:
    return [each for each in _list(value) if isinstance(each, str)]


def _list(value: object) -> Sequence[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
