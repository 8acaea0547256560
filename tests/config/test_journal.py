import resource
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import StorageError
from config.journal import MAX_FILES, Journal


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "spill", max_bytes=10_000)
    yield opened
    opened.close()


def test_lines_come_back_in_order_until_they_are_consumed(journal):
    """Reading forgets nothing; consuming forgets what was read."""
    assert 3 == journal.append([b"a", b"b", b"c"])
    first = journal.read(2)
    again = journal.read(2)
    journal.consume(again)
    rest = journal.read(2)

    assert (b"a", b"b") == first.payloads == again.payloads
    assert (b"c",) == rest.payloads
    assert 1 == journal.n_waiting


def test_the_file_is_emptied_once_everything_is_consumed(journal):
    """A journal that did its work takes no room."""
    journal.append([b"a", b"b"])
    journal.consume(journal.read(10))

    assert (0, 0) == (journal.size_bytes, journal.n_waiting)
    assert () == journal.read(10).payloads


def test_lines_appended_while_others_are_being_replayed_are_not_lost(journal):
    """What arrives between reading and consuming waits behind what was read."""
    journal.append([b"a"])
    chunk = journal.read(10)
    journal.append([b"b"])
    journal.consume(chunk)

    assert (b"b",) == journal.read(10).payloads


def test_the_bound_holds_and_says_how_many_lines_were_taken(tmp_path):
    """A full journal takes what fits, in order, and nothing behind it."""
    journal = Journal(tmp_path, max_bytes=40)
    taken = journal.append([b"x" * 10, b"y" * 5, b"z" * 10])
    size = journal.size_bytes
    journal.close()

    assert 2 == taken
    assert 35 == size


def test_what_a_dead_process_left_is_found_by_the_next_one(tmp_path):
    """Lines outlive the process that wrote them."""
    before = Journal(tmp_path, max_bytes=1_000)
    before.append([b"a", b"b"])
    before.sync()
    before.close()
    after = Journal(tmp_path, max_bytes=1_000)
    found = after.read(10)
    waiting = after.n_waiting
    after.close()

    assert ((b"a", b"b"), 2) == (found.payloads, waiting)


def test_two_processes_have_a_file_each_and_the_survivor_takes_over(tmp_path):
    """A file in use is left alone; a file whose owner is gone is taken over by the next start."""
    first, second = (Journal(tmp_path, max_bytes=1_000) for _ in range(2))
    first.append([b"one"])
    second.append([b"two"])
    seen_by_second = second.read(10).payloads
    first.close()
    second.close()
    third = Journal(tmp_path, max_bytes=1_000)
    taken = third.read(10).payloads
    third.consume(third.read(10))
    third.close()
    fourth = Journal(tmp_path, max_bytes=1_000)
    left = fourth.n_waiting
    fourth.close()

    assert (b"two",) == seen_by_second
    assert {b"one", b"two"} == set(taken)
    assert 0 == left


def test_a_line_torn_by_a_crash_spoils_neither_its_neighbours_nor_what_follows(tmp_path):
    """Half a line at the end is closed, passed over and counted."""
    journal = Journal(tmp_path, max_bytes=1_000)
    journal.append([b"whole", b"to be torn"])
    journal.close()
    path = next(tmp_path.glob("journal-*"))
    path.write_bytes(path.read_bytes()[:-4])
    journal = Journal(tmp_path, max_bytes=1_000)
    journal.append([b"next"])
    chunk = journal.read(10)
    journal.consume(chunk)
    journal.close()

    assert (b"whole", b"next") == chunk.payloads
    assert 1 == journal.n_corrupt


def test_a_torn_line_in_a_file_that_is_taken_over_stays_alone(tmp_path):
    """Taking over closes the last line of the other file too."""
    first, second = (Journal(tmp_path, max_bytes=1_000) for _ in range(2))
    second.append([b"whole", b"torn"])
    first.close()
    second.close()
    path = tmp_path / "journal-01.jsonl"
    path.write_bytes(path.read_bytes()[:-3])
    journal = Journal(tmp_path, max_bytes=1_000)
    journal.append([b"next"])
    payloads = journal.read(10).payloads
    journal.close()

    assert (b"whole", b"next") == payloads


def test_a_disk_that_is_full_takes_nothing_and_breaks_nothing(tmp_path):
    """A failed append reports it, and the next one works once there is room."""
    journal = Journal(tmp_path, max_bytes=1_000_000)
    journal.append([b"before"])
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size_bytes + 20, limits[1]))
        taken_half = journal.append([b"x" * 5_000])
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size_bytes, limits[1]))
        taken_none = journal.append([b"x" * 5_000])
        error = journal.last_error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    taken_after = journal.append([b"after"])
    payloads = journal.read(10).payloads
    journal.close()

    assert (0, 0, 1) == (taken_half, taken_none, taken_after)
    assert "File too large" == error
    assert (b"before", b"after") == payloads


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path):
    """The error names the trouble, not the path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="cannot be opened"):
        Journal(tmp_path / "file" / "spill", max_bytes=1)


def test_more_processes_than_files_are_refused(tmp_path):
    """The number of files in a folder is bounded."""
    journals = [Journal(tmp_path, max_bytes=10) for _ in range(MAX_FILES)]

    with pytest.raises(StorageError, match="use this journal already"):
        Journal(tmp_path, max_bytes=10)
    for each in journals:
        each.close()


def test_only_the_owner_may_read_the_journal(journal, tmp_path):
    """Lines hold previews of prompts."""
    assert 0o600 == next((tmp_path / "spill").glob("*")).stat().st_mode & 0o777


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=60).filter(lambda each: b"\n" not in each), max_size=12),
    st.integers(0, 400),
    st.integers(1, 255),
)
def test_no_damage_to_one_byte_makes_a_line_come_back_wrong(tmp_path_factory, payloads, where, change):
    """Whatever byte the disk spoils, every line that is given out is one that was put in."""
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, max_bytes=10_000)
    journal.append(payloads)
    journal.close()
    path = next(folder.glob("journal-*"))
    data = bytearray(path.read_bytes())
    if where < len(data):
        data[where] ^= change
    path.write_bytes(bytes(data))
    journal = Journal(folder, max_bytes=10_000)
    chunk = journal.read(100)
    journal.consume(chunk)
    journal.close()

    assert set(chunk.payloads) <= set(payloads)
    assert len(chunk.payloads) >= len(payloads) - 2
    assert 0 == journal.n_waiting
