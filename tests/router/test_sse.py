"""The SSE parser: byte-exact, bounded, the same events however the bytes are cut."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import UpstreamError
from router.sse import SseEvent, SseParser, format_sse

STREAM = (
    b"\xef\xbb\xbf: hello\r\n\r\n"
    b'data: {"a":1}\n\n'
    b"event: error\rdata:no space\rdata: second\r\r"
    b"id: 7\r\nretry: 10\r\ndata\r\ndata:  two spaces\r\n\r\n"
    b"event: lonely\n\n"
    b"data: [DONE]\r\n\r\n"
    b"data: a tail without a blank line\n"
)
EVENTS = [
    SseEvent(None, b'{"a":1}', b'data: {"a":1}\n\n'),
    SseEvent("error", b"no space\nsecond", b"event: error\rdata:no space\rdata: second\r\r"),
    SseEvent(None, b"\n two spaces", b"id: 7\r\nretry: 10\r\ndata\r\ndata:  two spaces\r\n\r\n"),
    SseEvent(None, b"[DONE]", b"data: [DONE]\r\n\r\n"),
]


def parse(pieces: list[bytes]) -> list[SseEvent]:
    parser = SseParser()
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.close()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def test_every_line_end_and_every_field_form_is_read() -> None:
    """CR, LF, CRLF, BOM, comments, several data lines and a missing space all follow the specification."""
    assert parse([STREAM]) == EVENTS


def test_one_byte_at_a_time_gives_the_same_events() -> None:
    """A network that delivers single bytes changes nothing."""
    assert parse([STREAM[i : i + 1] for i in range(len(STREAM))]) == EVENTS


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_gives_the_same_events(places: list[int]) -> None:
    """However the bytes are cut, the events are the same."""
    assert parse(cut(STREAM, places)) == EVENTS


LINES = st.lists(st.sampled_from([b"data", b"data:", b"data: x", b"event: e", b": c", b"", b"x", b"\xef\xbb\xbf"]))
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n"])


@given(LINES, st.lists(ENDS, min_size=1), st.lists(st.integers(0, 10_000), max_size=8))
def test_any_split_of_any_stream_gives_the_same_events(
    lines: list[bytes], ends: list[bytes], places: list[int]
) -> None:
    """No mixture of fields and line ends depends on where it is cut."""
    data = b"".join(line + ends[n % len(ends)] for n, line in enumerate(lines))

    assert parse([data]) == parse(cut(data, places)) == parse([data[i : i + 1] for i in range(len(data))])


@given(st.binary(max_size=200), st.lists(st.integers(0, 10_000), max_size=5))
def test_arbitrary_bytes_never_break_the_parser(data: bytes, places: list[int]) -> None:
    """Whatever comes, the parser gives events or nothing, and the same ones for every cut."""
    assert parse([data]) == parse(cut(data, places))


def test_a_tail_without_a_blank_line_is_no_event() -> None:
    """A connection cut inside an event does not complete it."""
    assert [] == parse([b"data: half"]) == parse([b"data: half\n"]) == parse([b"data: half\r"])


def test_an_event_that_ends_in_a_lone_cr_is_complete_at_the_end() -> None:
    """A stream of CR line ends gives its last event when it closes."""
    assert [SseEvent(None, b"x", b"data: x\r\r")] == parse([b"data: x\r\r"])


def test_an_event_beyond_the_limit_is_an_upstream_error() -> None:
    """An endless line costs at most the limit in memory."""
    parser = SseParser(max_event_bytes=100)
    parser.feed(b"data: " + b"x" * 90)

    with pytest.raises(UpstreamError, match="more than 100 bytes") as caught:
        parser.feed(b"x" * 10)
    assert caught.value.failure_class == "transient"


def test_events_before_an_oversized_one_are_not_lost() -> None:
    """What was whole before the oversized event is given first, and then the error."""
    parser = SseParser(max_event_bytes=20)

    assert [SseEvent(None, b"ok", b"data: ok\n\n")] == parser.feed(b"data: ok\n\ndata: " + b"x" * 30)
    with pytest.raises(UpstreamError):
        parser.feed(b"more")
    with pytest.raises(UpstreamError):
        parser.close()


def test_many_short_comment_lines_count_toward_the_limit() -> None:
    """Lines that never end an event are bounded together."""
    parser = SseParser(max_event_bytes=50)

    with pytest.raises(UpstreamError):
        parser.feed(b": c\n" * 20)


def test_an_event_of_eight_megabytes_in_small_pieces_is_linear() -> None:
    """A huge event in 2,000 pieces is read in well under a second, not scanned again for each piece."""
    data = b"data: " + b"x" * 8_000_000 + b"\n\n"
    started = time.process_time()
    events = parse([data[i : i + 4000] for i in range(0, len(data), 4000)])

    assert 8_000_000 == len(events[0].data)
    assert time.process_time() - started < 2.0


def test_single_bytes_of_a_long_event_are_linear() -> None:
    """200,000 single bytes are read in a moment."""
    data = b"data: " + b"y" * 200_000 + b"\n\n"
    started = time.process_time()
    parse([data[i : i + 1] for i in range(len(data))])

    assert time.process_time() - started < 4.0


@given(st.text(alphabet="a é界\n", max_size=30), st.sampled_from([None, "error"]))
def test_what_is_formatted_is_parsed_again(text: str, name: str | None) -> None:
    """Encoder and parser agree."""
    raw = format_sse(text.encode(), name)

    assert [SseEvent(name, text.encode(), raw)] == parse([raw])


def test_carriage_returns_in_data_become_line_feeds() -> None:
    """Data can hold no CR on this wire, so each line end becomes a data line."""
    assert b"data: a\ndata: b\ndata: c\n\n" == format_sse(b"a\r\nb\rc")
