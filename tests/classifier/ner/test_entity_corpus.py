"""The corpus of entities keeps its size, its balance, and its held-out part apart."""

from collections import Counter

import pytest

from classifier.foundry.blueprint import find_blueprint, shipped_blueprints
from classifier.ner.forging import refined
from classifier.ner.spans import SpanRow, bio, read_span_rows, spans_of
from classifier.ner.swapping import LEXICON, read_lexicon
from classifier.ner.tokens import tokens

BLUEPRINT = find_blueprint(shipped_blueprints(), "ner_core_entity")
LANGUAGES = ("zh", "en")


def learnt() -> tuple[SpanRow, ...]:
    """The rows that are learnt from."""
    return read_span_rows(BLUEPRINT.corpus_files)


def held_out() -> tuple[SpanRow, ...]:
    """The frozen rows."""
    return read_span_rows([BLUEPRINT.test_file])


def test_the_corpus_is_large_and_its_languages_are_equals() -> None:
    """At least 1,500 rows to learn from and 300 held out, half of each in each language."""
    for rows, least in ((learnt(), 1500), (held_out(), 300)):
        counts = Counter(row.lang for row in rows)

        assert len(rows) >= least
        assert set(LANGUAGES) == set(counts)
        assert abs(counts["zh"] - counts["en"]) <= 4


def test_nothing_of_the_corpus_has_to_be_dropped() -> None:
    """No unknown type, no repeat, no near-copy, neither among the rows nor of the held-out ones."""
    kept, dropped = refined(learnt(), BLUEPRINT.labels, held_out=held_out())

    assert {} == dropped
    assert len(learnt()) == len(kept)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_type_occurs_often_in_each_language(lang: str) -> None:
    """No type is left to the other language, and some rows have no entity at all."""
    rows = [row for row in learnt() if row.lang == lang]
    counts = Counter(span.type for row in rows for span in row.spans)

    assert set(BLUEPRINT.labels) == set(counts)
    assert min(counts.values()) >= 100
    assert 0.1 <= sum(not row.spans for row in rows) / len(rows) <= 0.25


def test_marks_end_where_tokens_end() -> None:
    """A mark that cuts a token could never be found, save where a kind and its number are written as one word."""
    wrong = [
        row.text
        for row in (*learnt(), *held_out())
        if row.spans != spans_of(bio(row, tokens(row.text)), tokens(row.text))
        or any(row.text[each.start : each.end] != row.text[each.start : each.end].strip() for each in row.spans)
    ]

    assert ["中国邮政EMSEZ330012998CN"] == wrong


def test_the_lexicon_lists_known_types_in_both_languages() -> None:
    """Each type of each language has forms, and none stands twice."""
    lexicon = read_lexicon(BLUEPRINT.folder / LEXICON)

    assert {(lang, name) for lang in LANGUAGES for name in BLUEPRINT.labels} == set(lexicon)
    assert all(len(set(forms)) == len(forms) for forms in lexicon.values())
