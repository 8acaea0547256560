"""The life of one request, in order; every stage is a step of its own and this file only puts them in a row."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from config.errors import ClientFacingError
from config.ids import new_id
from config.trace import span
from proxy import answering, choosing, classifying, judgement, placing, signs, stages
from proxy.connection import ClientLeftError, Connection, cancelled_when_client_leaves
from proxy.error_responses import headers_for, unexpected
from proxy.exchange import Exchange
from proxy.local_answer import say
from proxy.token_reservation import settle_tokens
from router.attempt import AttemptLog

if TYPE_CHECKING:
    from proxy.doors import Door
    from proxy.house import House


log = structlog.stdlib.get_logger("thalamus.proxy.pipeline")


async def handle(house: House, door: Door, connection: Connection) -> None:
    """Answer one request; every end of it is in the books."""
    exchange = Exchange(new_id(), door, AttemptLog(time.perf_counter))
    house.metrics.in_flight.inc()
    try:
        with exchange.trace:
            try:
                await _run(house, exchange, connection)
            except ClientLeftError:
                exchange.status = "aborted_by_client"
                exchange.error_code = "client_left"
            except ClientFacingError as error:
                await refuse(exchange, connection, error)
            except Exception as error:  # the outermost request boundary: logged, counted, answered
                log.exception("request_failed", decision_id=exchange.id, error=type(error).__name__)
                exchange.status = "failed_upstream" if exchange.log.attempts else "refused"
                await refuse(exchange, connection, unexpected())
    finally:
        house.metrics.in_flight.dec()
        settle_tokens(exchange)
        classifying.take(exchange, with_texts=house.settings.storage.store_preview)
        judgement.take(house, exchange)
        classifying.shadow(house, exchange)
        record = exchange.record()
        house.metrics.request_ended(record, exchange.trace.elapsed_ms() / 1000)
        if exchange.admitted:
            house.ledger.record(record)
            signs.notice(house, exchange, record)
        log.info(
            "request",
            decision_id=record.id,
            endpoint=record.endpoint,
            status=record.status,
            http_status=record.http_status,
            model=record.served_model,
            attempts=len(record.attempts),
            duration_ms=round(exchange.trace.elapsed_ms(), 1),
            error_code=record.error_code,
            **({"client_request_id": exchange.client_request_id} if exchange.client_request_id else {}),
        )


async def _run(house: House, exchange: Exchange, connection: Connection) -> None:
    """Admit → parse → reflex → classify → retrieve → decide → dispatch and relay."""
    with span("admit"):
        await stages.admit(house, exchange, connection)
    with span("parse"):
        await stages.parse(house, exchange, connection)
    async with cancelled_when_client_leaves(connection):
        with span("reflex") as note:
            stages.reflex(house, exchange, note)
        if exchange.reply is not None:
            await say(house, exchange, connection, exchange.reply)
            return
        with span("classify") as note:
            await classifying.classify(house, exchange, note)
        with span("retrieve") as note:
            await placing.retrieve(house, exchange, note)
        with span("policy") as note:
            await choosing.policy(house, exchange, note)
        with span("judge") as note:
            await judgement.judge(house, exchange, note)
        with span("decide") as note:
            request, candidates = stages.decide(house, exchange, note)
        await answering.answer(house, exchange, connection, request=request, candidates=candidates)


async def refuse(exchange: Exchange, connection: Connection, error: ClientFacingError) -> None:
    """Answer with an error in the door's own shape, unless an answer has begun already."""
    exchange.http_status = error.status
    exchange.error_code = error.code
    if connection.response_started:
        return
    headers = [("content-type", "application/json"), *exchange.headers(), *headers_for(error)]
    await connection.respond(error.status, headers, exchange.door.error_body(error))
