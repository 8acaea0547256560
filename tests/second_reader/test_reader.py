"""The words of `docs/foundry.md` suffice: a reader written from them alone gives the same labels."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from itertools import cycle, islice, pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier.artefact import CARD
from classifier.foundry.blueprint import shipped_artefacts, shipped_blueprints
from classifier.micromodel import MicroModel
from classifier.text import clip, edge_terms
from classifier.text import terms as our_terms

HERE = Path(__file__).parent
N_LINES = 10_000
SCORE_TOLERANCE = 2e-5
NEAR = 1e-4
"""Within this of a threshold, float arithmetic in another order may decide otherwise."""
ALPHABETS = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x370, 0x52F),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x2000, 0x2BFF),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFFEF),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF),
    (0, 0x10FFFF),
)
ODD = (
    "",
    " ",
    "\x00",
    "\u200f",
    "'",
    "a'b''c'",
    "ſt\u0345",
    "ﷺ",
    "¼ cup",
    "İI",
    "e\u0301é",
    "\ud800",
    "，。",
    "々〇",
    "=",
)


def _reader():
    spec = importlib.util.spec_from_file_location("second_reader", HERE / "reader.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


second = _reader()


def _artefacts() -> list[Path]:
    """The shipped artefacts of the linear kind."""
    cards = sorted(shipped_artefacts().glob(f"*/{CARD}"))
    kinds = {path.parent: json.loads(path.read_text("utf-8")).get("trainer", "tfidf_linear") for path in cards}
    return [folder for folder, kind in kinds.items() if kind == "tfidf_linear"]


def _corpus_lines(n: int) -> list[str]:
    files = sorted(shipped_blueprints().glob("*/corpus/*.jsonl"))
    lines = [line for path in files for line in path.read_text("utf-8").splitlines() if line.strip()]
    step = max(1, len(lines) // n)
    rows = (json.loads(line) for line in islice(cycle(lines[::step]), n))
    return [str(row.get("text") or row.get("prompt") or "") for row in rows]


def _random_text(rng: Random, longest: int) -> str:
    ranges = rng.choices(ALPHABETS, k=rng.randint(1, 3))
    return "".join(
        " " if rng.random() < 0.15 else chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(0, longest))
    )


def _mixed(lines: list[str], rng: Random) -> str:
    joined = rng.choice((" ", "", "\n", " 😀 ", "\u202e", "\u200b", " שלום ", "　", "\x00"))
    text = joined.join(rng.sample(lines, rng.randint(2, 4)))
    return rng.choice((str, str.upper, str.title))(text)


@pytest.fixture(scope="session")
def lines() -> list[str]:
    """Rows as people write them, mixtures of them, random Unicode, long ones, and odd ones."""
    rng = Random(20)
    plain = _corpus_lines(6000)
    mixed = [_mixed(plain, rng) for _ in range(1500)]
    random = [_random_text(rng, 60) for _ in range(2440)]
    long = [(_random_text(rng, 300) * 30)[: rng.choice((4095, 4096, 4097, 6000))] for _ in range(15)]
    long += ["".join(rng.choices(plain, k=200)) for _ in range(15)]
    made = [*plain, *mixed, *random, *long]
    return [*made, *islice(cycle(ODD), N_LINES - len(made))]


@pytest.fixture(scope="session")
def read_terms(lines) -> list[list[str]]:
    """The terms of every line, by the second reader; every model reads the same ones."""
    return [[*second.terms(line), *second.edges(line)] for line in lines]


def test_it_uses_nothing_of_ours_and_nothing_installed() -> None:
    """Only the standard library stands behind the second reader."""
    tree = ast.parse((HERE / "reader.py").read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert set() == imported - sys.stdlib_module_names


def test_every_line_has_the_same_terms(lines, read_terms) -> None:
    """Clipping, normal form, tokens and terms agree, in order and with repeats."""
    assert N_LINES == len(lines)
    for line, found in zip(lines, read_terms, strict=True):
        assert sorted((*our_terms(line), *edge_terms(clip(line)))) == sorted(found), clip(line)[:80]


def test_every_character_is_of_the_same_kind() -> None:
    """Each code point alone, and between letters, is read alike."""
    differing = [
        hex(code)
        for code in (*range(0x3500), *range(0xA000, 0xABFF), *range(0xF900, 0x10500), *range(0x1D400, 0x20100))
        if our_terms(f"a{chr(code)}'b") != second.terms(f"a{chr(code)}'b")
    ]

    assert [] == differing


@given(st.text(max_size=60))
def test_any_text_has_the_same_terms(text) -> None:
    """Whatever Unicode holds, lone surrogates left aside."""
    assert sorted(our_terms(text)) == sorted(second.terms(text))
    assert edge_terms(clip(text)) == second.edges(text)


@pytest.mark.parametrize("folder", _artefacts(), ids=lambda folder: folder.name)
def test_lines_of_every_sort_get_the_same_labels(folder, lines, read_terms) -> None:
    """The quick form of the test below: every twentieth line."""
    assert _n_on_a_threshold(folder, lines[::20], read_terms[::20]) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("folder", _artefacts(), ids=lambda folder: folder.name)
def test_ten_thousand_lines_get_the_same_labels(folder, lines, read_terms) -> None:
    """Scores agree within float rounding, labels and abstention wholly but where a score lies on a threshold."""
    assert _n_on_a_threshold(folder, lines, read_terms) <= N_LINES // 1000


def _n_on_a_threshold(folder: Path, lines: list[str], read_terms: list[list[str]]) -> int:
    """Hold the two readers against each other; return how many lines differ since they lie on a threshold."""
    ours, theirs = MicroModel.load(folder), second.load(folder)
    n_near = 0
    for line, found in zip(lines, read_terms, strict=True):
        scores = ours.scores(line)
        expected, actual = ours.predict(line), second.answer(theirs, found)
        assert max(abs(a - b) for a, b in zip(scores, actual.scores, strict=True)) < SCORE_TOLERANCE, line[:80]
        if (list(expected.labels), expected.abstained) == (actual.labels, actual.abstained):
            assert abs(expected.confidence - actual.confidence) < NEAR, line[:80]
        else:
            assert _is_near(theirs, actual), line[:80]
            n_near += 1
    return n_near


def _is_near(model, answer) -> bool:
    """Whether a decision hangs on the last digits."""
    margins = [abs(answer.confidence - model.abstain_below)]
    margins += [abs(p - cut) for p, cut in zip(answer.probabilities, model.thresholds, strict=False)]
    ordered = sorted(answer.scores)
    margins += [b - a for a, b in pairwise(ordered)]
    return min(margins) < NEAR


def test_it_is_a_program_too() -> None:
    """By hand it prints a line a text."""
    folder = _artefacts()[0]
    words = [sys.executable, "-I", str(HERE / "reader.py"), str(folder), "yes", "是的"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30)
    told = [json.loads(line) for line in done.stdout.splitlines()]

    assert [list(MicroModel.load(folder).predict(text).labels) for text in ("yes", "是的")] == [
        each["labels"] for each in told
    ]
