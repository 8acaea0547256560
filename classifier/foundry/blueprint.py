"""Reads a blueprint: a folder that says what a micro-model is, with its constitution and its corpus.

A new folder below `blueprints/` is a new model; nothing else needs an edit.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from config.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE, CONSTITUTION, CORPUS, TEST = "blueprint.toml", "constitution.md", "corpus", "test.jsonl"
RAW = "raw.jsonl"
"""What a model generated, before it is refined; where it exists, nothing is generated anew."""
Trainer = Literal["tfidf_linear", "bilstm_crf"]
_TASKS = ("single", "multi", "sequence")
_TRAINERS = ("tfidf_linear", "bilstm_crf")
_TABLES = {"features", "targets", "training"}
_KEYS = {"name", "task", "languages", "labels", "trainer", "seeds", "about", "out_of_scope", *_TABLES}
_FEATURES = {"max_features", "min_rows", "costs", "idf_powers", "levels", "contrasts", "pair_weight", "edges"}
_TARGETS = {"selective_accuracy", "bound", "size_kib_gz", "p50_ms"}


@dataclass(frozen=True, slots=True)
class Features:
    """How a linear model may be trained; what is a range is chosen on held-out rows."""

    max_features: int = 60_000
    min_rows: int = 2
    """Rows that a term must stand in."""
    costs: tuple[float, ...] = (0.3, 1.0, 3.0)
    """C of liblinear to choose among."""
    idf_powers: tuple[float, ...] = (1.0,)
    """Exponents of the inverse document frequency to choose among."""
    levels: int = 127
    """Steps that a weight is rounded to on each side of 0, at most 127; fewer are taken where the size asks for it."""
    contrasts: tuple[float, ...] = (0.0,)
    """How much more a label may lean on telling terms, to choose among; 0: on every term alike."""
    pair_weight: float = 1.0
    """What two neighbouring words count for, beside the other terms."""
    edges: bool = False
    """Whether the first word, the first two and the last one are terms of their own."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the artefact must reach; the card says what it reached."""

    selective_accuracy: float = 0.99
    """Share of the answered rows that must be right; sets the threshold below which the model abstains."""
    bound: float = 0.8
    """Certainty, by the binomial bound on held-out rows, that it is reached."""
    size_kib_gz: float = 300.0
    p50_ms: float = 0.3


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One micro-model to be: fields as in `blueprint.toml`."""

    folder: Path
    name: str
    task: Literal["single", "multi", "sequence"]
    languages: tuple[str, ...]
    labels: tuple[str, ...]
    trainer: Trainer = "tfidf_linear"
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    about: str = ""
    out_of_scope: str = ""
    """Single: the label that stands for none of the others."""
    features: Features = field(default_factory=Features)
    targets: Targets = field(default_factory=Targets)
    training: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the trainer `bilstm_crf` reads."""

    @property
    def constitution(self) -> str:
        """The prompt that says what good data is; empty where the folder has none."""
        path = self.folder / CONSTITUTION
        return path.read_text("utf-8") if path.is_file() else ""

    @property
    def corpus_files(self) -> tuple[Path, ...]:
        """The files of training rows, by name."""
        return tuple(sorted((self.folder / CORPUS).glob("*.jsonl")))

    @property
    def test_file(self) -> Path:
        """The frozen held-out rows."""
        return self.folder / TEST


def shipped_blueprints() -> Path:
    """Return the folder of the blueprints that come with the product."""
    return Path(__file__).parent / "blueprints"


def shipped_artefacts() -> Path:
    """Return the folder of the artefacts that come with the product."""
    return Path(__file__).parent.parent / "artefacts"


def list_blueprints(home: Path) -> tuple[Blueprint, ...]:
    """Return every blueprint below a folder, by name. Raises `CorpusError`."""
    return tuple(read_blueprint(path.parent) for path in sorted(home.glob(f"*/{FILE}")))


def find_blueprint(home: Path, name: str) -> Blueprint:
    """Return one blueprint by name. Raises `CorpusError` that names the nearest one."""
    if (home / name / FILE).is_file():
        return read_blueprint(home / name)
    names = sorted(path.parent.name for path in home.glob(f"*/{FILE}"))
    raise CorpusError(f"there is no blueprint {name!r}{_nearest(name, names)}", file=str(home))


def read_blueprint(folder: Path) -> Blueprint:
    """Return the blueprint of a folder. Raises `CorpusError` naming the file and what is wrong."""
    path = folder / FILE
    try:
        found: dict[str, object] = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"is no TOML: {error}", file=str(path)) from error
    reader = _Reader(found, str(path))
    reader.known(_KEYS)
    trainer, task = reader.choice("trainer", _TRAINERS, "tfidf_linear"), reader.choice("task", _TASKS)
    features, targets = reader.table("features", _FEATURES), reader.table("targets", _TARGETS)
    return Blueprint(
        folder=folder,
        name=reader.text("name", folder.name),
        task=cast('Literal["single", "multi", "sequence"]', task),
        languages=reader.texts("languages"),
        labels=reader.texts("labels"),
        trainer=cast("Trainer", trainer),
        seeds=tuple(int(each) for each in reader.numbers("seeds", (1, 2, 3, 4, 5))),
        about=reader.text("about", ""),
        out_of_scope=reader.text("out_of_scope", ""),
        features=Features(
            max_features=int(features.number("max_features", Features().max_features)),
            min_rows=int(features.number("min_rows", Features().min_rows)),
            costs=features.numbers("costs", Features().costs),
            idf_powers=features.numbers("idf_powers", Features().idf_powers),
            levels=min(127, int(features.number("levels", Features().levels))),
            contrasts=features.numbers("contrasts", Features().contrasts, may_be_0=True),
            pair_weight=features.number("pair_weight", Features().pair_weight),
            edges=features.flag("edges", default=Features().edges),
        ),
        targets=Targets(
            selective_accuracy=targets.number("selective_accuracy", Targets().selective_accuracy),
            bound=targets.number("bound", Targets().bound),
            size_kib_gz=targets.number("size_kib_gz", Targets().size_kib_gz),
            p50_ms=targets.number("p50_ms", Targets().p50_ms),
        ),
        training=cast("Mapping[str, object]", found.get("training", {})),
    )


class _Reader:
    """One table of the file; each question names the file and the key where the answer is wrong."""

    def __init__(self, table: Mapping[str, object], file: str) -> None:
        self._table, self._file = table, file

    def known(self, keys: set[str]) -> None:
        for key in self._table:
            if key not in keys:
                raise self._wrong(f"unknown key {key!r}{_nearest(key, sorted(keys))}")

    def table(self, key: str, keys: set[str]) -> _Reader:
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self._wrong(f"{key} must be a table")
        reader = _Reader(cast("dict[str, object]", value), self._file)
        reader.known(keys)
        return reader

    def text(self, key: str, default: str) -> str:
        value = self._table.get(key, default)
        if not isinstance(value, str):
            raise self._wrong(f"{key} must be a text")
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: str = "") -> str:
        value = self.text(key, default)
        if value not in choices:
            raise self._wrong(f"{key} must be one of {', '.join(choices)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._table.get(key)
        items = cast("list[object]", value) if isinstance(value, list) else []
        texts = tuple(item for item in items if isinstance(item, str) and item)
        if not texts or len(set(texts)) != len(items):
            raise self._wrong(f"{key} must be a list of different texts, at least one")
        return texts

    def number(self, key: str, default: float) -> float:
        value = self._table.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
            raise self._wrong(f"{key} must be a number above 0")
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._table.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(f"{key} must be true or false")
        return value

    def numbers(self, key: str, default: tuple[float, ...], *, may_be_0: bool = False) -> tuple[float, ...]:
        value = self._table.get(key, list(default))
        items = cast("list[object]", value) if isinstance(value, list) else []
        fit = [item for item in items if isinstance(item, int | float) and (item > 0 or (may_be_0 and item == 0))]
        numbers = tuple(float(item) for item in fit)
        if not numbers or len(numbers) != len(items):
            raise self._wrong(f"{key} must be a list of numbers {'from 0 on' if may_be_0 else 'above 0'}")
        return numbers

    def _wrong(self, message: str) -> CorpusError:
        return CorpusError(message, file=self._file)


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(names) or 'none'}"
