"""The corpora of the single-label micro-models keep their size, their balance and their parts apart."""

import unicodedata
from collections import Counter

import pytest

from classifier.foundry.blueprint import Blueprint, find_blueprint, shipped_blueprints
from classifier.foundry.corpus import Row, read_rows

NAMES = ("complexity", "confirmation", "domain", "is_question", "risk", "sentiment")
DOMAINS = ("code", "math", "writing", "translation", "analysis", "knowledge", "business", "advice", "chat")
LANGUAGES = ("zh", "en")
NEAR = 0.9
SHORT = 12
FEWEST_TRAINING = 750
TEST_ROWS = {"complexity": 152, "confirmation": 150, "domain": 162, "is_question": 150, "risk": 160, "sentiment": 150}
"""In each language."""


def _blueprint(name: str) -> Blueprint:
    return find_blueprint(shipped_blueprints(), name)


def _training(name: str) -> tuple[Row, ...]:
    return read_rows(_blueprint(name).corpus_files)


def _held_out(name: str) -> tuple[Row, ...]:
    return read_rows([_blueprint(name).test_file])


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _grams(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 3] for at in range(len(text) - 2))


def _near_copies(texts: list[str]) -> list[tuple[str, str]]:
    """Return the pairs of long texts whose trigrams overlap too much, sorted so that only like lengths are compared."""
    long = sorted(((_grams(text), text) for text in texts if len(text) > SHORT), key=lambda pair: len(pair[0]))
    found: list[tuple[str, str]] = []
    for at, (grams, text) in enumerate(long):
        for others, other in long[at + 1 :]:
            if len(grams) < NEAR * len(others):
                break
            if len(grams & others) > NEAR * len(grams | others):
                found.append((text, other))
    return found


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("complexity", ("trivial", "simple", "moderate", "hard")),
        ("confirmation", ("yes", "no", "other")),
        ("domain", DOMAINS),
        ("is_question", ("question", "statement")),
        ("risk", ("risky", "safe")),
        ("sentiment", ("negative", "neutral", "positive")),
    ],
)
def test_the_blueprint_names_its_task_languages_and_labels(name: str, labels: tuple[str, ...]) -> None:
    """The blueprint reads, is single-label, and has a constitution in both languages."""
    blueprint = _blueprint(name)

    assert (name, "single", LANGUAGES, labels) == (
        blueprint.name,
        blueprint.task,
        blueprint.languages,
        blueprint.labels,
    )
    assert all(heading in blueprint.constitution for heading in ("## English", "## 中文", *labels))


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_one_known_label_and_a_stated_language(name: str) -> None:
    """No row has a label that the blueprint does not name, two labels, a blank text or a foreign language."""
    known = {(label,) for label in _blueprint(name).labels}
    wrong = [
        row
        for row in (*_training(name), *_held_out(name))
        if row.labels not in known or row.lang not in LANGUAGES or row.text.strip() != row.text or not row.text
    ]

    assert [] == wrong


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_training_rows_are_many_and_balanced_in_each_language(name: str, lang: str) -> None:
    """Each language has its rows, and no label has less than eight tenths of an equal share."""
    counts = Counter(row.labels[0] for row in _training(name) if row.lang == lang)
    share = counts.total() / len(_blueprint(name).labels)

    assert counts.total() >= FEWEST_TRAINING
    assert min(counts.values()) >= 0.8 * share


@pytest.mark.parametrize("name", NAMES)
def test_the_held_out_part_is_balanced_exactly(name: str) -> None:
    """Every label has the same number of held-out rows in each language."""
    labels = _blueprint(name).labels

    assert {(lang, label): TEST_ROWS[name] // len(labels) for lang in LANGUAGES for label in labels} == Counter(
        (row.lang, row.labels[0]) for row in _held_out(name)
    )


@pytest.mark.parametrize("name", NAMES)
def test_no_text_stands_twice_in_either_part_or_in_both(name: str) -> None:
    """A copy in the held-out part would flatter the model; one in training would weigh double."""
    counts = Counter(_normal(row.text) for row in (*_training(name), *_held_out(name)))

    assert [] == [text for text, times in counts.items() if times > 1]


@pytest.mark.parametrize("name", NAMES)
def test_no_long_text_is_nearly_another(name: str) -> None:
    """Long rows that differ by a letter or a mark are copies too."""
    assert [] == _near_copies([_normal(row.text) for row in (*_training(name), *_held_out(name))])


def test_most_questions_carry_no_question_mark() -> None:
    """A model that only looks for the mark would pass otherwise."""
    questions = [row.text for row in (*_training("is_question"), *_held_out("is_question")) if "question" in row.labels]
    marked = [text for text in questions if text.endswith(("?", "\uff1f"))]

    assert len(marked) < len(questions) / 2
