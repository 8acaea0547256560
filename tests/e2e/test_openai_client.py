"""The official OpenAI client in front of the gateway, scripted upstreams behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

import openai
import pytest
from pydantic import BaseModel

from router.providers.scripted import Reply, Script, ToolCall, UsageSpec, scripted_upstream
from tests.e2e.gateway import asked, model, running_gateway, user

TEXT = "Thalamus relays. 丘脑转发。"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
DIALECTS = [("vllm", "/v1"), ("anthropic", ""), ("ollama", "")]
"""Provider row and the path its base URL ends in."""


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
async def test_a_streamed_answer_from_every_dialect(tmp_path: Path, provider: str, path: str) -> None:
    """Text, one finish and the usage that was asked for arrive, whatever the upstream speaks."""
    script = Script((Reply(text=TEXT, usage=UsageSpec(input=12, output=7)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        stream = await gateway.sdk.chat.completions.create(
            model="m", messages=user("hi"), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    said = [choice for chunk in chunks for choice in chunk.choices]
    assert TEXT == "".join(choice.delta.content or "" for choice in said)
    assert ["stop"] == [choice.finish_reason for choice in said if choice.finish_reason]
    assert 1 == len({chunk.id for chunk in chunks})
    assert chunks[-1].usage is not None
    assert (12, 7) == (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens)
    assert [] == chunks[-1].choices


@pytest.mark.parametrize(("provider", "path"), DIALECTS)
async def test_a_plain_answer_from_every_dialect(tmp_path: Path, provider: str, path: str) -> None:
    """The same without a stream, and through the synchronous client."""
    script = Script((Reply(text=TEXT, usage=UsageSpec(input=12, output=7)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        answer = await asyncio.to_thread(_ask_synchronously, gateway.v1)

    assert TEXT == answer.choices[0].message.content
    assert "stop" == answer.choices[0].finish_reason
    assert answer.usage is not None
    assert 19 == answer.usage.total_tokens


def _ask_synchronously(base_url: str) -> openai.types.chat.ChatCompletion:
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as sync:
        return sync.chat.completions.create(model="m", messages=user("hi"))  # type: ignore[arg-type]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("provider", "path"), DIALECTS)
async def test_parallel_tool_calls_from_every_dialect(tmp_path: Path, provider: str, path: str, stream: bool) -> None:
    """Two calls keep their order, ids, names and arguments."""
    calls = (ToolCall("get_weather", {"city": "北京"}), ToolCall("get_weather", {"city": "Paris"}))
    async with (
        scripted_upstream(Script((Reply(tool_calls=calls),))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
        gateway.sdk.chat.completions.stream(model="m", messages=user("weather?"), tools=[TOOL])
        if stream
        else _Plain(gateway.sdk) as streaming,
    ):
        answer = await streaming.get_final_completion()

    found = answer.choices[0].message.tool_calls
    assert found is not None
    assert ["get_weather"] * 2 == [call.function.name for call in found]
    assert ['{"city":"北京"}', '{"city":"Paris"}'] == [call.function.arguments.replace(" ", "") for call in found]
    assert 2 == len({call.id for call in found})
    assert "tool_calls" == answer.choices[0].finish_reason


class _Plain:
    """Gives a plain call the interface of the streamed helper."""

    def __init__(self, sdk: openai.AsyncOpenAI) -> None:
        self._sdk = sdk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def get_final_completion(self) -> openai.types.chat.ChatCompletion:
        return await self._sdk.chat.completions.create(model="m", messages=user("weather?"), tools=[TOOL])


class City(BaseModel):
    """A structured answer."""

    name: str
    population: int


@pytest.mark.parametrize(("provider", "path"), [DIALECTS[0], DIALECTS[2]])
async def test_structured_outputs(tmp_path: Path, provider: str, path: str) -> None:
    """`response_format` reaches the upstream, and the helper parses the answer."""
    script = Script((Reply(json={"name": "上海", "population": 24_870_000}),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + path, provider=provider)) as gateway,
    ):
        answer = await gateway.sdk.chat.completions.parse(model="m", messages=user("?"), response_format=City)
        sent = asked(upstream)[-1].json

    assert City(name="上海", population=24_870_000) == answer.choices[0].message.parsed
    assert "response_format" in sent or "format" in sent


async def test_structured_outputs_by_a_forced_tool(tmp_path: Path) -> None:
    """Anthropic has no such slot: a tool is forced, and its call is turned back into content."""
    script = Script((Reply(tool_calls=(ToolCall("City", {"name": "Paris", "population": 2}),)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url, provider="anthropic")) as gateway,
    ):
        await gateway.sdk.chat.completions.create(
            model="m",
            messages=user("?"),
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "City", "schema": City.model_json_schema()},
            },
        )
        forced = asked(upstream)[-1].json["tools"][-1]["name"]
    script = Script((Reply(tool_calls=(ToolCall(forced, {"name": "Paris", "population": 2}),)),))
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url, provider="anthropic")) as gateway,
    ):
        answer = await gateway.sdk.chat.completions.parse(model="m", messages=user("?"), response_format=City)

    assert City(name="Paris", population=2) == answer.choices[0].message.parsed
    assert "stop" == answer.choices[0].finish_reason


async def test_embeddings(tmp_path: Path) -> None:
    """The client asks for base64 and decodes it; usage is booked."""
    async with (
        scripted_upstream(Script((Reply(),))) as upstream,
        running_gateway(tmp_path, model("e", upstream.url + "/v1", extra='capabilities = ["embeddings"]')) as gateway,
    ):
        answer = await gateway.sdk.embeddings.create(model="e", input=["支付", "order"])
        raw = await gateway.http.post("/v1/embeddings", json={"model": "e", "input": "支付"})
        booked = await gateway.decision(raw)

    assert 2 == len(answer.data)
    assert len(answer.data[0].embedding) > 1
    assert booked["attempts"][0]["input_tokens"] > 0  # type: ignore[index]


async def test_models_are_listed_and_described(tmp_path: Path) -> None:
    """Names may hold `/` and `:`; `auto` is one of them."""
    async with (
        scripted_upstream(Script()) as upstream,
        running_gateway(tmp_path, model("org/llama3:8b", upstream.url + "/v1")) as gateway,
    ):
        listed = [each.id async for each in gateway.sdk.models.list()]
        one = await gateway.sdk.models.retrieve("org/llama3:8b")
        bare = await gateway.http.get("/models")
        with pytest.raises(openai.NotFoundError) as missing:
            await gateway.sdk.models.retrieve("nobody")

    assert {"auto", "org/llama3:8b"} <= set(listed)
    assert ("org/llama3:8b", "model") == (one.id, one.object)
    assert listed == [each["id"] for each in bare.json()["data"]]
    assert "model_not_found" == missing.value.code


async def test_names_that_leave_the_choice_to_us_are_listed_with_what_they_mean(tmp_path: Path) -> None:
    """`auto` first, with its cheap and its best kind; each is described by its id, and a dial of one's own too."""
    aliases = '[aliases]\n"gpt-4o" = "auto:best"\n'
    async with (
        scripted_upstream(Script()) as upstream,
        running_gateway(tmp_path, aliases, model("m", upstream.url + "/v1")) as gateway,
    ):
        listed = [each async for each in gateway.sdk.models.list()]
        names = ("auto", "auto:cheap", "auto:best", "auto:balanced", "auto:0.3", "gpt-4o")
        told = {name: (await gateway.sdk.models.retrieve(name)).to_dict() for name in names}
        answer = await gateway.sdk.chat.completions.create(model="auto:cheap", messages=user("hi"))
        with pytest.raises(openai.NotFoundError):
            await gateway.sdk.models.retrieve("auto:cheapest")

    assert ["auto", "auto:cheap", "auto:best", "m", "gpt-4o"] == [each.id for each in listed]
    assert list(names) == [each["id"] for each in told.values()]
    assert [None, 0.1, 1.0, 0.5, 0.3, None] == [each.get("dial") for each in told.values()]
    assert len(names) - 1 == len({each["description"] for each in told.values() if "description" in each})
    assert "auto:best" == told["gpt-4o"]["alias_of"]
    assert answer.choices[0].message.content


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("reply", "error", "status", "code"),
    [
        (
            Reply(
                status=429,
                headers={"retry-after": "7"},
                body={
                    "error": {"message": "slow down", "type": "tokens", "param": None, "code": "rate_limit_exceeded"}
                },
            ),
            openai.RateLimitError,
            429,
            "rate_limit_exceeded",
        ),
        (Reply(fault="bad_key"), openai.InternalServerError, 502, "upstream_credentials_exhausted"),
        (Reply(fault="server_error"), openai.InternalServerError, 502, None),
        (Reply(fault="context_overflow"), openai.BadRequestError, 400, "context_length_exceeded"),
    ],
)
async def test_an_upstreams_error_reaches_the_client_in_its_place(
    tmp_path: Path, reply: Reply, error: type[openai.APIStatusError], status: int, code: str | None, stream: bool
) -> None:
    """A 429 stays a 429 with its words; a refused provider key is our 502 and never the client's 401."""
    async with (
        scripted_upstream(Script((reply,))) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        with pytest.raises(error) as caught:
            await gateway.sdk.chat.completions.create(model="m", messages=user("hi"), stream=stream)

    assert status == caught.value.status_code
    if code is not None:
        assert code == caught.value.code
    if status == 429:
        assert ("slow down", "tokens") == (caught.value.body["message"], caught.value.body["type"])  # type: ignore[index]
        assert "7" == caught.value.response.headers["retry-after"]
    assert "false" == caught.value.response.headers["x-should-retry"]
    assert {"message", "type", "param", "code"} <= set(caught.value.body)  # type: ignore[arg-type]


async def test_an_unknown_model_is_an_error_or_auto(tmp_path: Path) -> None:
    """The setting decides."""
    async with scripted_upstream(Script((Reply(text="ok"),))) as upstream:
        (tmp_path / "a").mkdir()
        async with running_gateway(tmp_path / "a", model("m", upstream.url + "/v1")) as gateway:
            with pytest.raises(openai.NotFoundError) as caught:
                await gateway.sdk.chat.completions.create(model="gpt-99", messages=user("hi"))
        (tmp_path / "b").mkdir()
        lenient = 'unknown_model = "auto"\nshipped_models = false'
        async with running_gateway(
            tmp_path / "b",
            model("m", upstream.url + "/v1"),
            head=f"[server]\nport = 0\n[routing]\n{lenient}\n[health]\nfind_ollama = false\n",
        ) as gateway:
            answer = await gateway.sdk.chat.completions.create(model="gpt-99", messages=user("hi"))

    assert ("model_not_found", "model") == (caught.value.code, caught.value.param)
    assert "ok" == answer.choices[0].message.content
