"""Who takes part in `thalamus classifier compare`, and why the others do not."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from classifier.micromodel import MicroModel
from classifier.qwen.artefact import open_artefact
from classifier.qwen.contenders import FineTuned, Hybrid, Micro, Ollama, Pretrained, load_generative
from classifier.qwen.heads import load_head
from classifier.qwen.ollama import OllamaIntentClassifier
from classifier.qwen.prefix import load_scorer
from classifier.qwen.promise import promise_of
from classifier.qwen.rows import labels_of
from classifier.qwen.seen import studied_by, studied_by_micro
from config.intents import load_intents
from proxy.cli.printing import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from classifier.qwen.contenders import Contender
    from classifier.qwen.rows import Row
    from classifier.qwen.seen import Studied
    from config.types import Json

OLLAMA_TIMEOUT_S = 120.0
_NO_SUCH_MODEL = 404
_MENDS = {
    "pretrained": "give the weights with --base.",
    "fine-tuned": "give a trained classifier with --classifier.",
    "generative": "train it with --form generative, and give it with --generative.",
    "micro-model": "give its folder with --micro.",
    "hybrid": "it needs both --micro and --classifier.",
    "ollama": "name a model of a running server with --ollama.",
}
"""What adds a contender that is not there."""


@dataclass(frozen=True, slots=True)
class ComparePlan:
    """What the command line asked for; each of the first five adds a contender."""

    classifier: Path | None
    base: str | None
    generative: Path | None
    micro: Path | None
    ollama: str | None
    ollama_url: str
    intents: Path | None
    device: str = "auto"
    threads: int = 1
    pure: bool = False


@dataclass(slots=True)
class Chosen:
    """Who is measured, on which labels, and who is not."""

    labels: tuple[str, ...]
    contenders: list[Contender] = field(default_factory=list["Contender"])
    recipes: dict[str, Json] = field(default_factory=dict[str, "Json"])
    studied: dict[str, Studied] = field(default_factory=dict[str, "Studied"])
    left_out: dict[str, str] = field(default_factory=dict[str, str])
    warnings: list[str] = field(default_factory=list[str])
    """What should be known of a contender before its figures are read."""


@contextmanager
def contenders_of(plan: ComparePlan, rows: Sequence[Row]) -> Generator[Chosen]:
    """Load everybody; an Ollama server is spoken to until the end. Raises `ArtefactError` and `CommandError`."""
    chosen = Chosen(_labels(plan, rows), left_out=_left_out(plan))
    with ExitStack() as stack:
        _add_models(plan, chosen)
        if not plan.pure:
            _add_others(plan, chosen, stack)
        if not chosen.contenders:
            raise CommandError(
                "nobody to measure: give --classifier, --base, --micro or --ollama (with --pure: --classifier, --base)"
            )
        try:
            yield chosen
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CommandError(_no_answer(plan, error)) from error


def _no_answer(plan: ComparePlan, error: Exception) -> str:
    """Return what is wrong with the Ollama server, and the mend."""
    where = f"Ollama at {plan.ollama_url}"
    if isinstance(error, httpx.HTTPStatusError):
        status = error.response.status_code
        mend = f"ollama pull {plan.ollama}" if status == _NO_SUCH_MODEL else "see its log"
        return f"{where} answered with status {status}; {mend}"
    wrong_address = isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL)
    mend = "its address begins with http:// or https://" if wrong_address else "start it with: ollama serve"
    return f"{where} did not answer ({type(error).__name__}); {mend}"


def _labels(plan: ComparePlan, rows: Sequence[Row]) -> tuple[str, ...]:
    if plan.classifier:
        return open_artefact(plan.classifier).labels
    return MicroModel.load(plan.micro).labels if plan.micro and not plan.pure else labels_of(rows)


def _add_models(plan: ComparePlan, chosen: Chosen) -> None:
    """Add what is before fine-tuning and what is after it."""
    if plan.base:
        meanings = _meanings(plan, chosen.labels)
        scorer = load_scorer(plan.base, meanings, device=plan.device, threads=plan.threads)
        chosen.contenders.append(Pretrained(scorer))
    if plan.classifier:
        head = load_head(plan.classifier, base=plan.base, device=plan.device, threads=plan.threads)
        chosen.contenders.append(FineTuned(head))
        manifest = open_artefact(plan.classifier)
        chosen.recipes["fine-tuned"] = manifest.recipe
        chosen.studied["fine-tuned"] = studied_by(plan.classifier, manifest)
        if warning := promise_of(manifest).warning:
            chosen.warnings.append(f"fine-tuned, when it was trained: {warning}")


def _add_others(plan: ComparePlan, chosen: Chosen, stack: ExitStack) -> None:
    if plan.generative:
        made = load_generative(plan.generative, base=plan.base, device=plan.device, threads=plan.threads)
        chosen.contenders.append(made)
        manifest = open_artefact(plan.generative)
        chosen.recipes["generative"] = manifest.recipe
        chosen.studied["generative"] = studied_by(plan.generative, manifest)
    if plan.micro:
        micro = Micro(MicroModel.load(plan.micro))
        chosen.studied[micro.name] = studied_by_micro(micro.model.card)
        tuned = [each for each in chosen.contenders if isinstance(each, FineTuned)]
        chosen.contenders += [micro, *(Hybrid(micro, each) for each in tuned)]
    if plan.ollama:
        chosen.contenders.append(_ollama(plan, chosen.labels, stack))


def _left_out(plan: ComparePlan) -> dict[str, str]:
    """Return who is not measured, and what would change that; of a pure comparison only its own two are told."""
    given: dict[str, object] = {"pretrained": plan.base, "fine-tuned": plan.classifier}
    if not plan.pure:
        both = plan.micro and plan.classifier
        given |= {"generative": plan.generative, "micro-model": plan.micro, "hybrid": both, "ollama": plan.ollama}
    return {name: _MENDS[name] for name, value in given.items() if not value}


def _ollama(plan: ComparePlan, labels: Sequence[str], stack: ExitStack) -> Ollama:
    runner = stack.enter_context(asyncio.Runner())
    client = httpx.AsyncClient(timeout=OLLAMA_TIMEOUT_S, trust_env=False)  # no proxies: the address was given
    stack.callback(lambda: runner.run(client.aclose()))
    model = plan.ollama or ""
    asked = OllamaIntentClassifier(
        client, url=plan.ollama_url, model=model, descriptions=_meanings(plan, labels), max_at_once=1
    )
    return Ollama(asked, runner, model)


def _meanings(plan: ComparePlan, labels: Sequence[str]) -> Mapping[str, str]:
    """Return what each label means, in both languages; a label that the catalogue does not know means itself."""
    catalogue = load_intents(plan.intents)
    found = {label: catalogue.get(label) for label in labels}
    return {
        label: f"{each.zh} / {each.en}. {each.description_zh} {each.description_en}"
        if each
        else label.replace("_", " ")
        for label, each in found.items()
    }
