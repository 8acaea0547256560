"""A library on disk: bad files beside good ones, each told by its reason, and the rest indexed."""

from __future__ import annotations

import os

from retrieval.sources import Source
from retrieval.sync import sync
from tests.retrieval.files import pdf
from tests.retrieval.names_index import MANUAL, indexed, reasons


def test_every_bad_file_is_told_and_the_rest_is_indexed(store, rules, tmp_path):
    """Each with its reason; nothing is raised."""
    outside = tmp_path / "secret.md"
    outside.write_text("A secret.")
    folder = rules.folder
    with (folder / "huge.md").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    (folder / "picture.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00" + bytes(range(256)) * 40)
    (folder / "broken.pdf").write_bytes(pdf(("x",))[:200])
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 no archive")
    (folder / "odd.txt").write_bytes(bytes(range(128, 256)) * 3)
    (folder / "empty.md").write_bytes(b"")
    (folder / "out.md").symlink_to(outside)
    (folder / "dangling.md").symlink_to(folder / "nowhere.md")
    (folder / "within.md").symlink_to(folder / "returns.md")
    (folder / "line.txt").write_text("word " * 150_000)
    (folder / ".hidden.md").write_text("Hidden.")
    (folder / "logo.png").write_bytes(b"\x89PNG")
    os.mkfifo(folder / "pipe.md")
    (folder / "odd\nname.md").write_text("Name.")
    linked = folder / "elsewhere"
    linked.symlink_to(tmp_path / "state")

    sync(store, rules)

    assert {"line.txt", "returns.md", "within.md"} == set(indexed(store))
    found = reasons(store)
    for name, part in {
        "huge.md": "is too large: 104.9 MB; at most 1.0 MB",
        "picture.md": "binary",
        "broken.pdf": "damaged",
        "broken.docx": "damaged",
        "odd.txt": "encoding",
        "empty.md": "holds no text",
        "out.md": "link out of its folder",
        "dangling.md": "cannot be read: No such file",
        "pipe.md": "is no file",
    }.items():
        assert part in found.pop(name)
    assert ["has a name that cannot be printed"] == list(found.values())
    assert 2 == store.manifest().n_foreign, "the picture, and the folder that is a link"


def test_a_file_that_breaks_leaves_its_document_as_it_was(store, rules):
    """Half of a copy is no reason to forget the whole; once it is mended it is read."""
    (rules.folder / "a.pdf").write_bytes(pdf(("First.",)))
    sync(store, rules)
    (rules.folder / "a.pdf").write_bytes(pdf(("Second.",))[:150])
    sync(store, rules)
    broken = indexed(store)["a.pdf"], reasons(store)["a.pdf"]
    (rules.folder / "a.pdf").write_bytes(pdf(("Second.",)))
    sync(store, rules)

    assert ("First.\n", "is damaged, or no pdf file; it stays as it was before") == broken
    assert ("Second.\n", {}) == (indexed(store)["a.pdf"], reasons(store))


def test_a_folder_that_cannot_be_looked_into_keeps_its_documents(store, rules, tmp_path):
    """A disk that is away is not a hundred deleted files."""
    away = tmp_path / "handbook"
    (away / "part").mkdir(parents=True)
    (away / "part" / "one.md").write_text("One.")
    store.save_added((Source(str(away), "handbook"), Source(str(tmp_path / "gone.md"), "gone.md")))
    sync(store, rules)
    away.rename(tmp_path / "moved")
    report = sync(store, rules)

    assert ((), ["handbook/part/one.md", "returns.md"]) == (report.removed, sorted(indexed(store)))
    assert "cannot be read: No such file or directory" == reasons(store)["handbook"]
    assert "gone.md" in reasons(store)


def test_the_first_of_two_files_of_one_name_wins(store, rules, tmp_path):
    """And the other is told."""
    other = tmp_path / "other.md"
    other.write_text("Other.")
    store.save_added((Source(str(other), "returns.md"), Source(str(tmp_path / "note.xyz"), "note.xyz")))
    (tmp_path / "note.xyz").write_text("?")
    sync(store, rules)

    assert {"returns.md": MANUAL} == indexed(store)
    assert f"has the name 'returns.md', as {rules.folder / 'returns.md'} has" == reasons(store)["other.md"]
    assert "is of a kind that is not read here" in reasons(store)["note.xyz"]
