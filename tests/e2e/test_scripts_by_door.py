"""Every script, played by every source dialect, through every door, streamed and plain: the same meaning and books."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from config.tokens import estimate_tokens
from config.types import Usage
from proxy.error_responses import anthropic_type
from router.events import TextDelta
from router.providers.scripted import scripted_upstream
from tests.e2e.gateway import HEAD, Gateway, model, running_gateway, user
from tests.e2e.playing import BY_NAME, FAULTS, WIRE_SOURCES, cue, expected, script_of
from tests.e2e.telling import DOORS, Told, ask, counts_told, finish_of, flat_counts, read_plain, read_stream, value_of
from tests.proxy.scripts import SCRIPTS, EventScript

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOURCES = (*WIRE_SOURCES, "extractive")
MODES = ("streamed", "plain")
DOCUMENTS = '[[model]]\nname = "extractive"\n  [[model.deployment]]\n  provider = "extractive"\n  upstream_model = "extractive"\n'
UNBROKEN = "[breaker]\nenabled = false\n"
"""Cells that fail must not bench the upstream that the others need."""

NOT_APPLICABLE: dict[tuple[str, str, str], str] = {
    ("empty_text", "*", "*"): "n/a: an answer without content is a failure of its upstream; it is among the faults",
    ("content_filter", "ollama", "*"): "n/a: Ollama filters nothing and has no word for it",
    ("signed_reasoning", "openai", "*"): "n/a: Chat Completions has no signed or redacted thinking",
    ("signed_reasoning", "ollama", "*"): "n/a: Ollama's thinking is text without signatures",
    ("interleaved_tools", "anthropic", "*"): "n/a: content blocks come one after another, each whole before the next",
    ("interleaved_tools", "ollama", "*"): "n/a: Ollama sends each call whole, in one line",
    ("custom_tool", "*", "claude"): "n/a: Anthropic's clients cannot declare a free-form tool",
    ("refusal", "ollama", "*"): "n/a: Ollama has no slot for a refusal: it is text, as in plain_text",
    ("two_choices", "anthropic", "*"): "n/a: a message is one choice",
    ("two_choices", "ollama", "*"): "n/a: Ollama answers with one choice",
    ("usage_estimated", "anthropic", "*"): "n/a: no message of Anthropic's comes without counts",
    ("logprobs", "anthropic", "*"): "n/a: Anthropic tells no log probabilities",
    ("logprobs", "ollama", "*"): "n/a: the product asks Ollama for none, see its losses",
    ("content_filter", "extractive", "*"): "n/a: nothing filters sentences of documents",
    ("reasoning", "extractive", "*"): "n/a: it does not reason",
    ("signed_reasoning", "extractive", "*"): "n/a: it does not reason",
    ("single_tool", "extractive", "*"): "n/a: it calls no tools",
    ("tool_without_arguments", "extractive", "*"): "n/a: it calls no tools",
    ("parallel_tools", "extractive", "*"): "n/a: it calls no tools",
    ("interleaved_tools", "extractive", "*"): "n/a: it calls no tools",
    ("tools_with_text", "extractive", "*"): "n/a: it calls no tools",
    ("custom_tool", "extractive", "*"): "n/a: it calls no tools",
    ("refusal", "extractive", "*"): "n/a: that the documents hold no answer is said as text",
    ("two_choices", "extractive", "*"): "n/a: it refuses to be asked for several choices",
    ("usage_with_cache", "extractive", "*"): "n/a: it has no prompt cache",
    ("logprobs", "extractive", "*"): "n/a: sentences of documents have no probabilities",
}
"""Script, source and door (`*` = each) of the cells that make no sense, and why."""
QUESTIONS = {
    "plain_text": ("How long may open streams take to complete when I stop the server?", "600"),
    "unicode_zh": ("密钥在数据库里是怎么保存的？", "哈希"),
    "finish_length": ("How long may open streams take to complete when I stop the server?", ""),
    "usage_estimated": ("Which header switches the router off?", "x-thalamus-router"),
}
"""What the documents are asked in place of a cue, and what stands in their answer."""
FAULT_WORDS: dict[str, tuple[int, str]] = {
    "empty_text": (502, "empty_completion"),
    "context_overflow": (400, "context_length_exceeded"),
    "rate_limited": (429, "rate_limit_exceeded"),
    "bad_key": (502, "upstream_credentials_exhausted"),
    "server_error": (502, "upstream_failed"),
    "error_event": (502, "upstream_failed"),
    "cut_mid_stream": (502, "upstream_failed"),
}
"""Status and code of each fault while the status is still open."""
CUT_AT = 12
"""Tokens that the client allows where an answer is to be cut."""
KNOWS_CUSTOM = ("chat", "plain")
"""Where a free-form call has a shape of its own; chunks and `/api/chat` tell it as a function with raw text."""
RAW_COUNTS = {"interleaved_tools", "two_choices", "logprobs"}
"""Scripts whose bytes stand in `playing.py`; their OpenAI usage has no details, so those are unknown."""
BEGUN = {"error_event", "cut_mid_stream"}
"""Faults that strike a stream after its answer has begun."""


@dataclass(frozen=True)
class Cell:
    """One script (or fault) from one source through one door."""

    name: str
    source: str
    door: str
    mode: str

    def __str__(self) -> str:
        """Return the test's id."""
        return f"{self.name}-{self.source}-{self.door}-{self.mode}"

    @property
    def reason(self) -> str | None:
        """Why the cell makes no sense, if it does not."""
        keys = itertools.product((self.name,), (self.source, "*"), (self.door, "*"))
        return next((NOT_APPLICABLE[key] for key in keys if key in NOT_APPLICABLE), None)


ALL = [Cell(s.name, *rest) for s, *rest in itertools.product(SCRIPTS, SOURCES, DOORS, MODES)]
CELLS = [cell for cell in ALL if cell.reason is None]
PLAYED = [cell for cell in CELLS if cell.source != "extractive"]
FROM_DOCUMENTS = [cell for cell in CELLS if cell.source == "extractive"]
FAULTY = [Cell(*each) for each in itertools.product(FAULTS, WIRE_SOURCES, DOORS, MODES)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Gateway, None]:
    """One gateway for all cells; each source is an upstream of its own and a model of that name."""
    async with AsyncExitStack() as stack:
        toml = [DOCUMENTS, UNBROKEN]
        for source, path, provider in (("openai", "/v1", "vllm"), ("anthropic", "", ""), ("ollama", "", "")):
            names = dict.fromkeys(cell.name for cell in PLAYED if cell.source == source)
            upstream = await stack.enter_async_context(scripted_upstream(script_of(source, names)))
            toml.insert(0, model(source, upstream.url + path, provider=provider or source))
        folder = tmp_path_factory.mktemp("gateway")
        yield await stack.enter_async_context(running_gateway(folder, *toml, head=HEAD))


async def told_by(gateway: Gateway, cell: Cell, question: str, **more: object) -> tuple[Told, dict[str, Any]]:
    """Ask, and return what the client ends up with beside what stands in the books."""
    script = BY_NAME.get(cell.name)
    asked = ask(
        cell.door, cell.source, user(question), script.calls if script else (), streamed=cell.mode == "streamed"
    )
    response = await gateway.http.post(DOORS[cell.door], json=asked | more)
    assert 200 == response.status_code, response.text
    told = (read_stream if cell.mode == "streamed" else read_plain)(cell.door, response.text)
    return told, dict(await gateway.decision(response))


@pytest.mark.parametrize("cell", PLAYED, ids=str)
async def test_script(gateway: Gateway, cell: Cell) -> None:
    """The client of any door has what the source said, and the books have its tokens."""
    script = expected(BY_NAME[cell.name], cell.source)
    more = {"n": 2} if script.other_choices and cell.door == "chat" else {}
    told, booked = await told_by(gateway, cell, cue(cell.name), **more)

    assert script.text + script.refusal == told.text + told.refusal
    assert (script.refusal if cell.door == "chat" else "") == told.refusal
    assert script.reasoning == told.reasoning
    kinds = [call.kind if (cell.door, cell.mode) == KNOWS_CUSTOM else "function" for call in script.calls]
    assert kinds == [call[2] for call in told.calls]
    assert [(call.id, call.name) for call in script.calls] == [tuple(call[:2]) for call in told.calls]
    assert [value_of(call.arguments) for call in script.calls] == [value_of(call[3]) for call in told.calls]
    assert (finish_of(script, cell.door), True) == (told.finish, told.ended)
    assert (script.other_choices if cell.door == "chat" else {}) == told.others
    assert (_logprobs(script) if cell.door == "chat" else []) == told.logprobs
    if script.thinking_blocks and cell.door != "unified":  # which does not hand them back
        assert list(script.thinking_blocks) == told.thinking_blocks
    check_counts(script, cell, told, booked)


@pytest.mark.parametrize("cell", FROM_DOCUMENTS, ids=str)
async def test_documents(gateway: Gateway, cell: Cell) -> None:
    """What the documents say is whole behind every door: cited, counted, and cut where the client wants it."""
    question, holds = QUESTIONS[cell.name]
    cut = cell.name == "finish_length"
    told, booked = await told_by(gateway, cell, question, **({"max_tokens": CUT_AT} if cut else {}))

    assert holds in told.text
    assert cut != (".md:" in told.text)
    assert (0 < estimate_tokens(told.text) <= CUT_AT) == cut
    ending = BY_NAME["finish_length" if cut else "plain_text"]
    assert (finish_of(ending, cell.door), True) == (told.finish, told.ended)
    (attempt,) = booked["attempts"]
    usage = Usage(attempt["input_tokens"], estimate_tokens(told.text), source="estimated")
    assert usage.input_tokens >= estimate_tokens(question)
    check_counts(replace(BY_NAME[cell.name], usage=usage), cell, told, booked)


@pytest.mark.parametrize("cell", FAULTY, ids=str)
async def test_fault(gateway: Gateway, cell: Cell) -> None:
    """A failure is told in the door's own shape; before the first content by a status, afterwards in the stream."""
    streamed = cell.mode == "streamed"
    body = ask(cell.door, cell.source, user(cue(cell.name)), (), streamed=streamed)
    response = await gateway.http.post(DOORS[cell.door], json=body)
    booked: dict[str, Any] = dict(await gateway.decision(response))
    status, code = FAULT_WORDS[cell.name]
    begun = streamed and cell.name in BEGUN
    assert (200 if begun else status) == response.status_code, response.text
    if begun:
        told = read_stream(cell.door, response.text)
        assert ("one two", None) == (told.text, told.finish)
        assert (cell.door != "claude") == told.ended, "Anthropic's clients end at the error"
        error = told.error
    else:
        error = response.json()["error"]

    assert error is not None
    assert code == error["code"]
    assert {"type", "message", "param", "code"} <= set(error)
    if cell.door == "claude":
        assert (anthropic_type(status), "error") == (error["type"], _wrapper(response.text)["type"])
    assert cell.name != "rate_limited" or response.headers["retry-after"] == "7"
    assert {"failed_upstream"} == {booked["status"]}
    assert begun == booked["attempts"][-1]["committed"]


async def test_every_cell_is_played_or_has_its_reason() -> None:
    """The table holds exactly the cells that are not run, and no entry without a cell."""
    used = {cell.reason for cell in ALL}
    n_cells = Counter(cell.source for cell in CELLS)
    gone = Counter(cell.source for cell in ALL if cell.reason)

    assert 18 * 4 * 3 * 2 == len(ALL) == len(CELLS) + gone.total()
    assert {"openai": 94, "anthropic": 76, "ollama": 64, "extractive": 24} == n_cells
    assert {"openai": 14, "anthropic": 32, "ollama": 44, "extractive": 84} == gone
    assert set(NOT_APPLICABLE.values()) == used - {None}
    assert all(any(_matches(key, cell) for cell in ALL) for key in NOT_APPLICABLE)
    assert all(reason.startswith("n/a: ") for reason in NOT_APPLICABLE.values())
    assert QUESTIONS.keys() == {cell.name for cell in FROM_DOCUMENTS}
    assert FAULT_WORDS.keys() == FAULTS.keys()
    assert 7 * 3 * 3 * 2 == len(FAULTY)


def check_counts(script: EventScript, cell: Cell, told: Told, booked: dict[str, Any]) -> None:
    """Hold what the client and the books say of tokens to what the upstream counted, or to our own count."""
    usage = script.usage
    assert usage is not None
    (attempt,) = booked["attempts"]
    names = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
    counted = {name: getattr(usage, name) for name in names}
    if cell.source == "openai" and script.name in RAW_COUNTS:
        counted |= {"cached_tokens": None, "reasoning_tokens": None}
    assert "completed" == booked["status"]
    assert usage.source == attempt["usage_source"]
    assert counted == {name: attempt[name] for name in names}
    due, flat = counts_told(cell.door, usage), flat_counts(told.usage)
    assert due == {name: flat.get(name) for name in due}
    assert (usage.source == "estimated") == bool(told.usage.get("estimated"))


def _logprobs(script: EventScript) -> list[Any]:
    told = [event.logprobs for event in script.events if isinstance(event, TextDelta) and event.logprobs]
    return [entry for each in told for entry in each["content"]]


def _wrapper(body: str) -> dict[str, Any]:
    """Return the whole error, of a body or of the last event of a stream."""
    return json.loads(body.strip().split("\n")[-1].removeprefix("data: "))


def _matches(key: tuple[str, str, str], cell: Cell) -> bool:
    return all(wanted in (each, "*") for wanted, each in zip(key, (cell.name, cell.source, cell.door), strict=True))
