"""Who can be compared: each guesses one text and says what it read and wrote; who abstains still guesses, marked so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from classifier.qwen.artefact import TOKENIZER, open_artefact
from classifier.qwen.base import find_base, load_language_model, pick_device
from classifier.qwen.decision import all_right, decide
from classifier.qwen.encoding import load_encoder
from classifier.qwen.forms import Setting, write_labels
from classifier.qwen.libraries import torch
from classifier.qwen.lora import load_adapted
from classifier.qwen.ollama import USUAL_CONFIDENCE
from config.errors import ArtefactError

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from classifier.micromodel import MicroModel
    from classifier.qwen.heads import Head
    from classifier.qwen.ollama import OllamaIntentClassifier
    from classifier.qwen.prefix import PrefixScorer

PRETRAINED_SHARE = 0.3
"""Share of the letters' liking from which a label of the untrained model counts; a convention, fitted on nothing."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a contender says of one text, and what that cost."""

    labels: tuple[str, ...]
    abstained: bool = False
    input_tokens: int = 0
    """Tokens that were read for this text; what is kept from text to text is not counted."""
    output_tokens: int = 0
    """Tokens that were written one after the other."""
    confidence: float | None = None
    """How likely it says that exactly these labels are right, 0 to 1; `None` where it says nothing of the kind."""


class Contender(Protocol):
    """One way to classify."""

    @property
    def name(self) -> str:
        """How it is called in the report."""
        ...

    @property
    def about(self) -> str:
        """What it is, in one line."""
        ...

    def guess(self, text: str) -> Guess:
        """Return what it says of one text; blocks."""
        ...


@dataclass(frozen=True, slots=True)
class FineTuned:
    """The trained head."""

    head: Head
    name: str = "fine-tuned"

    @property
    def about(self) -> str:
        """Which artefact."""
        return f"Qwen3 head, one prefill; artefact {self.head.version}"

    def guess(self, text: str) -> Guess:
        """Return the head's verdict."""
        verdict = decide(self.head.logits([text])[0], self.head.rule)
        return Guess(verdict.labels, verdict.abstained, self.head.n_tokens(text), confidence=verdict.confidence)


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The base as it came, choosing by the labels' descriptions."""

    scorer: PrefixScorer
    name: str = "pretrained"

    @property
    def about(self) -> str:
        """How it chooses."""
        kept = self.scorer.n_kept_tokens
        return f"the base untrained, one prefill over a kept list of {kept} tokens; shares from {PRETRAINED_SHARE}"

    def guess(self, text: str) -> Guess:
        """Return the labels it likes."""
        found = self.scorer.score(text)
        chosen = found.chosen(at_least=PRETRAINED_SHARE)
        confidence = all_right(found.shares, [found.labels.index(label) for label in chosen])
        return Guess(chosen, input_tokens=found.n_tokens, confidence=confidence)


@dataclass(frozen=True, slots=True)
class Generative:
    """The baseline that writes the labels."""

    model: Any
    setting: Setting
    version: str
    name: str = "generative"

    @property
    def about(self) -> str:
        """Which artefact."""
        return f"Qwen3 writing labels, up to 25 tokens; artefact {self.version}"

    def guess(self, text: str) -> Guess:
        """Return the labels it writes; none that are known is an abstention."""
        found = write_labels(self.model, self.setting, text)
        n_read = len(self.setting.encoder.encode(text))
        return Guess(found.labels, not found.labels, n_read, found.n_tokens, confidence=found.probability)


@dataclass(frozen=True, slots=True)
class Micro:
    """The micro-model alone."""

    model: MicroModel
    name: str = "micro-model"

    @property
    def about(self) -> str:
        """Which artefact."""
        return f"sparse linear model without any language model; artefact {self.model.version}"

    def guess(self, text: str) -> Guess:
        """Return its prediction."""
        found = self.model.predict(text)
        return Guess(found.labels, found.abstained, confidence=found.confidence)


@dataclass(frozen=True, slots=True)
class Hybrid:
    """The micro-model, and the head where it abstains: what the gateway does."""

    first: Contender
    second: Contender
    name: str = "hybrid"
    about: str = "micro-model first, fine-tuned head where it abstains"

    def guess(self, text: str) -> Guess:
        """Return the first answer."""
        found = self.first.guess(text)
        return self.second.guess(text) if found.abstained else found


@dataclass(frozen=True, slots=True)
class Ollama:
    """Zero-shot JSON of an Ollama server; `runner` is the event loop it is asked in."""

    classifier: OllamaIntentClassifier
    runner: asyncio.Runner
    model: str
    name: str = "ollama"

    @property
    def about(self) -> str:
        """Which model."""
        return f"zero-shot JSON of {self.model}, untrained"

    def guess(self, text: str) -> Guess:
        """Return the labels it writes; an answer that is none is an abstention. Raises `httpx.HTTPError`."""
        try:
            found = self.runner.run(self.classifier.ask(text))
        except ValueError:
            return Guess((), abstained=True, confidence=0.0)
        return Guess(
            found.labels,
            not found.labels,
            found.input_tokens,
            found.output_tokens,
            confidence=USUAL_CONFIDENCE if found.labels else 0.0,
        )


def load_generative(folder: Path, *, base: str | None = None, device: str = "auto", threads: int = 1) -> Generative:
    """Return the baseline of an artefact that was trained with `--form generative`. Raises as `load_head` does."""
    manifest = open_artefact(folder)
    if manifest.form != "generative":
        raise ArtefactError(
            "this is a head, not the generative baseline",
            file=str(folder),
            mend="name the folder of a run with `thalamus classifier train --form generative`",
        )
    files = find_base(base or manifest.base.name)
    if files.sha256 != manifest.base.sha256:
        raise ArtefactError(
            "the baseline was trained on another base: the sha256 differs",
            file=str(folder),
            mend=f"give the base it was trained on ({manifest.base.name})",
        )
    torch().set_num_threads(threads)
    encoder = load_encoder(folder / TOKENIZER, max_tokens=manifest.max_tokens)
    place = pick_device(device)
    model = load_adapted(load_language_model(files), folder).to(place)
    end = manifest.recipe.get("end_token_id")
    end_id = end if isinstance(end, int) else manifest.pad_token_id
    return Generative(model, Setting(encoder, manifest.labels, manifest.pad_token_id, end_id, place), manifest.version)
