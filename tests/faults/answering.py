"""Rows 8 to 17, 21 and 22: answers that begin with 200 and break, crawl, overflow or never end."""

from __future__ import annotations

from dataclasses import replace

from router.providers.scripted.actions import Hang, Reset, Send, Sleep
from tests.faults.cells import ANSWERED, IN_BAND, NEXT, SOON_S, TIMED_OUT, Fault, Mode, Play, Promise
from tests.faults.dialects import Finish, Words, chunk, head, response
from tests.faults.server import Endless, Script, Step

TEXT = "half of it"
_MEGABYTE = 1_000_000
_FLIGHT = Sleep(0.05)
_SLOW_BYTES_PER_S = 333.0
"""A reset drops what is still under way; this lets it arrive."""
_NO_EVENTS = ("n/a: a plain answer is no event stream", "不适用：非流式回答不是事件流")
_NO_END_OF_ITS_OWN = ("n/a: a plain answer has no end of its own", "不适用：非流式回答没有单独的结束标记")
_LINES = ("n/a: lines of JSON, no events: row 12", "不适用：逐行 JSON，没有事件，见第 12 行")
_SAME_AS_15 = ("n/a: the same as row 15", "不适用：与第 15 行相同")
_NO_FILTER = ("n/a: the dialect has no such finish", "不适用：该方言没有此结束标记")


def stream(*parts: bytes, then: tuple[Step, ...] = (), ends: bool = False) -> Play:
    """Play the head and these parts; only streams are given to it."""

    def play(words: Words, mode: Mode) -> Script:
        body = b"".join(chunk(part) for part in parts) + (chunk(b"") if ends else b"")
        return Send(head(200, kind=words.kind) + body), *then

    return play


def half(*then: Step) -> Play:
    """Half an answer: the text of a stream, or the first half of a plain body."""

    def play(words: Words, mode: Mode) -> Script:
        if mode == "plain":
            body = words.whole(TEXT)
            return Send(head(200, length=len(body)) + body[: len(body) // 2]), *then
        return stream(words.opening(), words.text(TEXT), then=then)(words, mode)

    return play


def _headed(*then: Step) -> Play:
    """A head and nothing that anybody could read."""

    def play(words: Words, mode: Mode) -> Script:
        if mode == "plain":
            return Send(head(200, length=100)), *then
        return stream(words.opening(), then=then)(words, mode)

    return play


def _only(*steps: Step) -> Play:
    def play(words: Words, mode: Mode) -> Script:
        return steps

    return play


def _clean_end(words: Words, mode: Mode) -> Script:
    return stream(words.opening(), words.text(TEXT), ends=True)(words, mode)


def _framed(data: bytes, *, after: bool, framed: bool = True) -> Play:
    """Bytes in place of a frame, before or after content; the plain twin has them as its body."""

    def play(words: Words, mode: Mode) -> Script:
        if mode == "plain":
            return response(200, data)
        frame = words.raw(data) if framed else data
        return stream(words.opening(), words.text(TEXT) if after else b"\n", frame, ends=True)(words, mode)

    return play


def finished(text: str, finish: Finish) -> Play:
    def play(words: Words, mode: Mode) -> Script:
        if mode == "plain":
            return response(200, words.whole(text, finish))
        said = words.text(text) if text else b"\n"
        return stream(words.opening(), said, words.ending(finish), ends=True)(words, mode)

    return play


def _nothing(words: Words, mode: Mode) -> Script:
    if mode == "plain":
        return response(200, b"")
    return stream(ends=True)(words, mode)


def _endless(*, after: bool) -> Play:
    def play(words: Words, mode: Mode) -> Script:
        before = (words.opening(), words.text(TEXT)) if after else ()
        kind = "application/json" if mode == "plain" else words.kind
        begin = head(200, kind=kind) + b"".join(map(chunk, before)) + chunk(words.raw(b"").rstrip() + b'{"a":"')
        return Send(begin), Endless(chunk(b"x" * _MEGABYTE))

    return play


def _page(words: Words, mode: Mode) -> Script:
    return response(200, b"<html><title>Welcome</title></html>", kind="text/html")


def _error_object(words: Words, mode: Mode) -> Script:
    return response(200, words.error("The model crashed.", "server_error"))


def _error_event(*, after: bool) -> Play:
    def play(words: Words, mode: Mode) -> Script:
        parts = (words.opening(), words.text(TEXT)) if after else (words.opening(),)
        return stream(*parts, words.error_event("The model crashed.", "server_error"), ends=True)(words, mode)

    return play


def _drip(words: Words, mode: Mode) -> Script:
    if mode == "plain":
        body = words.whole(TEXT)
        return Send(head(200, length=len(body))), Send(body, _SLOW_BYTES_PER_S)
    rest = chunk(words.ending()) + chunk(b"")
    return Send(head(200, kind=words.kind) + chunk(words.opening() + words.text(TEXT))), Send(rest, _SLOW_BYTES_PER_S)


def _drip_before(words: Words, mode: Mode) -> Script:
    if mode == "plain":
        return Send(head(200)), Endless(chunk(b" "), 0.05)
    return Send(head(200, kind=words.kind)), Endless(chunk(b"\n"), 0.05)


def _late(words: Words, mode: Mode) -> Script:
    if mode == "plain":
        body = words.whole(TEXT)
        return (Send(head(200, length=len(body)) + body + b"late bytes"),)
    parts = (words.opening(), words.text(TEXT), words.ending() + words.after_end)
    return stream(*parts, ends=True)(words, mode)


def _events_only(fault: Fault) -> Fault:
    return replace(fault, skip={"plain": _NO_EVENTS, "streamed ollama": _LINES})


_EMPTY = Promise("next", "transient", 502, "empty_completion")
_FILTERED = Promise("answered", finish="content_filter")
_NO_OLLAMA = {"ollama": _NO_FILTER}
_GARBAGE = b"this is no event\nneither: is this\n\n"

ANSWERING = (
    Fault(
        8,
        "hang",
        ("half an answer, then silence", "半个回答后静默"),
        half(Hang()),
        IN_BAND,
        TIMED_OUT,
        idle_s=SOON_S,
        total_s=SOON_S,
    ),
    Fault(9, "fin", ("FIN before the head", "响应头前 FIN"), _only()),
    Fault(9, "rst", ("RST before the head", "响应头前 RST"), _only(Reset())),
    Fault(9, "fin-headed", ("FIN after the head", "响应头后 FIN"), _headed()),
    Fault(9, "rst-headed", ("RST after the head", "响应头后 RST"), _headed(_FLIGHT, Reset())),
    Fault(10, "fin", ("FIN", "FIN"), half(), IN_BAND, NEXT),
    Fault(10, "rst", ("RST", "RST"), half(_FLIGHT, Reset()), IN_BAND, NEXT),
    Fault(
        10,
        "no-finish",
        ("a clean end without a finish", "没有结束标记的正常收尾"),
        _clean_end,
        IN_BAND,
        skip={"plain": _NO_END_OF_ITS_OWN},
    ),
    _events_only(Fault(11, "before", ("before content", "内容之前"), _framed(_GARBAGE, after=False, framed=False))),
    _events_only(
        Fault(11, "after", ("after content", "内容之后"), _framed(_GARBAGE, after=True, framed=False), IN_BAND)
    ),
    Fault(12, "half", ("half an object before content", "内容之前半个对象"), _framed(b'{"id": [', after=False)),
    Fault(
        12,
        "half-after",
        ("half an object after content", "内容之后半个对象"),
        _framed(b'{"id": [', after=True),
        IN_BAND,
        skip={"plain": _NO_EVENTS},
    ),
    Fault(12, "list", ("a list in place of an object", "列表代替对象"), _framed(b"[1, 2]", after=False)),
    Fault(
        12,
        "list-after",
        ("a list after content", "内容之后的列表"),
        _framed(b"[1, 2]", after=True),
        IN_BAND,
        skip={"plain": _NO_EVENTS},
    ),
    Fault(13, "nothing", ("no byte of a body", "正文为零字节"), _nothing, _EMPTY, _EMPTY),
    Fault(13, "no-content", ("a finish without content", "只有结束标记"), finished("", "stop"), _EMPTY, _EMPTY),
    Fault(
        13,
        "length",
        ("no content, cut by length", "因长度截断而无内容"),
        finished("", "length"),
        Promise("answered", finish="length"),
        Promise("answered", finish="length"),
    ),
    Fault(14, "8mb", ("an event of 8 MB", "8 MB 的事件"), finished("x" * 8 * _MEGABYTE, "stop"), ANSWERED, ANSWERED),
    Fault(14, "endless", ("a line without end", "没有尽头的行"), _endless(after=False), total_s=120.0),
    Fault(
        14,
        "endless-after",
        ("the same after content", "内容之后同上"),
        _endless(after=True),
        IN_BAND,
        skip={"plain": _NO_EVENTS},
    ),
    Fault(15, "html", ("an HTML page", "HTML 页面"), _page),
    Fault(15, "error", ("an error as JSON", "JSON 错误"), _error_object),
    Fault(16, "slow", ("slow, whole", "慢而完整"), _drip, ANSWERED, ANSWERED, idle_s=SOON_S),
    Fault(
        16,
        "before",
        ("without content", "没有内容"),
        _drip_before,
        TIMED_OUT,
        TIMED_OUT,
        patience_s=SOON_S,
        total_s=SOON_S,
    ),
    Fault(
        17,
        "text",
        ("after some text", "部分文本之后"),
        finished(TEXT, "content_filter"),
        _FILTERED,
        _FILTERED,
        _NO_OLLAMA,
    ),
    Fault(17, "empty", ("without text", "没有文本"), finished("", "content_filter"), _FILTERED, _FILTERED, _NO_OLLAMA),
    Fault(
        21,
        "late",
        ("late bytes; beyond the length of a plain body they are no HTTP", "迟到的字节；超出非流式正文长度即不合 HTTP"),
        _late,
        ANSWERED,
        NEXT,
    ),
    Fault(22, "before", ("before content", "内容之前"), _error_event(after=False), skip={"plain": _SAME_AS_15}),
    Fault(22, "after", ("after content", "内容之后"), _error_event(after=True), IN_BAND, skip={"plain": _SAME_AS_15}),
)
