from __future__ import annotations

import pytest

from config.errors import CorpusError
from router.policy.rows import read_labelled, read_prompts


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON in UTF-8"),
        ("[]", "is no JSON object"),
        ("[" * 100_000, "is no JSON in UTF-8"),
        ('{"quality": {"a": 1}}', 'needs "prompt": a text'),
        ('{"prompt": "  ", "quality": {"a": 1}}', 'needs "prompt": a text'),
        ('{"prompt": "x"}', "has no reward"),
        ('{"prompt": "x", "quality": {"a": null}}', "has no reward"),
        ('{"prompt": "x", "quality": [1]}', '"quality" is no object'),
        ('{"prompt": "x", "quality": {"a": 1.2}}', "0 to 1 is wanted"),
        ('{"prompt": "x", "quality": {"a": NaN}}', "0 to 1 is wanted"),
        ('{"prompt": "x", "quality": {"a": "1"}}', "0 to 1 is wanted"),
        ('{"prompt": "x", "quality": {"": 1}}', "0 to 1 is wanted"),
        ('{"prompt": "x", "quality": {"a": 1}, "cost": {"a": -1}}', "0 or more is wanted"),
        ('{"prompt": "x", "quality": {"a": 1}, "cost": {"a": Infinity}}', "0 or more is wanted"),
    ],
)
def test_wrong_row_names_file_and_line(tmp_path, line, said):
    """What is wrong is said with the file and the number of the line."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"prompt": "x", "quality": {{"a": 1}}}}\n\n{line}\n')
    with pytest.raises(CorpusError) as caught:
        read_labelled(path)

    assert f"{path}:3: " in str(caught.value)
    assert said in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    """Latin-1 is told from UTF-8."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"prompt": "caf\xe9"}')
    with pytest.raises(CorpusError, match=":1: is no JSON in UTF-8"):
        list(read_prompts(path))


def test_empty_file(tmp_path):
    """A file without a row is an error when something is to be learned, none when nothing is asked."""
    path = tmp_path / "rows.jsonl"
    path.write_text("\n")
    with pytest.raises(CorpusError, match="holds no row"):
        read_labelled(path)

    assert [] == list(read_prompts(path))


def test_too_many_models(tmp_path):
    """A file whose models are prompts by mistake is refused before memory is."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"prompt": "x", "quality": {{"m{at}": 1}}}}\n' for at in range(300)))
    with pytest.raises(CorpusError, match=":257: names more than 256 models"):
        read_labelled(path)


def test_intent_is_preferred_to_task_and_task_to_suite(tmp_path):
    """The most exact word about a prompt is taken; texts that are none count as not told."""
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"prompt": "x", "intent": "i", "task": "t", "suite": "s"}\n{"prompt": "x", "task": "t", "suite": "s"}\n'
        '{"prompt": "x", "intent": "", "task": 3, "suite": "s", "id": 7}\n{"prompt": "x", "quality": null}\n'
    )
    found = list(read_prompts(path))

    assert ["i", "t", "s", None] == [each.intent for each in found]
    assert [None, None, "7", None] == [each.id for each in found]
