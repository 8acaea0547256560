"""`thalamus judge status | pull | try`: whether the judge is there, its download, and a question to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from classifier import conversation
from classifier.features import features_of
from config.errors import UpstreamError
from config.tokens import estimate_tokens
from proxy.cli.judge_session import opened, template_of
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import CommandError, print_json, print_table, say
from router.choosing.starting import StartingExperience
from router.choosing.values import Question
from router.judge.templates import messages_of
from router.judge.values import Case
from router.judge.voices import OllamaVoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.settings import Settings
    from config.types import Json
    from proxy.cli.judge_session import Session
    from router.choosing.values import Offer
    from router.judge.asking import Asked

_SENTENCES: Final = {
    "ready": "It is there, and in memory.",
    "cold": "It is there; it is loaded when it is first needed.",
    "unknown": "Its deployments are those of the catalogue; see: thalamus models",
    "missing": "Ollama is there and lacks the model; see: thalamus judge pull",
    "away": "No Ollama answers: requests go on without a judge.",
}
TRY_S: Final = 60.0
"""How long a person waits; a model may have to be loaded first."""


def status(*, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Say who judges, whether it is there, and by which template it is asked. The exit code is 1 where it is not."""
    settings = read_settings(config)
    told = asyncio.run(_status(settings))
    _tell_status(told, as_json=as_json)
    return int(told["presence"] in {"missing", "away"})


def pull(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Download the judge's model into Ollama."""
    settings = read_settings(config)
    model = asyncio.run(_pull(settings))
    print_json({"model": model, "pulled": True}) if as_json else say(f"{model} is there. See: thalamus judge status")


def try_(
    text: Annotated[str, typer.Argument(help="A question, as a user would ask it.")],
    *,
    models: Annotated[str, typer.Option(help="Candidates, by commas; without it all live models.")] = "",
    template: Annotated[str | None, typer.Option(help="By which template; else the one in charge.")] = None,
    show_prompt: Annotated[bool, typer.Option("--prompt", help="Print the prompt, and ask nobody.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Ask the judge which model should answer a question, and show what it says. Nothing is recorded.

    The candidates come as a gateway sees them that has learned nothing yet. The exit code is 1 where it names nobody.
    """
    settings = read_settings(config)
    words = template_of(settings, template)
    names = tuple(name.strip() for name in models.split(",") if name.strip())
    if show_prompt:
        messages = asyncio.run(_prompt(settings, text, names, template))
        print_json(messages) if as_json else say("\n\n".join(str(each["content"]) for each in messages))
        return 0
    asked = asyncio.run(_ask(settings, text, names, template))
    _tell_asked(asked, words.version, as_json=as_json)
    return int(asked.verdict is None)


VERBS = (
    ("status", "thalamus judge status", status),
    ("pull", "thalamus judge pull", pull),
    ("try", 'thalamus judge try "证明素数有无穷多个" --models small,large', try_),
)


async def _status(settings: Settings) -> Json:
    async with opened(settings) as session:
        judging, judge = session.judging, settings.judge
        presence = await judging.judge.look() if judging.wanted else "off"
        in_charge = judging.in_charge
        told: Json = {"mode": judge.mode, "shadow": judge.shadow, "model": judge.model, "served_by": judge.served_by}
        told |= _server_of(session) | {"presence": presence, "template": in_charge.template.version}
        return told | ({} if in_charge.problem is None else {"problem": in_charge.problem})


def _server_of(session: Session) -> Json:
    """Return what there is to say of its Ollama, nothing where it has none."""
    voice = session.judging.judge.voice
    if not isinstance(voice, OllamaVoice):
        return {}
    return {"ollama": session.ollama, "version": voice.version or None, "schemas": voice.told().get("schemas")}


async def _pull(settings: Settings) -> str:
    async with opened(settings) as session:
        voice = session.judging.judge.voice
        if not isinstance(voice, OllamaVoice) or session.ollama is None:
            raise CommandError("the judge is not a model of an Ollama server, so there is nothing to download.")
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            parts: dict[str, object] = {}
            try:
                async for told in voice.server.pull(voice.model):
                    name = told.part or told.status
                    if name not in parts:
                        parts[name] = progress.add_task(told.status[:40], total=told.total or None)
                    progress.update(parts[name], completed=told.completed, total=told.total or None)  # pyright: ignore[reportArgumentType]  # rich hands its own id back
            except UpstreamError as error:
                raise CommandError(f"{voice.model} could not be pulled: {error}") from error
        return voice.model


async def _prompt(settings: Settings, text: str, names: Sequence[str], template: str | None) -> list[Json]:
    async with opened(settings) as session:
        case = _case(text, _offers(session, names))
        limit = settings.judge.max_query_tokens
        return messages_of(template_of(settings, template), case, max_query_tokens=limit)


async def _ask(settings: Settings, text: str, names: Sequence[str], template: str | None) -> Asked:
    async with opened(settings) as session:
        case = _case(text, _offers(session, names))
        judge = session.judging.patient(TRY_S)
        presence = await judge.look()
        if presence in {"missing", "away"}:
            raise CommandError(_SENTENCES[presence])
        if presence == "cold":
            await judge.voice.load()
        return await judge.ask(template_of(settings, template), case)


def _offers(session: Session, names: Sequence[str]) -> tuple[Offer, ...]:
    offers = session.offers(names)
    if len(offers) < 2:  # noqa: PLR2004  # a choice is between two
        raise CommandError("a judge chooses among two models or more: name them with --models.")
    return offers


def _case(text: str, offers: tuple[Offer, ...]) -> Case:
    state = conversation.read([{"role": "user", "content": text}])
    found = features_of(state)
    question = Question(
        text,
        language=found.language,
        complexity=found.complexity,
        n_tokens=estimate_tokens(text),
        has_code=found.has_code,
    )
    expected = StartingExperience().expect(question, offers)
    return Case(question, offers, {each.model: each for each in expected})


def _tell_status(told: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    print_table(("what", "is"), [(name, _shown(value)) for name, value in told.items()])
    say(_SENTENCES.get(str(told["presence"]), "It is switched off."))


def _tell_asked(asked: Asked, version: str, *, as_json: bool) -> None:
    verdict = asked.verdict
    if as_json:
        print_json(_told(asked, version))
    elif verdict is not None:
        sure = (
            "of its confidence it says nothing"
            if verdict.confidence is None
            else f"confidence {verdict.confidence:.0%}"
        )
        say(f"{verdict.model}  ({sure}, {asked.ms:.0f} ms, {version})")
        say(verdict.reasoning)
    else:
        say(f"No model was named: {asked.outcome}{f', {asked.fault}' if asked.fault else ''} ({version}).")


def _told(asked: Asked, version: str) -> Json:
    verdict = asked.verdict
    return {
        "selectedModel": verdict.model if verdict is not None else None,
        "confidence": verdict.confidence if verdict is not None else None,
        "reasoning": verdict.reasoning if verdict is not None else None,
        "outcome": asked.outcome,
        "fault": asked.fault,
        "judge": asked.model,
        "template": version,
        "ms": round(asked.ms, 1),
    }


def _shown(value: object) -> str:
    return (
        {True: "yes", False: "no", None: "-"}.get(value, str(value)) if isinstance(value, bool | None) else str(value)
    )
