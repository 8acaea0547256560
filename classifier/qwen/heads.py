"""Backends of the fine-tuned head: one prefill gives every label's score. They block, so an executor runs them.

Transformers (base and adapter, or merged weights; CPU, CUDA, MPS) and ONNX (merged, CPU, usually int8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import numpy as np

from classifier.qwen.artefact import MERGED, ONNX, TOKENIZER, open_artefact
from classifier.qwen.base import check_base, find_base, load_head_model, pick_device
from classifier.qwen.decision import Rule
from classifier.qwen.encoding import load_encoder, padded
from classifier.qwen.libraries import library, torch
from classifier.qwen.lora import load_adapted
from classifier.runtime import CheckedSession
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.qwen.artefact import Manifest
    from classifier.qwen.decision import Floats
    from classifier.qwen.encoding import Encoder
    from config.types import Json

Backend = Literal["auto", "transformers", "onnx"]
MEND_ORDER = "export it anew with `thalamus classifier export`"


class Head(Protocol):
    """Scores texts; not safe for two threads at once."""

    @property
    def rule(self) -> Rule:
        """What makes its scores an answer."""
        ...

    @property
    def version(self) -> str:
        """Version of the artefact it was loaded from."""
        ...

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return scores, (texts, labels), in one forward pass."""
        ...

    def n_tokens(self, text: str) -> int:
        """Return how many tokens the model reads for a text."""
        ...


@dataclass(frozen=True, slots=True)
class TransformersHead:
    """The head in PyTorch."""

    model: Any
    encoder: Encoder
    pad_token_id: int
    device: str
    rule: Rule
    version: str = ""

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return scores, (texts, labels), float64."""
        ids, masks = padded([self.encoder.encode(text) for text in texts], self.pad_token_id)
        tensor = torch().tensor
        with torch().inference_mode():
            found = self.model(
                input_ids=tensor(ids, device=self.device), attention_mask=tensor(masks, device=self.device)
            ).logits
        return np.asarray(found.float().cpu().numpy(), dtype=np.float64)

    def n_tokens(self, text: str) -> int:
        """Return how many tokens the model reads for a text."""
        return len(self.encoder.encode(text))


@dataclass(frozen=True, slots=True)
class OnnxHead:
    """The merged head in ONNX Runtime, on the CPU."""

    session: Any
    encoder: Encoder
    pad_token_id: int
    rule: Rule
    version: str = ""

    def logits(self, texts: Sequence[str]) -> Floats:
        """Return scores, (texts, labels), float64."""
        ids, masks = padded([self.encoder.encode(text) for text in texts], self.pad_token_id)
        feed = {"input_ids": np.array(ids, np.int64), "attention_mask": np.array(masks, np.int64)}
        return np.asarray(self.session.run(["logits"], feed)[0], dtype=np.float64)

    def n_tokens(self, text: str) -> int:
        """Return how many tokens the model reads for a text."""
        return len(self.encoder.encode(text))


def load_head(
    folder: Path, *, backend: Backend = "auto", base: str | None = None, device: str = "auto", threads: int = 1
) -> Head:
    """Return the head of an artefact; `base` replaces the place where its base was when it was trained.

    `threads` is PyTorch's or ONNX Runtime's own, on the CPU. Raises `ArtefactError`, `MissingLibraryError`,
    and `ValueError` for a device that is not here.
    """
    manifest = open_artefact(folder)
    if manifest.form != "head":
        raise ArtefactError(
            "this is the generative baseline, which only `thalamus classifier compare` uses",
            file=str(folder),
            mend="train a head: `thalamus classifier train --form head`",
        )
    if (manifest.kind == "onnx") != (backend == "onnx") and backend != "auto":
        raise ArtefactError(
            f"this artefact is of kind {manifest.kind!r}, which the backend {backend} does not read",
            file=str(folder),
            mend="use --backend auto, or make the other kind with `thalamus classifier export`",
        )
    encoder = load_encoder(folder / TOKENIZER, max_tokens=manifest.max_tokens)
    if manifest.kind == "onnx":
        return _onnx_head(folder, manifest, encoder, threads=threads)
    torch().set_num_threads(threads)
    return _torch_head(folder, manifest, encoder, base=base, device=pick_device(device))


def rule_of(manifest: Manifest) -> Rule:
    """Return the rule that an artefact was sealed with."""
    return Rule(manifest.labels, manifest.temperature, manifest.thresholds, manifest.abstain_below)


def load_base_of(folder: Path, manifest: Manifest, base: str | None) -> Any:
    """Return the untrained head model that an adapter belongs to. Raises `ArtefactError` for another base."""
    files = find_base(base or manifest.base.name)
    if files.sha256 != manifest.base.sha256:
        raise ArtefactError(
            f"the adapter was trained on another base than {files.name}: the sha256 differs",
            file=str(folder),
            mend=f"give the base it was trained on ({manifest.base.name}), or train anew",
        )
    return load_head_model(files, manifest.labels, pad_token_id=manifest.pad_token_id)


def _torch_head(
    folder: Path, manifest: Manifest, encoder: Encoder, *, base: str | None, device: str
) -> TransformersHead:
    if manifest.kind == "merged":
        files = check_base(str(folder), folder)
        names = files.config.get("id2label")
        _require_order(folder / MERGED, list(cast("Json", names).values()) if isinstance(names, dict) else [], manifest)
        model = load_head_model(files, manifest.labels, pad_token_id=manifest.pad_token_id, fresh=())
    else:
        model = load_adapted(load_base_of(folder, manifest, base), folder)
    return TransformersHead(
        model.to(device), encoder, manifest.pad_token_id, device, rule_of(manifest), manifest.version
    )


def _onnx_head(folder: Path, manifest: Manifest, encoder: Encoder, *, threads: int) -> OnnxHead:
    runtime = library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    path = folder / ONNX
    failures = library("onnxruntime.capi.onnxruntime_pybind11_state")
    refusals = (
        failures.Fail,
        failures.InvalidProtobuf,
        failures.InvalidGraph,
        failures.InvalidArgument,
        failures.NoSuchFile,
        failures.NotImplemented,
        failures.RuntimeException,
        RuntimeError,
    )
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except refusals as error:
        raise ArtefactError("ONNX Runtime cannot read it", file=str(path), mend=MEND_ORDER) from error
    named = session.get_modelmeta().custom_metadata_map.get("labels", "")
    _require_order(path, named.split("\n"), manifest)
    checked = CheckedSession(session, refusals, str(path))  # its errors are no RuntimeErrors
    return OnnxHead(checked, encoder, manifest.pad_token_id, rule_of(manifest), manifest.version)


def _require_order(path: Path, found: Sequence[object], manifest: Manifest) -> None:
    if tuple(found) != manifest.labels:
        raise ArtefactError(
            "its labels, or their order, are not those of manifest.json", file=str(path), mend=MEND_ORDER
        )
