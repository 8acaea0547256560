from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.ner.gazetteer import Gazetteer
from classifier.ner.measures import f1_of, forms, scored
from classifier.ner.spans import Span, SpanRow, bio, marked, read_span_rows, spans_of, tags_of, write_span_rows
from classifier.ner.swapping import Swapper, read_lexicon
from classifier.ner.tokens import SLOTS, Lexicon, number_terms, terms, tokens
from classifier.text import MAX_CHARS
from config.errors import CorpusError

ROW = marked("[张伟|person]明天到[New York|place]，订单[A-12|code]")


def test_marks_become_spans_and_tags_and_spans_again() -> None:
    """Nothing is lost between inline marks, places, tags and places."""
    read = tokens(ROW.text)

    assert "张伟明天到New York，订单A-12" == ROW.text
    assert ["张伟", "New York", "A-12"] == [ROW.text[each.start : each.end] for each in ROW.spans]
    assert ROW.spans == spans_of(bio(ROW, read), read)
    assert ("O", "B-a", "I-a", "B-b", "I-b") == tags_of(["a", "b"])


def test_an_inside_tag_without_a_beginning_begins_one() -> None:
    """Tags from anywhere give spans, legal or not."""
    read = tokens("a b c")

    assert (Span(0, 1, "x"), Span(2, 5, "y")) == spans_of(["I-x", "B-y", "I-y"], read)


@pytest.mark.parametrize("line", ["[no type]", "a | b", "[a|b", "[a||b]"])
def test_a_mark_cut_short_is_refused(line) -> None:
    """A slip of the pen does not become text."""
    with pytest.raises(CorpusError, match="a mark is not"):
        marked(line)


def test_a_bracket_of_the_text_is_escaped() -> None:
    """Texts may hold brackets."""
    assert "x [y" == marked(r"x \[y").text


def test_rows_survive_a_file(tmp_path) -> None:
    """What is written is read, blank lines and the other name of the type included."""
    write_span_rows(tmp_path / "a.jsonl", [ROW])
    other = '\n{"text": "Rome", "entities": [{"start": 0, "end": 4, "label": "place"}]}\n'
    (tmp_path / "b.jsonl").write_text(other, "utf-8")
    first, second = read_span_rows([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])

    assert (ROW.text, ROW.spans) == (first.text, first.spans)
    assert (SpanRow("Rome", (Span(0, 4, "place"),), "en", "b.jsonl", 2)) == second


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "no JSON object"),
        ("[]", "no object"),
        ('{"text": "a"}', "no text and entities"),
        ('{"text": "a", "entities": [1]}', "without start, end and type"),
        ('{"text": "a", "entities": [{"start": 0, "end": 2, "type": "x"}]}', "overlaps another or ends outside"),
        ('{"text": "a", "entities": [{"start": 0, "end": 1, "type": ""}]}', "without start, end and type"),
    ],
)
def test_a_damaged_row_is_told_with_its_line(tmp_path, line, fault) -> None:
    """The message names the file and the line."""
    (tmp_path / "a.jsonl").write_text(f"\n{line}\n", "utf-8")
    with pytest.raises(CorpusError, match=fault):
        read_span_rows([tmp_path / "a.jsonl"])


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path) -> None:
    """Neither is a traceback."""
    (tmp_path / "b.jsonl").write_bytes(b"\xff\xfe")
    for name, fault in (("a.jsonl", "cannot be read"), ("b.jsonl", "no UTF-8")):
        with pytest.raises(CorpusError, match=fault):
            read_span_rows([tmp_path / name])


def test_tokens_are_characters_of_chinese_and_runs_of_letters_and_digits() -> None:
    """Letters and digits part, so that an entity may end between them."""
    assert ["支", "付", "iphone", "15", "的", "!"] == [each.form for each in tokens("支付iPhone15的!")]


@given(st.text(max_size=60))
def test_tokens_of_any_text_lie_in_order_and_apart(text: str) -> None:
    """Every token stands where it says; what it has of terms fits."""
    read, at = tokens(text), 0
    for token in read:
        assert at <= token.start < token.end <= len(text)
        at = token.end
    assert all(0 < len(mine) <= SLOTS for mine in terms(read, Lexicon(())))


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    """Time and memory stay bounded."""
    assert MAX_CHARS == len(tokens("字" * (MAX_CHARS + 500)))


def test_a_listed_form_marks_its_tokens_the_longest_first() -> None:
    """A form may be listed under several types; an empty one is passed over."""
    lexicon = Lexicon([("place", "New York"), ("place", "New"), ("person", "York"), ("org", "New York"), ("org", " ")])

    assert [["@B-place", "@B-org"], ["@I-place", "@I-org"], ["@B-person"]] == lexicon.marks(tokens("New York York"))
    assert 1 == number_terms(tokens("York"), {"@B-person": 1}, lexicon)[0, 0]


def test_swapping_keeps_marks_on_what_was_put_in() -> None:
    """Other forms of the type come from the rows and the lexicon; what stands between stays."""
    swapper = Swapper([ROW, marked("[李四|person]")], {("zh", "place"): ("巴黎",)}, random.Random(1))
    seen: set[str] = set()
    for _ in range(60):
        made = swapper.swapped(ROW)
        seen.update(made.text[each.start : each.end] for each in made.spans)

        assert [each.type for each in ROW.spans] == [each.type for each in made.spans]
        assert "明天到" in made.text
    assert {"张伟", "李四", "巴黎", "New York"} <= seen
    assert any(each.endswith("-12") is False and each[1:2] == "-" for each in seen)


@pytest.mark.parametrize(("content", "fault"), [("[zh]\nplace = 1", "list of texts"), ("[zh", "no TOML")])
def test_a_damaged_lexicon_is_refused(tmp_path, content, fault) -> None:
    """The message names the file; without a file there are no forms."""
    path = tmp_path / "lexicon.toml"

    assert {} == read_lexicon(path)
    path.write_text(content, "utf-8")
    with pytest.raises(CorpusError, match=fault):
        read_lexicon(path)


def test_figures_tell_seen_forms_from_unseen_ones() -> None:
    """A gazetteer finds what it was shown and nothing else."""
    learnt = [marked("call [Anna|person]"), marked("go to [Rome|place]")]
    test = [marked("is [Anna|person] in [Oslo|place]"), marked("nothing")]
    gazetteer = Gazetteer(learnt)
    found = [gazetteer.entities(row.text) for row in test]
    figures = scored(test, found, forms(learnt))

    assert (2, 1, 1.0, 0.0, 1.0, 0.5) == (
        figures.entities,
        figures.n_unseen,
        figures.seen_f1,
        figures.unseen_f1,
        figures.precision,
        figures.recall,
    )
    assert f1_of(test, found) == pytest.approx(figures.f1.value)
    assert {"person": (1.0, 1), "place": (0.0, 1)} == figures.by_type
    assert 0.0 == f1_of([], [])
    assert () == Gazetteer([]).entities("Anna")
    assert json.dumps(figures.by_type)
