"""`thalamus route`: which model a question would get, and why; a line at a time where no question is given."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from proxy.cli.logs import events_on_stderr
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import note, print_json, print_table, say
from proxy.library_async import AsyncRouter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.settings import Settings
    from config.types import Json
    from proxy.library_async import Route


def route(
    text: Annotated[str, typer.Argument(help="A question; without it lines are read until the end.")] = "",
    *,
    models: Annotated[str, typer.Option(help="Choose only among these, by commas.")] = "",
    dial: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="From 0, cheap, to 1, good.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also models without key or server.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what is known of a question, who may answer it, what the judge says, and who is chosen. Nothing is booked.

    It thinks as a gateway of these settings does, with what was learned so far, and calls none of the models but the
    judge.
    """
    settings = read_settings(config)
    reachable = tuple(each.name for each in settings.models) if every else ()
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    questions = iter((text,)) if text.strip() else _lines()
    with events_on_stderr():
        asyncio.run(_run(settings, questions, reachable=reachable, names=names, dial=dial, as_json=as_json))


async def _run(
    settings: Settings,
    questions: Iterator[str],
    *,
    reachable: Sequence[str],
    names: Sequence[str],
    dial: float | None,
    as_json: bool,
) -> None:
    patient = replace(settings, judge=replace(settings.judge, share_max=1.0))  # who tries it out waits every time
    async with AsyncRouter(patient, reachable=reachable) as router:
        while (question := await asyncio.to_thread(next, questions, None)) is not None:
            found = await router.route(question, models=names or None, dial=dial)
            similar = await router.similar(found.id)
            router.forget(found.id)
            if as_json:
                print_json(_told(found) | similar)
            else:
                _tell(found)
                _tell_similar(similar)


def _lines() -> Iterator[str]:
    """Yield the lines of the input that hold something; a person is prompted."""
    while True:
        if sys.stdin.isatty():
            note("A question (an empty line ends):")
        line = sys.stdin.readline()
        if not line or (sys.stdin.isatty() and not line.strip()):
            return
        if line.strip():
            yield line.strip()


def _told(found: Route) -> Json:
    return {
        "selectedModel": found.model,
        "probability": found.probabilities.get(found.model),
        "confidence": round(100 * found.confidence),
        "reasons": list(found.reasons),
        "features": found.features,
        "candidates": list(found.candidates),
        "ranked": list(found.ranked),
        "judge": found.judge,
        "policy_version": found.version,
    }


def _tell(found: Route) -> None:
    known = {name: value for name, value in found.features.items() if value not in ("", [], False)}
    say("Known     " + ", ".join(f"{name} {_words(value)}" for name, value in known.items()))
    print_table(("candidate", "probability", "score", "quality", "outcomes", "USD", "why"), map(_row, found.candidates))
    say("Judge     " + _judged(found.judge))
    say(f"Choice    {found.model}, with probability {found.probabilities.get(found.model, 1.0):.2f}")
    for reason in found.reasons:
        say(f"          {reason}")


def _tell_similar(similar: Json) -> None:
    for each in cast("list[Json]", similar["similar_by_model"]):
        say(f"Similar   {each['model']}: {each['n']} answers, {cast('float', each['mean_reward']):.2f}")
    for each in cast("list[Json]", similar["similar"]):
        reward = cast("float | None", each["reward"])
        rated = "not rated" if reward is None else f"{reward:.2f}, {each['source']}"
        like = cast("float", each["similarity"])
        say(f"          {each['decision_id']} {each['at']}: {each['model']}, {like:.0%} alike, {rated}")


def _row(candidate: Json) -> tuple[str, ...]:
    cost = cast("float | None", candidate.get("expected_cost_usd"))
    quality, n = cast("float | None", candidate.get("predicted_quality")), cast("float", candidate.get("n", 0.0))
    why = cast("list[str]", candidate.get("reasons", []))
    return (
        str(candidate["model"]),
        f"{cast('float', candidate['probability']):.2f}",
        f"{cast('float', candidate['score']):.3f}",
        "-" if quality is None else f"{quality:.2f}",
        f"{n:.0f}",
        "-" if cost is None else f"{cost:.2g}",
        "; ".join(why),
    )


def _judged(judged: Json | None) -> str:
    if judged is None:
        return "was not asked"
    answer = cast("Json | None", judged.get("answer"))
    if judged["outcome"] == "later":
        return f"was not asked: {judged['reason']}"
    if answer is None:
        return f"was asked: {judged['outcome']}" + (f" ({judged['fault']})" if "fault" in judged else "")
    confidence = cast("float | None", answer.get("confidence"))
    sure = "" if confidence is None else f", {confidence:.0%} sure"
    return f"names {answer['selected_model']}{sure}: {answer.get('reasoning', '')}".rstrip(": ")


def _words(value: object) -> str:
    return "/".join(map(str, cast("list[object]", value))) if isinstance(value, list) else str(value)
