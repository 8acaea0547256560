"""Chooses the reply of each request and hands back the actions; knows the script and its counters, no sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from router.providers.scripted import endpoints
from router.providers.scripted.actions import Action, Send, response_head
from router.providers.scripted.answer import Asked, read_request, resolve
from router.providers.scripted.dialect_anthropic import AnthropicRendering
from router.providers.scripted.dialect_ollama import OllamaRendering
from router.providers.scripted.dialect_openai import OpenAIRendering
from router.providers.scripted.plan import plan_chat, plan_plain
from router.providers.scripted.quirks import with_think_tags
from router.providers.scripted.rendering import Failure, Rendering, encode_json
from router.providers.scripted.script import CHAT_PATHS, Reply, Script
from router.providers.scripted.served import Served, response_without_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.types import Json
    from router.providers.scripted.record import RecordedRequest

_OPENAI = OpenAIRendering()
_ANTHROPIC = AnthropicRendering()
_OLLAMA = OllamaRendering()
_INVALID = "invalid_request_error"


@dataclass(slots=True)
class _Counter:
    """How often one reply's conditions held, and how often it answered."""

    matched: int = 0
    used: int = 0


class Responder:
    """The script in force with its counters. `wall_clock` gives Unix seconds."""

    def __init__(self, script: Script, *, wall_clock: Callable[[], float]) -> None:
        self._script = script
        self._clock = wall_clock
        self._counters = [_Counter() for _ in script.replies]

    def respond(self, request: RecordedRequest) -> Sequence[Action]:
        """Return what to do with a request, and note the chosen reply in it."""
        rendering = rendering_of(request.path)
        wrong = _wrong_request(request)
        if wrong is not None:
            return _failed(request, rendering, wrong)
        asked = read_request(request.path, request.json or {})
        chosen = self._choose(request, asked)
        chat = request.path in CHAT_PATHS
        if chat and chosen is None:
            return _failed(request, rendering, _refusal(400, "No reply of the script matches this request."))
        reply, call = chosen or (Reply(), 1)
        served = Served(reply, rendering, request.serial)
        if not chat:
            return self._beside_chat(request, served)
        answer = resolve(reply, asked, serial=request.serial, call=call, created=int(self._clock()))
        if rendering is _OPENAI:
            answer = with_think_tags(answer)
        return plan_chat(served, answer, stream=asked.stream)

    def _choose(self, request: RecordedRequest, asked: Asked) -> tuple[Reply, int] | None:
        """Return the first reply that matches and is not used up, with how often it matched so far."""
        for place, (reply, counter) in enumerate(zip(self._script.replies, self._counters, strict=True), 1):
            match = reply.match
            if not match.holds(
                request.path,
                model=asked.model,
                last_user=asked.last_user,
                headers=request.headers,
                stream=asked.stream,
            ):
                continue
            if reply.times is not None and counter.used >= reply.times:
                continue
            counter.matched += 1
            if match.call is not None and match.call != counter.matched:
                continue
            counter.used += 1
            request.reply = place
            return reply, counter.matched
        return None

    def _beside_chat(self, request: RecordedRequest, served: Served) -> Sequence[Action]:
        scripted = response_without_answer(served)
        if scripted is not None:
            return scripted
        body = self._endpoint_body(request, served.reply)
        if isinstance(body, Failure):
            return _failed(request, served.rendering, body)
        return plan_plain(served, lambda: body)

    def _endpoint_body(self, request: RecordedRequest, reply: Reply) -> Json | Failure:
        table = endpoints.GET if request.method == "GET" else endpoints.POST
        endpoint = table.get(request.path)
        if endpoint is not None:
            return endpoint(self._script, reply, request.json or {})
        name = endpoints.named_model(unquote(request.path))
        if name is not None:
            return endpoints.model_by_id(self._script, name)
        return _refusal(404, f"There is no {request.path} here.")


def rendering_of(path: str) -> Rendering:
    """Return the dialect a path speaks."""
    if path.startswith("/api/"):
        return _OLLAMA
    return _ANTHROPIC if path.rstrip("/").endswith(("/messages", "/count_tokens")) else _OPENAI


def _wrong_request(request: RecordedRequest) -> Failure | None:
    """Return what any upstream would refuse, before the script is asked; paths unknown to us are the script's."""
    method = _method(request.path)
    if method is None:
        return None
    if request.method != method:
        return _refusal(405, f"{request.path} takes {method}.")
    if method == "GET":
        return None
    body = request.json
    if body is None:
        return _refusal(400, "The body is not a JSON object.")
    if request.path in CHAT_PATHS:
        needed: tuple[tuple[str, type], ...] = (("model", str), ("messages", list))
        if request.path.endswith("/messages"):
            needed = (*needed, ("max_tokens", int))  # Anthropic has no default for it
        for name, kind in needed:
            if not isinstance(body.get(name), kind):
                return _refusal(400, f"`{name}` is missing.", param=name)
    return None


def _method(path: str) -> str | None:
    if path in CHAT_PATHS or path in endpoints.POST:
        return "POST"
    return "GET" if path in endpoints.GET or endpoints.named_model(path) is not None else None


def _refusal(status: int, message: str, *, param: str | None = None) -> Failure:
    kind = "not_found_error" if status == 404 else _INVALID  # noqa: PLR2004
    return Failure(status, _INVALID, None, kind, message, param)


def _failed(request: RecordedRequest, rendering: Rendering, failure: Failure) -> Sequence[Action]:
    data = encode_json(rendering.error(failure))
    head = {"content-type": "application/json", "content-length": str(len(data))}
    return (Send(response_head(failure.status, head, {}) + (b"" if request.method == "HEAD" else data)),)
