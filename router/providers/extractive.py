"""The model that needs nothing: it answers with sentences of the documents, through an `Answerer` handed in.

Nothing goes over the wire. Finding and choosing the sentences is the answerer's; this file makes a model of it.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from config.errors import InvalidRequestError
from config.tokens import estimate_messages, estimate_tokens
from config.types import Usage
from router.events import Completion, Finish, Frame, MessageStart, TextDelta, UsageReport
from router.providers.anthropic_losses import name_lost
from router.providers.base import Prepared
from router.providers.chat_body import read_tool_choice, read_tools, read_turns
from router.providers.chat_losses import Slots, name_dropped
from router.providers.chat_params import read_max_tokens, read_output_format, read_stops, refuse_unsupported
from router.providers.json_values import as_objects
from router.providers.pieces import split_pieces

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from config.types import Answerer, Citation, ExtractedAnswer, Json
    from router.events import Dialect, Event, FinishReason
    from router.providers.base import ChatRequest, Target, Wire

DEFAULT_MAX_TOKENS: Final = 120
MAX_THREADS: Final = 2
"""Answering is CPU work: more threads would only wait for each other."""
_LEAST_TOKENS: Final = 60
"""Asked for at least, and cut to the client's limit: one sentence must fit, or an answer would pass for none."""
_FRAME_CHARS: Final = 4
"""CJK characters, and the shortest words, travel in groups of about this length."""
_NAME: Final = "the extractive model"
_SLOTS: Final = Slots(
    _NAME,
    frozenset(
        {
            "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop",
            "response_format",
            # what becomes of tools is one warning
            "tools", "tool_choice", "functions", "function_call",
        }
    ),
    frozenset({"tools[].strict", "tools[].function.strict", "tools[].cache_control", "tools[].function.cache_control"}),
)  # fmt: skip


class ExtractiveProvider:
    """Answers from documents; `clock` gives Unix seconds."""

    def __init__(self, answerer: Answerer, *, clock: Callable[[], float] = time.time) -> None:
        self._answerer = answerer
        self._clock = clock
        self._executor = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="extractive")

    @property
    def dialect(self) -> Dialect:
        """The dialect of frames without raw bytes."""
        return "extractive"

    def prepare(self, request: ChatRequest, target: Target) -> Prepared:
        """Check what is asked; nothing is to be sent.

        Raises `InvalidRequestError` for wishes that sentences of documents cannot meet: several choices, JSON, a
        forced tool call, and a conversation without a user's text.
        """
        body = request.body
        refuse_unsupported(body, "The extractive model")
        if read_output_format(body) is not None:
            raise _unsupported("response_format")
        if read_tool_choice(body).forced:
            raise _unsupported("tool_choice")
        read_max_tokens(body)
        _, ignored = _question(body)
        warnings = [f"tools ignored: {_NAME} calls none"] if read_tools(body) else []
        if ignored:
            warnings.append(f"attachments ignored: {_NAME} reads text only")
        if request.dialect == "anthropic" and request.original is not None:
            warnings += name_lost(request.original, _NAME)
        warnings += name_dropped(body, _SLOTS)
        return Prepared(request, target, url="", headers={}, body=b"", warnings=tuple(dict.fromkeys(warnings)))

    async def stream(self, prepared: Prepared, wire: Wire) -> AsyncGenerator[Frame, None]:
        """Yield the answer word by word, or in small groups of CJK characters."""
        del wire  # nothing is sent
        for event in await self._events(prepared):
            yield Frame((event,))
            await asyncio.sleep(0)  # so that a piece can leave before the next is made

    async def complete(self, prepared: Prepared, wire: Wire) -> Completion:
        """Return the whole answer; it has no body of its own."""
        del wire
        return Completion(tuple(await self._events(prepared)), b"")

    async def _events(self, prepared: Prepared) -> list[Event]:
        request = prepared.request
        question, _ = _question(request.body)
        limit = read_max_tokens(request.body) or DEFAULT_MAX_TOKENS
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(
            self._executor, lambda: self._answerer.answer(question, max_tokens=max(limit, _LEAST_TOKENS))
        )
        text, finish = _written(answer, limit, read_stops(request.body))
        usage = Usage(
            input_tokens=estimate_messages(as_objects(request.body.get("messages"))),
            output_tokens=estimate_tokens(text),
            source="estimated",
        )
        return [
            MessageStart(f"chatcmpl-{request.id}", prepared.target.upstream_model, int(self._clock())),
            *(TextDelta(piece) for piece in _groups(text)),
            UsageReport(usage),
            Finish(finish),
        ]


def _question(body: Json) -> tuple[str, bool]:
    """Return the text of the last user turn that has any, and whether that turn holds anything else.

    Raises `InvalidRequestError` where no user turn has text.
    """
    for turn in reversed(read_turns(body)):
        texts = [str(part["text"]) for part in turn.parts if part.get("type") == "text"]
        question = "\n".join(texts).strip()
        if turn.role == "user" and question:
            return question, len(texts) < len(turn.parts)
    raise InvalidRequestError(
        "The extractive model needs a user's text.", param="messages", code="unsupported_parameter"
    )


def _written(answer: ExtractedAnswer, limit: int, stops: list[str]) -> tuple[str, FinishReason]:
    """Return the text with its citations, within `limit` tokens and before any stop sequence, and why it ended."""
    text, cut = _cut(answer.text, limit)
    for citation in dict.fromkeys(answer.citations):
        mark = f"[{_place(citation)}]"
        if cut or f"[{citation.doc}:" in text:  # the answerer may say in its own words where it found it
            continue
        longer = f"{text} {mark}"
        if estimate_tokens(longer) > limit:
            cut = True  # a citation is whole or not there
        else:
            text = longer
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    if ends:
        return text[: min(ends)], "stop"
    return text, "length" if cut else "stop"


def _cut(text: str, limit: int) -> tuple[str, bool]:
    """Return at most `limit` tokens of a text, cut between pieces, and whether anything is missing."""
    if estimate_tokens(text) <= limit:
        return text, False
    pieces = split_pieces(text)
    n_pieces = bisect_right(range(1, len(pieces) + 1), limit, key=lambda n: estimate_tokens("".join(pieces[:n])))
    return "".join(pieces[:n_pieces]), True


def _place(citation: Citation) -> str:
    lines = (
        f"{citation.start_line}"
        if citation.start_line == citation.end_line
        else (f"{citation.start_line}-{citation.end_line}")
    )
    return f"{citation.doc}:{lines}"


def _groups(text: str) -> Iterator[str]:
    group = ""
    for piece in split_pieces(text):
        if group and len(group) + len(piece) > _FRAME_CHARS:
            yield group
            group = ""
        group += piece
    if group:
        yield group


def _unsupported(param: str) -> InvalidRequestError:
    message = f"The extractive model has no way to do what `{param}` asks; leave it out or choose another model."
    return InvalidRequestError(message, param=param, code="unsupported_parameter")
