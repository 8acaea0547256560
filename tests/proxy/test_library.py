"""Thalamus as a library: routes, results and learning without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog

from config.errors import InvalidRequestError, ModelNotFoundError, NotFoundError, SettingsError, UnavailableError
from config.loader import load_settings
from config.types import Usage
from proxy.library import AsyncRouter, Router
from router.choosing.drawing import drawn
from router.history import decision_bodies, decision_json
from router.transport import AiohttpTransport
from tests.question_secrets import settled

TOML = """
[routing]
shipped_models = false
{routing}
[health]
find_ollama = false
probe_interval_s = 0
[classifier]
features = false
{more}
"""
MODEL = """
[[model]]
name = "{name}"
description = "a {name} model"
  [[model.deployment]]
  provider = "openai"
  upstream_model = "{upstream}"
"""
NAMES = ("small", "large")


def settings(folder: Path, *, routing: str = "", more: str = ""):
    toml = TOML.format(routing=routing, more=more)
    toml += "".join(MODEL.format(name=name, upstream=f"gpt-{name}") for name in NAMES)
    (folder / "thalamus.toml").write_text(toml, encoding="utf-8")
    return load_settings(folder / "thalamus.toml", {})


async def booked(router: AsyncRouter, route_id: str):
    await router.house.writer.flush(5)
    return await decision_json(router.house.database, route_id, writer=router.house.writer)


async def test_route_is_drawn_and_booked_with_its_probabilities(tmp_path):
    """Models that the application reaches itself are drawn; what became of them is in the books, with its price."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        found = await router.route("Prove that there are infinitely many primes.")
        await router.update_result(found.id, rating=5, duration_ms=812.0, usage=Usage(20, 300))
        row = await booked(router, found.id)

    assert set(NAMES) == set(found.ranked) == set(found.probabilities)
    assert pytest.approx(1.0) == sum(found.probabilities.values())
    assert found.model in found.reasons[0]
    assert ("library", "completed", found.model, found.version) == tuple(
        row[name] for name in ("endpoint", "status", "served_model", "policy_version")
    )
    assert found.model == row["eligible"][drawn(row["probabilities"], seed=row["seed"])]
    assert [("rating", 1.0)] == [(each["kind"], each["score"]) for each in row["outcomes"]]
    assert [812.0] == [each["duration_ms"] for each in row["attempts"]]
    assert 300 == row["output_tokens"]


async def test_results_move_later_routes(tmp_path):
    """Ratings against one model make it unlikelier, as in a gateway, also for who opens the same books later."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        first = await router.route("How do I sort a list?")
        for at in range(60):
            found = await router.route(f"How do I sort a list of {at} words?")
            await router.update_result(found.id, rating=5 if found.model == "large" else 1)
        await router.house.writer.flush(5)
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        last = await router.route("How do I sort a list?")

    assert last.probabilities["large"] > first.probabilities["large"] + 0.2
    assert first.version != last.version


async def test_past_questions_like_a_route_are_found_while_it_waits(tmp_path):
    """With what was thought of their answers, also after a restart; of a route that is booked nothing is told."""
    settled(settings(tmp_path).state_dir)
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        first = await router.route("How do I reset my password?", models=["small"])
        await router.update_result(first.id, rating=4)
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        second = await router.route("reset the password please")
        found = await router.similar(second.id)
        await router.update_result(second.id)
        with pytest.raises(NotFoundError, match="waits"):
            await router.similar(second.id)

    assert [(first.id, "small", 0.75)] == [
        (each["decision_id"], each["model"], each["reward"]) for each in found["similar"]
    ]
    assert [{"model": "small", "n": 1, "mean_reward": 0.75}] == found["similar_by_model"]


async def test_other_model_than_chosen_may_have_served(tmp_path):
    """After a failover of the application's own, the books credit who served; a failure credits nobody."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        one, other = await router.route("hello"), await router.route("hello")
        await router.update_result(one.id, model="small", thumbs="up", comment="fine")
        await router.update_result(one.id, corrected_model="large")
        await router.update_result(other.id, failed=True)
        served, failed = await booked(router, one.id), await booked(router, other.id)

    assert ("small", 3) == (served["served_model"], len(served["outcomes"]))
    assert (None, "failed_upstream", "transient") == (
        failed["served_model"], failed["status"], failed["attempts"][0]["failure_class"]
    )  # fmt: skip


async def test_route_nobody_told_the_end_of_is_booked_when_it_closes(tmp_path):
    """Closing books it as analyzed; closing twice is closing once; nothing can be asked afterwards."""
    router = AsyncRouter(settings(tmp_path, more="[storage]\nstore_bodies = true"), reachable=NAMES)
    async with router:
        found = await router.route([{"role": "user", "content": "hello"}], conversation="c-1", dial=0.9)
    await router.close()
    with pytest.raises(UnavailableError):
        await router.route("hello")

    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as again:
        row = await booked(again, found.id)
        body, _ = await decision_bodies(again.house.database, found.id)
    assert ("analyzed", None, "c-1", 0.9) == (
        row["status"], row["served_model"], row["conversation_id"], row["features"]["dial"]
    )  # fmt: skip
    assert b"hello" in body


async def test_only_named_models_are_chosen_among(tmp_path):
    """`models` limits the choice; an unknown name is an error that says so."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        found = await router.route("hello", models=["large"])

        assert {"large": 1.0} == dict(found.probabilities)
        with pytest.raises(ModelNotFoundError):
            await router.route("hello", models=["nobody"])


@pytest.mark.parametrize("dial", [7, -0.1, float("nan"), True, "dear"])
async def test_a_wrong_dial_is_told_of_by_the_name_of_the_argument(tmp_path, dial):
    """The application gave no header: one would be looked for in vain."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        with pytest.raises(InvalidRequestError, match="'dial' must be a number from 0") as refused:
            await router.route("hello", dial=dial)

    assert "dial" == refused.value.param


@pytest.mark.parametrize("asked", ["", " \n"])
async def test_an_empty_question_is_refused_as_analyze_refuses_it(tmp_path, asked):
    """There is nothing to choose for."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        with pytest.raises(InvalidRequestError, match="'asked' is empty") as refused:
            await router.route(asked)

    assert ("asked", "invalid_value") == (refused.value.param, refused.value.code)


async def test_weights_alone_are_drawn_by_too(tmp_path):
    """With `policy = "weights"` the draw follows the weights, and its seed is in the books."""
    async with AsyncRouter(settings(tmp_path, routing='policy = "weights"'), reachable=NAMES) as router:
        found = await router.route("hello")
        await router.update_result(found.id)
        row = await booked(router, found.id)

    assert {"small": 0.5, "large": 0.5} == dict(found.probabilities)
    assert found.model == row["eligible"][drawn(row["probabilities"], seed=row["seed"])]


async def test_wrong_results_are_refused_and_change_nothing(tmp_path):
    """A rating of 6, a kind nobody knows, an unknown model, an id nobody has."""
    async with AsyncRouter(settings(tmp_path), reachable=NAMES) as router:
        found = await router.route("hello")
        with pytest.raises(InvalidRequestError, match="stars"):
            await router.update_result(found.id, stars=5)
        with pytest.raises(ModelNotFoundError):
            await router.update_result(found.id, model="nobody")
        with pytest.raises(InvalidRequestError, match="rating"):
            await router.update_result(found.id, rating=6)
        with pytest.raises(NotFoundError):
            await router.update_result("no-such-id", rating=5)
        await router.update_result(found.id, rating=4)
        row = await booked(router, found.id)

    assert [0.75] == [each["score"] for each in row["outcomes"]]


async def test_nothing_live_is_said(tmp_path):
    """Without keys and without `reachable` there is nobody to choose."""
    async with AsyncRouter(settings(tmp_path)) as router:
        with pytest.raises(UnavailableError):
            await router.route("hello")


def test_programs_without_a_loop_have_one_in_a_thread(tmp_path):
    """The same calls, blocking; several threads may ask at once."""
    with Router(settings(tmp_path), reachable=NAMES) as router:
        found = router.route("hello")
        router.update_result(found.id, rating=5)
    router.close()

    assert found.model in NAMES
    with pytest.raises(UnavailableError):
        router.route("hello")
    with pytest.raises(UnavailableError):
        router.update_result(found.id, rating=5)


def failing(key: str) -> None:
    raise RuntimeError(len(key))


def test_errors_are_logged_without_local_variables(tmp_path, capsys):
    """Texts and keys are among them; an application that has set up structlog keeps its own way."""
    with Router(settings(tmp_path), reachable=NAMES):
        try:
            failing("sk-" + "local" * 5)
        except RuntimeError:
            structlog.get_logger("any").exception("background_work_failed")
    own = [structlog.processors.JSONRenderer()]
    structlog.configure(processors=own)
    Router(settings(tmp_path), reachable=NAMES).close()

    printed = capsys.readouterr().out
    assert "RuntimeError: 28" in printed
    assert "locallocal" not in printed
    assert own is structlog.get_config()["processors"]


class Stuck(AiohttpTransport):
    """A wire that never lets go."""

    async def aclose(self) -> None:
        await asyncio.Event().wait()


def test_close_that_takes_too_long_is_told_and_holds_nobody(tmp_path):
    """The program that embeds it goes on; a second call does nothing."""
    router = Router(settings(tmp_path), reachable=NAMES, transport=Stuck(), closes_within_s=1)

    with pytest.raises(UnavailableError, match="in time"):
        router.close()
    router.close()
    with pytest.raises(UnavailableError):
        router.route("hello")


async def test_blocking_router_does_not_need_the_callers_loop(tmp_path):
    """It works inside a program whose own loop runs, from a thread of it."""

    def work() -> str:
        with Router(settings(tmp_path), reachable=NAMES) as router:
            return router.route("hello").model

    assert await asyncio.to_thread(work) in NAMES


def test_wrong_settings_end_before_anything_is_opened(tmp_path, monkeypatch):
    """A file that is not there is an error of settings, and leaves no thread behind."""
    with pytest.raises(SettingsError):
        Router.from_file(tmp_path / "nothing.toml")
    settings(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    with Router.from_file(tmp_path / "thalamus.toml") as router:
        assert router.route("hello").model in NAMES


@pytest.mark.parametrize("page", ["docs/library-api.md", "docs/zh/library-api.md"])
def test_documented_lines_run_as_they_stand(tmp_path, monkeypatch, page):
    """The lines of the page make a decision, and book what became of it."""
    lines = (Path(__file__).parents[2] / page).read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    names = ("claude", "gpt")
    toml = TOML.format(routing="", more="")
    toml += "".join(MODEL.format(name=name, upstream=name) for name in names)
    (tmp_path / "thalamus.toml").write_text(toml, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done: dict[str, object] = {}
    exec(lines, {"my_own_call": lambda model: done.update(model=model) or SimpleNamespace(ms=5.0)}, done)

    assert done["model"] in names
    assert len(lines.strip().splitlines()) <= 12
