from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.judge.reading import read_answer
from router.judge.values import Unread, Verdict

MODELS = ("small", "large", "qwen3:latest", "A<b>")
GOOD = '{"reasoning": "it is hard", "selectedModel": "large", "confidence": 80}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! Here is my answer:\n{GOOD}\nI hope this helps {{really}}.",
        f"<think>{{maybe}} small?</think>{GOOD}",
        f"{GOOD}\n{GOOD}",
        GOOD.replace("large", "LARGE "),
        GOOD.replace("selectedModel", "selected_model"),
        GOOD.replace("selectedModel", "SelectedModel").replace("80", '"80%"'),
        GOOD.replace("80", "0.8"),
        "x" * 1_000_000 + GOOD,
    ],
)
def test_answer_is_read_whatever_stands_around_it(text):
    """Fences, prose, thinking, other spellings of the fields: the same verdict."""
    assert Verdict("large", 0.8, "it is hard") == read_answer(text, MODELS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("I would choose large.", "no_json"),
        ("{" * 1_000_000, "no_json"),
        ("[" * 100_000, "no_json"),
        ('{"a":' * 50_000, "no_json"),
        (GOOD + "x" * 1_000_000, "no_json"),
        ('{"confidence": 90}', "no_name"),
        ('{"selectedModel": null}', "no_name"),
        ('{"selectedModel": ["large"]}', "no_name"),
        ('{"selectedModel": "gpt-9"}', "not_eligible"),
        ('{"selectedModel": "lar"}', "not_eligible"),
        (f'{GOOD} or rather {{"selectedModel": "gpt-9"}}', "not_eligible"),
        (f'{GOOD} or rather {{"selectedModel": "small"}}', "ambiguous"),
    ],
)
def test_answer_without_one_name_that_may_be_chosen_is_refused(text, fault):
    """Nothing, prose, a megabyte, nesting, another name or two names: refused with the reason, in no time."""
    began = time.perf_counter()

    assert Unread(fault) == read_answer(text, MODELS)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        ("0", 0.0),
        ("1", 0.01),
        ("1.0", 1.0),
        ("0.55", 0.55),
        ("100", 1.0),
        ('"0.4"', 0.4),
        ("55.5", 0.555),
        ("101", None),
        ("-1", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e999", None),
        ('"NaN"', None),
        ('"quite"', None),
        ("true", None),
        ("null", None),
        ("9" * 4000, None),
        ('"' + "9" * 5000 + '"', None),
    ],
)
def test_confidence_is_per_cent_or_a_share_or_unknown(said, confidence):
    """Whole numbers are per cent; what is no number in range is no confidence, and the name still counts."""
    found = read_answer(f'{{"selectedModel": "small", "confidence": {said}}}', MODELS)

    assert isinstance(found, Verdict)
    assert confidence == found.confidence


@pytest.mark.parametrize(("said", "meant"), [("qwen3", "qwen3:latest"), ("A&lt;b&gt;", "A<b>"), ("`small`", "small")])
def test_name_is_found_under_its_other_spellings(said, meant):
    """Tags, entities of the prompt, and quotes do not hide a name."""
    found = read_answer(json.dumps({"selectedModel": said}), MODELS)

    assert isinstance(found, Verdict)
    assert meant == found.model


def test_spelling_that_two_models_share_is_refused():
    """Where two models differ in case only, a third spelling means neither."""
    assert Unread("not_eligible") == read_answer('{"selectedModel": "LARGE"}', ("large", "Large"))


def test_reasoning_is_one_short_line_without_secrets():
    """A long reasoning with a key in it is cut, put on a line, and redacted."""
    said = "line\none sk-abcdefghijklmnop \x1b[31m" + "long " * 500
    found = read_answer(json.dumps({"selectedModel": "small", "reasoning": said}), MODELS)

    assert isinstance(found, Verdict)
    assert len(found.reasoning) <= 300
    assert found.reasoning.startswith("line one [redacted]")
    assert found.reasoning.isprintable()


@given(st.text(max_size=300))
def test_no_answer_raises(text):
    """Whatever is answered, it is a verdict for an eligible model or a fault."""
    found = read_answer(text, MODELS)

    assert isinstance(found, Unread) or found.model in MODELS


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists), st.sampled_from(MODELS)
)
def test_any_value_in_any_field_is_survived(value, model):
    """Fields of a wrong kind cost the field, not the verdict."""
    text = json.dumps({"selectedModel": model, "confidence": value, "reasoning": value})
    found = read_answer(text, MODELS)

    assert isinstance(found, Verdict)
    assert found.confidence is None or 0 <= found.confidence <= 1
