"""The models beside the intent: loaded by kind, read together, and made features where they are sure."""

import json
import shutil
from pathlib import Path

import pytest

import classifier
from classifier import conversation
from classifier.features import features_of
from classifier.ner.entitymodel import Entity, Found
from classifier.readings import LOADERS, EntityReader, Labeller, Reading, features_from, load_reader, read_all
from config.errors import ArtefactError
from config.types import Json

ARTEFACTS = Path(classifier.__file__).parent / "artefacts"


def sure(label: str) -> Reading:
    """Return a reading without doubt."""
    return Reading((label,), 0.99, abstained=False, ms=0.1)


def likely(label: str) -> Reading:
    """Return what a model guesses that abstains, and is right more often than not."""
    return Reading((label,), 0.5, abstained=True, ms=0.1)


def unsure(label: str) -> Reading:
    """Return a guess."""
    return Reading((label,), 0.4, abstained=True, ms=0.1)


class Broken:
    """A reader that fails."""

    version = "0"

    def read(self, text: str) -> Reading:
        """Fail on every text."""
        raise ArtefactError(f"the model failed on {len(text)} characters", file="/somewhere/model.onnx")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A shipped artefact, to be damaged."""
    return shutil.copytree(ARTEFACTS / "is_question", tmp_path / "is_question")


def test_every_shipped_artefact_is_read() -> None:
    """Each folder has a loader by the trainer on its card, and says something of any text."""
    readers = {each.name: load_reader(each) for each in sorted(ARTEFACTS.iterdir()) if each.is_dir()}
    for text in ("Where is my parcel?", "\0", "שלום", "x" * 1_000_000):
        found = read_all(readers, text)

        assert set(readers) == set(found)
        assert all(each.problem is None and 0 <= each.confidence <= 1 for each in found.values())
    assert {} == read_all(readers, " \n")
    assert all(len(each.version) == 12 for each in readers.values() if isinstance(each, Labeller))


def test_a_kind_that_nobody_reads_is_named(copy: Path) -> None:
    """An artefact of a newer version is no riddle."""
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | {"trainer": "crystal_ball"}))
    with pytest.raises(ArtefactError, match="nobody here reads what the trainer 'crystal_ball' made"):
        load_reader(copy)

    assert "tfidf_linear" in LOADERS


@pytest.mark.parametrize(("card", "message"), [(None, "cannot be read"), ("{", "is no JSON"), ("[" * 9_999, "no JSON")])
def test_a_card_that_is_none_is_named(copy: Path, card: str | None, message: str) -> None:
    """The error names the file."""
    (copy / "card.json").unlink() if card is None else (copy / "card.json").write_text(card)
    with pytest.raises(ArtefactError, match=message) as caught:
        load_reader(copy)

    assert str(copy / "card.json") == caught.value.file


def test_one_that_fails_takes_nothing_from_the_others() -> None:
    """It says so in its own place, without a path."""
    found = read_all({"broken": Broken(), "is_question": load_reader(ARTEFACTS / "is_question")}, "why?")

    assert (True, ()) == (found["broken"].abstained, found["broken"].labels)
    assert "the model failed on 4 characters; forge it anew or put the shipped one back." == found["broken"].problem
    assert found["is_question"].problem is None
    assert "problem" in found["broken"].as_json()


@pytest.mark.parametrize(
    ("readings", "n_turns", "features"),
    [
        ({"domain": sure("code"), "complexity": sure("hard")}, 1, {"domain": "code", "complexity": 9}),
        ({"domain": unsure("code"), "complexity": unsure("hard"), "sentiment": unsure("negative")}, 2, {}),
        ({"domain": likely("code"), "complexity": likely("hard")}, 1, {"domain": "code", "complexity": 9}),
        ({"is_question": likely("question"), "sentiment": likely("negative")}, 2, {}),
        ({"sentiment": sure("negative")}, 2, {"dissatisfied": True}),
        ({"sentiment": sure("neutral")}, 2, {"dissatisfied": False}),
        ({"sentiment": sure("negative")}, 1, {}),
        ({"is_question": sure("question")}, 1, {"is_question": True}),
        ({"is_question": sure("statement")}, 1, {"is_question": False}),
        ({"is_question": unsure("question")}, 1, {}),
        ({"complexity": sure("odd"), "risk": sure("risky")}, 1, {}),
        ({"domain": Reading((), 1.0, abstained=False, ms=0.0)}, 1, {}),
    ],
)
def test_who_is_sure_becomes_a_feature_and_of_a_topic_who_is_likely_right(
    readings: dict[str, Reading], n_turns: int, features: Json
) -> None:
    """Dissatisfaction is about an answer, and so needs one before it."""
    turns = [{"role": "user", "content": f"turn {n}"} for n in range(n_turns)]

    assert features == features_from(readings, features_of(conversation.read(turns)))


def test_entities_keep_their_words_only_where_words_may_be_kept() -> None:
    """What a user said stands in no trace of who stores no preview."""
    entity: Json = {"text": "Ada", "type": "person", "start": 0, "end": 3}
    found = Reading((), 0.9, abstained=False, ms=0.1, entities=(entity,))

    assert [entity] == found.as_json()["entities"]
    assert [{"type": "person", "start": 0, "end": 3}] == found.as_json(with_texts=False)["entities"]


class Tagger:
    """Finds what it was told."""

    version = "1"

    def __init__(self, *found: Entity) -> None:
        self.found = found

    def read(self, text: str) -> Found:
        """Return it, where there is a text."""
        return Found(self.found, 0.45) if text else Found((), 0.0)


def test_entities_are_read_with_the_chance_that_they_are_all_and_right() -> None:
    """Types are named once; that there is none is an answer, and only of nothing to read there is none."""
    ada, bob = Entity(0, 3, "person", "Ada", 0.9), Entity(4, 7, "person", "Bob", 0.5)
    found = read_all({"ner": EntityReader(Tagger(ada, bob))}, "Ada Bob")["ner"]
    none, nothing = EntityReader(Tagger()).read("x"), EntityReader(Tagger()).read("")

    assert (("person",), 0.45, False) == (found.labels, found.confidence, found.abstained)
    assert {"text": "Ada", "type": "person", "start": 0, "end": 3, "confidence": 0.9} == found.entities[0]
    assert ((), 0.45, False, ()) == (none.labels, none.confidence, none.abstained, none.entities)
    assert ((), 0.0, True, ()) == (nothing.labels, nothing.confidence, nothing.abstained, nothing.entities)
    assert "1" == EntityReader(Tagger()).version


def test_a_damaged_tagger_is_named(copy: Path) -> None:
    """By the trainer on its card it is read as what it claims to be, and refused as such."""
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | {"trainer": "bilstm_crf"}))
    with pytest.raises(ArtefactError, match=r"preproc\.bin"):
        load_reader(copy)
