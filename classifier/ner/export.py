"""Writes a trained tagger as the artefact that `classifier/ner/entitymodel.py` reads; `onnx` comes with `[ml]`.

The graph is Gather(int8 vectors) -> Cast -> ReduceSum -> Mul(scale) -> LSTM -> MatMul -> Add; the LSTM's weights lie
in the file as int8 too and are unfolded once, when the file is opened. A second output holds the weights of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.artefact import LABELS_KEY, labels_hash
from classifier.foundry.export import IR_VERSION, OPSET
from classifier.ner.entitymodel import CHAIN, EMISSIONS, TERMS_INPUT
from classifier.ner.tokens import SLOTS
from classifier.qwen.libraries import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from classifier.ner.network import Tagger

    Floats = NDArray[np.float32]

_STEPS = 127
_GATES = 4


@dataclass(frozen=True, slots=True)
class Rounded:
    """Numbers as int8 with a scale that is broadcast over them."""

    steps: NDArray[np.int8]
    scale: Floats

    @property
    def floats(self) -> Floats:
        """What the served model computes with."""
        return self.steps.astype(np.float32) * self.scale


@dataclass(frozen=True, slots=True)
class Compact:
    """A tagger as it is served; gates in the order of ONNX: input, output, forget, cell."""

    vectors: Rounded
    """(terms + 1, width), one scale a column; row 0 is nothing."""
    inward: Rounded
    """(2, 4 hidden, width)."""
    onward: Rounded
    """(2, 4 hidden, hidden)."""
    bias: Floats
    """(2, 8 hidden)."""
    emit: Floats
    """(2 hidden, tags)."""
    emit_bias: Floats
    """(tags,)."""
    chain: Floats
    """(tags + 2, tags): start, stop, then moves; what is forbidden is not in them."""
    tags: tuple[str, ...]


def compact(tagger: Tagger) -> Compact:
    """Return a trained tagger in int8, and round the tagger's own weights to the same."""
    layers = {name: np.asarray(each.detach().numpy(), np.float32) for name, each in tagger.layers.named_parameters()}
    own = {name: each.detach().numpy() for name, each in tagger.chain_weights.items()}
    ways = ("", "_reverse")
    inward = _rounded(np.stack([layers[f"lstm.weight_ih_l0{way}"] for way in ways]), axis=2)
    onward = _rounded(np.stack([layers[f"lstm.weight_hh_l0{way}"] for way in ways]), axis=2)
    vectors = _rounded(layers["terms.weight"], axis=0)
    with torch().no_grad():
        tagger.layers["terms"].weight.copy_(torch().from_numpy(vectors.floats))
        for at, way in enumerate(ways):
            getattr(tagger.layers["lstm"], f"weight_ih_l0{way}").copy_(torch().from_numpy(inward.floats[at]))
            getattr(tagger.layers["lstm"], f"weight_hh_l0{way}").copy_(torch().from_numpy(onward.floats[at]))
    biases = [
        np.concatenate([_gates(layers[f"lstm.bias_{side}_l0{way}"][None])[0] for side in ("ih", "hh")]) for way in ways
    ]
    return Compact(
        vectors=vectors,
        inward=Rounded(_gates(inward.steps), _gates(inward.scale)),
        onward=Rounded(_gates(onward.steps), _gates(onward.scale)),
        bias=np.stack(biases),
        emit=np.ascontiguousarray(layers["emit.weight"].T),
        emit_bias=layers["emit.bias"],
        chain=np.concatenate([own["start"][None], own["stop"][None], own["moves"]]).astype(np.float32),
        tags=tagger.tags,
    )


def onnx_bytes(model: Compact) -> bytes:
    """Return the ONNX file of a tagger; the same tagger gives the same bytes."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415  # of the extra [ml]

    node: Any = helper.make_node
    hidden = model.onward.steps.shape[2]
    graph = helper.make_graph(
        [
            node("Gather", ["vectors", TERMS_INPUT], ["rows"], axis=0),
            node("Cast", ["rows"], ["floats"], to=TensorProto.FLOAT),
            node("ReduceSum", ["floats", "slots_axis"], ["summed"], keepdims=0),
            node("Mul", ["summed", "vectors_scale"], ["scaled"]),
            node("Unsqueeze", ["scaled", "batch_axis"], ["sequence"]),
            *_unfolded(node, "inward", TensorProto.FLOAT),
            *_unfolded(node, "onward", TensorProto.FLOAT),
            node(
                "LSTM",
                ["sequence", "inward", "onward", "bias"],
                ["states"],
                direction="bidirectional",
                hidden_size=hidden,
            ),
            node("Reshape", ["states", "flat"], ["joined"]),
            node("MatMul", ["joined", "emit"], ["product"]),
            node("Add", ["product", "emit_bias"], [EMISSIONS]),
            node("Identity", ["chain_weights"], [CHAIN]),
        ],
        "thalamus-bilstm",
        [helper.make_tensor_value_info(TERMS_INPUT, TensorProto.INT64, ["tokens", SLOTS])],
        [
            helper.make_tensor_value_info(EMISSIONS, TensorProto.FLOAT, ["tokens", len(model.tags)]),
            helper.make_tensor_value_info(CHAIN, TensorProto.FLOAT, list(model.chain.shape)),
        ],
        [numpy_helper.from_array(each, name) for name, each in _tensors(model).items()],
    )
    file = helper.make_model(
        graph, producer_name="thalamus", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    helper.set_model_props(file, {LABELS_KEY: labels_hash(model.tags)})
    return file.SerializeToString(deterministic=True)


def _tensors(model: Compact) -> dict[str, NDArray[Any]]:
    return {
        "vectors": model.vectors.steps,
        "vectors_scale": model.vectors.scale[0],
        "inward_steps": model.inward.steps,
        "inward_scale": model.inward.scale,
        "onward_steps": model.onward.steps,
        "onward_scale": model.onward.scale,
        "bias": model.bias,
        "emit": model.emit,
        "emit_bias": model.emit_bias,
        "chain_weights": model.chain,
        "slots_axis": np.array([1], np.int64),
        "batch_axis": np.array([1], np.int64),
        "flat": np.array([-1, model.emit.shape[0]], np.int64),  # states are (tokens, ways, 1, hidden)
    }


def _unfolded(node: Any, name: str, floating: int) -> Sequence[Any]:
    return (
        node("Cast", [f"{name}_steps"], [f"{name}_floats"], to=floating),
        node("Mul", [f"{name}_floats", f"{name}_scale"], [name]),
    )


def _rounded(values: Floats, *, axis: int) -> Rounded:
    scale = np.maximum(np.abs(values).max(axis=axis, keepdims=True), 1e-8) / _STEPS
    return Rounded(np.rint(values / scale).astype(np.int8), scale.astype(np.float32))


def _gates(values: NDArray[Any]) -> NDArray[Any]:
    """Turn the gates from torch's order (input, forget, cell, output) to that of ONNX, along the second axis."""
    inward, forget, cell, outward = np.split(values, _GATES, axis=1)
    return np.concatenate([inward, outward, forget, cell], axis=1)
