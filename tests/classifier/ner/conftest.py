"""A small blueprint of entities and what is forged from it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from classifier.foundry.blueprint import read_blueprint
from classifier.ner.spans import SpanRow, marked, write_span_rows

NAMES = ("Anna", "Bob", "Carla", "Dave", "Erin", "Frank", "小王", "小李", "老张", "陈静", "刘洋", "赵敏")
PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Quito", "Delhi", "北京", "上海", "成都", "广州", "西安", "大连")
SAID = (
    "call [{name}|person] before noon",
    "is [{name}|person] in [{place}|place] now",
    "flights to [{place}|place] please",
    "nothing to see here, {n} times",
    "请联系[{name}|person]",
    "[{name}|person]去了[{place}|place]",
    "从[{place}|place]发货要几天",
    "今天没什么事{n}",
)
BLUEPRINT = """
name = "small"
task = "sequence"
languages = ["zh", "en"]
labels = ["person", "place"]
trainer = "bilstm_crf"
seeds = [1]
[training]
max_terms = 600
min_rows = 1
width = 24
hidden = 16
epochs = 30
patience = 30
batch = 4
rate = 0.02
dropout = 0.1
lost_terms = 0.05
swapped = 0.3
"""


def small_rows() -> list[SpanRow]:
    """Rows that a tiny tagger learns by heart."""
    pairs = [(name, place) for name in NAMES for place in PLACES[::3]]
    return [
        marked(SAID[(at + turn) % len(SAID)].format(name=name, place=place, n=at))
        for turn in range(3)
        for at, (name, place) in enumerate(pairs)
    ]


def held_out() -> list[SpanRow]:
    """Rows with names that the others do not have."""
    lines = ("is [Gina|person] in [Madrid|place] now", "[小周|person]去了[昆明|place]", "flights to [Oslo|place] soon")
    return [marked(line) for line in lines]


@pytest.fixture(scope="session")
def small_blueprint(tmp_path_factory) -> Path:
    """The folder of a small blueprint."""
    folder = tmp_path_factory.mktemp("blueprints") / "small"
    (folder / "corpus").mkdir(parents=True)
    (folder / "blueprint.toml").write_text(BLUEPRINT, "utf-8")
    (folder / "lexicon.toml").write_text('[en]\nplace = ["Paris", "New York"]\n[zh]\nplace = ["深圳"]\n', "utf-8")
    unique = list({row.text: row for row in small_rows()}.values())
    write_span_rows(folder / "corpus" / "a.jsonl", unique)
    write_span_rows(folder / "test.jsonl", held_out())
    return folder


@pytest.fixture(scope="session")
def forged_entities(small_blueprint, tmp_path_factory):
    """The forged artefact of the small blueprint."""
    pytest.importorskip("torch", reason="of the extra ml")
    from classifier.ner.forging import forge_entities  # noqa: PLC0415  # after the skip

    return forge_entities(read_blueprint(small_blueprint), tmp_path_factory.mktemp("artefacts") / "small")


@pytest.fixture
def entity_artefact(forged_entities, tmp_path) -> Path:
    """A copy of the artefact, to be damaged."""
    return Path(shutil.copytree(forged_entities.folder, tmp_path / "small"))
