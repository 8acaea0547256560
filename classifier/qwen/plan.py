"""What a training run is asked for, what it is made of, what it tells on its way, and what it came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

from classifier.qwen.lora import LoraShape

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.qwen.artefact import Form, Manifest
    from classifier.qwen.base import BaseFiles
    from classifier.qwen.decision import Floats
    from classifier.qwen.forms import Setting, TrainingForm
    from classifier.qwen.rows import Row
    from classifier.qwen.scores import Scores


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """One training run; the defaults are those of the shipped recipe."""

    base: str
    """Folder or hub name of Qwen3."""
    train: Path
    out: Path
    """Holds `artefact/`, `checkpoints/` and `log.jsonl` afterwards."""
    val: Path | None = None
    """Rows that choose checkpoint, temperature and thresholds; without it a tenth of the training rows, set aside."""
    labels: tuple[str, ...] = ()
    """Order of the outputs; empty means the sorted labels of the rows."""
    form: Form = "head"
    epochs: int = 3
    batch: int = 4
    learning_rate: float = 1e-4
    lora: LoraShape = field(default_factory=LoraShape)
    max_tokens: int = 256
    every: int = 50
    """Steps between two checkpoints, each with an evaluation."""
    seed: int = 0
    device: str = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"
    """`bfloat16` computes in half precision where the device can; weights stay float32."""
    threads: int = 0
    """PyTorch's threads on the CPU; 0 leaves its own choice."""
    accuracy: float = 0.97
    """Share of its answers that the head's abstention threshold aims to have right."""
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What is told after each update; figures of validation only where it was evaluated."""

    step: int
    total: int
    loss: float
    val_loss: float | None = None
    scores: Scores | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run came to."""

    folder: Path
    manifest: Manifest
    steps: int
    first_loss: float
    last_loss: float
    replaced: Path | None
    """Where the artefact that was there before is kept."""
    val_logits: Floats | None = None
    """A head's scores of the validation rows, by the model in memory before it was written."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is about to begin: its plan, and what was read for it."""

    plan: TrainPlan
    files: BaseFiles
    form: TrainingForm
    setting: Setting
    train: tuple[Row, ...]
    val: tuple[Row, ...]
    recipe: dict[str, object]

    @property
    def total(self) -> int:
        """Steps of the whole run."""
        return self.plan.epochs * math.ceil(len(self.train) / self.plan.batch)

    @property
    def recipe_sha256(self) -> str:
        """Hash of the recipe; a checkpoint of another one is not resumed."""
        return sha256(msgspec.json.encode(self.recipe, order="deterministic")).hexdigest()
