"""Opens the model that is asked where the micro-model abstains: Qwen3 in this process, or a model of Ollama."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from config.types import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from classifier.qwen.heads import Head
    from classifier.qwen.ollama import OllamaIntentClassifier
    from config.classifier_settings import IntentModelSettings
    from config.intents import IntentCatalogue
    from config.types import Json

MANIFEST = "manifest.json"
OLLAMA_URL = "http://127.0.0.1:11434"
_STATUS = {"ready": "ok", "loading": "loading", "failed": "failed", "absent": "absent", "closed": "off"}


class IntentModel(Protocol):
    """A slow tier that is opened and closed; none of its methods raises."""

    def start(self) -> None:
        """Begin to load; returns at once. Needs a running event loop."""
        ...

    async def settled(self) -> None:
        """Return once nothing is being loaded."""
        ...

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return labels and confidence within `deadline_s` seconds, or an abstention."""
        ...

    def state(self) -> Json:
        """Return how it is, for `/health`; no path stands in it."""
        ...

    async def aclose(self) -> None:
        """End it."""
        ...


class QwenTier:
    """Qwen3 in this process: a trained head, or label scoring over an untrained base."""

    def __init__(self, settings: IntentModelSettings, catalogue: IntentCatalogue) -> None:
        from classifier.intent import QwenIntentClassifier  # noqa: PLC0415  # a start without such a model is quicker

        self._settings = settings
        self._qwen = QwenIntentClassifier(loader_of(settings, catalogue))

    def start(self) -> None:
        """Begin to load in the thread that will run the model."""
        self._qwen.start()

    def exchange(self, settings: IntentModelSettings, catalogue: IntentCatalogue) -> None:
        """Load what other settings name; what runs answers until that can, and stays where it cannot."""
        self._settings = settings
        self._qwen.exchange(loader_of(settings, catalogue))

    async def settled(self) -> None:
        """Return once nothing is being loaded."""
        await self._qwen.settled()

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return its verdict, or an abstention."""
        return await self._qwen.classify(text, deadline_s=deadline_s)

    def state(self) -> Json:
        """Return whether it is there, its version, and what went wrong last."""
        found = self._qwen.condition
        told: Json = {"status": _STATUS[found.state], "backend": self._settings.kind}
        if found.version:
            told["version"] = found.version
        if found.problem:
            told["error"] = without_folders(found.problem, self._settings.artefact, self._settings.base)
        return told

    async def aclose(self) -> None:
        """End once the running pass or load is over."""
        await self._qwen.aclose()


class OllamaTier:
    """A model of an Ollama server, asked for JSON of the labels."""

    def __init__(self, model: str, descriptions: Mapping[str, str], *, url: str) -> None:
        self._model, self._descriptions, self._url = model, descriptions, url
        self._client: httpx.AsyncClient | None = None
        self._classifier: OllamaIntentClassifier | None = None
        self._answered: bool | None = None

    def start(self) -> None:
        """Open the client; the server itself is first asked when somebody needs it."""
        import httpx  # noqa: PLC0415  # only for who has Ollama

        from classifier.qwen.ollama import OllamaIntentClassifier  # noqa: PLC0415

        self._client = httpx.AsyncClient(trust_env=False)  # no proxies: the address was given
        self._classifier = OllamaIntentClassifier(
            self._client, url=self._url, model=self._model, descriptions=self._descriptions
        )

    async def settled(self) -> None:
        """Return at once: there is nothing to load."""

    async def classify(self, text: str, *, deadline_s: float) -> Intent:
        """Return the labels that the model wrote, or an abstention."""
        if self._classifier is None:
            return Intent((), 0.0, "ollama", abstained=True)
        found = await self._classifier.classify(text, deadline_s=deadline_s)
        self._answered = not found.abstained
        return found

    def state(self) -> Json:
        """Return whether the server answered last time with labels; `idle` before the first."""
        status = {None: "idle", True: "ok", False: "abstaining"}[self._answered]
        return {"status": "off" if self._client is None else status, "backend": "ollama", "model": self._model}

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client, self._classifier = self._client, None, None
        if client is not None:
            await client.aclose()


def open_model(settings: IntentModelSettings, catalogue: IntentCatalogue, *, ollama_url: str) -> IntentModel | None:
    """Return the model that settings name, not yet started; `None` where none is wanted."""
    if settings.kind == "off":
        return None
    if settings.kind == "ollama":
        return OllamaTier(settings.base or "", meanings(catalogue), url=settings.ollama_url or ollama_url)
    return QwenTier(settings, catalogue)


def identity_of(settings: IntentModelSettings, catalogue: IntentCatalogue, *, ollama_url: str) -> object:
    """Return what makes one opened model another: a reload opens anew only where this differs.

    For an artefact that is when it was sealed, for a model without training what the intents mean.
    """
    if settings.artefact is None:
        return settings, ollama_url, catalogue
    with suppress(OSError):
        return settings, (settings.artefact / MANIFEST).stat().st_mtime_ns
    return settings, None


def loader_of(settings: IntentModelSettings, catalogue: IntentCatalogue) -> Callable[[], Head]:
    """Return what loads the head that settings name; it blocks. Nothing is read before it is called."""
    from classifier.qwen.heads import load_head  # noqa: PLC0415
    from classifier.qwen.prefix import load_prefix_head  # noqa: PLC0415

    folder, kind = settings.artefact, settings.backend
    if folder is None:
        return lambda: load_prefix_head(
            settings.base or "", meanings(catalogue), device=settings.device, threads=settings.threads
        )
    return lambda: load_head(
        folder,
        backend="transformers" if kind == "transformers" else "onnx" if kind == "onnx" else "auto",
        base=settings.base,
        device=settings.device,
        threads=settings.threads,
    )


def meanings(catalogue: IntentCatalogue) -> dict[str, str]:
    """Return what each intent means, in both languages, for a model without training."""
    return {
        each.name: f"{each.zh} / {each.en}. {each.description_zh} {each.description_en}" for each in catalogue.intents
    }


def without_folders(message: str, *places: Path | str | None) -> str:
    """Return a message with the folders before a file's or a model's own name taken off, at most 300 characters."""
    for place in places:
        parent = str(Path(place).parent) if place is not None else "."
        if parent not in {".", os.sep}:
            message = message.replace(parent + os.sep, "")
    return message[:300]
