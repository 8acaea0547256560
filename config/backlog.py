"""What waits to be written: records in memory, bounded in number and bytes, and how they look in the journal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from config.columns import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from config.books import Book
    from config.types import Json


@dataclass(slots=True)
class Entry:
    """A record on its way; its payload is made when it is first needed."""

    seq: int
    book: Book
    key: str
    record: object
    size_bytes: int = 0
    """What its large parts take in memory."""
    made: Json | None = None
    copied: int = 0
    """The epoch in which a copy of it was journalled, 0 for none."""

    def payload(self) -> Json:
        """Return the record as its book writes it."""
        if self.made is None:
            self.made = self.book.payload(self.record)
        return self.made


class _Line(msgspec.Struct, frozen=True):
    book: str
    key: str
    payload: dict[str, Any]


def encode_entry(entry: Entry) -> bytes:
    """Return one line of the journal, without its line break. Raises what the record's own values raise."""
    return json_text({"book": entry.book.name, "key": entry.key, "payload": entry.payload()}).encode()


def decode_entry(line: bytes, books: Mapping[str, Book]) -> Entry:
    """Read a line of the journal. Raises `ValueError` when another version of the product wrote it in its own way."""
    try:
        found = msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError as error:
        raise ValueError("not a line of the journal") from error
    if found.book not in books:
        raise ValueError(f"no book is called '{found.book}'")
    return Entry(0, books[found.book], found.key, None, made=found.payload)


class Backlog:
    """Entries in the order in which they came; bounds are asked for by `is_full`, not enforced."""

    def __init__(self, *, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._entries: deque[Entry] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __reversed__(self) -> Iterator[Entry]:
        return reversed(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether another entry would be one too many."""
        return len(self._entries) >= self._max_records or self._size_bytes >= self._max_bytes

    def append(self, entry: Entry) -> None:
        """Add the newest entry."""
        self._entries.append(entry)
        self._size_bytes += entry.size_bytes

    def take(self, n_max: int, *, max_bytes: int | None = None) -> list[Entry]:
        """Remove and return the oldest entries, up to the one that goes beyond `max_bytes`."""
        taken: list[Entry] = []
        size = 0
        while self._entries and len(taken) < n_max and (max_bytes is None or size < max_bytes):
            entry = self._entries.popleft()
            size += entry.size_bytes
            taken.append(entry)
        self._size_bytes -= size
        return taken

    def drop_copied(self, epoch: int) -> int:
        """Remove the oldest entries as long as a copy of this epoch is journalled, and return how many there were."""
        n = 0
        while self._entries and self._entries[0].copied == epoch:
            self._size_bytes -= self._entries.popleft().size_bytes
            n += 1
        return n

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Make entries the oldest again, in their order."""
        self._entries.extendleft(reversed(entries))
        self._size_bytes += sum(entry.size_bytes for entry in entries)
