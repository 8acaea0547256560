"""Requests shared among the deployments of one model, from outside: shares, conversations, spares, a reload."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, ScriptedUpstream, scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, asked, model, running_gateway, user

WELL = Script((Reply(text="hello"),))
DOWN = Script((Reply(status=500),))
LATER = [*user("hi"), {"role": "assistant", "content": "hello"}, *user("and then?")]


def shared(*places: tuple[ScriptedUpstream, float, int], extra: str = "") -> str:
    """A model whose deployments are these, with weight and priority."""
    deployments = "".join(
        f'[[model.deployment]]\nprovider = "vllm"\nupstream_model = "x"\nbase_url = "{upstream.url}/v1"\n'
        f"weight = {weight}\npriority = {priority}\n"
        for upstream, weight, priority in places
    )
    return f'{extra}\n[[model]]\nname = "m"\n{deployments}'


async def upstreams(stack: AsyncExitStack, *scripts: Script) -> list[ScriptedUpstream]:
    return [await stack.enter_async_context(scripted_upstream(script)) for script in scripts]


async def ask(gateway: Gateway, messages: list[dict[str, str]], n: int = 1, **headers: str) -> None:
    for _ in range(n):
        response = await gateway.http.post(
            "/v1/chat/completions", json={"model": "m", "messages": messages}, headers=headers
        )
        assert 200 == response.status_code, response.text


def counts(*places: ScriptedUpstream) -> list[int]:
    return [len(asked(each)) for each in places]


@pytest.mark.parametrize("policy", ["smooth_weighted", "least_in_flight"])
async def test_requests_are_shared_by_weight_and_alike_ones_too(tmp_path: Path, policy: str) -> None:
    """The same first question many times over is many conversations, so it keeps nobody in one place."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, WELL, WELL)
        toml = shared((a, 3, 0), (b, 1, 0), extra=f'[balancing]\npolicy = "{policy}"')
        gateway = await stack.enter_async_context(running_gateway(tmp_path, toml))
        await ask(gateway, user("hi"), 40)

        assert [30, 10] == counts(a, b)


async def test_later_turns_go_back_to_who_answered_the_first(tmp_path: Path) -> None:
    """By the hash of what they begin with, or by their id; other conversations are shared as ever."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, WELL, WELL)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((a, 1, 0), (b, 1, 0))))
        await ask(gateway, user("hi"))
        await ask(gateway, LATER, 3)
        assert [4, 0] == counts(a, b)

        await ask(gateway, user("another"), **{"x-thalamus-conversation-id": "talk"})
        await ask(gateway, user("quite different"), 3, **{"x-thalamus-conversation-id": "talk"})
        assert [4, 4] == counts(a, b)


async def test_a_conversation_moves_when_its_place_is_ill_and_stays_where_it_went(tmp_path: Path) -> None:
    """Failing over is not held up, and the next turns go on where the answer came from."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, Script((Reply(text="hello", times=1), Reply(status=500))), WELL)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((a, 1, 0), (b, 1, 0))))
        await ask(gateway, user("hi"))
        await ask(gateway, LATER, 3)

        assert [2, 3] == counts(a, b)


async def test_a_spare_is_asked_only_when_the_main_group_fails(tmp_path: Path) -> None:
    """Lower groups first, whatever the weights."""
    async with AsyncExitStack() as stack:
        main, spare, down = await upstreams(stack, WELL, WELL, DOWN)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((spare, 9, 1), (main, 1, 0))))
        await ask(gateway, user("hi"), 6)
        assert [6, 0] == counts(main, spare)

        (tmp_path / "thalamus.toml").write_text(HEAD + shared((spare, 9, 1), (down, 1, 0)), encoding="utf-8")
        await gateway.house.reload()
        await ask(gateway, user("hi"), 3)
        assert 3 == len(asked(spare))


async def test_a_reload_changes_policy_and_lifetime_at_once(tmp_path: Path) -> None:
    """With affinity off every turn is shared anew; what is in flight stays counted."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, WELL, WELL)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((a, 1, 0), (b, 1, 0))))
        await ask(gateway, LATER, 2)
        settings = "[balancing]\npolicy = 'least_in_flight'\naffinity_s = 0"
        text = HEAD + shared((a, 1, 0), (b, 1, 0), extra=settings)
        (tmp_path / "thalamus.toml").write_text(text, encoding="utf-8")
        await gateway.house.reload()
        await ask(gateway, LATER, 4)

        assert [4, 2] == counts(a, b)
        assert [0, 0] == [gateway.house.load.in_flight(f"m/vllm#{n}") for n in (1, 2)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/claude/v1/messages", "/api/chat"])
async def test_every_door_keeps_a_conversation_together(tmp_path: Path, path: str, stream: bool) -> None:
    """Streamed and plain turns, with a system text, through OpenAI's, Anthropic's and our own door."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, WELL, WELL)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((a, 1, 0), (b, 1, 0))))
        for talk in ("one", "two", "three", "four"):
            first = {"role": "user", "content": f"This is talk {talk}"}
            for turns in ([first], [first, *LATER[1:]], [first, *LATER[1:]]):
                body = {"model": "m", "max_tokens": 50, "messages": turns, "stream": stream}
                response = await gateway.http.post(path, json=body)
                assert 200 == response.status_code, response.text

        assert [6, 6] == counts(a, b)
        firsts = [[each.json["messages"][0]["content"] for each in asked(place)] for place in (a, b)]
        assert [2, 2] == [len(set(each)) for each in firsts]


async def test_a_drained_place_gets_no_further_turns(tmp_path: Path) -> None:
    """Its conversations go elsewhere with their next turn, and nothing is lost but the provider's cache."""
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, WELL, WELL)
        gateway = await stack.enter_async_context(running_gateway(tmp_path, shared((a, 1, 0), (b, 1, 0))))
        await ask(gateway, user("hi"))
        await ask(gateway, LATER)
        (tmp_path / "thalamus.toml").write_text(HEAD + shared((a, 0, 0), (b, 1, 0)), encoding="utf-8")
        await gateway.house.reload()
        await ask(gateway, LATER, 3)

        assert [2, 3] == counts(a, b)


async def test_many_at_once_are_shared_exactly(tmp_path: Path) -> None:
    """Between the choice and the attempt nobody else chooses, so that a burst does not run to one place."""
    async with AsyncExitStack() as stack:
        a, b, c = await upstreams(stack, *[Script((Reply(text="hello", delay_headers_s=0.05),))] * 3)
        toml = shared((a, 3, 0), (b, 2, 0), (c, 1, 0))
        gateway = await stack.enter_async_context(running_gateway(tmp_path, toml))
        await asyncio.gather(*(ask(gateway, user(f"question {n}")) for n in range(60)))

        assert [30, 20, 10] == counts(a, b, c)


async def test_answers_under_way_are_counted_until_they_end_however_they_end(tmp_path: Path) -> None:
    """Whole, failed over, refused by everybody, or left by the client in mid-stream: each is counted out once."""
    slow = Script((Reply(chunks=("a", "b", "c"), delay_chunk_s=5.0),))
    async with AsyncExitStack() as stack:
        well, down, held = await upstreams(stack, WELL, DOWN, slow)
        toml = [shared((down, 9, 0), (well, 1, 1)), model("slow", f"{held.url}/v1"), model("down", f"{down.url}/v1")]
        gateway = await stack.enter_async_context(running_gateway(tmp_path, *toml))
        in_flight = gateway.house.load.in_flight
        await ask(gateway, user("hi"), 3)
        assert 500 <= (await gateway.chat(model="down")).status_code

        body = {"model": "slow", "messages": user("hi"), "stream": True}
        async with gateway.http.stream("POST", "/v1/chat/completions", json=body) as response:
            await anext(response.aiter_bytes())
            assert 1 == in_flight("slow/vllm")
        async with asyncio.timeout(5):
            while in_flight("slow/vllm"):  # noqa: ASYNC110  # the product has no event for it
                await asyncio.sleep(0.01)

        assert {0} == {in_flight(each) for each in gateway.house.catalog.deployment_ids()}


async def test_power_of_two_leaves_the_slow_one_alone(tmp_path: Path) -> None:
    """Both are tried once; from then on the one that answers sooner is asked."""
    slow = Script((Reply(text="hello", delay_first_s=1.5),))
    async with AsyncExitStack() as stack:
        a, b = await upstreams(stack, slow, WELL)
        toml = shared((a, 1, 0), (b, 1, 0), extra='[balancing]\npolicy = "power_of_two"')
        gateway = await stack.enter_async_context(running_gateway(tmp_path, toml))
        await ask(gateway, user("hi"), 8)
        latencies = [gateway.house.load.latency_s(f"m/vllm#{n}") or 0.0 for n in (1, 2)]

    assert [1, 7] == counts(a, b)
    assert latencies[0] > latencies[1]
