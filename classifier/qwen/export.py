"""Makes other kinds of an adapter artefact: merged weights, and ONNX with int8 weights for the CPU.

Labels, temperature and thresholds go along; what an export changes in the scores is measured and written into its
manifest, on the very texts it was given.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from classifier.qwen.artefact import ONNX, ONNX_WEIGHTS, TOKENIZER, drop_folder, open_artefact, publish, seal
from classifier.qwen.decision import decide
from classifier.qwen.encoding import load_encoder, padded
from classifier.qwen.forms import EVAL_BATCH
from classifier.qwen.heads import load_base_of, load_head, rule_of
from classifier.qwen.libraries import library, torch
from classifier.qwen.lora import load_adapted, merged
from classifier.qwen.probes import probes_of, spread
from classifier.qwen.seen import PARTS
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from classifier.qwen.artefact import Kind, Manifest
    from classifier.qwen.decision import Floats
    from classifier.qwen.heads import Head

OPSET = 18
FIXED_PROBES = ("我要退款", "where is my parcel and why was I charged twice?", "写一首诗", "hi")


@dataclass(frozen=True, slots=True)
class Exported:
    """What was made, and how far its answers are from the adapter's."""

    folder: Path
    manifest: Manifest
    largest_difference: float
    """Of a score, over the probes."""
    agreement: float
    """Share of probes with the very same labels."""
    abstention_agreement: float
    """Share of probes that both answer, or that both abstain on."""
    n_probes: int
    n_validation: int
    """Those of the probes that are validation rows, or rows of the caller's own."""


def export_merged(folder: Path, out: Path, *, base: str | None = None, probes: Sequence[str] | None = None) -> Exported:
    """Write the adapter folded into its base as one safetensors model. Raises as `load_head` does.

    It is compared on `probes`, else on the validation rows that training left beside the folder; at most 64.
    """
    manifest, model = _merged_model(folder, base)
    building = _building(out)
    model.save_pretrained(str(building), max_shard_size="100GB")
    return _finish(folder, building, out, manifest, kind="merged", base=base, probes=probes)


def export_onnx(
    folder: Path, out: Path, *, int8: bool = True, base: str | None = None, probes: Sequence[str] | None = None
) -> Exported:
    """Write the merged head as ONNX; `int8` keeps its weights in eight bits. Raises as `load_head` does.

    It is compared on `probes`, else on the validation rows that training left beside the folder; at most 64.
    """
    manifest, model = _merged_model(folder, base)
    building = _building(out)
    with TemporaryDirectory(dir=building.parent, prefix=".onnx-") as work:
        plain = Path(work) / ONNX
        _trace(model, plain, _example(folder, manifest))
        if int8:
            _quantise(plain, Path(work) / f"int8-{ONNX}")
            plain = Path(work) / f"int8-{ONNX}"
        _save_named(plain, building / ONNX, manifest.labels)
    return _finish(folder, building, out, manifest, kind="onnx", base=base, probes=probes, note={"int8": int8})


def _merged_model(folder: Path, base: str | None) -> tuple[Manifest, Any]:
    manifest = open_artefact(folder)
    if manifest.form != "head" or manifest.kind != "adapter":
        raise ArtefactError(
            "only the adapter of a head can be exported", file=str(folder), mend="name the folder that training wrote"
        )
    return manifest, merged(load_adapted(load_base_of(folder, manifest, base), folder))


def _building(out: Path) -> Path:
    building = out.with_name(f".{out.name}.building")
    drop_folder(building)
    building.mkdir(parents=True)
    return building


def _example(folder: Path, manifest: Manifest) -> tuple[Any, Any]:
    encoder = load_encoder(folder / TOKENIZER, max_tokens=manifest.max_tokens)
    ids, masks = padded([encoder.encode(text) for text in FIXED_PROBES[:2]], manifest.pad_token_id)
    return torch().tensor(ids), torch().tensor(masks)


def _trace(model: Any, path: Path, example: tuple[Any, Any]) -> None:
    wrapped = _logits_only(model)
    shape = {0: "batch", 1: "length"}
    with warnings.catch_warnings():  # the exporter speaks of its own successor and of constants that it folds
        warnings.simplefilter("ignore")
        torch().onnx.export(
            wrapped,
            example,
            str(path),
            dynamo=False,  # the other one needs one library more
            opset_version=OPSET,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": shape, "attention_mask": shape, "logits": {0: "batch"}},
        )


def _logits_only(model: Any) -> Any:
    """Return a module whose only output is the scores; the exporter cannot name the fields of an output object."""

    def forward(self: Any, input_ids: Any, attention_mask: Any) -> Any:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    wrapped = type("LogitsOnly", (torch().nn.Module,), {"forward": forward})()
    wrapped.model = model
    return wrapped.eval()


def _quantise(plain: Path, target: Path) -> None:
    quantisation = library("onnxruntime.quantization")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it recommends a step that needs one library more and changes nothing here
    try:
        quantisation.quantize_dynamic(
            str(plain),
            str(target),
            weight_type=quantisation.QuantType.QInt8,
            per_channel=True,
            use_external_data_format=True,
        )
    finally:
        logging.disable(before)


def _save_named(plain: Path, target: Path, labels: Sequence[str]) -> None:
    """Write the model with its labels inside, its weights in one file beside it: a model may be above 2 GB."""
    onnx = library("onnx")
    model = onnx.load(str(plain))
    entry = model.metadata_props.add()
    entry.key, entry.value = "labels", "\n".join(labels)
    onnx.save(model, str(target), save_as_external_data=True, all_tensors_to_one_file=True, location=ONNX_WEIGHTS)


def _finish(
    folder: Path,
    building: Path,
    out: Path,
    manifest: Manifest,
    *,
    kind: Kind,
    base: str | None,
    probes: Sequence[str] | None,
    note: dict[str, object] | None = None,
) -> Exported:
    for name in (TOKENIZER, *(each for each in PARTS.values() if each in manifest.files)):
        (building / name).write_bytes((folder / name).read_bytes())
    recipe = {**manifest.recipe, "exported_from": manifest.version, **(note or {})}
    sealed = seal(building, replace(manifest, kind=kind, recipe=recipe))
    own = probes_of(folder, manifest) if probes is None else spread(probes)
    texts = [*FIXED_PROBES, *own]
    before = _scores(load_head(folder, base=base, device="cpu"), texts)
    after = _scores(load_head(building, device="cpu"), texts)
    labels, abstention = agreements(before, after, manifest)
    parity = {
        "n": len(texts),
        "n_validation": len(own),
        "largest_difference": float(np.abs(before - after).max()),
        "agreement": labels,
        "abstention_agreement": abstention,
    }
    sealed = seal(building, replace(sealed, metrics={**manifest.metrics, "parity_with_adapter": parity}))
    publish(building, out)
    difference = parity["largest_difference"]
    return Exported(out, sealed, difference, labels, abstention, n_probes=len(texts), n_validation=len(own))


def agreements(before: Floats, after: Floats, manifest: Manifest) -> tuple[float, float]:
    """Return the shares of rows, both (rows, labels), with the same labels, and with the same abstention."""
    rule = rule_of(manifest)
    pairs = [(decide(one, rule), decide(two, rule)) for one, two in zip(before, after, strict=True)]
    labels = np.mean([one.labels == two.labels for one, two in pairs])
    return float(labels), float(np.mean([one.abstained == two.abstained for one, two in pairs]))


def _scores(head: Head, texts: Sequence[str]) -> Floats:
    return np.concatenate([head.logits(texts[at : at + EVAL_BATCH]) for at in range(0, len(texts), EVAL_BATCH)])
