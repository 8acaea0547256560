"""A library on disk: what is read again and what is not, bad files beside good ones, crashes, several processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from config.errors import DocumentError
from retrieval.library_lock import library_lock
from retrieval.sources import Source
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules, rebuild, sync
from retrieval.tying import TyingRules
from tests.retrieval.files import docx, pdf

MANUAL = "# Returns\n\nReturns are free within seven days.\n"


class NamesIndex:
    """An index that is the list of its documents."""

    def __init__(self, fingerprint: str = "names", *, stop_before: str = "") -> None:
        self.fingerprint = fingerprint
        self.n_built = 0
        self._stop_before = stop_before

    def build(self, documents, folder: Path) -> None:
        self.n_built += 1
        if self._stop_before == "index":
            raise OSError(28, "No space left on device")
        (folder / "names.json").write_text(json.dumps({each.name: each.text for each in documents}))


class Guesses:
    """A classifier that counts how often it is asked."""

    name = "guesses 1"

    def __init__(self) -> None:
        self.n_asked = 0

    def intents_of(self, text: str) -> tuple[str, ...]:
        self.n_asked += 1
        return ("payment",) if "退款" in text else ()


@pytest.fixture
def folder(tmp_path):
    """A watched folder with one document."""
    path = tmp_path / "docs"
    (path / "payment").mkdir(parents=True)
    (path / "returns.md").write_text(MANUAL)
    return path


@pytest.fixture
def store(tmp_path):
    return DocumentStore(tmp_path / "state" / "library")


@pytest.fixture
def rules(folder):
    return SyncRules(folder=folder, builder=NamesIndex(), tying=TyingRules(), max_document_bytes=1_000_000)


def indexed(store: DocumentStore) -> dict[str, str]:
    """Return what the index on disk holds."""
    index = store.snapshot().index
    assert index is not None
    return json.loads((index / "names.json").read_text())


def reasons(store: DocumentStore) -> dict[str, str]:
    """Return the troubles by file name."""
    return {Path(each.path).name: each.reason for each in store.manifest().troubles}


def test_a_look_takes_in_what_is_there_and_a_second_one_nothing(store, rules):
    """Of every kind; nothing is read or built again where nothing changed."""
    for name, data in {
        "a.txt": "纯文本的说明，用来测试编码。".encode("gbk"),
        "b.html": b"<h1>Page</h1><p>Hello</p>",
        "c.pdf": pdf(("Printed.",)),
        "d.docx": docx("Word", "Written."),
    }.items():
        (rules.folder / name).write_bytes(data)

    first, second = sync(store, rules), sync(store, rules)

    names = ("a.txt", "b.html", "c.pdf", "d.docx", "returns.md")
    assert (names, (), (), True) == (first.added, first.changed, first.removed, first.indexed)
    assert ((), False) == (second.added, second.indexed)
    assert 1 == rules.builder.n_built
    assert "Printed.\n" == indexed(store)["c.pdf"]
    records = {each.name: each for each in store.manifest().documents}
    assert ("gb18030", "zh", "a") == (records["a.txt"].encoding, records["a.txt"].language, records["a.txt"].title)
    assert ("", "en") == (records["returns.md"].title, records["returns.md"].language)
    assert store.manifest().troubles == ()


def test_only_what_changed_is_read_again(store, rules):
    """By content, not by time: a touched file is no change, and makes no new index."""
    (rules.folder / "b.md").write_text("Second.")
    sync(store, rules)
    index = store.manifest().index
    os.utime(rules.folder / "b.md", (1, 1))
    touched = sync(store, rules)
    (rules.folder / "b.md").write_text("Second, changed.")
    (rules.folder / "c.md").write_text("Third.")
    (rules.folder / "returns.md").unlink()
    changed = sync(store, rules)

    assert (False, index) == (touched.indexed, touched.manifest.index)
    assert (("c.md",), ("b.md",), ("returns.md",)) == (changed.added, changed.changed, changed.removed)
    assert {"b.md": "Second, changed.", "c.md": "Third."} == indexed(store)
    assert 2 == len(list((store.home / "indexes").iterdir())), "the one before is kept for who reads it"


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


def test_an_empty_library_is_a_library(store, rules, tmp_path):
    """No document, no trouble."""
    (tmp_path / "empty").mkdir()
    sync(store, replace(rules, folder=tmp_path / "empty"))

    assert ({}, ()) == (indexed(store), store.manifest().troubles)
    assert ((), None) == (
        DocumentStore(tmp_path / "none").snapshot().documents,
        DocumentStore(tmp_path).snapshot().index,
    )


def test_intents_come_from_the_document_the_catalogue_the_folder_or_the_classifier(store, rules):
    """In this order; unknown names are told, and the classifier is asked once a document."""
    folder = rules.folder
    (folder / "payment" / "own.md").write_text(
        "---\nintents: [order, nobody]\ntitle: Own\nlanguage: en\n---\nText 退款"
    )
    (folder / "payment" / "named.md").write_text("Named 退款")
    (folder / "payment" / "below.md").write_text("Below 退款")
    (folder / "guess.md").write_text("退款")
    (folder / "all.md").write_text("---\nintents: []\n---\n退款")
    guesses = Guesses()
    tying = TyingRules({"order": ("named.md",), "payment": ()}, guesses)
    rules = replace(rules, tying=tying)
    sync(store, rules)
    sync(store, rules)

    documents = {each.name: each for each in store.snapshot().documents}
    tied = {each.name: (each.intents, each.tied_by) for each in store.manifest().documents}
    assert {
        "all.md": ((), "document"),
        "guess.md": (("payment",), "guesses 1"),
        "payment/below.md": (("payment",), "folder"),
        "payment/named.md": (("order",), "catalogue"),
        "payment/own.md": (("order",), "document"),
        "returns.md": ((), "guesses 1"),
    } == tied
    assert (("order",), "Own", "en") == (
        documents["payment/own.md"].intents,
        documents["payment/own.md"].title,
        documents["payment/own.md"].language,
    )
    assert "nobody" in reasons(store)["own.md"]
    assert 2 == guesses.n_asked
    sync(store, replace(rules, tying=TyingRules({"payment": ()})))
    assert ((), "") == next(
        (each.intents, each.tied_by) for each in store.manifest().documents if each.name == "guess.md"
    )


def test_a_rebuild_reads_and_builds_everything_again(store, rules):
    """And keeps what cannot be read."""
    (rules.folder / "a.pdf").write_bytes(pdf(("First.",)))
    before = sync(store, rules).manifest
    (rules.folder / "a.pdf").write_bytes(b"")
    report = rebuild(store, rules)

    assert (True, 2, True) == (report.indexed, rules.builder.n_built, report.manifest.index != before.index)
    assert "First.\n" == indexed(store)["a.pdf"]


@pytest.mark.parametrize("lost", ["indexes", "texts", "library.json", "a text", "half a text"])
def test_what_is_lost_on_disk_is_made_again(store, rules, lost):
    """An index that somebody deleted, a text that a power cut halved."""
    sync(store, rules)
    text = next((store.home / "texts").iterdir())
    if lost == "a text":
        text.unlink()
    elif lost == "half a text":
        text.write_bytes(text.read_bytes()[:5])
        (rules.folder / "b.md").write_text("Second.")
        with pytest.raises(DocumentError, match=r"returns\.md: its stored text is gone or damaged; run: thalamus docs"):
            store.snapshot()
    elif lost == "library.json":
        (store.home / lost).write_text("{")
    else:
        shutil.rmtree(store.home / lost)
    sync(store, rules)

    assert MANUAL == indexed(store)["returns.md"]
    assert MANUAL == store.snapshot().documents[-1].text


def test_another_embedder_builds_another_index(store, rules):
    """Vectors of two embedders are never mixed."""
    before = sync(store, rules).manifest.index
    report = sync(store, replace(rules, builder=NamesIndex("other")))

    assert (True, ()) == (report.indexed, report.changed)
    assert before != report.manifest.index


def test_a_full_disk_leaves_the_library_as_it_was(store, rules):
    """The error is the caller's to tell; the next look succeeds and clears up."""
    sync(store, rules)
    (rules.folder / "b.md").write_text("Second.")
    with pytest.raises(OSError, match="No space"):
        sync(store, replace(rules, builder=NamesIndex(stop_before="index")))
    assert {"returns.md"} == set(indexed(store))

    sync(store, rules)

    assert {"b.md", "returns.md"} == set(indexed(store))
    assert not list((store.home / "indexes").glob(".part*"))


CHILD = """
import json, sys, time
from pathlib import Path
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules, sync
from retrieval.tying import TyingRules

class Slow:
    fingerprint = "names"
    def build(self, documents, folder):
        (folder / "names.json").write_text("half")
        print("building", flush=True)
        time.sleep(float(sys.argv[3]))
        (folder / "names.json").write_text(json.dumps({each.name: each.text for each in documents}))

store = DocumentStore(Path(sys.argv[1]))
print(sync(store, SyncRules(Path(sys.argv[2]), Slow(), TyingRules(), 10**6), wait_s=60).indexed, flush=True)
"""


def child(store: DocumentStore, folder: Path, build_s: float) -> subprocess.Popen[str]:
    """Return another process that syncs."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(store.home), str(folder), str(build_s)], stdout=subprocess.PIPE, text=True
    )


def test_a_process_killed_half_way_leaves_the_old_index(store, rules):
    """And the next look makes the new one."""
    sync(store, rules)
    (rules.folder / "b.md").write_text("Second.")
    with child(store, rules.folder, 60) as process:
        assert process.stdout is not None
        assert "building\n" == process.stdout.readline()
        process.kill()
    assert {"returns.md": MANUAL} == indexed(store)

    sync(store, rules)

    assert {"b.md": "Second.", "returns.md": MANUAL} == indexed(store)
    assert not list((store.home / "indexes").glob(".part*"))


def test_two_processes_take_turns(store, rules):
    """The second finds the first one's work done."""
    with child(store, rules.folder, 0.5) as first:
        assert first.stdout is not None
        assert "building\n" == first.stdout.readline()
        with child(store, rules.folder, 0.5) as second:
            assert second.stdout is not None
            assert ("True\n", "False\n") == (first.stdout.read(), second.stdout.read())

    assert {"returns.md": MANUAL} == indexed(store)


def test_readers_find_a_whole_library_whatever_changes(store, rules):
    """Texts and index of one moment, while another thread replaces them as fast as it can."""
    sync(store, rules)
    stop = threading.Event()
    failed: list[str] = []

    def read() -> None:
        while not stop.is_set():
            snapshot = store.snapshot()
            assert snapshot.index is not None
            try:
                names = json.loads((snapshot.index / "names.json").read_text())
            except FileNotFoundError:
                continue  # two swaps later its index is cleared away: who loads it takes the next
            if names != {each.name: each.text for each in snapshot.documents}:
                failed.append(str(names))

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for at in range(40):
        (rules.folder / "returns.md").write_text(f"Text {at}.")
        sync(store, rules)
    stop.set()
    for thread in threads:
        thread.join()

    assert [] == failed


def test_a_gateway_that_looks_does_not_wait(store, rules):
    """Somebody else is at work: it looks again later."""
    began = time.monotonic()
    with library_lock(store.lock_file, "rebuild"), pytest.raises(Exception, match="are being changed by process"):
        sync(store, rules, wait_s=0)

    assert time.monotonic() - began < 1
