from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from admin.charts import svg
from admin.charts.bars import Bar, Part, Stack, bars, stacks
from admin.charts.line import Line, Mark, Point, lines
from admin.charts.matrix import matrix
from admin.charts.reliability import Bin, reliability
from admin.charts.share import Share, shares
from admin.charts.sparkline import sparkline
from admin.charts.waterfall import Span, waterfall
from admin.words import count, money, percent

HOSTILE = "<script>alert(1)</script>\"'&{}\u202e</text><svg onload=x>"
NS = "{http://www.w3.org/2000/svg}"


def pictures(label="chat", *, value=3.0):
    """Every chart once, with the same label wherever words may stand."""
    words = {"title": label, "description": label}
    return {
        "waterfall": waterfall([Span(name=label, start_ms=1, duration_ms=value, note=label)], total_ms=9, **words),
        "bars": bars([Bar(label=label, value=value, low=1, high=4, note=label)], write=money, **words),
        "stacks": stacks([Stack(label, [Part(label, value)])], write=count, **words),
        "shares": shares([Share(label=label, target=0.5, realised=0.4, low=0.3, high=0.5, note=label)], **words),
        "matrix": matrix([label, "b"], [[3, 1], [0, 0]], rows=label, columns=label, **words),
        "lines": lines(
            [Line(label, [Point(0, value, 1, 4), Point(1, 2, 1, 3)])],
            write_x=count,
            write_y=count,
            marks=[Mark(0.5, label)],
            **words,
        ),
        "reliability": reliability(
            [Bin(confidence=0.7, accuracy=0.6, n=9, low=0.4, high=0.8)], x=label, y=label, **words
        ),
    }


NAMES = list(pictures())


def parsed(picture):
    """As a parser that forgives nothing sees it."""
    return ET.fromstring(picture)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_has_a_name_for_those_who_cannot_see_it(name):
    """Role, label, title and description."""
    root = parsed(pictures("Where the time went")[name])

    assert "img" == root.get("role")
    assert "Where the time went. Where the time went" == root.get("aria-label")
    assert ["Where the time went", "Where the time went"] == [root.findtext("title"), root.findtext("desc")]


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_label_stays_text(name):
    """Markup in a label is neither an element nor the end of an attribute."""
    picture = pictures(HOSTILE)[name]
    root = parsed(picture)

    assert isinstance(picture, Markup)
    assert "<script" not in picture
    assert root.findtext("title") == HOSTILE
    assert not [each for each in root.iter() if each.tag not in KNOWN_TAGS or set(each.attrib) - KNOWN_ATTRIBUTES]


KNOWN_TAGS = {"svg", "title", "desc", "g", "text", "rect", "line", "path", "circle"}
KNOWN_ATTRIBUTES = {
    *("class", "viewBox", "role", "aria-label", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "rx", "d"),
    *("cx", "cy", "r", "transform", "text-anchor", "fill-opacity", "stroke-dasharray"),
}


@pytest.mark.parametrize("name", NAMES)
def test_no_colour_and_no_style_is_written_into_a_picture(name):
    """The stylesheet colours by class, so that both themes and the content policy hold."""
    picture = pictures()[name]

    assert not re.search(r"style=|fill=\"#|stroke=\"#|\son\w+=", picture)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -5.0, 0.0, 1e-300, 1e300])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none_or_too_large_break_no_picture(name, value):
    """No coordinate is `nan` or `inf`, whatever was measured."""
    picture = pictures(value=value)[name]

    for each in parsed(picture).iter():
        for attribute, written in each.attrib.items():
            assert attribute in {"class", "role", "aria-label"} or not re.search(r"nan|inf|e\+", written)


def test_empty_pictures_are_pictures():
    """Nothing to show is a frame, no error."""
    words = {"title": "t"}

    for picture in (
        waterfall([], total_ms=0, **words),
        bars([], write=count, **words),
        stacks([], write=count, **words),
        shares([], **words),
        matrix([], [], rows="r", columns="c", **words),
        lines([], write_x=count, write_y=count, **words),
        reliability([], x="x", y="y", **words),
    ):
        assert "svg" == parsed(picture).tag


def rects(picture, kind):
    return [each for each in parsed(picture).iter("rect") if kind == each.get("class")]


def test_a_span_lies_where_it_happened():
    """Half of the time takes half of the room, from the middle on; a span of nothing can still be seen."""
    picture = waterfall(
        [Span(name="classify", start_ms=0, duration_ms=0), Span(name="dispatch", start_ms=50, duration_ms=50)],
        total_ms=100,
        title="t",
    )
    nothing, dispatch = rects(picture, "fill-1")

    assert 1.5 == float(nothing.get("width"))
    assert float(dispatch.get("x")) == pytest.approx(190 + 210)
    assert float(dispatch.get("width")) == pytest.approx(210)


def test_a_failed_span_says_so_in_words_and_colour():
    """The note stands beside the bar."""
    picture = waterfall(
        [Span(name="a1", start_ms=0, duration_ms=5, state="bad", note="timeout", depth=1)], total_ms=10, title="t"
    )

    assert 1 == len(rects(picture, "fill-bad"))
    assert "5.00\u202fms · timeout" in picture


def test_a_span_after_the_answer_stretches_the_axis():
    """Nothing ends beyond the picture."""
    picture = waterfall([Span(name="record", start_ms=100, duration_ms=300)], total_ms=100, title="t")
    (bar,) = rects(picture, "fill-1")

    assert float(bar.get("x")) + float(bar.get("width")) <= 610


def test_bars_start_at_zero():
    """A bar of twice the value is twice as long."""
    small, large = rects(bars([Bar(label="a", value=2), Bar(label="b", value=4)], write=count, title="t"), "fill-1")

    assert 2 * float(small.get("width")) == pytest.approx(float(large.get("width")))


def test_an_interval_is_drawn_and_widens_the_axis():
    """A whisker from low to high, and words after its end."""
    picture = bars([Bar(label="a", value=2, low=1, high=40, note="n = 3")], write=count, title="t")

    assert 'class="whisker"' in picture
    assert "2 · n = 3" in picture


def test_long_words_beside_a_full_bar_stay_in_the_picture():
    """They end where the picture does."""
    picture = bars([Bar(label="a", value=2, note="words " * 12)], write=count, title="t")

    assert 'text-anchor="end"' in picture


def test_parts_of_the_same_name_have_the_same_colour():
    """Whatever their place in the stack; a legend names each once."""
    picture = stacks([Stack("a", [Part("x", 1), Part("y", 1)]), Stack("b", [Part("y", 1)])], write=count, title="t")

    assert [2, 3] == [len(rects(picture, "fill-1")), len(rects(picture, "fill-2"))]


def test_a_long_legend_breaks_into_lines():
    """No name leaves the picture."""
    picture = stacks([Stack("a", [Part(f"a rather long name {n}", 1) for n in range(9)])], write=count, title="t")

    assert {12, 30} <= {float(each.get("y")) for each in parsed(picture).iter("text")}


def test_a_share_shows_what_was_meant_and_what_was_got():
    """A bar and a mark; where either is missing, it is left out."""
    whole = shares([Share(label="a", target=0.25, realised=0.5)], title="t")
    empty = shares([Share(label="a", target=None, realised=None)], title="t")

    assert ["50.0\u202f% / 25.0\u202f%"] == [each for each in parsed(whole).itertext() if each.startswith("50.0")]
    assert [1, 0] == [whole.count('class="target"'), empty.count('class="target"')]
    assert not rects(empty, "fill-1")


def test_a_cell_is_as_dark_as_its_share_of_the_row():
    """A full cell is full; an empty one has no number."""
    picture = matrix(["a", "b"], [[10, 0], [5, 5]], rows="r", columns="c", title="t")

    assert ["1.000", "0", "0.560", "0.560"] == [each.get("fill-opacity") for each in rects(picture, "cell")]
    assert "a → a: 10 (100.0\u202f%)" in picture


@pytest.mark.parametrize("counts", [[[1]], [[1, 2], [3]], [[1, 2], [3, 4], [5, 6]]])
def test_counts_that_are_no_square_are_an_error(counts):
    """A row per label and a column per label."""
    with pytest.raises(ValueError, match="square"):
        matrix(["a", "b"], counts, rows="r", columns="c", title="t")


def test_a_line_does_not_leap_over_a_gap():
    """Two runs are two paths."""
    points = [Point(0, 1), Point(1, 2), Point(2, None), Point(3, 1)]
    picture = lines([Line("a", points)], write_x=count, write_y=percent, title="t", y_high=1)

    drawn = [each for each in parsed(picture).iter("path") if "line-1" == each.get("class")]
    assert 3 == len(drawn)  # one of them stands in the legend


def test_a_band_has_both_ends_of_the_interval():
    """There and back."""
    picture = lines([Line("a", [Point(0, 2, 1, 3), Point(1, 2, 1, 3)])], write_x=count, write_y=count, title="t")
    (band,) = [each for each in parsed(picture).iter("path") if "band fill-1" == each.get("class")]

    assert 4 == len(re.findall("[ML]", band.get("d")))


def test_a_mark_out_of_sight_is_left_out():
    """A version older than the period has no place in it."""
    row = Line("a", [Point(5, 2), Point(9, 2)])
    picture = lines([row], write_x=count, write_y=count, title="t", marks=[Mark(1, "old"), Mark(9, "new")])

    assert [False, True] == ["old" in picture, "new" in picture]


def test_many_points_are_a_line_without_dots():
    """Dots would hide it."""
    row = Line("a", [Point(n, n) for n in range(99)])

    assert "<circle" not in lines([row], write_x=count, write_y=count, title="t")


def test_bins_without_answers_are_not_drawn():
    """A dot's size says how many there were."""
    picture = reliability(
        [
            Bin(confidence=0.5, accuracy=0.5, n=100),
            Bin(confidence=0.9, accuracy=0.8, n=1),
            Bin(confidence=0, accuracy=0, n=0),
        ],
        x="x",
        y="y",
        title="t",
    )

    assert ["9", "3.6"] == [each.get("r") for each in parsed(picture).iter("circle")]


def test_a_sparkline_is_for_the_eye_only():
    """The number beside it says what it shows."""
    picture = sparkline([1, None, math.nan, 4])

    assert "true" == parsed(picture).get("aria-hidden")
    assert "svg" == parsed(sparkline([])).tag


@given(st.text(max_size=40), st.floats(20, 400))
def test_words_that_are_cut_fit_and_say_so(words, width):
    """Chinese counts twice."""
    fitted = svg.fit(words, width)

    assert fitted == words or (fitted.endswith("…") and svg.width_of(fitted) <= width)
    assert svg.width_of("中文") > svg.width_of("ab")


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_an_axis_reaches_its_highest_value_in_few_round_steps(high):
    """From zero on, whatever was measured."""
    marks = svg.steps(high)

    assert 0 == marks[0]
    assert len(marks) <= 8
    assert not (math.isfinite(high) and high >= 1e-9) or marks[-1] >= high * (1 - 1e-9)


XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=60
)


@given(XML_TEXT)
def test_any_text_comes_back_out_of_a_picture(words):
    """What a parser reads is what was written."""
    picture = svg.frame(1, 1, svg.text((0, 0), words), title=words)

    assert words == (parsed(picture).findtext("text") or "")
    assert words == parsed(picture).get("aria-label")
