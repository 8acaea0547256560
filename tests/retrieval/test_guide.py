"""The shipped guide answers what users ask, in both languages, and says nothing of what it does not hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrieval.answer import ExtractiveAnswerer
from retrieval.index import LexicalIndex
from retrieval.ingest import read_documents

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "retrieval" / "library"
ASKED = (
    ("How do I see what a request cost?", ("/v1/decisions/",)),
    ("怎样查看一次请求的费用？", ("/v1/decisions/",)),
    ("How does failover work?", ("next candidate",)),
    ("故障转移如何工作？", ("候选",)),
    ("Does it support Ollama?", ("Ollama", "11434")),
    ("支持 Ollama 吗？", ("Ollama", "11434")),
    ("How do I delete old decisions?", ("thalamus db prune",)),
    ("怎样删除旧的决策记录？", ("thalamus db prune",)),
    ("How do I stop the server?", ("thalamus stop",)),
    ("如何停止服务器？", ("thalamus stop",)),
    ("On which port does it serve?", ("8000",)),
    ("它在哪个端口上服务？", ("8000",)),
    ("How do I add a provider key?", ("OPENAI_API_KEY",)),
    ("怎么添加服务商的密钥？", ("OPENAI_API_KEY",)),
    ("How do I make a proxy key?", ("run `thalamus keys create NAME`",)),
    ("怎么创建代理密钥？", ("thalamus keys create NAME` 为",)),
    ("How do I back up the database?", ("thalamus db backup",)),
    ("怎么备份数据库？", ("thalamus db backup",)),
    ("How do I change weights while it runs?", ("POST /api/config/weights",)),
    ("运行时怎么修改权重？", ("POST /api/config/weights",)),
    ("When does a breaker open?", ("half",)),
    ("熔断器什么时候打开？", ("一半",)),
    ("How do I limit a key?", ("--rpm",)),
    ("怎么限制密钥的用量？", ("--rpm",)),
    ("How do I use it behind a tunnel?", ("server.allowed_hosts",)),
    ("放在隧道后面怎么用？", ("server.allowed_hosts",)),
    ("What happens when the database is away?", ("journal",)),
    ("数据库断开时会发生什么？", ("日志",)),
    ("How do I send traces to OpenTelemetry?", ("otlp_endpoint",)),
    ("怎么把追踪发送到 OpenTelemetry？", ("otlp_endpoint",)),
    ("How do I set my own price?", ("input_usd_per_mtok",)),
    ("怎么设置自己的价格？", ("input_usd_per_mtok",)),
    ("How do I change settings without a restart?", ("SIGHUP",)),
    ("怎么不重启就修改设置？", ("SIGHUP",)),
    ("Which header switches the router off?", ("x-thalamus-router",)),
    ("哪个请求头可以关闭路由？", ("x-thalamus-router",)),
    ("Are prompts stored?", ("not stored",)),
    ("会保存提问内容吗？", ("不保存",)),
    ("How do I run it with Docker?", ("docker compose",)),
    ("怎么用 Docker 运行？", ("docker compose",)),
    ("How do I watch it fail over in a demo?", ("make demo",)),
    ("怎么看故障演示？", ("make demo",)),
    ("How do I connect Cursor?", ("https",)),
    ("怎么连接 Cursor？", ("https",)),
    ("How long may open streams take to complete when I stop the server?", ("600",)),
    ("密钥在数据库里是怎么保存的？", ("哈希",)),
    ("How do I take a deployment out of play?", ("/trip",)),
    ("怎么让一个部署暂停接收请求？", ("/trip",)),
)
"""Questions as users put them, and what a right answer must hold."""


@pytest.fixture(scope="module")
def answerer() -> ExtractiveAnswerer:
    """The answerer over the shipped guide, as the product builds it."""
    index = LexicalIndex.build(read_documents(GUIDE))
    return ExtractiveAnswerer(lambda: index)


@pytest.mark.parametrize(("question", "holds"), ASKED)
def test_the_guide_answers_what_users_ask(answerer: ExtractiveAnswerer, question: str, holds: tuple[str, ...]) -> None:
    """The answer holds what was asked for, and cites pages of the question's language."""
    answer = answerer.answer(question)
    folder = "en/" if question.isascii() else "zh/"

    assert not answer.refused
    assert [] == [each for each in holds if each not in answer.text], answer.text
    assert {folder} == {citation.doc[:3] for citation in answer.citations}


@pytest.mark.parametrize(
    "question",
    [
        "What is the boiling point of tungsten?",
        "谁写了《红楼梦》？",
        "What is the capital of France?",
        "如何做红烧肉？",
    ],
)
def test_the_guide_says_nothing_of_other_things(answerer: ExtractiveAnswerer, question: str) -> None:
    """A guide that is longer and worded like questions is no reason to answer everything."""
    assert answerer.answer(question).refused


def test_both_languages_are_asked_the_same() -> None:
    """Each question has its twin; what one language can ask, the other can."""
    assert sum(question.isascii() for question, _ in ASKED) == sum(not question.isascii() for question, _ in ASKED)


@pytest.mark.parametrize("page", ["docs/quickstart.md", "docs/zh/quickstart.md"])
def test_the_citation_that_the_quickstart_shows_is_the_right_line(page: str) -> None:
    """Who follows the example finds how to stop the server."""
    shown = re.search(r"`\[((?:en|zh)/quickstart\.md):(\d+)\]`", (ROOT / page).read_text(encoding="utf-8"))

    assert shown is not None
    assert "thalamus stop" in (GUIDE / shown[1]).read_text(encoding="utf-8").splitlines()[int(shown[2]) - 1]
