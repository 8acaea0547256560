"""Prompts that are to be labelled: both forms of a file, each prompt once, and what is wrong is told with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import CorpusError
from router.labels.prompts import Wanted, read_wanted


def written(folder: Path, content: str | bytes) -> Path:
    """Return a file that holds this."""
    path = folder / "prompts.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_each_line_is_a_prompt_and_each_prompt_is_taken_once(tmp_path: Path) -> None:
    """Blank lines and repetitions are passed over, Chinese stays, and the limit counts what is left."""
    path = written(tmp_path, "\ufeffWhy?\r\n\n为什么？\nWhy?\n{not json\nHow?\n")

    assert ["Why?", "为什么？", "{not json", "How?"] == [each.text for each in read_wanted(path, limit=9)]
    assert ["Why?", "为什么？"] == [each.text for each in read_wanted(path, limit=2)]


def test_json_lines_bring_their_intent(tmp_path: Path) -> None:
    """Under the names that a policy is fitted with, the first that is there."""
    rows = [{"prompt": "a", "intent": "i", "task": "t"}, {"prompt": "b", "task": "t"}, {"prompt": "c", "suite": 3}]
    path = written(tmp_path, "\n".join(map(json.dumps, rows)))

    assert [Wanted("a", "i"), Wanted("b", "t"), Wanted("c")] == read_wanted(path, limit=9)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no prompt"),
        ("\n \n", "holds no prompt"),
        (b"fine\n\xff\xfe\n", "prompts.txt:2: is not UTF-8"),
        ('{"prompt": "a"}\nplain\n', "prompts.txt:2: is no JSON object"),
        ('{"prompt": "a"}\n["b"]\n', "prompts.txt:2: is no JSON object"),
        ('{"text": "a"}\n', 'prompts.txt:1: needs "prompt"'),
        ('{"prompt": " "}\n', 'prompts.txt:1: needs "prompt"'),
        ('{"prompt": "a\\u0000b"}\n', "NUL"),
        ('{"prompt": "\\ud800"}\n', "surrogate"),
        ("x" * 60_001, "has 60001 characters"),
    ],
)
def test_what_is_no_prompt_is_told_with_its_line(tmp_path: Path, content: str | bytes, told: str) -> None:
    """Nothing is guessed, and nothing is asked."""
    with pytest.raises(CorpusError, match=told):
        read_wanted(written(tmp_path, content), limit=9)


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    """Whoever names a dump by mistake is told at once."""
    path = written(tmp_path, "long")
    os.truncate(path, 65 * 1024 * 1024)

    with pytest.raises(CorpusError, match="larger than 64 MiB"):
        read_wanted(path, limit=9)


@given(st.binary(max_size=200))
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Prompts that say something, or an error that names the file."""
    path = written(tmp_path_factory.mktemp("any"), content)
    try:
        found = read_wanted(path, limit=5)
    except CorpusError:
        return
    assert all(each.text.strip() for each in found)
    assert 0 < len(found) == len({each.id for each in found})
