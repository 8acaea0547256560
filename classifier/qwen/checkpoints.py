"""Checkpoints of a training run: adapter, optimiser and position, each written whole or not at all.

The optimiser's state is kept as safetensors as well; a pickle is neither written nor read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from classifier.qwen.artefact import ADAPTER, drop_folder
from classifier.qwen.libraries import library
from classifier.qwen.lora import read_adapter, write_adapter
from classifier.qwen.weights import check_safetensors
from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

OPTIMISER = "optimiser.safetensors"
POSITION = "position.json"
_AFRESH = "train into another folder with --out, or drop --resume to begin anew"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_LIKE_WEIGHTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands after `step` updates."""

    step: int
    recipe_sha256: str
    """A run is resumed with the very recipe it began with."""
    best_step: int
    best_score: float
    best_loss: float


def save_checkpoint(folder: Path, model: Any, optimiser: Any, position: Position, *, keep: int = 2) -> Path:
    """Write `step-NNNNNN` below the folder; keep the newest ones and the best, drop the others."""
    target = checkpoint_of(folder, position.step)
    building = folder / f".{target.name}.building"
    drop_folder(building)
    write_adapter(model, building)
    state: dict[str, Any] = {}
    for name, parameter in trained(model).items():
        for moment in _MOMENTS:
            found = optimiser.state[parameter].get(moment)
            if found is not None:
                state[f"{name}:{moment}"] = found.detach().cpu().contiguous().clone()
    library("safetensors.torch").save_file(state, str(building / OPTIMISER))
    (building / POSITION).write_bytes(msgspec.json.encode(position))
    drop_folder(target)
    building.rename(target)
    kept = {
        target.name,
        checkpoint_of(folder, position.best_step).name,
        *(each.name for each in checkpoints(folder)[-keep:]),
    }
    for each in checkpoints(folder):
        if each.name not in kept:
            drop_folder(each)
    return target


def checkpoint_of(folder: Path, step: int) -> Path:
    """Return where the checkpoint of a step is."""
    return folder / f"step-{step:06d}"


def checkpoints(folder: Path) -> list[Path]:
    """Return the finished checkpoints of a run, oldest first."""
    return sorted(folder.glob("step-*"))


def load_checkpoint(path: Path, model: Any, optimiser: Any, *, recipe_sha256: str, total: int) -> Position:
    """Put a checkpoint of a run of `total` steps into model and optimiser.

    Raises `ArtefactError` for a damaged one, one of another recipe, or one whose best checkpoint is gone.
    """
    try:
        position = msgspec.json.decode((path / POSITION).read_bytes(), type=Position)
    except (OSError, msgspec.DecodeError) as error:
        raise ArtefactError("the checkpoint is not whole", file=str(path), mend=_mend(path)) from error
    if not 0 < position.step <= total or not (path / ADAPTER).is_file():
        raise ArtefactError("the checkpoint is not whole", file=str(path), mend=_mend(path))
    if position.recipe_sha256 != recipe_sha256:
        raise ArtefactError(
            "the checkpoint belongs to other data, another base or other settings",
            file=str(path),
            mend=_AFRESH,
        )
    best = checkpoint_of(path.parent, position.best_step)
    if not (best / ADAPTER).is_file():
        raise ArtefactError("the run's best checkpoint is missing", file=str(best), mend=_AFRESH)
    read_adapter(model, path)
    _read_optimiser(path / OPTIMISER, model, optimiser)
    return position


def trained(model: Any) -> dict[str, Any]:
    """Return the parameters that training changes, by name."""
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def _read_optimiser(path: Path, model: Any, optimiser: Any) -> None:
    if not path.is_file():
        raise ArtefactError("the checkpoint is not whole", file=str(path), mend=_mend(path.parent))
    check_safetensors(path)
    state = library("safetensors.torch").load_file(str(path))
    for name, parameter in trained(model).items():
        found = {moment: state.get(f"{name}:{moment}") for moment in _MOMENTS}
        if any(each is None for each in found.values()) or any(
            found[m].shape != parameter.shape for m in _LIKE_WEIGHTS
        ):
            raise ArtefactError(f"the optimiser has no state for {name}", file=str(path), mend=_mend(path.parent))
        moved = {moment: each.to(parameter.device) for moment, each in found.items() if moment != "step"}
        optimiser.state[parameter] = {**moved, "step": found["step"]}


def _mend(path: Path) -> str:
    return f"remove {path.name} and resume from the one before it"
