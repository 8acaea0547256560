"""What `thalamus classifier` says of what it did: steps of a training, artefacts, guesses and measurements."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, cast

from classifier.calibration import NEVER
from classifier.intent import SOURCE
from classifier.qwen.decision import decide
from classifier.qwen.promise import SILENT, promise_of
from config.confidence import shown
from proxy.cli.printing import note, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.progress import Progress

    from classifier.compare import Measured
    from classifier.finetune import Step, Trained
    from classifier.qwen.decision import Verdict
    from classifier.qwen.export import Exported
    from classifier.qwen.heads import Head
    from config.types import Json

BATCH = 16
"""Texts that are read in one forward pass."""


def tell_step(bars: Progress, step: Step) -> None:
    """Move the bar of a training on, and note what an evaluation found."""
    task = bars.task_ids[0] if bars.task_ids else bars.add_task("training", total=None)
    bars.update(task, total=step.total, completed=step.step, description=f"training, loss {step.loss:.3f}")
    if step.scores:
        found = f"loss {step.val_loss:.3f}, micro-F1 {step.scores.micro_f1:.3f}"
        note(f"step {step.step}: validation {found}, exact {step.scores.exact:.3f}")


def tell_trained(done: Trained, *, as_json: bool) -> None:
    """Say where the artefact is, and where the one before it went."""
    promise = promise_of(done.manifest)
    if as_json:
        print_json(
            {
                "folder": str(done.folder),
                "version": done.manifest.version,
                "metrics": done.manifest.metrics,
                "answers_never": promise.answers_never,
                "warning": promise.warning,
            }
        )
        return
    say(f"Wrote {done.folder}, version {done.manifest.version}, after {done.steps} steps.")
    for sentence in filter(None, (promise.kept, promise.warning)):
        say(sentence)
    if done.replaced:
        say(f"The artefact before it is {done.replaced}.")


def tell_exported(done: Exported, *, as_json: bool) -> None:
    """Say where the export is, and how far it is from what was exported."""
    if as_json:
        print_json(
            {
                "folder": str(done.folder),
                "version": done.manifest.version,
                "largest_difference": done.largest_difference,
                "agreement": done.agreement,
                "abstention_agreement": done.abstention_agreement,
                "n_probes": done.n_probes,
                "n_validation": done.n_validation,
            }
        )
        return
    say(
        f"Wrote {done.folder}, version {done.manifest.version}: of {done.n_probes} probes, {done.n_validation} of them "
        f"validation rows, labels agree on {done.agreement * 100:.1f} % and abstention on "
        f"{done.abstention_agreement * 100:.1f} %; scores differ by at most {done.largest_difference:.2g}."
    )
    if promise_of(done.manifest).answers_never:
        note(SILENT)


def tell_guesses(head: Head, texts: Sequence[str], *, as_json: bool) -> None:
    """Classify texts, some in one pass, and say of each what it asks for; a text of spaces is never answered."""
    if head.rule.abstain_below >= NEVER:
        note(SILENT)
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        began = time.perf_counter()
        logits = head.logits(batch)
        ms = (time.perf_counter() - began) * 1000 / len(batch)
        for text, row in zip(batch, logits, strict=True):
            verdict = decide(row, head.rule)
            if not text.strip():
                verdict = replace(verdict, abstained=True, confidence=0.0)
            print_json(_guess_of(verdict, ms=ms)) if as_json else say(
                f"{', '.join(verdict.labels)}{' (unsure)' if verdict.abstained else ''}  "
                f"confidence {shown(verdict.confidence, 2):.2f}, {ms:.1f} ms"
            )


def tell_measured(measured: Sequence[Measured], report: Json, *, written: Sequence[Path], as_json: bool) -> None:
    """Say how each contender did, and where the report is."""
    if as_json:
        print_json(report)
        return
    for each in measured:
        say(_line_of(each))
    for warning in cast("list[str]", report["warnings"]):
        note(warning)
    say(f"Wrote {' and '.join(map(str, written))}.")


def _guess_of(verdict: Verdict, *, ms: float) -> Json:
    return {
        "intents": list(verdict.labels),
        "confidence": shown(verdict.confidence),
        "abstained": verdict.abstained,
        "source": SOURCE,
        "ms": round(ms, 3),
    }


def _line_of(each: Measured) -> str:
    found = asdict(each.scores)
    shares = ", ".join(f"{name} {found[name]:.3f}" for name in ("micro_f1", "exact", "recall"))
    calibrated = "" if each.ece is None else f"; ECE {each.ece:.3f}"
    return f"{each.name}: {shares}; answers {each.coverage:.0%}{calibrated}; p50 {each.p50_ms:.1f} ms"
