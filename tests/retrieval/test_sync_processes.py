"""A library on disk: full disks, killed processes, two at once, and readers while it changes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.library_lock import library_lock
from retrieval.store import DocumentStore
from retrieval.sync import sync
from tests.retrieval.names_index import MANUAL, NamesIndex, indexed


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
import json, sys
from pathlib import Path
from retrieval.store import DocumentStore
from retrieval.sync import SyncRules, sync
from retrieval.tying import TyingRules

class Slow:
    fingerprint = "names"
    def build(self, documents, folder, *, before=None):
        (folder / "names.json").write_text("half")
        print("building", flush=True)
        sys.stdin.readline()
        (folder / "names.json").write_text(json.dumps({each.name: each.text for each in documents}))

store = DocumentStore(Path(sys.argv[1]))
rules = SyncRules(Path(sys.argv[2]), Slow(), TyingRules(), 10**6)
print(sync(store, rules, wait_s=60, told=lambda _: print("waiting", flush=True)).indexed, flush=True)
"""


def child(store: DocumentStore, folder: Path) -> subprocess.Popen[str]:
    """Return another process that syncs, and waits for a line before it ends its index."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(store.home), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_killed_half_way_leaves_the_old_index(store, rules):
    """And the next look makes the new one."""
    sync(store, rules)
    (rules.folder / "b.md").write_text("Second.")
    with child(store, rules.folder) as process:
        assert process.stdout is not None
        assert "building\n" == process.stdout.readline()
        process.kill()
    assert {"returns.md": MANUAL} == indexed(store)

    sync(store, rules)

    assert {"b.md": "Second.", "returns.md": MANUAL} == indexed(store)
    assert not list((store.home / "indexes").glob(".part*"))


def test_two_processes_take_turns(store, rules):
    """The second finds the first one's work done."""
    with child(store, rules.folder) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert "building\n" == first.stdout.readline()
        with child(store, rules.folder) as second:
            assert second.stdout is not None
            assert "waiting\n" == second.stdout.readline()
            first.stdin.write("\n")
            first.stdin.flush()
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
