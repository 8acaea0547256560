"""What providers want back with a tool call and clients forget: reasoning text, signed thinking, thought signatures.

Kept in memory under the tool call's id; bounded by count, bytes and age. Lost on restart, which a provider must bear.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.types import Json

_MAX_ENTRIES: Final = 20_000
_MAX_BYTES: Final = 64 * 1024 * 1024
_TTL_S: Final = 24 * 3600.0


class ReasoningStore:
    """Least recently used out first. Values are kept encoded, so nobody changes them afterwards.

    `clock` gives monotonic seconds; `ttl_s` counts from the last `put`. For one event loop: it takes no lock.
    """

    def __init__(
        self,
        *,
        max_entries: int = _MAX_ENTRIES,
        max_bytes: int = _MAX_BYTES,
        ttl_s: float = _TTL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._size_bytes = 0

    def put(self, tool_call_id: str, value: Json) -> None:
        """Keep `value`, replacing what was there; one larger than the whole store is not kept."""
        self._drop(tool_call_id)
        encoded = msgspec.json.encode(value)
        size = _size(tool_call_id, encoded)
        if size > self._max_bytes or self._max_entries < 1:
            return
        self._entries[tool_call_id] = (self._clock() + self._ttl_s, encoded)
        self._size_bytes += size
        while len(self._entries) > self._max_entries or self._size_bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def get(self, tool_call_id: str) -> Json | None:
        """Return a fresh copy of what was kept, or `None` when nothing was or it has aged out."""
        entry = self._entries.get(tool_call_id)
        if entry is None:
            return None
        expires, encoded = entry
        if self._clock() >= expires:
            self._drop(tool_call_id)
            return None
        self._entries.move_to_end(tool_call_id)
        return msgspec.json.decode(encoded, type=dict[str, object])

    @property
    def n_entries(self) -> int:
        """How many values are kept, aged ones included."""
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """How many bytes keys and values take."""
        return self._size_bytes

    def _drop(self, tool_call_id: str) -> None:
        entry = self._entries.pop(tool_call_id, None)
        if entry is not None:
            self._size_bytes -= _size(tool_call_id, entry[1])


def call_key(call_id: str, name: str, arguments: str) -> str:
    """Return a key for a call whose provider counts its ids (`functions.search:0`) instead of drawing them.

    Name and arguments keep one conversation's reasoning from turning up in another one with the same id. JSON
    arguments are compared by value, since clients write them anew.
    """
    try:
        normal = msgspec.json.encode(msgspec.json.decode(arguments), order="sorted")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        normal = arguments.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(normal, digest_size=12, key=name.encode("utf-8", "surrogatepass")[:64]).hexdigest()
    return f"{call_id}#{digest}"


def _size(tool_call_id: str, encoded: bytes) -> int:
    return len(tool_call_id) + len(encoded)
