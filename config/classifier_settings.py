"""How what is asked is found out: what a sentence may ask for, and who may be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.bounds import Count, PositiveCount
from config.forms import WebAddress

IntentBackend = Literal["off", "auto", "transformers", "onnx", "ollama"]


@dataclass(frozen=True, slots=True)
class IntentModelSettings:
    """The model that is asked where the micro-model abstains: see `docs/classifier.md`. Nothing named: off."""

    backend: IntentBackend = "auto"
    """Who runs it: `auto` takes what `artefact` holds, or label scoring over `base` where there is no artefact;
    `transformers` and `onnx` insist on one of the two; `ollama` asks the model `base` of an Ollama server; `off`
    keeps the rest of this table without asking. Without `artefact` and `base` it is off."""
    artefact: Path | None = None
    """Folder that `thalamus classifier train` or `export` wrote; `None` works without training, by the intents'
    descriptions."""
    base: str | None = None
    """Folder or hub name of the base model; for an adapter where its base is now, `None` being where it was in
    training; for `ollama` the model's name there. A folder that begins with `.` is relative to the settings file."""
    device: str = "auto"
    """`cpu`, `cuda`, `mps`, or `auto`: the fastest there is. ONNX runs on the CPU."""
    threads: PositiveCount = 1
    """Threads of a model that runs on the CPU."""
    deadline_ms: Count = 300
    """Milliseconds that it gets after the others abstained; a late answer is an abstention. 0 never asks it."""
    ollama_url: WebAddress | None = None
    """Where Ollama is; `None` is the address of the provider `ollama`, which `OLLAMA_HOST` changes."""

    @property
    def kind(self) -> IntentBackend:
        """Return the backend in force: `off` where nothing is named or no time is left for it."""
        return self.backend if (self.artefact or self.base) and self.deadline_ms else "off"


@dataclass(frozen=True, slots=True)
class ClassifierSettings:
    """Whether and how long requests for `auto` are read for what they ask."""

    enabled: bool = True
    """Whether the intent of a request is looked for at all."""
    deadline_ms: Count = 50
    """Milliseconds within which it must be found; after them the request goes on without. 0 does not look for it.
    A model of `[classifier.model]` has its own beyond these."""
    intents_file: Path | None = None
    """A file of `[[intent]]` rows over the shipped ones, by name; relative to the settings file. `None` has none."""
    features: bool = True
    """Whether the other models (domain, complexity, mood, risk, entities, ...) are asked too, beside the request. They
    delay nothing beyond `features_wait_ms`, and cost about a millisecond of a processor core each request."""
    features_wait_ms: Count = 3
    """Milliseconds that a request for `auto` waits for domain and complexity where the learned policy has more than
    one model to choose from. A short turn is read at once, which takes a fraction of one; a longer one in a thread, and
    what is not there by then has no say in its choice. 0 does not wait."""
    harvest: bool = False
    """Whether `thalamus foundry harvest` may make training rows of requests whose intent somebody confirmed or
    corrected. It reads stored bodies, so `storage.store_bodies` must have been on; the rows stay in `state_dir`."""
    model: IntentModelSettings = field(default_factory=IntentModelSettings)
    """Who is asked where the micro-model abstains."""
