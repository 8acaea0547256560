"""The pretrained model that is fine-tuned: found in a folder or fetched by its hub name, checked, loaded.

Nothing of its code is ever run: only Qwen3 is taken, by the library's own class, and only from safetensors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from classifier.qwen.artefact import MODEL_CONFIG, TOKENIZER
from classifier.qwen.libraries import library, torch, transformers
from classifier.qwen.weights import file_hash, refuse_pickle, weight_files
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.types import Json

MODEL_TYPE = "qwen3"
HEAD_WEIGHT = "score.weight"
FETCHED = ("*.json", "*.safetensors")
MEND_BASE = "give --base the folder of Qwen3-0.6B (config.json, tokenizer.json, *.safetensors) or its hub name"
_PROBLEM = "multi_label_classification"


@dataclass(frozen=True, slots=True)
class BaseFiles:
    """A checked model folder."""

    name: str
    """As it was asked for."""
    folder: Path
    sha256: str
    config: Json


def find_base(name: str) -> BaseFiles:
    """Return the model folder of a path, or of a hub name that is on this machine or can be fetched.

    Raises `ArtefactError` where there is none or it is not what it must be.
    """
    folder = Path(name).expanduser()
    if folder.is_file():
        refuse_pickle(folder)
        raise ArtefactError("this is a file, not a model's folder", file=name, mend=MEND_BASE)
    return check_base(name, folder if folder.is_dir() else _fetched(name))


def check_base(name: str, folder: Path) -> BaseFiles:
    """Return a folder's files after a look at each: a Qwen3 configuration, a tokenizer, whole safetensors weights."""
    path = folder / MODEL_CONFIG
    try:
        read: object = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ArtefactError("the model's configuration is missing", file=str(path), mend=MEND_BASE) from error
    except ValueError as error:
        raise ArtefactError("the model's configuration is no JSON", file=str(path), mend=MEND_BASE) from error
    config = cast("Json", read) if isinstance(read, dict) else {}
    found = config.get("model_type")
    if found != MODEL_TYPE:
        raise ArtefactError(f"model_type is {found!r}, not {MODEL_TYPE!r}", file=str(path), mend=MEND_BASE)
    if not (folder / TOKENIZER).is_file():
        raise ArtefactError("the tokenizer is missing", file=str(folder / TOKENIZER), mend=MEND_BASE)
    weights = weight_files(folder)
    digest = sha256()
    for each in (path, *weights):
        digest.update(f"{each.name} {file_hash(each)}\n".encode())
    return BaseFiles(name, folder, digest.hexdigest(), config)


def load_head_model(
    files: BaseFiles, labels: Sequence[str], *, pad_token_id: int, fresh: tuple[str, ...] = (HEAD_WEIGHT,)
) -> Any:
    """Return the model with one output a label, in float32 and inference mode.

    `fresh` names the tensors that its files need not have and that begin at random: the untrained head.
    """
    names = dict(enumerate(labels))
    config = transformers().Qwen3Config.from_pretrained(
        str(files.folder),
        problem_type=_PROBLEM,
        id2label=names,
        label2id={label: at for at, label in names.items()},
        pad_token_id=pad_token_id,
        use_cache=False,
    )
    return _load("Qwen3ForSequenceClassification", files, config, fresh=fresh)


def load_language_model(files: BaseFiles) -> Any:
    """Return the base as the language model it is, in float32 and inference mode."""
    config = transformers().Qwen3Config.from_pretrained(str(files.folder))
    return _load("Qwen3ForCausalLM", files, config, fresh=())


def pick_device(wanted: str) -> str:
    """Return `cuda`, `mps` or `cpu`: the wanted one, or for `auto` the fastest there is. Raises `ValueError`."""
    there = {"cpu": True, "cuda": torch().cuda.is_available(), "mps": torch().backends.mps.is_available()}
    if wanted == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there.get(wanted, False):
        raise ValueError(
            f"device {wanted!r} is not here; there is: {', '.join(n for n, is_here in there.items() if is_here)}"
        )
    return wanted


def _load(class_name: str, files: BaseFiles, config: Any, *, fresh: tuple[str, ...]) -> Any:
    logging = transformers().utils.logging
    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()  # ours are the only ones
    logging.set_verbosity_error()  # it would warn that the head is new, which is the point
    try:
        model, told = getattr(transformers(), class_name).from_pretrained(
            str(files.folder),
            config=config,
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=torch().float32,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ArtefactError(f"the weights do not fit ({error})", file=str(files.folder), mend=MEND_BASE) from error
    finally:
        logging.set_verbosity(verbosity)
    missing = sorted(set(told["missing_keys"]) - set(fresh))
    if missing:  # the library would leave them at random without a word
        raise ArtefactError(f"the weights do not fit ({missing[0]} is missing)", file=str(files.folder), mend=MEND_BASE)
    return model.eval()


def _fetched(name: str) -> Path:
    hub, errors = library("huggingface_hub"), library("httpx")
    try:
        return Path(hub.snapshot_download(name, allow_patterns=list(FETCHED)))
    except (OSError, ValueError, errors.HTTPError) as error:
        raise ArtefactError(
            "no such folder, and no model of this name is on this machine or could be fetched",
            file=name,
            mend=MEND_BASE,
        ) from error
