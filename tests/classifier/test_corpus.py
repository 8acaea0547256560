from __future__ import annotations

import hashlib
import json

import pytest

from classifier.foundry.corpus import Row, data_hash, gold_matrix, read_rows, read_texts, write_rows
from classifier.foundry.refine import jaccard, near_pairs, refine, shingles, sift
from config.errors import CorpusError
from tests.classifier.small_corpus import single_rows, written

LABELS = ("payment", "inventory", "none")


@pytest.mark.parametrize("keys", [("text", "labels"), ("text", "intents"), ("prompt", "output")])
def test_rows_are_read_in_all_three_shapes(tmp_path, keys) -> None:
    """People name the two fields in three ways."""
    rows = read_rows([written(tmp_path / "a.jsonl", [Row("退款", ("payment",), "zh")], keys=keys)])

    assert (Row("退款", ("payment",), "zh", (), "a.jsonl", 1),) == rows


def test_language_and_tags_are_taken_along_and_a_bom_and_blank_lines_do_no_harm(tmp_path) -> None:
    """A file from another system reads the same."""
    path = tmp_path / "a.jsonl"
    row = {"text": "hi", "labels": "none", "lang": "zh", "tags": ["short"]}
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\r\n\r\n")

    assert (Row("hi", ("none",), "zh", ("short",), "a.jsonl", 1),) == read_rows([path])
    assert ("hi",) == read_texts(path)


def test_what_is_written_is_read_back(tmp_path) -> None:
    """Rows survive the trip through a file."""
    rows = (Row("退款", ("payment", "none"), "zh", ("typo",), "a.jsonl", 1),)
    write_rows(tmp_path / "a.jsonl", rows)

    assert rows == read_rows([tmp_path / "a.jsonl"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "is no JSON object in UTF-8"),
        (b"\xff\xfe", "is no JSON object in UTF-8"),
        (b"[" * 100_000, "is no JSON object in UTF-8"),
        (b"[1]", "is JSON, but no object"),
        (b'{"labels": []}', "has no text under text or prompt"),
        (b'{"text": 1, "labels": []}', "has no text"),
        (b'{"text": "a"}', "has no list of labels under labels or intents or output"),
        (b'{"text": "a", "labels": [1]}', "has no list of labels"),
        (b'{"text": "a", "labels": [""]}', "has no list of labels"),
        (b'{"text": "' + b"a" * 17_000_000 + b'"}', "is longer than"),
    ],
)
def test_a_bad_row_is_named_by_file_and_line(tmp_path, line, says) -> None:
    """The second line is at fault, and the message says so."""
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "a", "labels": []}\n' + line)

    with pytest.raises(CorpusError, match=rf"^a\.jsonl:2: {says}"):
        read_rows([tmp_path / "a.jsonl"])


def test_a_missing_file_is_named(tmp_path) -> None:
    """The message holds the path."""
    with pytest.raises(CorpusError, match="cannot be read"):
        read_rows([tmp_path / "none.jsonl"])


def test_labels_become_columns_and_rows_without_any_are_out_of_scope() -> None:
    """A row without labels holds the label that stands for none, where there is one."""
    rows = (Row("a", ("none",), "en"), Row("b", (), "en"))

    assert [[False, True], [False, False]] == gold_matrix(rows, ("payment", "none")).tolist()
    assert [[False, True], [True, False]] == gold_matrix(rows, ("oos", "none"), out_of_scope="oos").tolist()
    with pytest.raises(CorpusError, match="unknown label 'none'; known are payment"):
        gold_matrix(rows, ("payment",))


def test_the_hash_of_data_is_that_of_its_bytes(tmp_path) -> None:
    """A card's hash can be checked with sha256sum."""
    (tmp_path / "a").write_bytes(b"x")

    assert hashlib.sha256(b"xx").hexdigest() == data_hash([tmp_path / "a", tmp_path / "a"])


def reasons(*rows: Row, held_out: tuple[Row, ...] = ()) -> dict[str, int]:
    return refine(rows, LABELS, one_label=True, held_out=held_out).reasons()


def test_each_dropped_row_says_why() -> None:
    """What is empty, mislabelled, twice there or contradicted is not learnt from."""
    pay = Row("I want my money back today", ("payment",), "en")

    assert {"empty text": 1} == reasons(pay, Row(" \x00 ", ("none",), "en"))
    assert {"unknown label": 1} == reasons(pay, Row("what", ("nothing",), "en"))
    assert {"more than one label": 1} == reasons(pay, Row("what", ("none", "payment"), "en"))
    assert {"the same text again": 1} == reasons(pay, Row("i WANT my  money back today", ("payment",), "en"))
    assert {"the same text with other labels": 2} == reasons(pay, Row(pay.text, ("none",), "en"))
    assert {"near-copy of another text": 1} == reasons(pay, Row("I want my money back today!!", ("payment",), "en"))
    assert {} == reasons(pay, Row("I want my money back today?", ("none",), "en"))
    assert {"near-copy of a held-out text": 1} == reasons(pay, held_out=(pay,))


def test_a_label_far_larger_than_the_others_is_cut_down() -> None:
    """Three times the median is the most that one label may have in a language."""
    many = [Row(f"{at * at * 7919} sheets of {at * 104729} paper", ("inventory",), "en") for at in range(40)]
    few = [Row(f"{word} {word[::-1]} jokes", (label,), "en") for label in ("payment", "none") for word in
           (f"{label}one", f"{label}uvw", f"{label}xyz")]  # fmt: skip

    assert {"more rows of one label than balance allows": 31} == reasons(*few, *many)


def test_own_data_keeps_its_repeats() -> None:
    """How often people say a thing is part of what is learnt from their own rows."""
    row = Row("thanks", ("none",), "en")

    assert (row, row) == sift([row, row], (), one_label=True).rows


def test_near_copies_are_found_as_by_comparing_every_pair() -> None:
    """MinHash misses hardly a pair of near-copies, and names none that is none."""
    texts = [row.text for row in single_rows()]
    texts += [f"{text}!" for text in texts[::3]] + [f"{text} x" for text in texts[::4]]
    sets = [shingles(text) for text in texts]
    every = {(a, b) for b in range(len(texts)) for a in range(b) if jaccard(sets[a], sets[b]) >= 0.85}
    found = set(near_pairs(texts))

    assert found <= every
    assert len(found) >= 0.99 * len(every)
