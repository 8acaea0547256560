"""No key, no other server: the product answers from its own documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.providers.scripted import Reply, Script, scripted_upstream
from tests.e2e.gateway import HEAD, model, running_gateway, user

ALONE = "[server]\nport = 0\n[health]\nfind_ollama = false\n"
LIBRARY = Path("retrieval/library")


@pytest.mark.parametrize(
    ("question", "holds", "doc"),
    [
        ("How long may open streams take to complete when I stop the server?", "600", "en/"),
        ("Which header switches the router off?", "x-thalamus-router", "en/"),
        ("怎么备份数据库？", "thalamus db backup", "zh/"),
        ("密钥在数据库里是怎么保存的？", "哈希", "zh/"),
    ],
)
async def test_auto_is_answered_from_the_shipped_documents(tmp_path: Path, question: str, holds: str, doc: str) -> None:
    """The official client gets a streamed answer in the question's language with citations to file and line."""
    async with running_gateway(tmp_path, head=ALONE, env={}) as gateway:
        stream = await gateway.sdk.chat.completions.create(
            model="auto", messages=user(question), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert holds in text
    cited = re.search(r"\[((?:en|zh)/[\w./-]+\.md):(\d+)(?:-(\d+))?", text)
    assert cited is not None, text
    assert cited[1].startswith(doc)
    lines = (LIBRARY / cited[1]).read_text(encoding="utf-8").splitlines()
    assert 1 <= int(cited[2]) <= len(lines)
    assert len(chunks) > 5, "it streams"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("question", ["What is the boiling point of tungsten?", "谁写了《红楼梦》？"])
async def test_it_refuses_plainly_what_the_documents_do_not_hold(tmp_path: Path, question: str) -> None:
    """No guess, no citation."""
    async with running_gateway(tmp_path, head=ALONE, env={}) as gateway:
        answer = (await gateway.chat(model="auto", messages=user(question))).json()

    assert ".md:" not in answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["message"]["content"]


async def test_it_is_never_chosen_while_another_model_is_live(tmp_path: Path) -> None:
    """The last resort of `auto`, unless it is named."""
    async with (
        scripted_upstream(Script((Reply(text="from a real model"),))) as upstream,
        running_gateway(
            tmp_path, model("m", upstream.url + "/v1"), env={}, head=HEAD.replace("shipped_models = false", "")
        ) as gateway,
    ):
        served = {(await gateway.chat(model="auto")).headers["x-thalamus-model"] for _ in range(5)}
        named = await gateway.chat(model="extractive", messages=user("How do I stop the server?"))

    assert {"m"} == served
    assert "extractive" == named.headers["x-thalamus-model"]
