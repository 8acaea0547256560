"""LangChain's OpenAI integration in front of the gateway."""

from __future__ import annotations

from pathlib import Path

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from router.providers.scripted import Match, Reply, Script, ToolCall, UsageSpec, scripted_upstream
from tests.e2e.gateway import model, running_gateway


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def test_invoke_stream_and_tools(tmp_path: Path) -> None:
    """Usage is counted once, tools are bound and called."""
    script = Script(
        (
            Reply(match=Match(contains="sum"), tool_calls=(ToolCall("add", {"a": 1, "b": 2}),)),
            Reply(text="hello there", usage=UsageSpec(input=5, output=2)),
        )
    )
    async with (
        scripted_upstream(script) as upstream,
        running_gateway(tmp_path, model("m", upstream.url + "/v1")) as gateway,
    ):
        chat = ChatOpenAI(base_url=gateway.v1, api_key="any", model="m", stream_usage=True)  # type: ignore[arg-type]
        said = await chat.ainvoke("hi")
        chunks = [chunk async for chunk in chat.astream("hi")]
        called = await chat.bind_tools([add]).ainvoke("the sum, please")

    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert "hello there" == said.content == whole.content
    assert {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}.items() <= (whole.usage_metadata or {}).items()
    assert [("add", {"a": 1, "b": 2})] == [(call["name"], call["args"]) for call in called.tool_calls]
