"""What tests do to artefacts that must then be refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from classifier import preproc
from classifier.artefact import MODEL, PREPROC


class Exploding:
    """A pickle of it would write a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (self.path, "run")


def sealed(folder: Path, codec: ModuleType = preproc, **changes: object) -> None:
    """Write the preprocessor anew with changes and with the hash of the model that lies beside it."""
    found = codec.decode((folder / PREPROC).read_bytes(), file="")
    digest = hashlib.sha256((folder / MODEL).read_bytes()).digest()
    (folder / PREPROC).write_bytes(codec.encode(replace(found, sha256_model=digest, **changes)))
