"""Rows as people have them, and what is wrong with the others."""

from __future__ import annotations

import json

import pytest

from classifier.qwen.rows import data_hash, labels_of, read_rows, require_labels
from config.errors import CorpusError


@pytest.fixture
def write(tmp_path):
    """Write lines to a file."""

    def go(*lines, name="rows.jsonl"):
        path = tmp_path / name
        path.write_bytes(b"\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines))
        return path

    return go


@pytest.mark.parametrize(("text", "labels"), [("prompt", "output"), ("text", "labels"), ("text", "intents")])
def test_every_spelling_of_a_row_is_read(write, text, labels):
    """Data from anywhere need not be rewritten."""
    (row,) = read_rows(write({text: "我要退款", labels: ["payment", "payment"]}))

    assert ("我要退款", ("payment",), "zh") == (row.text, row.labels, row.lang)


def test_a_row_without_a_label_asks_for_none(write):
    """What the foundry learns from is taken here too."""
    (row,) = read_rows(write({"prompt": "你好", "output": []}))

    assert ("none",) == row.labels


def test_half_a_surrogate_is_a_question_mark(write):
    """Qwen's library takes no other text, and a hash over the rows needs text; a label with one is told."""
    (row,) = read_rows(write(b'{"text": "pay \\ud83d now \\ud83d\\ude00", "labels": ["a"]}'))
    with pytest.raises(CorpusError, match=r"rows\.jsonl:1: .*half of a surrogate pair"):
        read_rows(write(b'{"text": "pay", "labels": ["a\\ud83d"]}'))

    assert "pay ? now \U0001f600" == row.text
    assert 64 == len(data_hash([row]))


def test_language_is_what_the_row_says(write):
    """A sentence of names may be Chinese all the same."""
    rows = read_rows(
        write({"text": "iPhone", "labels": ["a"], "lang": "zh"}, {"text": "好", "labels": ["a"], "lang": "en"})
    )

    assert ["zh", "en"] == [row.lang for row in rows]


def test_folder_is_read_file_by_file(write, tmp_path):
    """A corpus may be many files."""
    write({"text": "b", "labels": ["x"]}, name="2.jsonl")
    write({"text": "a", "labels": ["y"]}, b"", name="1.jsonl")
    rows = read_rows(tmp_path)

    assert ["a", "b"] == [row.text for row in rows]
    assert ("x", "y") == labels_of(rows)
    assert data_hash(rows) != data_hash(rows[::-1])


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        {"prompt": "x"},
        {"prompt": "  ", "output": ["a"]},
        {"output": ["a"]},
        {"prompt": "x", "output": "a"},
        {"prompt": "x", "output": ["a", 1]},
        {"prompt": "x", "output": [""]},
    ],
)
def test_wrong_row_is_told_with_file_and_line(write, line):
    """The message says where, and how a row looks."""
    path = write({"prompt": "x", "output": ["a"]}, line)

    with pytest.raises(CorpusError, match=r"rows\.jsonl:2: .*a row looks like"):
        read_rows(path)


def test_no_rows_are_told(write, tmp_path):
    """An empty file and a missing one."""
    with pytest.raises(CorpusError, match="no rows"):
        read_rows(write(b""))
    with pytest.raises(CorpusError, match="no such file"):
        read_rows(tmp_path / "nowhere.jsonl")


def test_unknown_label_is_told_with_its_line(write):
    """A typo in a label is no new label."""
    path = write({"prompt": "x", "output": ["a"]}, {"prompt": "y", "output": ["aa"]})

    with pytest.raises(CorpusError, match="'aa' is none of a, b") as failure:
        require_labels(read_rows(path), ("a", "b"), file=path)
    assert 2 == failure.value.line


def test_a_row_without_a_label_is_told_where_nothing_is_called_none(write, tmp_path):
    """By the file and the line that it stands on, blank lines and other files before it included."""
    write({"prompt": "x", "output": ["a"]}, name="1.jsonl")
    write({"prompt": "x", "output": ["a"]}, b"", {"prompt": "y", "output": []}, name="2.jsonl")

    with pytest.raises(CorpusError, match=r"2\.jsonl:3: .*label 'none', which an empty list means, is none of a, b"):
        require_labels(read_rows(tmp_path), ("a", "b"), file=tmp_path)
