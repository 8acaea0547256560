"""Undoes a body's content encoding, never beyond a size: a gzip bomb stops at the limit."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError, PayloadTooLargeError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACCEPTED: Final = "gzip, deflate, identity"
_MAX_LAYERS: Final = 2
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS
_FORM_TYPES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
"""What a foreign web page can send without asking first (the Fetch standard's safelist); no API client means it."""


def decode_content(body: bytes, encoding: str | None, limit: int) -> bytes:
    """Return the body as it was before `encoding` (a `Content-Encoding` header) was applied.

    Raises `PayloadTooLargeError` beyond `limit` bytes, `UnsupportedMediaTypeError` for an encoding not read here,
    `InvalidRequestError` for data that is not in its encoding.
    """
    if not encoding:
        return body
    layers = [name for item in encoding.lower().split(",") if (name := item.strip()) not in ("", "identity")]
    if len(layers) > _MAX_LAYERS:
        raise _unsupported(encoding)
    for name in reversed(layers):
        body = _decode_layer(body, name, limit)
    return body


def check_media_type(headers: Mapping[str, str]) -> None:
    """Raise `UnsupportedMediaTypeError` where the body says that it is a form or plain text.

    A missing type is taken for JSON, and so is any other one.
    """
    found = headers.get("content-type", "").partition(";")[0].strip().lower()
    if found in _FORM_TYPES:
        raise UnsupportedMediaTypeError(
            f"The body must be JSON: send it with the header 'content-type: application/json', not '{found}'."
        )


def _decode_layer(body: bytes, name: str, limit: int) -> bytes:
    if name in ("gzip", "x-gzip"):
        return _inflate(body, _GZIP_BITS, name, limit)
    if name == "deflate":
        # RFC 9110 means zlib by `deflate`; some clients send the bare stream.
        is_zlib = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0
        return _inflate(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS, name, limit)
    raise _unsupported(name)


def _inflate(body: bytes, window_bits: int, name: str, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:
        stream = zlib.decompressobj(window_bits)
        try:
            part = stream.decompress(body, limit - size + 1)
        except zlib.error as error:
            raise InvalidRequestError(f"The request body is not valid {name} data.") from error
        size += len(part)
        if size > limit:
            raise PayloadTooLargeError(f"The request body is larger than {limit} bytes after decompression.")
        if not stream.eof:
            raise InvalidRequestError(f"The request body ends in the middle of its {name} data.")
        parts.append(part)
        body = stream.unused_data  # gzip allows several members in a row
    return b"".join(parts)


def _unsupported(encoding: str) -> UnsupportedMediaTypeError:
    shown = "".join(char if char.isprintable() else "?" for char in encoding[:64])
    return UnsupportedMediaTypeError(
        f"The content encoding '{shown}' is not read here; use one of {_ACCEPTED}.",
        headers={"accept-encoding": _ACCEPTED},
    )
