"""One content part of an OpenAI message as one Anthropic content block."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from router.providers.chat_params import split_data_url
from router.providers.json_values import as_object, as_text

if TYPE_CHECKING:
    from config.types import Json

_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_IMAGE_ALIASES: Final = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
_NATIVE_TYPES = frozenset({"image", "document", "search_result", "container_upload"})
"""Anthropic's own blocks, which some clients send on the chat path; they pass as they are."""


def to_block(part: Json, path: str) -> Json:
    """Return the block of a part. Raises `InvalidRequestError`, naming the field, where Anthropic has none."""
    kind = part.get("type")
    if kind == "text":
        return _with_cache(part, {"type": "text", "text": part["text"]})
    if kind in ("image_url", "input_image"):
        return _with_cache(part, {"type": "image", "source": _image_source(part, path)})
    if kind in ("file", "input_file"):
        return _with_cache(part, _document(as_object(part.get("file")) or part, path))
    if kind in _NATIVE_TYPES:
        return part
    message = f"`{path}.type` is {kind!r}, which Anthropic models do not take."
    raise InvalidRequestError(message, param=f"{path}.type", code="unsupported_parameter")


def loses_filename(part: Json) -> bool:
    """Return whether the file is a picture, which Anthropic takes without a name."""
    file = as_object(part.get("file")) or part
    return bool(file.get("filename")) and str(file.get("file_data") or "")[:11].lower() == "data:image/"


def _image_source(part: Json, path: str) -> Json:
    given = part.get("image_url")
    url = as_text(given) or as_text((as_object(given) or {}).get("url")) or ""
    where = f"{path}.image_url"
    data = split_data_url(url, where)
    if data is not None:
        return _base64_image(*data, where)
    if not url.lower().startswith(("https://", "http://")):
        raise InvalidRequestError(f"`{where}` must be an http(s) or data URL.", param=where)
    return {"type": "url", "url": url}


def _base64_image(media: str, data: str, where: str) -> Json:
    media = _IMAGE_ALIASES.get(media, media)
    if media not in _IMAGE_TYPES:
        raise InvalidRequestError(f"`{where}` must be JPEG, PNG, GIF or WebP.", param=where)
    return {"type": "base64", "media_type": media, "data": data}


def _document(file: Json, path: str) -> Json:
    where = f"{path}.file"
    given = as_text(file.get("file_data"))
    if given is None:
        message = f"`{where}` must carry `file_data`: a file id of one provider means nothing to another."
        raise InvalidRequestError(message, param=where, code="unsupported_parameter")
    name = as_text(file.get("filename"))
    media, data = split_data_url(given, where) or ("application/pdf", given)
    if media.startswith("image/"):
        return {"type": "image", "source": _base64_image(media, data, where)}
    if media == "application/pdf":
        source: Json = {"type": "base64", "media_type": media, "data": data}
    elif media.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _plain_text(data, where)}
    else:
        raise InvalidRequestError(f"`{where}` must be a PDF, an image or a text.", param=where)
    titled: Json = {"title": name} if name else {}
    return {"type": "document", "source": source, **titled}


def _plain_text(data: str, where: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"`{where}` is not base64 of UTF-8 text.", param=where) from error


def _with_cache(part: Json, block: Json) -> Json:
    return {**block, "cache_control": part["cache_control"]} if part.get("cache_control") else block
