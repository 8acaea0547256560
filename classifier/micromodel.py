"""Runs one shipped micro-model: a folder of `model.onnx`, `preproc.bin`, `card.json` and `golden.json`.

A model is refused, with the file and the mend named, where its hash, schema, label order, graph or golden vectors do
not agree. Nothing is ever executed from a file but the operators of ONNX: no pickle is read.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from classifier.decision import decide
from classifier.preproc import Preproc, decode
from classifier.runtime import open_session
from classifier.vectorise import Vectoriser
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.runtime import Session
    from config.types import Json

MODEL, PREPROC, CARD, GOLDEN = "model.onnx", "preproc.bin", "card.json", "golden.json"
LARGEST_FILE_BYTES = 64 * 1024 * 1024
LABELS_KEY = "thalamus.labels"
"""Metadata of the ONNX file: SHA-256 over the labels in the order of its columns."""
VERSION_CHARS = 12
GOLDEN_TOLERANCE = 2e-3
_PICKLE_STARTS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"(dp", b"]q", b"PK\x03\x04")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model says of one text."""

    labels: tuple[str, ...]
    """Likeliest first; empty where none holds. Given also when the model abstains: it is then a guess."""
    probabilities: dict[str, float]
    confidence: float
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
        model_bytes, preproc_bytes = read_artefact_file(folder / MODEL), read_artefact_file(folder / PREPROC)
        preproc = decode(preproc_bytes, file=str(folder / PREPROC))
        if hashlib.sha256(model_bytes).digest() != preproc.sha256_model:
            raise ArtefactError(f"its hash is not the one that {PREPROC} names", file=str(folder / MODEL))
        card = read_json_object(folder / CARD)
        if card.get("labels") != list(preproc.labels):
            raise ArtefactError(f"its labels are not those of {PREPROC}, in that order", file=str(folder / CARD))
        session = open_session(model_bytes, file=str(folder / MODEL))
        _check_graph(session, preproc, str(folder / MODEL))
        model = cls(session, preproc, card, artefact_version(model_bytes, preproc_bytes))
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
        return Prediction(
            labels=decision.labels,
            probabilities=dict(zip(self.preproc.labels, decision.probabilities.tolist(), strict=True)),
            confidence=decision.confidence,
            abstained=decision.abstained or not len(numbers),  # of what it cannot read it knows only what is usual
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


def artefact_version(model: bytes, preproc: bytes) -> str:
    """Return the version of an artefact: the first 12 hex digits of the SHA-256 over model and preprocessor."""
    return hashlib.sha256(model + preproc).hexdigest()[:VERSION_CHARS]


def labels_hash(labels: Sequence[str]) -> str:
    """Return the SHA-256, in hex, of labels in their order."""
    return hashlib.sha256("\n".join(labels).encode()).hexdigest()


def read_artefact_file(path: Path) -> bytes:
    """Return the bytes of one file of an artefact. Raises `ArtefactError`: too large, not there, or a pickle."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE_BYTES:
            raise ArtefactError(f"is {size} bytes long, more than {LARGEST_FILE_BYTES}", file=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"cannot be read: {error.strerror or 'no such file'}", file=str(path)) from error
    if data.startswith(_PICKLE_STARTS):
        raise ArtefactError(
            "looks like a pickle or an archive; such files can run code and are never opened",
            file=str(path),
            mend="export the model as ONNX with `thalamus foundry forge`",
        )
    return data


def read_json_object(path: Path) -> Json:
    """Return the object of a JSON file of an artefact. Raises `ArtefactError`."""
    try:
        found: object = json.loads(read_artefact_file(path))
    except ValueError as error:
        raise ArtefactError("is no JSON", file=str(path)) from error
    if not isinstance(found, dict):
        raise ArtefactError("is no JSON object", file=str(path))
    return cast("Json", found)


def _check_graph(session: Session, preproc: Preproc, file: str) -> None:
    inputs = {each.name: each.type for each in session.get_inputs()}
    if inputs != {"i": "tensor(int64)", "v": "tensor(float)"}:
        raise ArtefactError("does not take the inputs i and v", file=file)
    if session.get_modelmeta().custom_metadata_map.get(LABELS_KEY) != labels_hash(preproc.labels):
        raise ArtefactError(f"its labels are not those of {PREPROC}, in that order", file=file)
    outputs = session.get_outputs()
    if len(outputs) != 1 or outputs[0].shape[-1] != len(preproc.labels):
        raise ArtefactError(f"does not give one score for each of {len(preproc.labels)} labels", file=file)


def _prove(model: MicroModel, golden: Path) -> None:
    """Run the golden vectors: they catch a library that reads text otherwise than the one that trained the model."""
    cases = read_json_object(golden).get("cases")
    if not isinstance(cases, list) or not cases:
        raise ArtefactError("holds no golden vectors", file=str(golden))
    for case in cast("list[Mapping[str, object]]", cases):
        try:
            text, expected = str(case["text"]), np.asarray(case["scores"], np.float64)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError("holds a golden vector without text or scores", file=str(golden)) from error
        found = model.scores(text)
        if found.shape != expected.shape or np.abs(found - expected).max() > GOLDEN_TOLERANCE:
            raise ArtefactError(f"the model does not give the golden scores of {text[:40]!r}", file=str(golden))
