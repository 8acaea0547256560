"""The last two stages: dispatch the request to its candidates, and relay what commits to the client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from config.errors import ClientFacingError, UnavailableError, UpstreamError
from config.trace import span
from proxy.accounting import price, settle
from proxy.error_responses import all_failed, mid_stream_error
from proxy.explain import explained_body, explained_event
from proxy.relay import EventStream, SlowReaderError
from proxy.sources import with_sources
from proxy.weighing import settled
from router.dispatch import CandidatesExhaustedError
from router.events import Frame, UsageReport

if TYPE_CHECKING:
    from proxy.connection import Connection
    from proxy.exchange import Exchange
    from proxy.house import House
    from proxy.sinks.base import Sink
    from router.answer import Answer
    from router.attempt import Attempt, Candidate
    from router.providers.base import ChatRequest

PASSED_ON = frozenset({"openai-processing-ms", "openai-version", "openai-organization"})
RATE_LIMIT_PREFIXES = ("x-ratelimit-", "anthropic-ratelimit-")
"""Upstream response headers that a client may use; everything else stays here (cookies, encodings, hop-by-hop)."""


@dataclass(frozen=True, slots=True)
class Answering:
    """One request about to be answered. `deadline` is in the running loop's time."""

    house: House
    exchange: Exchange
    connection: Connection
    sink: Sink
    deadline: float


async def answer(
    house: House, exchange: Exchange, connection: Connection, *, request: ChatRequest, candidates: tuple[Candidate, ...]
) -> None:
    """Answer from the first candidate that commits; the exchange's status says how it ended."""
    sink = exchange.door.sink(request, settings=house.settings, created=int(exchange.ts.timestamp()))
    deadline = asyncio.get_running_loop().time() + house.settings.timeouts.total_s
    answering = Answering(house, exchange, connection, sink, deadline)
    if request.stream:
        await _stream(answering, request, candidates)
    else:
        await _plain(answering, await _dispatch(answering, request, candidates))


async def _dispatch(answering: Answering, request: ChatRequest, candidates: tuple[Candidate, ...]) -> Answer:
    house, exchange = answering.house, answering.exchange
    with span("dispatch") as note:
        try:
            dispatcher = house.embedder if exchange.door.embeds else house.dispatcher
            given = await dispatcher.run(
                request,
                candidates,
                log=exchange.log,
                deadline=answering.deadline,
                max_attempts=house.settings.routing.max_attempts,
            )
        except CandidatesExhaustedError as error:
            exchange.status = "failed_upstream"
            log = exchange.log
            raise all_failed(log.records(), log.failures(), log.skipped) from error
        finally:
            for attempt in exchange.log.attempts:
                if attempt.ended is not None:  # what failed may have been paid for; who answers is booked at the end
                    price(attempt)
            house.balancer.passed_over(exchange.log.skipped)
            note(attempts=len(exchange.log.attempts), **_held_back(exchange))
    given.attempt.committed = True
    served = given.attempt.candidate
    house.affinity.remember(exchange.conversation, served.model, served.target)
    exchange.warnings += given.warnings
    answering.sink.served(served.model)
    return given


def _held_back(exchange: Exchange) -> dict[str, str]:
    """Return who was passed over and why, for the trace; nothing in good times."""
    skipped = exchange.log.skipped
    if not skipped:
        return {}
    return {"held_back": ", ".join(f"{each.candidate.target.deployment} ({each.refusal.reason})" for each in skipped)}


async def _plain(answering: Answering, given: Answer) -> None:
    exchange, attempt = answering.exchange, given.attempt
    attempt.succeed()
    await _book(answering, attempt)
    exchange.status = "completed"
    completion = given.completion
    assert completion is not None, "the dispatcher gives a plain request a whole answer"  # noqa: S101
    if attempt.usage is not None and attempt.usage.source == "estimated":
        completion = replace(completion, events=(*completion.events, UsageReport(attempt.usage)))
    body = answering.sink.plain(completion, source=attempt.candidate.dialect)
    if exchange.door.tell is not None:
        await settled(exchange)
        body = exchange.door.tell(body, exchange)
    elif exchange.passages and not exchange.door.embeds:
        body = with_sources(body, exchange.passages)
    if exchange.explain:
        body = explained_body(body, exchange.explanation())
    with span("relay"):
        passed_on = [(name, value) for name, value in completion.headers.items() if _may_pass(name, exchange)]
        headers = [("content-type", "application/json"), *exchange.headers(), *passed_on]
        await answering.connection.respond(200, headers, body)


async def _stream(answering: Answering, request: ChatRequest, candidates: tuple[Candidate, ...]) -> None:
    exchange, sink, streaming = answering.exchange, answering.sink, answering.house.settings.streaming
    stream_headers = [
        ("content-type", sink.content_type_stream),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ]
    stream = EventStream(
        answering.connection,
        lambda: [*stream_headers, *exchange.headers()],
        keepalive=sink.keepalive,
        keepalive_s=streaming.keepalive_s,
        write_timeout_s=streaming.write_timeout_s,
    )
    async with stream:
        try:
            given = await _dispatch(answering, request, candidates)
        except ClientFacingError as error:
            if not stream.started:
                raise
            exchange.error_code = error.code
            await stream.close(sink.error(error))
            return
        await _relay(answering, given, stream)


async def _relay(answering: Answering, given: Answer, stream: EventStream) -> None:
    exchange, attempt, sink = answering.exchange, given.attempt, answering.sink
    failure: ClientFacingError | None = None
    with span("relay") as note:
        try:
            async with asyncio.timeout_at(answering.deadline):
                await _forward(given, stream, sink)
            attempt.succeed()
            exchange.status = "completed"
        except UpstreamError as error:
            failure = _broke_off(exchange, attempt, error)
        except TimeoutError:
            late = UpstreamError("The answer took longer than allowed.", failure_class="transient", timed_out=True)
            failure = _broke_off(exchange, attempt, late)
        except SlowReaderError as error:
            attempt.abandon(str(error))
            raise
        except asyncio.CancelledError:
            attempt.abandon("the client left" if answering.connection.client_left else "the server shut down")
            if not answering.connection.client_left:
                exchange.status, exchange.error_code = "failed_upstream", "shutting_down"
                await stream.close(sink.error(UnavailableError("The server is shutting down.", code="shutting_down")))
            raise
        finally:
            await given.aclose()
            await _book(answering, attempt)
            note(bytes=stream.n_bytes)
    if failure is not None:
        await stream.close(sink.error(failure))
        return
    if attempt.usage is not None and attempt.usage.source == "estimated":
        sink.stream_frame(Frame((UsageReport(attempt.usage),)), source=attempt.candidate.dialect)
    told = b""
    if exchange.explain:
        told = explained_event(exchange.explanation(), exchange.id, dialect=sink.dialect)
    await stream.close(told + sink.end())


async def _forward(given: Answer, stream: EventStream, sink: Sink) -> None:
    source = given.attempt.candidate.dialect
    async for frame in given.frames():
        data = sink.stream_frame(frame, source=source)
        if data:
            await stream.write(data)


def _broke_off(exchange: Exchange, attempt: Attempt, error: UpstreamError) -> ClientFacingError:
    attempt.fail(error)
    exchange.status = "failed_upstream"
    shown = mid_stream_error(error)
    exchange.error_code = shown.code
    return shown


async def _book(answering: Answering, attempt: Attempt) -> None:
    try:
        await settle(answering.exchange, attempt)
    except asyncio.CancelledError:
        # The client left, or we shut down, while a long answer was counted: what was said is still to be paid.
        await settle(answering.exchange, attempt)
        raise
    finally:
        answering.house.dispatcher.ended(attempt)


def _may_pass(name: str, exchange: Exchange) -> bool:
    if name.startswith(RATE_LIMIT_PREFIXES):
        return exchange.lease is None  # the limits of the client's own key are the ones that hold for it
    return name in PASSED_ON
