"""Writes a linear model as the artefact that `classifier/micromodel.py` reads, and checks what int8 changed.

The graph is Gather(int8 weights, i) -> Cast -> MatMul with v -> Mul(scale) -> Add(bias): only the rows of the terms
that a text has are touched. `onnx` comes with the extra `[ml]`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from classifier.artefact import CARD, GOLDEN, LABELS_KEY, MODEL, PREPROC, artefact_version, labels_hash
from classifier.preproc import encode
from classifier.vectorise import Vectoriser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from classifier.foundry.tfidf import Linear
    from classifier.preproc import Preproc
    from config.types import Json

OPSET = 17
IR_VERSION = 9
"""Old enough for every ONNX Runtime of the last three years."""
_SCORE_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Quantised:
    """A linear model in int8: scores = (v @ weights[i]) * scale + bias."""

    weights: NDArray[np.int8]
    """(terms, labels)."""
    scale: NDArray[np.float32]
    """(labels,)."""
    bias: NDArray[np.float32]
    """(labels,)."""

    def scores(self, numbers: NDArray[np.int64], values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the score of each label, as the ONNX graph does."""
        rows = self.weights[numbers].astype(np.float32)
        return ((values @ rows) * self.scale + self.bias).astype(np.float64)


def quantised(linear: Linear) -> Quantised:
    """Return the form of a trained model that is served."""
    return Quantised(linear.steps, linear.scale.astype(np.float32), linear.bias.astype(np.float32))


def onnx_bytes(model: Quantised, labels: Sequence[str]) -> bytes:
    """Return the ONNX file of a quantised model; the same model gives the same bytes."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  # of the extra [ml]

    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["W", "i"], ["rows"], axis=0),
            helper.make_node("Cast", ["rows"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("MatMul", ["v", "floats"], ["product"]),
            helper.make_node("Mul", ["product", "scale"], ["scaled"]),
            helper.make_node("Add", ["scaled", "bias"], ["scores"]),
        ],
        "thalamus-linear",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [1, "n"]),
        ],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, len(labels)])],
        [
            numpy_helper.from_array(model.weights, "W"),
            numpy_helper.from_array(model.scale, "scale"),
            numpy_helper.from_array(model.bias, "bias"),
        ],
    )
    file = helper.make_model(
        graph, producer_name="thalamus", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(file, {LABELS_KEY: labels_hash(labels)})
    return file.SerializeToString(deterministic=True)


def write_artefact(
    folder: Path, model: Quantised, preproc: Preproc, *, card: Json, golden_texts: Sequence[str]
) -> tuple[Json, str]:
    """Write the four files, each in one step, and return the card with sizes and version, and the version.

    `preproc` is given its model's hash here. The card is written last but one and the model last, so that a reader
    that comes in between finds hashes that do not agree, and keeps what it has.
    """
    model_bytes = onnx_bytes(model, preproc.labels)
    sealed = replace(preproc, sha256_model=hashlib.sha256(model_bytes).digest())
    preproc_bytes = encode(sealed)
    version = artefact_version(model_bytes, preproc_bytes)
    sizes: Json = {
        "model_bytes": len(model_bytes),
        "preproc_bytes": len(preproc_bytes),
        "gzipped_kib": round(gzipped_bytes(model_bytes, preproc_bytes) / 1024, 1),
    }
    whole: Json = {"name": preproc.name, "version": version, "labels": list(preproc.labels), "size": sizes, **card}
    folder.mkdir(parents=True, exist_ok=True)
    _put(folder / GOLDEN, _as_json({"cases": list(_golden(model, sealed, golden_texts))}))
    _put(folder / PREPROC, preproc_bytes)
    _put(folder / CARD, _as_json(whole))
    _put(folder / MODEL, model_bytes)
    return whole, version


def gzipped_bytes(*files: bytes) -> int:
    """Return how many bytes the files take together when each is gzipped."""
    return sum(len(gzip.compress(each, mtime=0)) for each in files)


def _golden(model: Quantised, preproc: Preproc, texts: Sequence[str]) -> Iterator[Json]:
    vectoriser = Vectoriser(preproc.terms, preproc.idf, unknown_idf=preproc.unknown_idf)
    for text in texts:
        numbers, values = vectoriser.features(text)
        yield {
            "text": text,
            "features": numbers.tolist(),
            "scores": [round(score, _SCORE_DIGITS) for score in model.scores(numbers, values).tolist()],
        }


def _as_json(value: Json) -> bytes:
    """Return a JSON document; halves of surrogate pairs, which rows may hold and no encoding has, as escapes."""
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")


def _put(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(data)
    beside.replace(path)
