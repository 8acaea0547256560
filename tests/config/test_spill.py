import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from config.backlog import Backlog, Entry, decode_entry
from config.journal import Journal
from config.spill import CHUNK_RECORDS, Spill


class NamedBook:
    """A book whose records are names."""

    name = "named"

    def payload(self, record):
        return {"name": record}

    def write(self, _connection, _payloads):
        raise AssertionError("nobody writes here")


BOOK = NamedBook()
BOOKS = {"named": BOOK}


class Writing(RuleBasedStateMachine):
    """A writer that copies, moves, commits and fails in any order; at any moment the process may be killed."""

    @initialize(max_bytes=st.sampled_from([400, 100_000]))
    def begin(self, max_bytes):
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name), max_bytes=max_bytes)
        self.spill = Spill(self.journal, record_errors=(ValueError,), skip=lambda _error: None)
        self.queue = Backlog(max_records=1000, max_bytes=1_000_000)
        self.in_flight, self.n, self.written = [], 0, []

    @rule(n=st.integers(1, 5))
    def submit(self, n):
        for _ in range(n):
            self.n += 1
            self.queue.append(Entry(self.n, BOOK, "", str(self.n)))

    @rule()
    def copy(self):
        self.spill.copy((*self.in_flight, *self.queue), up_to=self.n)

    @rule()
    def move(self):
        self.spill.move(self.queue)

    @rule(n=st.integers(1, 4))
    def take(self, n):
        if not self.in_flight and not self.spill.n_moved:
            self.in_flight = self.queue.take(n)

    @rule()
    def commit(self):
        self.written += [entry.record for entry in self.in_flight]
        self.spill.committed(self.in_flight)
        self.in_flight = []

    @rule()
    def fail(self):
        self.queue.put_back(self.in_flight)
        self.in_flight = []

    @rule(n=st.integers(1, 4))
    def replay(self, n):
        if not self.in_flight and (chunk := self.spill.read(n)) is not None:
            self.written += [self._name(line) for line in chunk.payloads]
            self.spill.consume(chunk)

    @invariant()
    def nothing_is_lost(self):
        if not hasattr(self, "journal"):
            return
        waiting = {entry.record for entry in (*self.in_flight, *self.queue)}
        assert {str(number + 1) for number in range(self.n)} <= waiting | set(self.written) | set(self._in_file())
        assert 0 <= self.spill.n_moved <= self.journal.n_waiting

    def teardown(self):
        if hasattr(self, "journal"):
            self.commit()
            while self.queue or self.spill.n_moved:
                self.replay(100)
                self.take(100)
                self.commit()
            assert [] == self._in_file(), "copies of what is written are forgotten"
            firsts = list(dict.fromkeys(self.written))
            assert sorted(firsts, key=int) == [str(number + 1) for number in range(self.n)]
            self.spill.close()
            self.folder.cleanup()

    def _in_file(self):
        return [self._name(line) for line in self.journal.read(10_000).payloads] if self.journal.n_waiting else []

    def _name(self, line):
        return decode_entry(line, BOOKS).made["name"]


TestWriting = Writing.TestCase
TestWriting.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_copy_is_there_when_the_process_is_killed(tmp_path):
    """Copies that nobody forgot are read by the next process as what was moved."""
    spill = Spill(Journal(tmp_path, max_bytes=10_000), record_errors=(ValueError,), skip=lambda _error: None)
    spill.copy([Entry(1, BOOK, "", "a"), Entry(2, BOOK, "", "b"), Entry(3, BOOK, "", "late")], up_to=2)
    moved_before = spill.n_moved
    spill.close()
    found = Spill(Journal(tmp_path, max_bytes=10_000), record_errors=(ValueError,), skip=lambda _error: None)
    chunk = found.read(10)
    found.close()

    assert 0 == moved_before
    assert ["a", "b"] == [decode_entry(line, BOOKS).made["name"] for line in chunk.payloads]


def test_a_long_queue_is_copied_in_parts(tmp_path):
    """A loop that writes late copies a little at a time; each call goes on where the last one ended."""
    spill = Spill(Journal(tmp_path, max_bytes=1_000_000), record_errors=(ValueError,), skip=lambda _error: None)
    waiting = [Entry(seq, BOOK, "", str(seq)) for seq in range(1, CHUNK_RECORDS * 2 + 2)]
    n_copied, are_more = [], True
    while are_more:
        are_more = spill.copy(iter(waiting), up_to=CHUNK_RECORDS * 2 + 1)
        n_copied.append(sum(1 for entry in waiting if entry.copied))
    spill.close()

    assert [CHUNK_RECORDS, CHUNK_RECORDS * 2, CHUNK_RECORDS * 2 + 1] == n_copied
