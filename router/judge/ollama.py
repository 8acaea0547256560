"""What the judge needs of an Ollama server: its version, its models, an answer by schema, loading and pulling.

Over the same wire as the relay. Every call raises `UpstreamError`; deadlines are the caller's, but for connecting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.errors import UpstreamError
from router.discovery import same_model
from router.providers.base import UpstreamRequest
from router.providers.exchange import raise_for_status, read_object
from router.providers.json_values import as_count, as_number, as_object, as_objects, as_text, encode
from router.providers.ndjson import LineParser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from config.types import Json
    from router.providers.base import Transport, UpstreamResponse

FIRST_WITH_SCHEMA: Final = (0, 5, 0)
"""The first version that holds an answer to a JSON schema; those before it know only JSON of any shape."""
MAX_ANSWER_BYTES: Final = 1 << 20
MAX_LIST_BYTES: Final = 4 << 20
CONNECT_S: Final = 1.0
PULL_IDLE_S: Final = 120.0
_NUMBERS = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer and the tokens that were spent on it."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = 0.0
    """What that cost; `None` where the price is unknown. A model that you run yourself costs nothing."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """How far a download is. `total` is 0 where the server does not say."""

    status: str
    completed: int = 0
    """Bytes of the part that is being fetched."""
    total: int = 0
    part: str = ""
    """Which part of the model it is."""


@dataclass(frozen=True, slots=True)
class Ask:
    """How a model is asked: temperature 0 and a fixed seed, so that the same question gets the same answer."""

    num_ctx: int = 4096
    keep_alive_s: float = 600.0
    max_answer_tokens: int = 160


class OllamaServer:
    """One server, by its address, with or without `/api` or `/v1` at its end; `key` is for one behind a login."""

    def __init__(self, transport: Transport, url: str, *, key: str | None = None) -> None:
        self._transport = transport
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._url = url.rstrip("/").removesuffix("/api").removesuffix("/v1")

    async def version(self) -> str:
        """Return its version, such as `0.12.3`."""
        answer = await self._get("/api/version", MAX_ANSWER_BYTES)
        return (as_text(answer.get("version")) or "")[:40]

    async def has(self, model: str) -> bool:
        """Return whether the model is on the server; without a tag `latest` is meant."""
        answer = await self._get("/api/tags", MAX_LIST_BYTES)
        return _lists(answer, model)

    async def is_loaded(self, model: str) -> bool | None:
        """Return whether the model is in memory; `None` where the server does not tell."""
        try:
            answer = await self._get("/api/ps", MAX_LIST_BYTES)
        except UpstreamError as error:
            if error.status is None:
                raise
            return None
        return _lists(answer, model) if "models" in answer else None

    async def chat(self, model: str, messages: Sequence[Json], *, schema: Json | str, ask: Ask) -> Said:
        """Return one answer. `schema` is a JSON schema, or `json` for servers that know none."""
        body: Json = {
            "model": model,
            "messages": list(messages),
            "stream": False,
            "think": False,
            "format": schema,
            "keep_alive": f"{ask.keep_alive_s:.0f}s",
            "options": {"temperature": 0, "seed": 0, "num_ctx": ask.num_ctx, "num_predict": ask.max_answer_tokens},
        }
        answer = await self._post("/api/chat", body)
        message = as_object(answer.get("message")) or {}
        return Said(
            as_text(message.get("content")) or "",
            as_count(answer.get("prompt_eval_count")),
            as_count(answer.get("eval_count")),
        )

    async def load(self, model: str, *, ask: Ask) -> None:
        """Return once the model is in memory."""
        options = {"num_ctx": ask.num_ctx}
        body: Json = {"model": model, "stream": False, "keep_alive": f"{ask.keep_alive_s:.0f}s", "options": options}
        await self._post("/api/generate", body)

    async def pull(self, model: str) -> AsyncIterator[Pulled]:
        """Download a model, and yield how far it is. Raises where the server cannot."""
        response = await self._send("POST", "/api/pull", {"model": model, "stream": True}, idle_s=PULL_IDLE_S)
        last = ""
        try:
            await raise_for_status(response, "ollama")
            parser = LineParser(MAX_ANSWER_BYTES)
            async for chunk in response.chunks():
                for line in parser.feed(chunk):
                    yield (told := _pulled(line))
                    last = told.status
            if line := parser.finish():
                yield (told := _pulled(line))
                last = told.status
        finally:
            response.close()
        if last != "success":
            raise UpstreamError(f"The download of {model!r} ended before it was done.", failure_class="transient")

    async def _get(self, path: str, limit: int) -> Json:
        return await self._read(await self._send("GET", path, None), path, limit)

    async def _post(self, path: str, body: Json) -> Json:
        return await self._read(await self._send("POST", path, body), path, MAX_ANSWER_BYTES)

    async def _send(
        self, method: str, path: str, body: Json | None, *, idle_s: float | None = None
    ) -> UpstreamResponse:
        headers = self._headers | ({"content-type": "application/json"} if body is not None else {})
        data = encode(body) if body is not None else b""
        request = UpstreamRequest(method, f"{self._url}{path}", headers, data, connect_s=CONNECT_S, idle_s=idle_s)
        return await self._transport.send(request)

    @staticmethod
    async def _read(response: UpstreamResponse, path: str, limit: int) -> Json:
        try:
            await raise_for_status(response, "ollama")
            return read_object(await response.read(limit), path)
        finally:
            response.close()


def knows_schemas(version: str) -> bool:
    """Return whether a server of this version holds answers to a schema; one that says no version is taken for new."""
    numbers = tuple(int(each) for each in _NUMBERS.findall(version)[:3])
    return not numbers or numbers >= FIRST_WITH_SCHEMA or numbers == (0, 0, 0)  # 0.0.0: built from source


def _lists(answer: Json, model: str) -> bool:
    names = (as_text(each.get("name")) or as_text(each.get("model")) for each in as_objects(answer.get("models")))
    return any(name is not None and same_model(model, name) for name in names)


def _pulled(line: bytes) -> Pulled:
    told = read_object(line, "a line")
    if error := as_text(told.get("error")):
        raise UpstreamError(f"Ollama could not pull it: {error[:200]}", failure_class="transient")
    return Pulled(
        (as_text(told.get("status")) or "")[:200],
        _bytes(told.get("completed")),
        _bytes(told.get("total")),
        (as_text(told.get("digest")) or "")[:80],
    )


def _bytes(value: object) -> int:
    number = as_number(value)
    return int(number) if number is not None and 0 < number < 1 << 50 else 0
