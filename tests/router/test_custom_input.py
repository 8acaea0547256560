"""Free-form tools behind JSON arguments."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.custom_input import CustomInputReader


@given(raw=st.text(), cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=12), ascii_only=st.booleans())
def test_custom_input_comes_out_raw_however_it_is_cut(raw, cuts, ascii_only):
    """The pieces of a free-form tool's input join to its text, escapes and surrogate pairs included."""
    written = json.dumps({"input": raw}, ensure_ascii=ascii_only)
    places = [0, *sorted(min(cut, len(written)) for cut in cuts), len(written)]
    reader = CustomInputReader()

    found = "".join(reader.feed(written[a:b]) for a, b in pairwise(places)) + reader.finish()

    assert raw == found
    assert "" == reader.feed("more") + reader.finish()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ("{}", ""),
        ('{"other": 1}', '{"other": 1}'),
        ('{"input": 5}', '{"input": 5}'),
        ('{"why": "x", "input": "raw"}', "raw"),
        ('"just text"', "just text"),
        ("[1]", "[1]"),
        ("not json", "not json"),
        ('{"input": "cut \\u00', "cut \\u00"),
        ('{"input": "lone \\ud83d!"}', "lone \ufffd!"),
    ],
)
def test_custom_input_survives_models_that_miss_the_form(written, expected):
    """Nothing a model writes is lost or crashes the stream."""
    reader = CustomInputReader()

    assert expected == reader.feed(written) + reader.finish()
