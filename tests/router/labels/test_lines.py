"""A file of lines that survives a run that breaks off."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.errors import CorpusError
from router.labels.lines import append_line, read_lines, replace_lines


def test_what_is_appended_comes_back_readable_and_for_its_owner_alone(tmp_path: Path) -> None:
    """Chinese stays as it is; halves of surrogate pairs, which some models send, survive too."""
    path = tmp_path / "new" / "rows.jsonl"
    rows = [{"a": "中文"}, {"b": "\ud800"}, {"c": "line\nbreak\u2028"}]
    for row in rows:
        append_line(path, row)

    assert rows == read_lines(path)
    assert "中文" in path.read_text("utf-8")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("torn", [b'{"b": "half', b"x" * 200_000])
def test_a_line_torn_by_a_crash_is_left_out_and_written_over(tmp_path: Path, torn: bytes) -> None:
    """However long it was; the whole ones before it stay."""
    path = tmp_path / "rows.jsonl"
    append_line(path, {"a": 1})
    path.write_bytes(path.read_bytes() + torn)
    before = read_lines(path)
    append_line(path, {"c": 3})

    assert [{"a": 1}] == before
    assert [{"a": 1}, {"c": 3}] == read_lines(path)


def test_a_file_that_is_torn_from_its_first_line_begins_anew(tmp_path: Path) -> None:
    """There is no whole line to keep."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"torn")
    append_line(path, {"a": 1})

    assert [{"a": 1}] == read_lines(path)


def test_a_file_can_be_written_anew(tmp_path: Path) -> None:
    """Whole, and with no draft left."""
    path = tmp_path / "rows.jsonl"
    append_line(path, {"a": 1})
    replace_lines(path, [{"b": 2}, {"c": "中"}])

    assert [{"b": 2}, {"c": "中"}] == read_lines(path)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("line", [b"prose\n", b"[1]\n", b"\xff\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, line: bytes) -> None:
    """It is not ours to append to; blank lines are nothing."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\n{"a": 1}\n' + line)

    with pytest.raises(CorpusError, match=r"rows.jsonl:3: .*name another file"):
        read_lines(path)
    assert [] == read_lines(tmp_path / "none.jsonl")
