"""What the micro-models beside the intent say of a turn: loaded from their folders by kind, read, and made features.

None of them is on the way of a request. A model that is missing, broken or unsure takes nothing from the others.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from classifier.artefact import CARD
from classifier.micromodel import MicroModel
from config.confidence import shown
from config.errors import ArtefactError
from config.types import Mention

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from classifier.features import Features
    from classifier.ner.entitymodel import EntityModel
    from config.types import Json

TFIDF_LINEAR, BILSTM_CRF = "tfidf_linear", "bilstm_crf"
DOMAIN, COMPLEXITY, SENTIMENT, IS_QUESTION = "domain", "complexity", "sentiment", "is_question"
ENTITIES: Final = "ner_core_entity"
"""The tagger of what a turn names."""
QUESTION: Final = "question"
"""The label of the model `is_question` for a turn that asks."""
UNHAPPY: Final = "negative"
"""The label of the sentiment model that means dissatisfaction with the answer before."""
LEVELS: Final[Mapping[str, int]] = {"trivial": 1, "simple": 3, "moderate": 6, "hard": 9}
"""Where the labels of the complexity model stand between 1 and 10."""

LIKELY: Final = 0.5
"""Confidence from which a model's guess at domain or complexity is a feature, also where it abstains.

Abstaining keeps a wrong answer from whoever asks; a choice among models loses more by not knowing the topic than by
taking it wrongly once in twelve times (`docs/routing.md`).
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one model says of one text."""

    labels: tuple[str, ...]
    """Likeliest first; a guess where it abstained."""
    confidence: float
    """A calibrated probability that exactly these labels are right; 0 where the model has none."""
    abstained: bool
    ms: float
    entities: tuple[Json, ...] = ()
    """What a tagger found: `text`, `type`, `start`, `end`, `confidence`; offsets in Unicode code points."""
    problem: str | None = None
    """Why it could not read, `None` where it could."""

    def as_json(self, *, with_texts: bool = True) -> Json:
        """Return it for a trace; without texts of the user where these are not to be kept."""
        told: Json = {
            "labels": list(self.labels),
            "confidence": shown(self.confidence),
            "abstained": self.abstained,
            "ms": round(self.ms, 3),
        }
        if self.entities:
            told["entities"] = [
                each if with_texts else {name: value for name, value in each.items() if name != "text"}
                for each in self.entities
            ]
        return told if self.problem is None else {**told, "problem": self.problem}


class Reader(Protocol):
    """A loaded model of any kind; may be asked from several threads."""

    @property
    def version(self) -> str:
        """Version of its artefact."""
        ...

    def read(self, text: str) -> Reading:
        """Return what it says. Raises `ArtefactError` where the model fails."""
        ...


@dataclass(frozen=True, slots=True)
class Labeller:
    """A micro-model as a reader."""

    model: MicroModel

    @property
    def version(self) -> str:
        """Version of its artefact."""
        return self.model.version

    def read(self, text: str) -> Reading:
        """Return its labels, or its guess marked as an abstention."""
        found = self.model.predict(text)
        return Reading(found.labels, found.confidence, found.abstained, found.ms)


@dataclass(frozen=True, slots=True)
class EntityReader:
    """A tagger of named entities as a reader; its labels are the types that it found."""

    model: EntityModel

    @property
    def version(self) -> str:
        """Version of its artefact."""
        return self.model.version

    def read(self, text: str) -> Reading:
        """Return the entities with the probability that they are all and right; none is an answer too."""
        began = time.perf_counter()
        read = self.model.read(text)
        types = tuple(dict.fromkeys(each.type for each in read.entities))
        told: tuple[Json, ...] = tuple(
            {
                "text": each.text,
                "type": each.type,
                "start": each.start,
                "end": each.end,
                "confidence": shown(each.confidence),
            }
            for each in read.entities
        )
        abstained = not read.confidence  # there was nothing to read
        return Reading(types, read.confidence, abstained, (time.perf_counter() - began) * 1000, told)


def _labeller(folder: Path) -> Reader:
    return Labeller(MicroModel.load(folder))


def _tagger(folder: Path) -> Reader:
    from classifier.ner.entitymodel import EntityModel  # noqa: PLC0415  # only where there is such an artefact

    return EntityReader(EntityModel.load(folder))


LOADERS: Final[Mapping[str, Callable[[Path], Reader]]] = {TFIDF_LINEAR: _labeller, BILSTM_CRF: _tagger}
"""By the trainer that the card names; a new kind of artefact is a row here."""


def load_reader(folder: Path) -> Reader:
    """Return the model of a folder, by the trainer that its card names. Raises `ArtefactError` naming the file."""
    trainer = _trainer(folder / CARD)
    loader = LOADERS.get(trainer)
    if loader is None:
        raise ArtefactError(f"nobody here reads what the trainer {trainer[:40]!r} made", file=str(folder / CARD))
    return loader(folder)


def read_all(readers: Mapping[str, Reader], text: str) -> dict[str, Reading]:
    """Return what each model says of a text that says something; a model that fails says so. Blocks."""
    return {name: _read(reader, text) for name, reader in readers.items()} if text.strip() else {}


def read_aside(readers: Mapping[str, Reader], text: str, goes_on: Callable[[], bool]) -> dict[str, Reading]:
    """Return the same in a thread beside a request, which comes first; nothing more is read once it does not go on."""
    found: dict[str, Reading] = {}
    for name, reader in readers.items() if text.strip() else ():
        time.sleep(0)  # lets a thread that waits for the interpreter have it now, not after its five milliseconds
        if not goes_on():
            break
        found[name] = _read(reader, text)
    return found


def features_from(readings: Mapping[str, Reading], known: Features) -> Json:
    """Return what readings add to or change of a request's features.

    Domain and complexity need only be likely; of what is said to people, or counts as an outcome, a model must be sure.
    `dissatisfied` is about the answer before this turn, and stands only where there was one.
    """
    found: Json = {}
    sure = {name: each.labels[0] for name, each in readings.items() if each.labels and not each.abstained}
    likely = sure | {
        name: each.labels[0] for name, each in readings.items() if each.labels and each.confidence >= LIKELY
    }
    if DOMAIN in likely:
        found["domain"] = likely[DOMAIN]
    if likely.get(COMPLEXITY) in LEVELS:
        found["complexity"] = LEVELS[likely[COMPLEXITY]]
    if IS_QUESTION in sure:
        found["is_question"] = sure[IS_QUESTION] == QUESTION
    if SENTIMENT in sure and known.n_turns > 1:
        found["dissatisfied"] = sure[SENTIMENT] == UNHAPPY
    return found


def mentions_of(readings: Mapping[str, Reading]) -> tuple[Mention, ...]:
    """Return what the tagger found, each form once; nothing where it was not heard."""
    found = readings[ENTITIES].entities if ENTITIES in readings else ()
    mentions = (Mention(str(each["text"]), str(each["type"]), cast("float", each["confidence"])) for each in found)
    return tuple({each.text: each for each in mentions}.values())


def _read(reader: Reader, text: str) -> Reading:
    began = time.perf_counter()
    try:
        return reader.read(text)
    except ArtefactError as error:
        problem = str(error).removeprefix(f"{error.file}: ")
        return Reading((), 0.0, abstained=True, ms=(time.perf_counter() - began) * 1000, problem=problem)


def _trainer(card: Path) -> str:
    try:
        found: object = json.loads(card.read_bytes())
    except OSError as error:
        raise ArtefactError(f"cannot be read: {error.strerror or 'no such file'}", file=str(card)) from error
    except (ValueError, RecursionError) as error:
        raise ArtefactError("is no JSON", file=str(card)) from error
    trainer = cast("Json", found).get("trainer") if isinstance(found, dict) else None
    return trainer if isinstance(trainer, str) else TFIDF_LINEAR
