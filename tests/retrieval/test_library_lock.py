"""One process at a time changes a library, and others hear which."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from config.errors import LibraryBusyError
from retrieval.library_lock import library_lock

HOLD = """
import sys
from pathlib import Path
from retrieval.library_lock import library_lock
with library_lock(Path(sys.argv[1]), "rebuild"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "held\n" == process.stdout.readline()
        yield process
        process.kill()


def test_the_second_is_told_who_holds_it(tmp_path, holder):
    """By process id, work and time."""
    with (
        pytest.raises(LibraryBusyError, match=rf"process {holder.pid} \(rebuild, since \d\d:\d\d:\d\d\)"),
        library_lock(tmp_path / "lock", "add"),
    ):
        pass


def test_the_second_goes_on_when_the_first_is_killed(tmp_path, holder):
    """The system gives back what a dead process held."""
    heard = []

    def kill(word: str) -> None:
        heard.append(word)
        os.kill(holder.pid, signal.SIGKILL)

    with library_lock(tmp_path / "lock", "add", wait_s=20, told=kill):
        assert str(os.getpid()) in (tmp_path / "lock").read_text()

    assert [True] == [f"process {holder.pid}" in word for word in heard]


def test_a_holder_that_has_not_said_who_it_is(tmp_path):
    """Between taking the lock and writing its name."""
    with library_lock(tmp_path / "lock", "add"):
        (tmp_path / "lock").write_text("")
        with pytest.raises(LibraryBusyError, match="by another process"), library_lock(tmp_path / "lock", "add"):
            pass


def test_threads_of_one_process_exclude_each_other(tmp_path):
    """Each opens the file by itself."""
    done = []

    def change() -> None:
        with library_lock(tmp_path / "lock", "second", wait_s=20):
            done.append("second")

    with library_lock(tmp_path / "lock", "first"):
        thread = threading.Thread(target=change)
        thread.start()
        done.append("first")
    thread.join()

    assert ["first", "second"] == done
