"""Which texts an export is compared on: validation rows that training left beside its artefact.

They lie beside the sealed folder and not in it: an artefact that is handed on holds no prompt.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from classifier.qwen.rows import read_prompts
from classifier.qwen.seen import prompt_hash, studied_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from classifier.qwen.artefact import Manifest

PROBES = "probes.jsonl"
MOST = 64
"""Validation rows that an export is compared on."""


def spread(texts: Sequence[str]) -> list[str]:
    """Return at most `MOST` different texts, evenly over all of them."""
    different = list(dict.fromkeys(texts))
    n = min(MOST, len(different))
    return [different[at * len(different) // n] for at in range(n)]


def leave_probes(out: Path, texts: Sequence[str]) -> None:
    """Write the probes of a run into the folder that its artefact goes to."""
    lines = (json.dumps({"text": text}) + "\n" for text in spread(texts))  # ASCII: a text may be half a cut emoji
    (out / PROBES).write_text("".join(lines), encoding="ascii")


def probes_of(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Return those probes beside an opened artefact that it was validated on; none where there are none.

    Raises `CorpusError` for a file that holds no rows, and `ArtefactError` for hashes that are none.
    """
    path = folder.resolve().parent / PROBES
    if not path.is_file():
        return ()
    known = studied_by(folder, manifest).parts.get("validation", frozenset())
    return tuple(text for text in read_prompts(path) if prompt_hash(text) in known)[:MOST]
