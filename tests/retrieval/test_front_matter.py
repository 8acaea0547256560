"""Front matter: what it says, and that lines keep their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.front_matter import FrontMatter, read_front_matter


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("---\ntitle: Returns\nintents: [payment, order_management]\nlanguage: en\n---", ("Returns", 2, "en")),
        (
            "---\ntitle: 'Returns: how, when'\nintents:\n  - payment\n  - order_management\n---",
            ("Returns: how, when", 2, ""),
        ),
        ("---\ntitle: 退货\nintent: payment  # the only one\nlang: ZH\ntags:\n  - a\n---", ("退货", 1, "zh")),
        ('+++\ntitle = "Returns"\nintents = ["payment"]\n+++', ("Returns", 1, "")),
        ("---\nintents: []\n---", ("", 0, "")),
        ("---\n# a comment\n\nauthor: me\n  nested: you\n---", ("", None, "")),
    ],
)
def test_fields_are_read_as_people_write_them(head, said):
    """YAML and TOML, lists in a line and below."""
    found, text = read_front_matter(f"{head}\nBody")

    title, n_intents, language = said
    assert (title, language) == (found.title, found.language)
    assert n_intents == (None if found.intents is None else len(found.intents))
    assert f"{head}\nBody".count("\n") == text.count("\n")
    assert "Body" == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Body",
        "---\nBody",
        "---\nSome prose stands here.\n---\nBody",
        "---\n---\nBody",
        "---\n" + "\n" * 100 + "---\n",
    ],
)
def test_a_rule_is_no_front_matter(text):
    """A text that begins with a line of dashes stays whole."""
    assert (FrontMatter(), text) == read_front_matter(text)


@given(st.text(alphabet="-+: [],\n#\"'aB意", max_size=80))
def test_no_line_is_lost(rest):
    """Whatever stands there, lines keep their numbers."""
    text = f"---\n{rest}"

    assert text.count("\n") == read_front_matter(text)[1].count("\n")
