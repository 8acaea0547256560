"""LoRA: puts an adapter on a base, writes it, reads it back, and folds it into the weights. Safetensors only."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from classifier.qwen.artefact import ADAPTER, ADAPTER_CONFIG, MEND
from classifier.qwen.libraries import library, peft
from classifier.qwen.weights import check_safetensors
from config.errors import ArtefactError

if TYPE_CHECKING:
    from pathlib import Path

    from classifier.qwen.artefact import Form

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj")
_TASKS: dict[Form, str] = {"head": "SEQ_CLS", "generative": "CAUSAL_LM"}


@dataclass(frozen=True, slots=True)
class LoraShape:
    """How large the adapter is and how it is trained."""

    r: int = 16
    alpha: int = 32
    dropout: float = 0.1


def add_adapter(model: Any, form: Form, shape: LoraShape) -> Any:
    """Return the model with a fresh adapter; base weights are frozen, the head (if any) is trained whole."""
    config = peft().LoraConfig(
        task_type=_TASKS[form],
        r=shape.r,
        lora_alpha=shape.alpha,
        lora_dropout=shape.dropout,
        target_modules=list(TARGETS),
        bias="none",
    )
    return _wrapped(model, config)


def write_adapter(model: Any, folder: Path) -> None:
    """Write the adapter's weights and configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: each.detach().cpu().contiguous() for name, each in peft().get_peft_model_state_dict(model).items()}
    library("safetensors.torch").save_file(state, str(folder / ADAPTER), metadata={"format": "pt"})
    config = model.peft_config["default"]
    config.inference_mode = True
    config.base_model_name_or_path = None  # the manifest says what the base is, and not where it lay on this machine
    config.save_pretrained(str(folder))
    config.inference_mode = False


def read_adapter(model: Any, folder: Path) -> None:
    """Put the weights of a folder into a model that has an adapter of the same shape. Raises `ArtefactError`."""
    path = folder / ADAPTER
    shapes = check_safetensors(path)
    wanted = {name: tuple(each.shape) for name, each in peft().get_peft_model_state_dict(model).items()}
    wrong = sorted(name for name in shapes.keys() | wanted.keys() if shapes.get(name) != wanted.get(name))
    if wrong:
        raise ArtefactError(
            f"{wrong[0]} is {shapes.get(wrong[0])} here and {wanted.get(wrong[0])} in the model: "
            "the adapter belongs to another base or to other labels",
            file=str(path),
            mend=MEND,
        )
    peft().set_peft_model_state_dict(model, library("safetensors.torch").load_file(str(path)))


def load_adapted(model: Any, folder: Path) -> Any:
    """Return the base with the adapter of a folder, in inference mode. Raises `ArtefactError`."""
    try:
        found = peft().LoraConfig.from_pretrained(str(folder))
    except (OSError, ValueError, TypeError) as error:
        raise ArtefactError(
            "the adapter's configuration cannot be read", file=str(folder / ADAPTER_CONFIG), mend=MEND
        ) from error
    adapted = _wrapped(model, found)
    read_adapter(adapted, folder)
    return adapted.eval()


def merged(adapted: Any) -> Any:
    """Return a plain model with the adapter folded into its weights; the adapted one must not be used any more."""
    return adapted.merge_and_unload().eval()


def _wrapped(model: Any, config: Any) -> Any:
    with warnings.catch_warnings():  # PEFT asks Transformers by an old name; nothing that our user could change
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return peft().get_peft_model(model, config)
