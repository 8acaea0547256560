"""The scripted upstream, over real sockets: official clients on the good paths, bare sockets on the bad ones."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import httpx
import ollama
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.pieces import split_pieces
from router.providers.scripted import Reply, ScriptedUpstream
from router.providers.scripted.answer import read_request, resolve
from router.providers.scripted.responder import rendering_of
from tests.upstreams import hear

pytest_plugins = ("tests.upstream_fixtures",)

CHAT = "/v1/chat/completions"
DIALECT_PATHS = [CHAT, "/v1/messages", "/api/chat"]


def openai_client(url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-test", max_retries=0)


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def sse_data(body: bytes) -> list[str]:
    """Every `data:` of an SSE body."""
    return [line[6:].decode() for line in body.split(b"\n") if line.startswith(b"data: ")]


def text_of(path: str, body: bytes) -> str:
    """Join the text of a stream: a reader of a few lines per dialect, made apart from ours."""
    if path == "/api/chat":
        return "".join(json.loads(line)["message"]["content"] for line in body.splitlines() if line)
    events = [json.loads(data) for data in sse_data(body) if data != "[DONE]"]
    if path == "/v1/messages":
        return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


# --- official clients ---


async def test_openai_client_reads_a_streamed_echo_with_usage(upstream: ScriptedUpstream) -> None:
    """Without a script the double echoes, and the usage chunk comes when it is asked for."""
    async with openai_client(upstream.url) as client:
        stream = await client.chat.completions.create(
            model="any", messages=says("echo 回声 this"), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    usage = chunks[-1].usage

    assert "echo 回声 this" == "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert usage is not None
    assert (4, 4, 8) == (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    assert 1 == len({chunk.id for chunk in chunks})
    assert ["assistant"] == [c.choices[0].delta.role for c in chunks if c.choices and c.choices[0].delta.role]
    assert ["stop"] == [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]


async def test_openai_client_reads_a_plain_answer(start_upstream: Any) -> None:
    """Reasoning, parallel tool calls, refusal and usage details arrive where the client looks for them."""
    upstream = await start_upstream(
        {
            "reasoning": "hm",
            "tool_calls": [{"name": "a", "arguments": {"x": "长文本"}}, {"name": "b", "id": "call_mine"}],
            "usage": {"input": 9, "output": 7, "cached": 3, "reasoning": 2},
        },
    )
    async with openai_client(upstream.url) as client:
        answer = await client.chat.completions.create(model="any", messages=says("hi"), n=2)
    message = answer.choices[1].message
    calls = message.tool_calls or []

    assert ["tool_calls", "tool_calls"] == [choice.finish_reason for choice in answer.choices]
    assert message.content is None
    assert ["a", "b"] == [call.function.name for call in calls if call.type == "function"]
    assert {"x": "长文本"} == json.loads(calls[0].function.arguments)
    assert "call_mine" == calls[1].id
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert (9, 7, 3) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.prompt_tokens_details.cached_tokens,
    )


async def test_openai_client_joins_streamed_tool_calls_of_two_choices(start_upstream: Any) -> None:
    """Fragments of parallel calls join to the scripted arguments, for each choice apart."""
    upstream = await start_upstream(
        {"tool_calls": [{"name": "a", "arguments": {"city": "Zürich 苏黎世"}}, {"name": "b", "arguments": {"n": 1}}]}
    )
    joined: dict[tuple[int, int], str] = {}
    ids: dict[tuple[int, int], str] = {}
    async with openai_client(upstream.url) as client:
        stream = await client.chat.completions.create(model="m", messages=says("hi"), stream=True, n=2)
        async for chunk in stream:
            for choice in chunk.choices:
                for call in choice.delta.tool_calls or []:
                    key = (choice.index, call.index)
                    joined[key] = joined.get(key, "") + (call.function.arguments or "" if call.function else "")
                    if call.id:
                        ids[key] = call.id

    assert {"city": "Zürich 苏黎世"} == json.loads(joined[0, 0]) == json.loads(joined[1, 0])
    assert {"n": 1} == json.loads(joined[0, 1])
    assert 4 == len(set(ids.values()))


async def test_openai_client_reads_models_and_embeddings(start_upstream: Any) -> None:
    """Embeddings depend on the text alone, and the client's base64 default decodes to the plain floats."""
    upstream = await start_upstream(models=["m1", "org/m2:latest"])
    async with openai_client(upstream.url) as client:
        models = [model.id async for model in client.models.list()]
        model = await client.models.retrieve("org/m2:latest")
        packed = await client.embeddings.create(model="e", input=["same words", "same words", "别的"])
        plain = await client.embeddings.create(model="e", input="same words", encoding_format="float", dimensions=16)
        tokens = await client.embeddings.create(model="e", input=[[1, 2], [3]], encoding_format="float")

    assert ["m1", "org/m2:latest"] == models
    assert "org/m2:latest" == model.id
    assert packed.data[0].embedding == packed.data[1].embedding != packed.data[2].embedding
    assert 1.0 == pytest.approx(sum(x * x for x in packed.data[2].embedding), abs=1e-6)
    assert 16 == len(plain.data[0].embedding)
    assert 2 == len(tokens.data)


async def test_base64_embedding_is_little_endian_float32(upstream: ScriptedUpstream) -> None:
    """The packed form holds the same numbers as the plain one; a text of no words points along the first axis."""
    async with httpx.AsyncClient(base_url=upstream.url) as client:
        asked = {"model": "e", "input": "  ", "dimensions": 3}
        packed = (await client.post("/v1/embeddings", json={**asked, "encoding_format": "base64"})).json()
        tokens = (await client.post("/v1/embeddings", json={**asked, "input": [5, 6]})).json()
        missing = await client.post("/v1/embeddings", json={"model": "e"})

    assert (1.0, 0.0, 0.0) == struct.unpack("<3f", base64.b64decode(packed["data"][0]["embedding"]))
    assert 1 == len(tokens["data"])
    assert 400 == missing.status_code


async def test_ollama_client_chats_embeds_and_lists(start_upstream: Any) -> None:
    """The official Ollama client parses chat (streamed and plain), thinking, tools, embeddings, tags and show."""
    upstream = await start_upstream(
        {"text": "你好 there", "reasoning": "hm hm", "tool_calls": [{"name": "f", "arguments": {"a": 1}}]},
        models=["qwen3:0.6b"],
    )
    client = ollama.AsyncClient(host=upstream.url)
    parts = [part async for part in await client.chat("qwen3:0.6b", messages=says("hi"), stream=True)]
    whole = await client.chat("qwen3:0.6b", messages=says("hi"))
    embedded = await client.embed("qwen3:0.6b", input=["a", "b"])
    listed = await client.list()
    shown = await client.show("qwen3:0.6b")
    with pytest.raises(ollama.ResponseError) as unknown:
        await client.show("none")
    await client._client.aclose()

    assert "你好 there" == "".join(part.message.content or "" for part in parts)
    assert "hm hm" == "".join(part.message.thinking or "" for part in parts) == whole.message.thinking
    assert [{"a": 1}] == [dict(call.function.arguments) for part in parts for call in part.message.tool_calls or []]
    assert ("stop", True) == (parts[-1].done_reason, parts[-1].done)
    assert "你好 there" == whole.message.content
    assert 2 == len(embedded.embeddings)
    assert ["qwen3:0.6b"] == [model.model for model in listed.models]
    assert "tools" in (shown.capabilities or [])
    assert 404 == unknown.value.status_code


async def test_openai_client_raises_the_status_error_of_the_script(start_upstream: Any) -> None:
    """A scripted 429 keeps its Retry-After and becomes the client's own rate limit error; later calls succeed."""
    upstream = await start_upstream(
        {"fault": "rate_limited", "times": 1, "headers": {"Retry-After": "3"}},
        {"text": "fine"},
    )
    async with openai_client(upstream.url) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="m", messages=says("hi"))
        answer = await client.chat.completions.create(model="m", messages=says("hi"))

    assert "3" == caught.value.response.headers["retry-after"]
    assert "rate_limit_exceeded" == caught.value.code
    assert "fine" == answer.choices[0].message.content


# --- the three dialects ---


@pytest.mark.parametrize("path", DIALECT_PATHS)
@given(text=st.text(max_size=60))
def test_streamed_pieces_join_to_the_text_in_every_dialect(path: str, text: str) -> None:
    """Whatever the text, rendering a stream and joining its pieces gives the text again; so does a plain answer."""
    asked = read_request(path, {"model": "m", "messages": says("hi"), "stream": True})
    answer = resolve(Reply(text=text), asked, serial=1, call=1, created=0)
    rendering = rendering_of(path)
    parts = rendering.stream(answer)
    whole: Any = rendering.plain(answer)
    plain = {
        CHAT: lambda: whole["choices"][0]["message"]["content"],
        "/v1/messages": lambda: "".join(block["text"] for block in whole["content"]),
        "/api/chat": lambda: whole["message"]["content"],
    }[path]()

    assert text == text_of(path, parts.opening + b"".join(parts.content) + parts.closing + parts.done)
    assert text == plain


@given(text=st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    """Splitting loses nothing and makes no empty piece."""
    assert text == "".join(split_pieces(text))
    assert all(split_pieces(text))


async def test_anthropic_stream_has_contiguous_blocks_and_exclusive_cache_counts(start_upstream: Any) -> None:
    """Thinking with signature, text and tool use are blocks 0, 1, 2; cached tokens are beside `input_tokens`."""
    upstream = await start_upstream(
        {
            "text": "hi",
            "reasoning": "a b",
            "signature": "sig",
            "tool_calls": [{"name": "f", "arguments": {"k": "v"}}],
            "usage": {"input": 10, "output": 5, "cached": 4, "cache_write": 1},
        }
    )
    heard = await hear(upstream.url, "/v1/messages", stream=True)
    plain = json.loads((await hear(upstream.url, "/v1/messages")).body)
    events = [json.loads(data) for data in sse_data(heard.body)]
    starts = [(e["index"], e["content_block"]["type"]) for e in events if e["type"] == "content_block_start"]
    stops = [e["index"] for e in events if e["type"] == "content_block_stop"]

    assert [(0, "thinking"), (1, "text"), (2, "tool_use")] == starts
    assert [0, 1, 2] == stops
    assert "tool_use" == events[-2]["delta"]["stop_reason"] == plain["stop_reason"]
    assert "message_stop" == events[-1]["type"]
    assert (5, 4, 1) == tuple(
        events[0]["message"]["usage"][f"{k}input_tokens"] for k in ("", "cache_read_", "cache_creation_")
    )
    assert {"type": "thinking", "thinking": "a b", "signature": "sig"} == plain["content"][0]
    assert {"k": "v"} == plain["content"][2]["input"]


@pytest.mark.parametrize(
    ("finish", "native"),
    [("length", "max_tokens"), ("content_filter", "refusal"), ("stop", "end_turn"), ("function_call", "tool_use")],
)
async def test_finish_is_said_in_the_dialects_words(start_upstream: Any, finish: str, native: str) -> None:
    """The script speaks OpenAI's words; Anthropic gets its own, and Ollama only knows length and stop."""
    upstream = await start_upstream({"text": "x", "finish": finish})
    anthropic = json.loads((await hear(upstream.url, "/v1/messages")).body)
    plain = json.loads((await hear(upstream.url, "/api/chat", stream=False)).body)

    assert native == anthropic["stop_reason"]
    assert ("length" if finish == "length" else "stop") == plain["done_reason"]


async def test_refusal_has_its_slot_or_stop_reason(start_upstream: Any) -> None:
    """OpenAI has a refusal field and Anthropic a stop reason."""
    upstream = await start_upstream({"refusal": "I cannot"})
    chat = json.loads((await hear(upstream.url)).body)["choices"][0]["message"]
    streamed = await hear(upstream.url, stream=True)
    message = json.loads((await hear(upstream.url, "/v1/messages")).body)

    assert (None, "I cannot") == (chat["content"], chat["refusal"])
    assert b'"refusal":" cannot"' in streamed.body
    assert ("refusal", "I cannot") == (message["stop_reason"], message["content"][0]["text"])


async def test_broken_tool_arguments_are_sent_as_written_where_the_dialect_can(start_upstream: Any) -> None:
    """A string of arguments goes out as it is; dialects whose arguments are objects get what can be said."""
    upstream = await start_upstream({"tool_calls": [{"name": "f", "arguments": '{"a":'}]})
    chat = json.loads((await hear(upstream.url)).body)["choices"][0]["message"]
    message = json.loads((await hear(upstream.url, "/v1/messages")).body)
    native = json.loads((await hear(upstream.url, "/api/chat", stream=False)).body)["message"]

    assert '{"a":' == chat["tool_calls"][0]["function"]["arguments"]
    assert {} == message["content"][0]["input"]
    assert '{"a":' == native["tool_calls"][0]["function"]["arguments"]


# --- what is said ---


async def test_echo_takes_the_last_user_text_and_obeys_the_token_limit(upstream: ScriptedUpstream) -> None:
    """Parts are joined, pictures and later assistant turns skipped, and a cut echo finishes with `length`."""
    parts = [
        {"type": "text", "text": "one two"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "three"},
    ]
    messages = [
        "nonsense",
        {"role": "user", "content": "old"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": [{"type": "tool_result", "content": "r"}]},
    ]
    whole = json.loads((await hear(upstream.url, messages=messages)).body)
    cut = json.loads((await hear(upstream.url, messages=messages, max_tokens=2)).body)["choices"][0]
    native = json.loads(
        (await hear(upstream.url, "/api/chat", stream=False, max_tokens=None, options={"num_predict": 1})).body
    )

    assert "one two\nthree" == whole["choices"][0]["message"]["content"]
    assert ("one two", "length") == (cut["message"]["content"], cut["finish_reason"])
    assert ("hi", "stop") == (native["message"]["content"], native["done_reason"])


async def test_echo_gives_json_when_json_is_asked_for(upstream: ScriptedUpstream) -> None:
    """`response_format` (OpenAI) and `format` (Ollama) turn the echo into an object."""
    chat = json.loads((await hear(upstream.url, response_format={"type": "json_object"})).body)
    native = json.loads((await hear(upstream.url, "/api/chat", stream=False, format="json")).body)

    assert {"echo": "hi"} == json.loads(chat["choices"][0]["message"]["content"])
    assert {"echo": "hi"} == json.loads(native["message"]["content"])


async def test_template_and_json_and_chunks_are_said_as_written(start_upstream: Any) -> None:
    """A template is filled in once, JSON is compact, and chunks stay the pieces they are."""
    upstream = await start_upstream(
        {"times": 1, "template": "{call} {model} {path}: {last_user}"},
        {"times": 1, "json": {"a": [1, "é"]}},
        {"chunks": ["ab", "", "cd e"]},
    )
    first = json.loads((await hear(upstream.url, messages=says("{model}"))).body)
    second = json.loads((await hear(upstream.url)).body)
    third = await hear(upstream.url, stream=True)
    deltas = [json.loads(data)["choices"][0]["delta"] for data in sse_data(third.body)[1:-2]]

    assert "1 m /v1/chat/completions: {model}" == first["choices"][0]["message"]["content"]
    assert '{"a":[1,"é"]}' == second["choices"][0]["message"]["content"]
    assert ["ab", "", "cd e"] == [delta["content"] for delta in deltas]


# --- matching ---


async def test_replies_match_in_order_by_every_condition(start_upstream: Any) -> None:
    """Model, text, header, stream and the n-th call choose; what matches nothing is told so."""
    upstream = await start_upstream(
        {"match": {"model": "gpt-*", "contains": "weather"}, "text": "model"},
        {"match": {"header": {"X-Tenant": "a*"}}, "text": "header"},
        {"match": {"stream": True}, "text": "stream"},
        {"match": {"path": "/api/*"}, "text": "path"},
        {"match": {"path": CHAT, "call": 2}, "text": "second"},
        {"match": {"path": CHAT, "call": 1}, "text": "first", "times": 1},
    )

    async def said(path: str = CHAT, **body: Any) -> str:
        async with httpx.AsyncClient() as client:
            asked = {"model": "m", "messages": says("hi"), "max_tokens": 9, "stream": False} | body
            headers = {"x-tenant": "acme"} if body.get("user") else {}
            return (await client.post(upstream.url + path, json=asked, headers=headers)).text

    assert '"model"' in await said(model="gpt-5", messages=says("the weather?"))
    assert '"header"' in await said(user="u")
    assert '" stream"' not in await said(stream=True)
    assert '"path"' in await said("/api/chat")
    assert '"first"' in await said()
    assert '"second"' in await said()
    assert "No reply of the script matches" in await said()
    assert [1, 2, 3, 4, 6, 5, None] == [request.reply for request in upstream.requests]


async def test_replies_without_a_path_leave_other_endpoints_alone(start_upstream: Any) -> None:
    """A chat fault does not hit probes, unless the script names their path; then any path can be scripted."""
    upstream = await start_upstream(
        {"status": 503},
        {"match": {"path": "/api/tags"}, "status": 500},
        {"match": {"path": "/v1/rerank"}, "body": {"results": []}},
        {"match": {"path": "/v1/none"}},
        {"match": {"path": "/v1/embeddings"}, "dimensions": 2},
    )
    async with httpx.AsyncClient(base_url=upstream.url) as client:
        models = await client.get("/v1/models")
        tags = await client.get("/api/tags")
        rerank = await client.post("/v1/rerank", json={})
        none = await client.get("/v1/none")
        embedded = (await client.post("/v1/embeddings", json={"model": "e", "input": "x"})).json()
        version = await client.get("/api/version")
        counted = await client.post("/v1/messages/count_tokens", json={"system": "a b", "messages": says("c")})
        unknown = await client.get("/v1/models/nobody")

    assert [200, 500, 200, 404, 200, 404] == [r.status_code for r in (models, tags, rerank, none, version, unknown)]
    assert {"results": []} == rerank.json()
    assert 2 == len(embedded["data"][0]["embedding"])
    assert {"input_tokens": 3} == counted.json()
    assert {"error": "The server had an error."} == tags.json()
    assert "model_not_found" == unknown.json()["error"]["code"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/nowhere", {}, 404),
        ("/v1/messages/nowhere", {}, 404),
        (CHAT, "not json", 400),
        (CHAT, "[1]", 400),
        (CHAT, {"model": "m"}, 400),
        ("/v1/messages", {"model": "m", "messages": []}, 400),
    ],
)
async def test_requests_no_upstream_would_take_are_refused(
    upstream: ScriptedUpstream, path: str, body: Any, status: int
) -> None:
    """Unknown paths are 404; bodies that are no JSON object or lack what the dialect needs are 400."""
    content = body if isinstance(body, str) else json.dumps(body)
    async with httpx.AsyncClient() as client:
        answer = await client.post(upstream.url + path, content=content)
        wrong_method = await client.get(upstream.url + CHAT)

    assert status == answer.status_code
    assert "error" in answer.json()
    assert 405 == wrong_method.status_code
