"""Files for spreadsheets: nothing in them is executed, and they are made piece by piece."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.export import CHUNK_CHARS, FORMULA_STARTS, as_csv, as_jsonl, safe_cell


async def rows_of(*rows):
    for each in rows:
        yield each


async def whole(streamed):
    return b"".join([each async for each in streamed.chunks])


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_text_that_a_spreadsheet_would_run_is_quoted(start):
    """Also behind blanks, which some spreadsheets drop first."""
    assert f"'{start}cmd|' /C calc'!A0" == safe_cell(f"{start}cmd|' /C calc'!A0")
    assert f"'  {start}1+1" == safe_cell(f"  {start}1+1")


def test_values_keep_their_kind():
    """Numbers below zero are no formulas; nothing is an empty cell; what is nested is JSON."""
    assert (-1.5, True, "", '["a"]', "plain") == tuple(map(safe_cell, (-1.5, True, None, ["a"], "plain")))


@given(st.text())
def test_no_text_reaches_a_spreadsheet_as_a_formula(text):
    """Whatever it holds, NUL included."""
    cell = safe_cell(text)

    assert not str(cell).lstrip(" ").startswith(FORMULA_STARTS)
    assert "\x00" not in str(cell)


async def test_a_long_file_comes_in_pieces():
    """What is held at once does not grow with the file."""
    long = {"name": "x" * 1_000, "n": 1}
    chunks = [each async for each in as_csv(rows_of(*[long] * 500), filename="a.csv").chunks]
    read = list(csv.reader(io.StringIO(b"".join(chunks).decode("utf-8-sig"))))

    assert 501 == len(read)
    assert len(chunks) >= 7
    assert max(map(len, chunks)) < CHUNK_CHARS + 2_000


async def test_json_lines_hold_a_line_break_inside_a_text():
    """One object a line, whatever a text holds."""
    found = await whole(as_jsonl(rows_of({"a": "x\ny"}, {"a": "\u2028"}), filename="a.jsonl"))

    assert b'{"a":"x\\ny"}\n{"a":"\xe2\x80\xa8"}\n' == found


async def test_nothing_to_tell_is_an_empty_file():
    """No header without rows."""
    assert (b"", b"") == (
        await whole(as_csv(rows_of(), filename="a.csv")),
        await whole(as_jsonl(rows_of(), filename="a")),
    )
