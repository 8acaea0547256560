"""What stands in the books after an answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, UsageSpec, scripted_upstream
from tests.e2e.gateway import model, running_gateway, user
from tests.router.openai_wire import DONE, chunk, sse
from tests.router.wire_double import answering_and_closing, serving, whole

PRICED = """
    [model.deployment.price]
    input_usd_per_mtok = 2.0
    cached_usd_per_mtok = 0.5
    output_usd_per_mtok = 10.0
    source_date = 2026-11-01
"""


@pytest.mark.parametrize("stream", [True, False])
async def test_tokens_and_cost_stand_in_the_ledger(tmp_path: Path, stream: bool) -> None:
    """Streamed and plain are booked alike, cached tokens priced apart, whether or not the client asked for usage."""
    script = Script((Reply(text="hello", usage=UsageSpec(input=1_000, output=200, cached=400)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1") + PRICED) as gateway,
    ):
        response = await gateway.chat(stream=stream)
        booked = await gateway.decision(response)

    (attempt,) = booked["attempts"]  # type: ignore[misc]
    assert "completed" == booked["status"]
    assert ("m", ["m"], [1.0]) == (booked["chosen"], booked["eligible"], booked["probabilities"])
    assert (1_000, 200, 400) == (attempt["input_tokens"], attempt["output_tokens"], attempt["cached_tokens"])
    assert (600 * 2 + 400 * 0.5 + 200 * 10) / 1e6 == pytest.approx(attempt["cost_usd"])
    assert "upstream" == attempt["cost_source"]
    assert attempt["committed"]
    assert attempt["ttft_ms"] > 0


@pytest.mark.parametrize("stream", [True, False])
async def test_missing_usage_is_estimated_and_marked(tmp_path: Path, stream: bool) -> None:
    """An upstream that reports nothing is booked with our own count, which says so; its price is unknown, not zero."""
    script = Script((Reply(text="hello world " * 20, quirks=("usage_never",)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1", provider="openai_compatible")) as gateway,
    ):
        booked = await gateway.decision(await gateway.chat(stream=stream))

    (attempt,) = booked["attempts"]  # type: ignore[misc]
    assert attempt["output_tokens"] > 20
    assert attempt["input_tokens"] > 0
    assert attempt["usage_source"] == "estimated"
    assert (None, "unknown") == (attempt["cost_usd"], attempt["cost_source"])


@pytest.mark.parametrize("stream", [True, False])
async def test_failover_is_invisible_and_every_attempt_is_booked(tmp_path: Path, stream: bool) -> None:
    """The client sees one answer; the books see who failed, how, and who served."""
    async with (
        scripted_upstream(Script((Reply(fault="server_error"),))) as broken,
        scripted_upstream(Script((Reply(text="from b"),))) as sound,
        running_gateway(
            tmp_path,
            model("a", broken.url + "/v1", extra='fallbacks = ["b"]'),
            model("b", sound.url, provider="ollama"),
        ) as gateway,
    ):
        response = await gateway.chat(model="a", stream=stream)
        booked = await gateway.decision(response)

    assert "from b" in response.text.replace('"}}', "") or "from" in response.text
    assert ("b", "2") == (response.headers["x-thalamus-model"], response.headers["x-thalamus-attempts"])
    assert ("a", "b") == (booked["chosen"], booked["served_model"])
    assert ["transient", None] == [each["failure_class"] for each in booked["attempts"]]  # type: ignore[union-attr]


async def test_a_stream_that_breaks_says_so_and_is_booked_as_broken(tmp_path: Path) -> None:
    """An in-band error and the end, no invented finish; what was used so far stands in the books."""
    script = Script((Reply(text="one two three four", fault="cut_mid_stream", after_chunks=2),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.chat(stream=True)
        booked = await gateway.decision(response)

    events = [line for line in response.text.splitlines() if line.startswith("data: ")]
    assert "data: [DONE]" == events[-1]
    assert '"error"' in events[-2]
    assert '"finish_reason":"stop"' not in response.text.replace(" ", "")
    (attempt,) = booked["attempts"]  # type: ignore[misc]
    assert "failed_upstream" == booked["status"]
    assert "transient" == attempt["failure_class"]
    assert attempt["output_tokens"] > 0


async def test_feedback_joins_its_decision(tmp_path: Path) -> None:
    """A rating is taken once per caller, and shows in the decision."""
    async with (
        scripted_upstream(Script((Reply(text="ok"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        response = await gateway.chat()
        decision_id = response.headers["x-thalamus-decision-id"]
        taken = await gateway.http.post(
            "/v1/feedback", json={"decision_id": decision_id, "rating": 5, "comments": "好"}
        )
        missing = await gateway.http.post("/v1/feedback", json={"decision_id": "nobody", "rating": 5})
        wrong = await gateway.http.post("/v1/feedback", json={"decision_id": decision_id, "rating": 6})
        await gateway.house.writer.flush(5)
        booked = await gateway.decision(response)

    assert (200, True) == (taken.status_code, taken.json()["success"])
    assert (404, 400) == (missing.status_code, wrong.status_code)
    assert "rating" == wrong.json()["error"]["param"]
    assert {"rating", "comment"} <= {each["kind"] for each in booked["outcomes"]}  # type: ignore[union-attr]


async def test_a_preview_is_kept_and_bodies_are_not(tmp_path: Path) -> None:
    """By default the last user turn is kept, shortened and without secrets; nothing else of what was said."""
    async with (
        scripted_upstream(Script((Reply(text="the answer"),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        question = "my key is sk-abcdefghijklmnopqrstuvwxyz0123456789 " + "x " * 300
        response = await gateway.chat(messages=user(question))
        booked = await gateway.decision(response)
        async with gateway.house.database.reading() as connection:
            bodies = (await connection.exec_driver_sql("select count(*) from body")).scalar_one()

    assert 0 == bodies
    preview = str(booked["preview"])
    assert preview.startswith("my key is ")
    assert "abcdefghij" not in preview
    assert len(preview) <= 160


async def test_a_broken_anthropic_stream_is_not_booked_at_one_token(tmp_path: Path) -> None:
    """Anthropic reports one output token at the start and the rest at an end that may never come."""
    script = Script((Reply(text="one two three four five six seven eight", fault="cut_mid_stream", after_chunks=6),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url, provider="anthropic")) as gateway,
    ):
        booked = await gateway.decision(await gateway.chat(stream=True))

    (attempt,) = booked["attempts"]  # type: ignore[misc]
    assert attempt["output_tokens"] > 1
    assert "estimated" == attempt["usage_source"]


async def test_a_refused_request_is_in_the_books(tmp_path: Path) -> None:
    """An id that was handed out can be looked up."""
    async with running_gateway(tmp_path) as gateway:
        booked = await gateway.decision(await gateway.chat(messages=[]))

    assert "refused" == booked["status"]


async def test_a_deleted_database_loses_no_record_that_comes_after(tmp_path: Path) -> None:
    """The next write finds the file gone: its records are kept, told of as degraded, and stand in a new file."""
    books = tmp_path / "books.sqlite"
    settings = f'[storage]\nurl = "sqlite:///{books}"\n'
    async with scripted_upstream(Script((Reply(text="ok"),))) as upstream:
        settings += model("m", upstream.url + "/v1")
        async with running_gateway(tmp_path, settings) as gateway:
            await gateway.decision(await gateway.chat())
            for suffix in ("", "-wal", "-shm"):
                tmp_path.joinpath(f"books.sqlite{suffix}").unlink(missing_ok=True)
            answers = [await gateway.chat() for _ in range(3)]
            async with asyncio.timeout(5):
                while not (state := gateway.house.writer.state())["last_error"]:  # noqa: ASYNC110  # no event for it
                    await asyncio.sleep(0.002)
            health = (await gateway.http.get("/health")).json()
            written = await gateway.house.writer.flush(10)
            weights = await gateway.http.post("/api/config/weights", json={"weights": {"m": 2}})
            well = gateway.house.writer.state()
        async with running_gateway(tmp_path, settings) as gateway:
            booked = [await gateway.decision(each) for each in answers]
            kept = {name: each.value for name, each in gateway.house.weights.overrides.items()}

    assert "degraded" == state["status"]
    assert (
        "the database file was moved or deleted"
        == state["last_error"]
        == health["components"]["database"]["last_error"]
    )
    assert written
    assert ("ok", 0) == (well["status"], well["dropped"])
    assert ["completed"] * 3 == [each["status"] for each in booked]
    assert (200, {"m": 2}) == (weights.status_code, kept), weights.text


@pytest.mark.parametrize("told", [(7, 5, "upstream"), (None, None, None)])
async def test_an_answer_that_is_none_is_booked_with_what_it_told(
    tmp_path: Path, told: tuple[int | None, int | None, str | None]
) -> None:
    """A stream where a whole answer was asked for is no answer, but it was paid for; what it hides is unknown, not 0."""
    pieces = [chunk({"role": "assistant", "content": "hello"}), chunk({}, "stop")]
    if told[0]:
        pieces.append(chunk(usage={"prompt_tokens": told[0], "completion_tokens": told[1], "total_tokens": 12}))
    async with (
        serving(answering_and_closing(whole(sse(*pieces) + DONE))) as odd,
        scripted_upstream(Script((Reply(text="hello"),))) as sound,
        running_gateway(
            tmp_path,
            model("m", f"{odd.url}/v1", provider="openai_compatible", extra='fallbacks = ["n"]') + PRICED,
            model("n", f"{sound.url}/v1"),
        ) as gateway,
    ):
        response = await gateway.chat()
        booked = await gateway.decision(response)

    assert (200, "completed") == (response.status_code, booked["status"])
    failed, answered = booked["attempts"]  # type: ignore[misc]
    assert ("transient", True) == (failed["failure_class"], answered["committed"])
    assert told == (failed["input_tokens"], failed["output_tokens"], failed["usage_source"])
    if told[0]:
        assert (7 * 2 + 5 * 10) / 1e6 == pytest.approx(failed["cost_usd"])
    else:
        assert failed["cost_usd"] is None
