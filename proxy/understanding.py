"""What the pipeline knows of a request: the cascade's intent, and the features. Models are loaded in the background.

A model that cannot be loaded is told of in `/health`, and the tier is absent; the server never waits for one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import classifier
from classifier.cascade import Cascade, ExampleRules, MicroTier
from classifier.micromodel import MicroModel, ServedModel
from config.errors import ArtefactError
from config.intents import shipped_intents

if TYPE_CHECKING:
    from config.types import Json

ARTEFACTS: Final = Path(classifier.__file__).parent / "artefacts"
"""The shipped micro-models, a folder each."""
INTENT, DOMAIN = "intent", "domain"


class Understanding:
    """The tiers that are loaded, and the cascade over them."""

    def __init__(self, *, enabled: bool = True, artefacts: Path = ARTEFACTS) -> None:
        self.enabled = enabled
        self.cascade = Cascade()
        self._artefacts = artefacts
        self._models: dict[str, MicroModel] = {}
        self._states: dict[str, Json] = {}
        self._loaded = False

    async def load(self) -> None:
        """Load in a thread what is there; a broken model is left out and told of."""
        if self.enabled:
            await asyncio.to_thread(self.load_now)

    def load_now(self) -> None:
        """Load what is there, in this thread."""
        models = {name: model for name in (INTENT, DOMAIN) if (model := self._model(name)) is not None}
        rules = ExampleRules(shipped_intents())
        micro = [MicroTier(ServedModel(models[INTENT]))] if INTENT in models else []
        self._models, self.cascade, self._loaded = models, Cascade([rules, *micro]), True

    def domain(self, text: str) -> str | None:
        """Return what a text is about, `None` where no model is loaded or it is unsure."""
        model = self._models.get(DOMAIN)
        if model is None or not text.strip():
            return None
        found = model.predict(text)
        return None if found.abstained or not found.labels else found.labels[0]

    def state(self) -> Json:
        """Return which tiers answer, for `/health`."""
        if not self.enabled:
            return {"status": "off"}
        status = "ok" if self._loaded else "loading"
        return {"status": status, "rule": {"status": status}, **self._states}

    def _model(self, name: str) -> MicroModel | None:
        folder = self._artefacts / name
        if not folder.is_dir():
            self._states[name] = {"status": "absent"}
            return None
        try:
            model = MicroModel.load(folder)
        except (ArtefactError, ImportError) as error:
            self._states[name] = {"status": "failed", "error": f"{folder.name}: {error}"[:300]}
            return None
        self._states[name] = {"status": "ok", "version": model.version}
        return model
