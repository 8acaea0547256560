"""An index on disk: written, read, damaged, of another embedder."""

from __future__ import annotations

import numpy as np
import pytest

from config.errors import ArtefactError
from retrieval.building import build_index
from retrieval.choose import Limits
from retrieval.hybrid import Recipe
from retrieval.stored import MANIFEST, load_index, save_index


class _Fixed:
    name, dimension = "folder", 2

    def __init__(self, fingerprint="folder:1"):
        self.fingerprint = fingerprint

    def embed(self, texts):
        return np.float32([[1, 0] if "ferry" in text else [0, 1] for text in texts])


@pytest.fixture
def folder(documents, tmp_path):
    save_index(build_index(documents, intents={"en/bread.md": ("kitchen",)}), tmp_path / "index")
    return tmp_path / "index"


def test_what_was_written_is_read(documents, folder):
    """The same questions find the same passages with the same scores, and intents are kept."""
    built, read = build_index(documents), load_index(folder)

    for question in ("When does the ferry leave?", "渡轮几点出发？", "臺灣黑面琵鷺", "nothing 🙂"):
        assert built.search(question, Limits(3)) == read.search(question, Limits(3))
    assert built.embedder.fingerprint == read.embedder.fingerprint
    assert "en/bread.md" not in read.scope_of({"harbour"})


def test_an_empty_index_is_written_too(tmp_path):
    """A library without documents has an index that finds nothing."""
    save_index(build_index([]), tmp_path)

    assert () == load_index(tmp_path).search("anything", Limits(3)).passages


@pytest.mark.parametrize("name", ["documents.json", "vectors.faiss", "windows_worth.npy", "lsa_basis.npy"])
def test_a_changed_or_missing_part_is_named(folder, name):
    """One changed byte or a missing file is told by its name, with what would help."""
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))

    with pytest.raises(ArtefactError, match=rf"{name}: a part of the index was changed; .*docs rebuild"):
        load_index(folder)
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=f"{name}: a part of the index is not there"):
        load_index(folder)


@pytest.mark.parametrize(
    ("manifest", "said"), [(None, "cut off"), (b"{", "cannot be read"), (b'{"version": 0}', "cannot be read")]
)
def test_a_folder_that_was_not_finished_is_no_index(folder, manifest, said):
    """Without its list of hashes, or with a broken one, a folder is not read."""
    (folder / MANIFEST).unlink()
    if manifest:
        (folder / MANIFEST).write_bytes(manifest)

    with pytest.raises(ArtefactError, match=said):
        load_index(folder)


def test_another_version_is_told(folder):
    """An index of another version asks to be built anew."""
    text = (folder / MANIFEST).read_text().replace('"version":2', '"version":9')
    (folder / MANIFEST).write_text(text)

    with pytest.raises(ArtefactError, match="version 9"):
        load_index(folder)


def test_a_list_that_leaves_a_part_out_is_told(folder):
    """A part that the list does not name is missing, not passed over."""
    text = (folder / MANIFEST).read_text().replace('"vocabulary.json"', '"vocabulary.jsom"')
    (folder / MANIFEST).write_text(text)
    (folder / "vocabulary.json").rename(folder / "vocabulary.jsom")

    with pytest.raises(ArtefactError, match=r"cannot be read.*vocabulary"):
        load_index(folder)


def test_vectors_of_two_embedders_never_mix(documents, folder, tmp_path):
    """Another embedder, or another version of it, asks for a new index; the same one reads it."""
    mine = tmp_path / "mine"
    save_index(build_index(documents, embedder=_Fixed()), mine)

    with pytest.raises(ArtefactError, match="its vectors are of lsa:"):
        load_index(folder, embedder=_Fixed())
    with pytest.raises(ArtefactError, match="its vectors are of folder:1, the settings name folder:2"):
        load_index(mine, embedder=_Fixed("folder:2"))
    with pytest.raises(ArtefactError, match="the settings name lsa"):
        load_index(mine)
    assert load_index(mine, embedder=_Fixed()).search("ferry", Limits(1)).passages


def test_another_recipe_asks_for_a_new_index(folder):
    """Sizes and prefixes of the settings must be those of the index, where they are said."""
    assert load_index(folder, recipe=Recipe(800))

    with pytest.raises(ArtefactError, match="other sizes"):
        load_index(folder, recipe=Recipe(400))
