"""Runs one shipped micro-model, which `artefact.py` has opened: from a text to labels, or an abstention.

A model is refused, with the file and the mend named, where its graph or golden vectors do not agree either.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from classifier.artefact import GOLDEN, MODEL, golden_cases, open_folder
from classifier.decision import decide
from classifier.preproc import Preproc, decode
from classifier.vectorise import Vectoriser
from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.runtime import Session
    from config.types import Json

GOLDEN_TOLERANCE = 2e-3


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model says of one text."""

    labels: tuple[str, ...]
    """Likeliest first; empty where none holds. Given also when the model abstains: it is then a guess."""
    probabilities: dict[str, float]
    confidence: float
    """Probability, 0 to 1, that exactly `labels` is right; 0 where there was nothing to read."""
    abstained: bool
    ms: float
    """Milliseconds of reading the text and running the model."""


class MicroModel:
    """One loaded artefact; `load` makes it. `predict` may be called from several threads."""

    def __init__(self, session: Session, preproc: Preproc, card: Json, version: str) -> None:
        self._session = session
        self._vectoriser = Vectoriser(preproc.terms, preproc.idf, unknown_idf=preproc.unknown_idf)
        self.preproc = preproc
        self.card = card
        self.version = version

    @property
    def name(self) -> str:
        """Name of the blueprint that it was forged from."""
        return self.preproc.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label it knows, in the order of its columns."""
        return self.preproc.labels

    @classmethod
    def load(cls, folder: Path) -> MicroModel:
        """Return the model of a folder after every check. Raises `ArtefactError`."""
        opened = open_folder(folder, decode)
        _check_graph(opened.session, opened.preproc, str(folder / MODEL))
        model = cls(opened.session, opened.preproc, opened.card, opened.version)
        _prove(model, folder / GOLDEN)
        return model

    def scores(self, text: str) -> NDArray[np.float64]:
        """Return the raw score of each label, (labels,)."""
        return self._scores(*self._vectoriser.features(text))

    def predict(self, text: str) -> Prediction:
        """Return labels, probabilities and confidence of a text, or an abstention; any text will do."""
        began = time.perf_counter()
        numbers, weights = self._vectoriser.features(text)
        decision = decide(self._scores(numbers, weights), self.preproc)
        unread = not len(numbers)  # of what it cannot read it knows only what is usual
        return Prediction(
            labels=decision.labels,
            probabilities=dict(zip(self.preproc.labels, decision.probabilities.tolist(), strict=True)),
            confidence=0.0 if unread else decision.confidence,
            abstained=decision.abstained or unread,
            ms=(time.perf_counter() - began) * 1000,
        )

    def _scores(self, numbers: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        if not len(numbers):  # a product over nothing is not the same in every runtime
            numbers, weights = np.zeros(1, np.int64), np.zeros(1, np.float32)
        found = self._session.run(None, {"i": numbers, "v": weights[None, :]})
        return np.asarray(found[0], np.float64)[0]


class ServedModel:
    """Holds the model in use; a new artefact takes its place only after every check, else the old one keeps serving."""

    def __init__(self, model: MicroModel) -> None:
        self._model = model

    @property
    def current(self) -> MicroModel:
        """The model in use."""
        return self._model

    def replace(self, folder: Path) -> MicroModel:
        """Put the folder's model in place and return the one before. Raises `ArtefactError`: then nothing changed."""
        before, self._model = self._model, MicroModel.load(folder)
        return before


def _check_graph(session: Session, preproc: Preproc, file: str) -> None:
    inputs = {each.name: each.type for each in session.get_inputs()}
    if inputs != {"i": "tensor(int64)", "v": "tensor(float)"}:
        raise ArtefactError("does not take the inputs i and v", file=file)
    outputs = session.get_outputs()
    if len(outputs) != 1 or outputs[0].shape[-1] != len(preproc.labels):
        raise ArtefactError(f"does not give one score for each of {len(preproc.labels)} labels", file=file)


def _prove(model: MicroModel, golden: Path) -> None:
    """Run the golden vectors: they catch a library that reads text otherwise than the one that trained the model."""
    for case in golden_cases(golden):
        try:
            text, expected = str(case["text"]), np.asarray(case["scores"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError("holds a golden vector without text or scores", file=str(golden)) from error
        found = model.scores(text)
        if found.shape != expected.shape or np.abs(found - expected).max() > GOLDEN_TOLERANCE:
            raise ArtefactError(f"the model does not give the golden scores of {text[:40]!r}", file=str(golden))
