"""Answers a request with a sentence of our own, in whatever shape its door speaks; no upstream is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from config.tokens import estimate_messages, estimate_tokens
from config.trace import span
from config.types import Usage
from proxy.explain import explained_body, explained_event
from router.events import Completion, Finish, Frame, MessageStart, TextDelta, UsageReport
from router.providers.json_values import as_objects

if TYPE_CHECKING:
    from proxy.connection import Connection
    from proxy.exchange import Exchange
    from proxy.house import House

SPEAKER: Final = "thalamus"
"""What stands where an upstream's model would."""


async def say(house: House, exchange: Exchange, connection: Connection, text: str) -> None:
    """Send the text as a whole answer, streamed where the client asked for a stream."""
    request = exchange.known().request
    created = int(exchange.ts.timestamp())
    sink = exchange.door.sink(request, settings=house.settings, created=created)
    sink.served(SPEAKER)
    asked = estimate_messages(as_objects(request.body.get("messages")))
    usage = Usage(input_tokens=asked, output_tokens=estimate_tokens(text), source="estimated")
    start = MessageStart(f"chatcmpl-{exchange.id}", SPEAKER, created)
    events = (start, TextDelta(text), UsageReport(usage), Finish("stop"))
    exchange.status = "held"
    with span("relay"):
        if not request.stream:
            body = sink.plain(Completion(events, b""), source="extractive")
            body = exchange.door.tell(body, exchange) if exchange.door.tell is not None else body
            body = explained_body(body, exchange.explanation()) if exchange.explain else body
            await connection.respond(200, [("content-type", "application/json"), *exchange.headers()], body)
            return
        data = b"".join(sink.stream_frame(Frame((event,)), source="extractive") for event in events)
        if exchange.explain:
            data += explained_event(exchange.explanation(), exchange.id, dialect=sink.dialect)
        headers = [("content-type", sink.content_type_stream), ("cache-control", "no-cache"), *exchange.headers()]
        await connection.start(200, headers)
        await connection.write(data + sink.end(), last=True)
