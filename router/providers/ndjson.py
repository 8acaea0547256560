"""Lines of newline-delimited JSON out of bytes cut anywhere."""

from __future__ import annotations

from config.errors import UpstreamError


class LineParser:
    """Collects bytes into lines of at most `max_line_bytes`; blank lines are left out."""

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes. Raises `UpstreamError` for a line that is too long."""
        *ends, rest = data.split(b"\n")
        lines = [self._take(end) for end in ends]
        self._hold(rest)
        return [line for line in lines if line]

    def finish(self) -> bytes:
        """Return the last line where the upstream left out its end."""
        return self._take(b"")

    def _take(self, end: bytes) -> bytes:
        self._hold(end)
        line = b"".join(self._pieces).strip()
        self._pieces.clear()
        self._size = 0
        return line

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise UpstreamError("The upstream sent a line beyond all bounds.", failure_class="transient")
        if piece:
            self._pieces.append(piece)
