"""Turns one reply into the exact actions of the connection: what is sent, when, and where it breaks. All pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, cast

from router.providers.scripted.actions import (
    FLOOD_BLOCK,
    LAST_CHUNK,
    Action,
    Close,
    Flood,
    Hang,
    Reset,
    Send,
    Sleep,
    http_chunk,
)
from router.providers.scripted.rendering import encode_json
from router.providers.scripted.served import (
    HTML_TYPE,
    JSON_TYPE,
    Served,
    html_body,
    lead,
    response_without_answer,
    whole_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from config.types import Json
    from router.providers.scripted.answer import Answer
    from router.providers.scripted.rendering import StreamParts
    from router.providers.scripted.script import Fault


_DROPS: Mapping[Fault | None, Action] = {
    "hang_mid_stream": Hang(),
    "cut_mid_stream": Close(),
    "cut_before_content": Close(),
    "reset": Reset(),
}
"""Faults that end the answer by what happens to the connection."""


def plan_stream(served: Served, answer: Answer) -> tuple[Action, ...]:
    """Return the actions of a streamed answer."""
    fault = served.reply.fault
    early = response_without_answer(served)
    if early is not None:
        return early
    if fault == "empty_200":
        return whole_response(served, b"", JSON_TYPE)
    if fault == "json_instead_of_sse":
        return whole_response(served, served.error_body(), JSON_TYPE)
    if fault == "html_instead_of_sse":
        return whole_response(served, html_body(served), HTML_TYPE)
    if fault == "completion_instead_of_sse":
        return whole_response(served, encode_json(served.rendering.plain(answer)), JSON_TYPE)
    parts = served.rendering.stream(_with_huge_piece(served, answer))
    return (*lead(served), *_stream_actions(served, parts))


def plan_plain(served: Served, body: Callable[[], Json]) -> tuple[Action, ...]:
    """Return the actions of a whole answer; `body` is made only if it is needed."""
    fault = served.reply.fault
    early = response_without_answer(served)
    if early is not None:
        return early
    if fault in {"empty_200", "empty_stream"}:
        return whole_response(served, b"", JSON_TYPE)
    if fault in {"json_instead_of_sse", "error_event"}:
        return whole_response(served, served.error_body(), JSON_TYPE)
    if fault == "html_instead_of_sse":
        return whole_response(served, html_body(served), HTML_TYPE)
    if fault == "endless_line":
        head = served.head(JSON_TYPE, {"transfer-encoding": "chunked"})
        return (*lead(served), Send(head), *_endless(served, http_chunk))
    return _broken_plain(served, body())


def plan_chat(served: Served, answer: Answer, *, stream: bool) -> tuple[Action, ...]:
    """Return the actions of a chat answer, streamed or whole."""
    if stream:
        return plan_stream(served, answer)
    reply = served.reply
    late = replace(reply, delay_headers_s=reply.delay_headers_s + reply.delay_first_s)  # nothing comes in between
    patient = replace(served, reply=late)
    return plan_plain(patient, lambda: served.rendering.plain(_with_huge_piece(served, answer)))


def _stream_actions(served: Served, parts: StreamParts) -> list[Action]:
    """Return the stream from its head on: opening, content, the fault in its place, closing."""
    reply, fault = served.reply, served.reply.fault
    chunked = reply.framing == "chunked"
    frame = http_chunk if chunked else bytes
    head = served.head(served.rendering.stream_type, _stream_framing(chunked=chunked))
    end: list[Action] = [Send(LAST_CHUNK)] if chunked else [Close()]
    if fault == "empty_stream":
        return [Send(head), *end]
    opening = frame(parts.opening)
    start: list[Action] = [Send(head), Send(opening, served.rate)] if served.rate else [Send(head + opening)]
    pieces = [_piece(served, i, frame(piece)) for i, piece in enumerate(parts.content)]
    before, after = pieces[: served.after], pieces[served.after :]
    broken = _fault_in_stream(served, frame, end)
    if broken is not None and broken.final:
        return [*start, *chain.from_iterable(before), *broken.actions]
    if fault == "no_finish" and reply.after_chunks is not None:
        return [*start, *chain.from_iterable(before), *end]
    middle = broken.actions if broken is not None else ()
    ending = Send(frame(_ending(fault, parts)), served.rate)
    return [*start, *chain.from_iterable(before), *middle, *chain.from_iterable(after), ending, *end]


def _piece(served: Served, position: int, data: bytes) -> list[Action]:
    """Return one piece of content with the silence before it."""
    pause = served.reply.delay_chunk_s if position else served.reply.delay_first_s
    return [Sleep(pause), Send(data, served.rate)] if pause else [Send(data, served.rate)]


@dataclass(frozen=True, slots=True)
class _Broken:
    actions: tuple[Action, ...]
    final: bool
    """Whether nothing comes after them."""


def _fault_in_stream(served: Served, frame: Callable[[bytes], bytes], end: list[Action]) -> _Broken | None:
    """Return what happens at the fault's place in the content, if anything."""
    fault, rendering = served.reply.fault, served.rendering
    if fault in _DROPS:
        return _Broken((_DROPS[fault],), final=True)
    if fault in {"bad_json", "malformed_sse"}:
        event = rendering.broken_json if fault == "bad_json" else rendering.malformed
        return _Broken((Send(frame(event), served.rate),), final=False)
    if fault == "endless_line":
        return _Broken(_endless(served, frame), final=True)
    if fault == "error_event":
        event = rendering.error_event(served.error_body())
        return _Broken((Send(frame(event), served.rate), *end), final=True)
    return None


def _ending(fault: Fault | None, parts: StreamParts) -> bytes:
    match fault:
        case "no_finish":
            return b""
        case "no_done":
            return parts.closing
        case "duplicate_done":
            return parts.closing + (parts.done * 2 or parts.closing)  # Ollama's last line is its mark
        case "late_bytes":
            return parts.closing + parts.done + b"".join(parts.content[:1]) + b"late bytes\n\n"
        case _:
            return parts.closing + parts.done


def _stream_framing(*, chunked: bool) -> Mapping[str, str]:
    return {"cache-control": "no-cache"} | ({"transfer-encoding": "chunked"} if chunked else {"connection": "close"})


def _endless(served: Served, frame: Callable[[bytes], bytes]) -> tuple[Action, ...]:
    times = max(1, served.reply.size_bytes // len(FLOOD_BLOCK))
    return (Send(frame(served.rendering.endless)), Flood(frame(FLOOD_BLOCK), times), Close())


def _broken_plain(served: Served, body: Json) -> tuple[Action, ...]:
    """Return a whole answer, broken where the fault wants it."""
    fault = served.reply.fault
    data = encode_json(_without_finish(body) if fault == "no_finish" else body)
    half = data[: len(data) // 2]
    if fault in _DROPS:
        head = served.head(JSON_TYPE, {"content-length": str(len(data))})
        begun = () if fault == "cut_before_content" else (Send(half, served.rate),)
        return (*lead(served), Send(head), *begun, _DROPS[fault])
    broken = {"bad_json": half, "malformed_sse": b"\xff\xfe" + data, "late_bytes": data + b"\nlate bytes"}
    return whole_response(served, broken.get(fault, data) if fault else data, JSON_TYPE)


def _with_huge_piece(served: Served, answer: Answer) -> Answer:
    """Put one piece of the scripted size into the text."""
    if served.reply.fault != "huge_event":
        return answer
    at = served.after
    return replace(answer, pieces=(*answer.pieces[:at], "x" * served.reply.size_bytes, *answer.pieces[at:]))


def _without_finish(body: Json) -> Json:
    """Return a whole answer that does not say why it ended."""
    gone = {"finish_reason": None, "stop_reason": None, "done_reason": "", "done": False}
    bare = body | {key: value for key, value in gone.items() if key in body}
    if "choices" in body:
        bare["choices"] = [choice | {"finish_reason": None} for choice in cast("list[Json]", body["choices"])]
    return bare
