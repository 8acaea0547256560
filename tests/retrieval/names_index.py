"""A library whose index is the list of its documents, for tests of how a library is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.store import DocumentStore

MANUAL = "# Returns\n\nReturns are free within seven days.\n"


class NamesIndex:
    """An index that is the list of its documents."""

    def __init__(self, fingerprint: str = "names", *, stop_before: str = "") -> None:
        self.fingerprint = fingerprint
        self.n_built = 0
        self.before: Path | None = None
        self._stop_before = stop_before

    def build(self, documents, folder: Path, *, before: Path | None = None) -> None:
        """Write it, and note which index stood before."""
        self.n_built += 1
        self.before = before
        if self._stop_before == "index":
            raise OSError(28, "No space left on device")
        (folder / "names.json").write_text(json.dumps({each.name: each.text for each in documents}))


def indexed(store: DocumentStore) -> dict[str, str]:
    """Return what the index on disk holds."""
    index = store.snapshot().index
    assert index is not None
    return json.loads((index / "names.json").read_text())


def reasons(store: DocumentStore) -> dict[str, str]:
    """Return the troubles by file name."""
    return {Path(each.path).name: each.reason for each in store.manifest().troubles}
