"""A transport that sends the head of a response together with the first bytes of its body.

uvicorn writes the two apart, and uvloop sends each write at once: two system calls, two packets, and a client that is
woken for a head it cannot use yet.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

_HEAD: Final = b"HTTP/1.1 "
"""How a response begins; a piece of a body that begins so too is only sent a moment later."""


class CorkedTransport(asyncio.Transport):
    """Holds a response's head until the next write, at most for one turn of the loop; all else goes straight on."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head: bytes | None = None

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head + data)
        elif data[: len(_HEAD)] == _HEAD:
            self._head = bytes(data)
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._transport.write(data)

    @override
    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    @override
    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    @override
    def close(self) -> None:
        self._flush()
        self._transport.close()

    @override
    def abort(self) -> None:
        self._head = None
        self._transport.abort()

    @override
    def is_closing(self) -> bool:
        return self._transport.is_closing()

    @override
    def pause_reading(self) -> None:
        self._transport.pause_reading()

    @override
    def resume_reading(self) -> None:
        self._transport.resume_reading()

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return cast("object", self._transport.get_extra_info(name, default))

    @override
    def get_write_buffer_size(self) -> int:
        return len(self._head or b"") + self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)
