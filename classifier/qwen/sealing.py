"""Makes the artefact of a trained model: its rule fitted on validation rows, its figures, sealed and put in place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from classifier.qwen.artefact import TOKENIZER, Base, Manifest, drop_folder, publish, seal
from classifier.qwen.decision import Rule, fit_operating, flags_of
from classifier.qwen.forms import HeadForm
from classifier.qwen.lora import write_adapter
from classifier.qwen.probes import leave_probes
from classifier.qwen.reliability import reliability_of
from classifier.qwen.seen import write_hashes

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.qwen.decision import Floats
    from classifier.qwen.plan import Run

ARTEFACT = "artefact"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was put in place."""

    manifest: Manifest
    replaced: Path | None
    """Where the artefact that was there before is kept."""
    val_logits: Floats | None
    """A head's scores of the validation rows, by the model in memory before it was written."""


def publish_trained(run: Run, model: Any, *, best_step: int) -> Sealed:
    """Fit the rule of a model in inference mode, and put its sealed artefact to `out/artefact`."""
    setting, plan = run.setting, run.plan
    loss, scores = run.form.evaluate(model, run.val)
    metrics: dict[str, object] = {"validation": {"loss": loss, **asdict(scores)}, "best_step": best_step}
    rule, logits = Rule(setting.labels), None
    if isinstance(run.form, HeadForm):
        logits = run.form.scores(model, run.val)
        rule, figures = _fitted(run, logits)
        metrics |= figures
    building = plan.out / f".{ARTEFACT}.building"
    drop_folder(building)
    write_adapter(model, building)
    (building / TOKENIZER).write_bytes((run.files.folder / TOKENIZER).read_bytes())
    write_hashes(building, {"train": [row.text for row in run.train], "validation": [row.text for row in run.val]})
    manifest = Manifest(
        form=plan.form,
        kind="adapter",
        labels=setting.labels,
        base=Base(plan.base, run.files.sha256),
        pad_token_id=setting.pad_token_id,
        max_tokens=plan.max_tokens,
        temperature=rule.temperature,
        thresholds=rule.thresholds,
        abstain_below=rule.abstain_below,
        recipe={**run.recipe, "end_token_id": setting.end_token_id, "date": datetime.now(UTC).date().isoformat()},
        metrics=metrics,
    )
    sealed = seal(building, manifest)
    leave_probes(plan.out, [row.text for row in run.val])
    return Sealed(sealed, publish(building, plan.out / ARTEFACT), logits)


def _fitted(run: Run, logits: Floats) -> tuple[Rule, dict[str, object]]:
    """Return the rule that fits all validation rows, and what is known of it; figures have the names of a card's."""
    labels, accuracy = run.setting.labels, run.plan.accuracy
    gold = flags_of([row.labels for row in run.val], labels)
    rule, operating = fit_operating(logits, gold, labels, accuracy=accuracy)
    figures: dict[str, object] = {"operating_point": {"target": accuracy, **asdict(operating)}}
    held_out = reliability_of([row.text for row in run.val], logits, gold, labels, accuracy=accuracy)
    if held_out:
        figures["held_out"] = asdict(held_out)
    return rule, figures
