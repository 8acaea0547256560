from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import classifier
from classifier.foundry.forge import forge
from classifier.micromodel import MicroModel
from classifier.ner import preproc
from classifier.readings import Reading, load_reader
from classifier.shadow import MOST_PAIRS, MOST_WAITING, Shadows, live_version, read_pairs
from classifier.shelf import Pointers, Shelf
from config.errors import ArtefactError
from tests.classifier.damage import sealed
from tests.classifier.small_corpus import order, single_rows

TEXTS = [row.text for row in single_rows()]


@dataclass
class Speaker:
    """A reader that says what it is told, and may wait or fail."""

    version: str
    label: str = "a"
    gate: threading.Event | None = None
    entities: tuple = ()
    fails: bool = False
    heard: list[str] = field(default_factory=list)

    def read(self, text: str) -> Reading:
        if self.gate is not None:
            self.gate.wait(10)
        if self.fails:
            raise ArtefactError("the model failed on a text", file="model.onnx")
        self.heard.append(text)
        return Reading((self.label,), 0.99, abstained=False, ms=0.0, entities=self.entities)


@pytest.fixture(scope="session")
def pair(tmp_path_factory) -> tuple[Path, Path]:
    """Two artefacts of one name."""
    home = tmp_path_factory.mktemp("pair")
    rows = single_rows()
    return (
        forge(order(rows), home / "a" / "small").folder,
        forge(order(rows[1:]), home / "b" / "small").folder,
    )


@pytest.fixture
def shelf(tmp_path, pair) -> Shelf:
    """A shelf whose `small` has a shadow."""
    shutil.copytree(pair[0], tmp_path / "shipped" / "small")
    found = Shelf(tmp_path / "data", tmp_path / "shipped")
    found.shadow("small", pair[1])
    return found


@pytest.fixture
def shadows(shelf):
    """Call what this gives to get running shadows, with doubles for live and candidate where they are given."""
    made: list[Shadows] = []

    def make(live=None, candidate=None) -> Shadows:
        def load(folder: Path):
            double = live if folder.name == "small" else candidate
            return double or load_reader(folder)

        found = Shadows(shelf, load=load)
        found.watch()
        made.append(found)
        return found

    yield make
    for each in made:
        each.close()


def _file(shelf, live=None):
    pointers = shelf.pointers("small")
    return shelf.pairs_file("small", live or live_version(shelf, "small"), pointers.shadow)


def test_both_read_and_what_they_said_survives_without_the_text(shelf, shadows, pair) -> None:
    """Labels, confidence and abstention of each, by decision; a new process goes on counting."""
    running = shadows()
    for at, text in enumerate(TEXTS[:20]):
        running.offer(f"d{at}", text)
    running.settled()
    running.offer("blank", "  ")
    pairs = read_pairs(_file(shelf))
    one, two = MicroModel.load(pair[0]), MicroModel.load(pair[1])

    assert running.busy
    assert [f"d{at}" for at in range(20)] == [each.decision_id for each in pairs]
    assert one.predict(TEXTS[0]).labels == pairs[0].live.labels
    assert two.predict(TEXTS[0]).confidence == pytest.approx(pairs[0].candidate.confidence, abs=1e-5)
    assert TEXTS[0] not in _file(shelf).read_text("utf-8")
    assert {"version": two.version, "n": 20} == shadows().state()["small"]


def test_who_comes_while_too_many_wait_is_left_out(shadows) -> None:
    """The event loop never waits, and the number that was left out is told."""
    gate = threading.Event()
    running = shadows(Speaker("1" * 12, gate=gate), Speaker("2" * 12))
    for at in range(MOST_WAITING + 5):
        running.offer(f"d{at}", "hello")
    left_out = running.state()["left_out"]
    gate.set()
    running.settled()

    assert 5 == left_out
    assert MOST_WAITING == running.state()["small"]["n"]


def test_a_model_that_fails_ends_its_comparison_and_is_named(shadows, shelf) -> None:
    """The others go on, and requests never notice."""
    running = shadows(Speaker("1" * 12), Speaker("2" * 12, fails=True))
    running.offer("d", "hello")
    running.settled()

    assert not running.busy
    assert "model.onnx: the model failed on a text" in running.problems["small"]


def test_a_shadow_that_broke_on_disk_is_named_and_the_rest_runs(shelf, shadows) -> None:
    """Nothing is raised where the server starts."""
    (shelf.folder("small", shelf.pointers("small").shadow) / "model.onnx").write_bytes(b"no")
    running = shadows()
    running.offer("d", "hello")

    assert not running.busy
    assert "model.onnx" in running.problems["small"]


def test_a_shadow_is_let_go_when_the_shelf_says_so(shelf, shadows) -> None:
    """And taken up again where it stood."""
    running = shadows(Speaker("1" * 12), Speaker("2" * 12))
    running.offer("d", "hello")
    running.settled()
    pointers = shelf.pointers("small")
    shelf.end_shadow("small")
    running.watch()
    assert (False, {}) == (running.busy, running.state())
    shelf._point("small", pointers)
    running.watch()
    running.watch()

    assert 1 == running.state()["small"]["n"]


def test_one_that_may_promote_itself_does_so_once_it_passes(shelf, shadows, pair) -> None:
    """Not before five hundred requests; then the pointers change and the comparison ends."""
    shelf.shadow("small", pair[1], auto=True)
    live, candidate = Speaker("1" * 12), Speaker(shelf.pointers("small").shadow)
    running = shadows(live, candidate)
    for at in range(499):
        running.offer(f"d{at}", "hello")
        if at % MOST_WAITING == MOST_WAITING - 1:
            running.settled()
    running.settled()
    assert "shipped" == shelf.pointers("small").live
    running.offer("d", "hello")
    running.settled()

    assert candidate.version == shelf.pointers("small").live
    assert not running.busy


def test_one_that_disagrees_is_not_promoted(shelf, shadows, pair) -> None:
    """However many requests there were."""
    shelf.shadow("small", pair[1], auto=True)
    running = shadows(Speaker("1" * 12), Speaker(shelf.pointers("small").shadow, label="b"))
    for at in range(600):
        running.offer(f"d{at}", "hello")
        if at % MOST_WAITING == MOST_WAITING - 1:
            running.settled()
    running.settled()

    assert "shipped" == shelf.pointers("small").live
    assert 600 == running.state()["small"]["n"]


def test_of_a_tagger_places_are_compared_and_no_text_is_kept(shelf, shadows) -> None:
    """Two taggers that find the same kinds in other places do not agree."""
    found = ({"text": "secret", "type": "person", "start": 0, "end": 6},)
    running = shadows(Speaker("1" * 12, entities=found), Speaker("2" * 12))
    running.offer("d", "secret plan")
    running.settled()
    (pair,) = read_pairs(_file(shelf, "1" * 12))

    assert ("person 0-6",) == pair.live.labels
    assert not pair.same


def test_two_versions_of_the_shipped_tagger_are_compared(tmp_path) -> None:
    """A text that names nothing counts as well: a tagger that finds too much would be seen."""
    shipped = Path(classifier.__file__).parent / "artefacts"
    other = Path(shutil.copytree(shipped / "ner_core_entity", tmp_path / "other"))
    sealed(other, preproc, temperature=2.0)
    shelf = Shelf(tmp_path / "data", shipped)
    running = Shadows(shelf)
    try:
        shelf.shadow("ner_core_entity", other)
        running.watch()
        for text in ("call Priya Raman by Friday", "turn it off", "？"):
            running.offer(text[:4], text)
        running.settled()
    finally:
        running.close()
    pointers = shelf.pointers("ner_core_entity")
    file = shelf.pairs_file("ner_core_entity", live_version(shelf, "ner_core_entity"), pointers.shadow)
    some, none, _ = read_pairs(file)

    assert {} == running.problems
    assert ("person 5-16", "time 20-26") == some.live.labels
    assert ((), False, True) == (none.live.labels, none.live.abstained, none.same)
    assert some.live.confidence > some.candidate.confidence
    assert "Priya" not in file.read_text("utf-8")


def test_what_nobody_foresaw_ends_the_comparison_and_is_told(shelf, shadows) -> None:
    """An error in the thread is not lost, and the next request costs nothing."""
    running = shadows(Speaker("1" * 12, entities=({"start": 0},)), Speaker("2" * 12))
    running.offer("d", "hello")
    running.settled()
    running.offer("e", "hello")

    assert {"small": "the comparison ended: KeyError"} == running.problems
    assert not running.busy
    assert [] == read_pairs(_file(shelf, "1" * 12))


def test_a_line_that_was_cut_short_is_passed_over(tmp_path) -> None:
    """And a missing file holds none."""
    path = tmp_path / "pairs.jsonl"
    assert [] == read_pairs(path)
    word = '{"labels": ["a"], "confidence": 0.5, "abstained": false}'
    path.write_text(f'{{"decision": "d", "live": {word}, "candidate": {word}}}\n[]\n{{"decision": "e", "li', "utf-8")

    assert ["d"] == [each.decision_id for each in read_pairs(path)]


def test_after_closing_nothing_is_taken(shadows) -> None:
    """A late offer is dropped without an error, and takes no place in the queue."""
    running = shadows(Speaker("1" * 12), Speaker("2" * 12))
    running.close()
    for at in range(MOST_WAITING + 1):
        running.offer(f"d{at}", "hello")

    assert {"small": {"version": "2" * 12, "n": 0}, "left_out": 0} == running.state()


def test_a_comparison_has_an_end(shelf, shadows) -> None:
    """Beyond it nothing is recorded, and nothing read."""
    file = _file(shelf, "1" * 12)
    word = '{"labels": ["a"], "confidence": 0.5, "abstained": false}'
    file.write_text(f'{{"decision": "d", "live": {word}, "candidate": {word}}}\n' * MOST_PAIRS, "utf-8")
    live = Speaker("1" * 12)
    running = shadows(live, Speaker("2" * 12))
    running.offer("d", "hello")
    running.settled()

    assert ([], MOST_PAIRS) == (live.heard, running.state()["small"]["n"])


def test_one_that_was_stopped_meanwhile_is_not_promoted(shelf, shadows, pair) -> None:
    """The command that stopped it has the last word."""
    shelf.shadow("small", pair[1], auto=True)
    gate = threading.Event()
    live, candidate = Speaker("1" * 12, gate=gate), Speaker(shelf.pointers("small").shadow)
    file = _file(shelf, "1" * 12)
    word = '{"labels": ["a"], "confidence": 0.99, "abstained": false}'
    file.write_text(f'{{"decision": "d", "live": {word}, "candidate": {word}}}\n' * 499, "utf-8")
    running = shadows(live, candidate)
    running.offer("d", "hello")
    shelf.end_shadow("small")
    gate.set()
    running.settled()

    assert Pointers() == shelf.pointers("small")
    assert not running.busy
