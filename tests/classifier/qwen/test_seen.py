"""Single prompts that a classifier learnt from are found again in a test file, and what cannot be known is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import classifier
from classifier.foundry.blueprint import find_blueprint, shipped_blueprints
from classifier.foundry.corpus import read_texts
from classifier.qwen.artefact import Base, Manifest, open_artefact, seal
from classifier.qwen.seen import Studied, prompt_hash, studied_by, studied_by_micro, write_hashes
from config.errors import ArtefactError

MADE = Manifest("head", "onnx", ("none", "payment"), Base("base", "00"), 0, 64)


@pytest.fixture
def folder(tmp_path):
    """An artefact that learnt two prompts and was validated on one."""
    for name in ("head.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"")
    write_hashes(tmp_path, {"train": ["我要退款", "Refund me!", "refund  me!"], "validation": ["hello"]})
    seal(tmp_path, MADE)
    return tmp_path


def test_prompts_are_found_whatever_their_case_and_spaces(folder):
    """Equal but for case, width and spaces is the same prompt; other words are not."""
    studied = studied_by(folder, open_artefact(folder))

    assert {"train": 3, "validation": 1} == studied.seen(
        ["我要退款", " REFUND ｍｅ！", "refund me!", "hello", "hello you"]
    )
    assert (2, 1) == tuple(map(len, studied.parts.values()))


def test_no_word_of_a_prompt_is_in_the_folder(folder):
    """Eight bytes a prompt, and no prompt twice."""
    assert 16 + 2 * 8 == (folder / "train.hashes").stat().st_size
    assert "refund" not in (folder / "train.hashes").read_bytes().decode("latin-1").lower()


def test_half_a_surrogate_is_hashed(folder):
    """Cut emoji are prompts, too."""
    assert 8 == len(prompt_hash("\ud800"))


def test_hashes_cannot_be_changed_apart_from_the_rest(folder):
    """They are sealed like the weights; a sealed file that holds something else is named."""
    (folder / "train.hashes").write_bytes(b"")
    with pytest.raises(ArtefactError, match=r"train\.hashes"):
        open_artefact(folder)
    manifest = seal(folder, MADE)

    with pytest.raises(ArtefactError, match="no file of hashes"):
        studied_by(folder, manifest)


def test_an_artefact_from_before_says_that_nothing_is_known(folder):
    """Not found and not looked for are told apart."""
    old = studied_by(folder, replace(open_artefact(folder), files={}))

    assert ({}, {}) == (old.parts, old.seen(["hello"]))
    assert "train it anew" in old.unknown


def test_a_shipped_micro_model_is_checked_against_its_blueprints_corpus():
    """Its card names the very corpus that lies here."""
    card = json.loads((Path(classifier.__file__).parent / "artefacts" / "intent" / "card.json").read_bytes())
    corpus = find_blueprint(shipped_blueprints(), "intent")
    known = read_texts(corpus.corpus_files[0])[:5]
    studied = studied_by_micro(card)

    assert {"train": 5} == studied.seen([*known, "nobody ever wrote this very line about a purple walrus"])
    assert {"train": 0} == studied.seen(read_texts(corpus.test_file))


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ({"name": "intent", "data": {"train_sha256": "00"}}, "not those of a blueprint here"),
        ({"name": "intent"}, "not those of a blueprint here"),
        ({"name": "nobody's"}, "are not here"),
    ],
)
def test_a_micro_model_of_other_rows_is_not_called_checked(card, why):
    """Forged from files that nobody gave, or from a corpus that was changed since."""
    assert why in studied_by_micro(card).unknown
    assert {} == Studied(unknown="x").seen(["hello"])
