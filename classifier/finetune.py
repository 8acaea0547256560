"""Fine-tunes Qwen3 with LoRA into an intent classifier: resumable, repeatable, and written as one sealed artefact.

The step number alone decides what is drawn (order of rows, dropout), so that a resumed run gives the weights that an
uninterrupted one gives. `thalamus classifier train` is this on the command line.
"""

from __future__ import annotations

import math
import random
from dataclasses import asdict, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from classifier.qwen.artefact import TOKENIZER, drop_folder
from classifier.qwen.base import find_base, load_head_model, load_language_model, pick_device
from classifier.qwen.checkpoints import Position, checkpoint_of, checkpoints, load_checkpoint, save_checkpoint, trained
from classifier.qwen.encoding import load_encoder
from classifier.qwen.forms import GenerativeForm, HeadForm, Setting
from classifier.qwen.libraries import library, torch
from classifier.qwen.lora import add_adapter, read_adapter
from classifier.qwen.plan import Run, Step, Trained, TrainPlan
from classifier.qwen.rows import data_hash, labels_of, read_rows, require_labels
from classifier.qwen.sealing import ARTEFACT, publish_trained
from config.errors import ArtefactError, CorpusError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from classifier.qwen.base import BaseFiles
    from classifier.qwen.rows import Row

__all__ = ["ARTEFACT", "Step", "TrainPlan", "Trained", "train"]

CHECKPOINTS = "checkpoints"
LOG = "log.jsonl"
_WARM_UP = 0.05
_CLIP = 1.0
_END_WORDS = ("<|im_end|>", "<|endoftext|>", "</s>", "<eos>")


def train(plan: TrainPlan, tell: Callable[[Step], None] | None = None) -> Trained:
    """Train, choose the best checkpoint on the validation rows, calibrate, and publish `out/artefact`.

    Raises:
        ArtefactError: the base or a checkpoint is missing, damaged, a pickle or not Qwen3.
        CorpusError: the rows are wrong.
        MissingLibraryError: the extra `ml` is not installed.
        ValueError: the device is not here, or a number of the plan makes no sense.
    """
    run = _prepare(plan)
    model = _model(run)
    optimiser = torch().optim.AdamW(list(trained(model).values()), lr=plan.learning_rate, weight_decay=0.01)
    position = _begin(run, model, optimiser)
    first, last = math.nan, math.nan
    for step in range(position.step + 1, run.total + 1):
        last = _update(run, model, optimiser, step)
        first = last if math.isnan(first) else first
        told = Step(step, run.total, last)
        if step % plan.every == 0 or step == run.total:
            told, position = _checkpoint(run, model, optimiser, told, position)
        if tell:
            tell(told)
    read_adapter(model, checkpoint_of(plan.out / CHECKPOINTS, position.best_step))
    sealed = publish_trained(run, model.eval(), best_step=position.best_step)
    return Trained(
        plan.out / ARTEFACT, sealed.manifest, run.total, first, last, sealed.replaced, val_logits=sealed.val_logits
    )


def _prepare(plan: TrainPlan) -> Run:
    if min(plan.epochs, plan.batch, plan.every) < 1 or plan.learning_rate <= 0:
        raise ValueError("epochs, batch, every and learning_rate must be above 0")
    rows = read_rows(plan.train)
    train_rows, val_rows = (rows, read_rows(plan.val)) if plan.val else _set_aside(rows, plan)
    labels = plan.labels or labels_of(rows)
    require_labels(rows, labels, file=plan.train)
    require_labels(val_rows, labels, file=plan.val or plan.train)
    files = find_base(plan.base)
    device = pick_device(plan.device)
    if plan.threads:
        torch().set_num_threads(plan.threads)
    encoder = load_encoder(files.folder / TOKENIZER, max_tokens=plan.max_tokens)
    configured = files.config.get("pad_token_id")
    pad = encoder.padding_id(configured if isinstance(configured, int) else None)
    end = next((found for found in map(encoder.id_of, _END_WORDS) if found is not None), pad)
    setting = Setting(encoder, labels, pad, end, device)
    form = HeadForm(setting) if plan.form == "head" else GenerativeForm(setting)
    return Run(plan, files, form, setting, train_rows, val_rows, _recipe(plan, files, train_rows, val_rows, labels))


def _set_aside(rows: Sequence[Row], plan: TrainPlan) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """Return training and validation rows, by the hash of the text: the same text is never in both."""
    held = [sha256(row.text.encode("utf-8", "replace")).digest()[0] % 10 == 0 for row in rows]
    train_rows = tuple(row for row, out in zip(rows, held, strict=True) if not out)
    val_rows = tuple(row for row, out in zip(rows, held, strict=True) if out)
    if not train_rows or not val_rows:
        raise CorpusError("too few rows to set a tenth aside; give validation rows with --val", file=str(plan.train))
    return train_rows, val_rows


def _recipe(
    plan: TrainPlan, files: BaseFiles, train_rows: Sequence[Row], val_rows: Sequence[Row], labels: tuple[str, ...]
) -> dict[str, object]:
    told = {"form", "epochs", "batch", "learning_rate", "max_tokens", "seed", "precision", "accuracy", "every"}
    return {
        **{name: value for name, value in asdict(plan).items() if name in told},
        "lora": asdict(plan.lora),
        "labels": list(labels),
        "base_sha256": files.sha256,
        "train_sha256": data_hash(train_rows),
        "n_train": len(train_rows),
        "val_sha256": data_hash(val_rows),
        "n_val": len(val_rows),
        "libraries": {name: str(library(name).__version__) for name in ("torch", "transformers", "peft")},
    }


def _model(run: Run) -> Any:
    torch().manual_seed(run.plan.seed)  # the head and the adapter begin at random
    if run.plan.form == "head":
        base = load_head_model(run.files, run.setting.labels, pad_token_id=run.setting.pad_token_id)
    else:
        base = load_language_model(run.files)
    return add_adapter(base, run.plan.form, run.plan.lora).to(run.setting.device)


def _begin(run: Run, model: Any, optimiser: Any) -> Position:
    folder = run.plan.out / CHECKPOINTS
    found = checkpoints(folder)
    if run.plan.resume and found:
        return load_checkpoint(found[-1], model, optimiser, recipe_sha256=run.recipe_sha256, total=run.total)
    drop_folder(folder)
    try:
        folder.mkdir(parents=True)
        (run.plan.out / LOG).write_bytes(b"")
    except OSError as error:
        raise ArtefactError(
            f"the folder cannot be made: {error.strerror}", file=str(folder), mend="name another folder with --out"
        ) from error
    return Position(0, run.recipe_sha256, 0, -1.0, math.inf)


def _update(run: Run, model: Any, optimiser: Any, step: int) -> float:
    plan = run.plan
    model.train()
    torch().manual_seed(plan.seed * 1_000_003 + step)  # of dropout; a resumed run draws the same
    for group in optimiser.param_groups:
        group["lr"] = plan.learning_rate * _schedule(step, run.total)
    with torch().autocast(run.setting.device, dtype=torch().bfloat16, enabled=plan.precision == "bfloat16"):
        loss = run.form.loss(model, _batch(run, step))
    loss.backward()
    torch().nn.utils.clip_grad_norm_(list(trained(model).values()), _CLIP)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _batch(run: Run, step: int) -> list[Row]:
    """Return the rows of a step, counted from 1; each epoch has an order of its own."""
    epoch, at = divmod(step - 1, math.ceil(len(run.train) / run.plan.batch))
    order = list(range(len(run.train)))
    random.Random(f"{run.plan.seed}/{epoch}").shuffle(order)  # noqa: S311  # an order, no secret
    return [run.train[each] for each in order[at * run.plan.batch : (at + 1) * run.plan.batch]]


def _schedule(step: int, total: int) -> float:
    """Return the share of the learning rate: up over the first twentieth, then down to nearly nothing."""
    warm = max(1, round(total * _WARM_UP))
    return step / warm if step <= warm else max(0.0, (total - step + 1) / (total - warm + 1))


def _checkpoint(run: Run, model: Any, optimiser: Any, told: Step, before: Position) -> tuple[Step, Position]:
    model.eval()
    loss, scores = run.form.evaluate(model, run.val)
    better = (scores.micro_f1, -loss) > (before.best_score, -before.best_loss)
    position = replace(before, step=told.step)
    if better:
        position = replace(position, best_step=told.step, best_score=scores.micro_f1, best_loss=loss)
    save_checkpoint(run.plan.out / CHECKPOINTS, model, optimiser, position)
    told = replace(told, val_loss=loss, scores=scores)
    with (run.plan.out / LOG).open("ab") as log:
        log.write(msgspec.json.encode(told) + b"\n")
    return told, position
