"""The wire format of Protobuf, as far as artefacts need it: numbers, floats and blocks of bytes.

Spoken here without generated code that must match a runtime's version; a test holds it against the real library.
Unknown fields are skipped, as Protobuf says.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FLOAT_BYTES = 4
_MOST_VARINT_BITS = 63


def number_field(number: int, value: int) -> bytes:
    """Return a field that holds a number."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Return a field that holds bytes, a text or another message."""
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def float_field(number: int, value: float) -> bytes:
    """Return a field that holds a number of four bytes."""
    return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)


def grouped(data: bytes) -> dict[int, list[bytes]]:
    """Return the raw values of each field number, in order. Raises `ValueError`, `IndexError` where cut short."""
    found: dict[int, list[bytes]] = {}
    for number, value in _fields(data):
        found.setdefault(number, []).append(value)
    return found


def last_int(fields: dict[int, list[bytes]], number: int) -> int:
    """Return the last number of a field, 0 without one."""
    return int.from_bytes(fields.get(number, [b""])[-1], "little")


def last_text(fields: dict[int, list[bytes]], number: int) -> str:
    """Return the last text of a field, empty without one. Raises `UnicodeDecodeError`."""
    return fields.get(number, [b""])[-1].decode()


def last_float(fields: dict[int, list[bytes]], number: int) -> float:
    """Return the last four-byte number of a field, 0 without one. Raises `struct.error`."""
    (value,) = struct.unpack("<f", fields.get(number, [bytes(_FLOAT_BYTES)])[-1])
    return value


def all_floats(fields: dict[int, list[bytes]], number: int) -> tuple[float, ...]:
    """Return the four-byte numbers of every block of a field. Raises `ValueError`."""
    blocks: Sequence[bytes] = fields.get(number, [])
    return tuple(np.frombuffer(b"".join(blocks), "<f4").tolist())


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004  # seven bits a byte, the eighth says that more follow
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value.to_bytes(8, "little")
            continue
        if kind == _LENGTH:
            size, at = _read_varint(data, at)
        elif kind in {_FIXED32, _FIXED64}:
            size = _FLOAT_BYTES if kind == _FIXED32 else 2 * _FLOAT_BYTES
        else:
            raise ValueError(kind)
        if at + size > len(data):
            raise ValueError(size)
        yield key >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
        if shift >= _MOST_VARINT_BITS:
            raise ValueError(shift)
