"""The documents over HTTP: listed, sent, taken away. What is sent is taken in by the look that follows at once."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import structlog
from litestar import delete, get, post
from litestar.params import PathParameter

from config.errors import DocumentError, InvalidRequestError, LibraryBusyError, NotFoundError, UnavailableError
from config.ids import new_id
from config.types import Json
from proxy.admission import require_scope
from proxy.document_library import check_document, library_json
from proxy.health_api import AUDIT, WITHOUT_KEY
from proxy.native_api import HttpRequest, house_of, known_caller
from proxy.requests.content import decode_content
from proxy.requests.json_body import json_object
from proxy.same_origin import refuse_what_pages_can_send
from retrieval.changes import put_upload, remove_named
from retrieval.library_lock import library_lock

if TYPE_CHECKING:
    from config.key_identity import KeyIdentity
    from proxy.house import House

PATH: Final = "/api/documents"
WAIT_S: Final = 5.0
"""How long a request waits for another process that changes the library."""

log = structlog.stdlib.get_logger("thalamus.proxy.documents_api")


@get(PATH, summary="List the documents", tags=["Operations"])
async def get_documents(request: HttpRequest) -> Json:
    """Return the documents, the folders and files they come from, and what could not be taken in and why.

    Needs a key with the scope `admin` where keys are needed.
    """
    require_scope(await known_caller(request), "admin")
    house = house_of(request)
    return await asyncio.to_thread(library_json, house.documents.library.store, house.settings)


@post(PATH, status_code=202, summary="Send a document", tags=["Operations"])
async def post_document(request: HttpRequest) -> Json:
    """Keep a document: `name` with its suffix, and either `text` or `content_base64`; it replaces one of that name.

    It is read before the answer, so that a file that cannot be read is refused, and searched some seconds later. Needs
    the scope `admin` where keys are needed.
    """
    caller = await known_caller(request)
    require_scope(caller, "admin")
    refuse_what_pages_can_send(request.headers)
    house = house_of(request)
    server = house.settings.server
    body = decode_content(await request.body(), request.headers.get("content-encoding"), server.max_body_bytes)
    fields = json_object(body, max_depth=server.max_json_depth)
    name, data = _sent(fields)
    try:
        told = await keep_document(house, name, data, actor=_actor(caller))
    except DocumentError as error:
        raise InvalidRequestError(f"The document was not kept: {error}.") from error
    except OSError as error:
        raise UnavailableError(
            "The document was not kept: the data folder does not take it now.", code="library_unavailable"
        ) from error
    return {"name": name, "size_bytes": len(data), **told}


@delete(f"{PATH}/{{name:path}}", status_code=200, summary="Take a document away", tags=["Operations"])
async def delete_document(
    request: HttpRequest, name: Annotated[str, PathParameter(description="As the list names it.")]
) -> Json:
    """Delete a document that was sent, or watch a folder or file that was added no longer; its files stay.

    Needs the scope `admin` where keys are needed.
    """
    caller = await known_caller(request)
    require_scope(caller, "admin")
    house = house_of(request)
    try:
        return await remove_document(house, name.lstrip("/"), actor=_actor(caller))
    except DocumentError as error:
        raise NotFoundError(str(error), param="name") from error
    except LibraryBusyError as error:
        raise UnavailableError(str(error), code="library_busy", retry_after_s=WAIT_S) from error


async def keep_document(house: House, name: str, data: bytes, *, actor: str) -> Json:
    """Read a document and keep it, and return what it was read as. Raises `DocumentError`, `OSError`."""
    told = await asyncio.to_thread(check_document, name, data, house.settings.retrieval.max_document_bytes)
    await asyncio.to_thread(put_upload, house.documents.library.store, name, data)
    _changed(house, actor, "documents_add", name, after={"size_bytes": len(data)})
    return told


async def remove_document(house: House, name: str, *, actor: str) -> Json:
    """Delete what was sent, or watch it no longer, and return which. Raises `DocumentError`, `LibraryBusyError`."""
    store = house.documents.library.store

    def remove() -> Json:
        with library_lock(store.lock_file, "remove over HTTP", wait_s=WAIT_S):
            removed = remove_named(store, name)
            return {"removed": removed.name, "was": removed.was}

    told = await asyncio.to_thread(remove)
    _changed(house, actor, "documents_remove", name, before=told)
    return told


ROUTES: Final = (get_documents, post_document, delete_document)


def _sent(fields: Json) -> tuple[str, bytes]:
    """Return name and bytes of a document. Raises `InvalidRequestError`."""
    name, text, encoded = fields.get("name"), fields.get("text"), fields.get("content_base64")
    if not isinstance(name, str) or not name:
        raise InvalidRequestError("Give the document's 'name' with its suffix, such as 'returns.md'.", param="name")
    if isinstance(text, str) and encoded is None:
        return name, text.encode("utf-8", errors="replace")
    if not isinstance(encoded, str) or text is not None:
        raise InvalidRequestError("Give either 'text' or 'content_base64'.", param="text")
    try:
        return name, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError("'content_base64' is no Base64.", param="content_base64") from error


def _actor(caller: KeyIdentity | None) -> str:
    return caller.prefix if caller is not None else WITHOUT_KEY


def _changed(
    house: House, actor: str, action: str, name: str, *, before: Json | None = None, after: Json | None = None
) -> None:
    """Write the audit row, and have the change taken in at once."""
    row = {"action": action, "subject": name, "before": before, "after": after}
    house.writer.submit(AUDIT, {"id": new_id(), "ts": datetime.now(UTC), "actor": actor, **row})
    log.info("library_changed_by_operator", action=action, changed_by=actor)
    house.documents.library.look_soon()
