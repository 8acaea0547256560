"""Reads and writes `preproc.bin`: the terms, labels and thresholds of one artefact, as `preproc.proto` lays them out.

`classifier/protowire.py` speaks the wire format: no generated code that must match a runtime's version.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np

from classifier import text
from classifier.protowire import (
    all_floats,
    bytes_field,
    float_field,
    grouped,
    last_float,
    last_int,
    last_text,
    number_field,
)
from config.errors import ArtefactError

SCHEMA_VERSION = 1
NORMAL_FORM = "nfkc-casefold-space/1"
HASH_BYTES = 32
CONFIDENCE_WEIGHTS = 4
"""The bias and the weights of three numbers; a multi-label model may hold one more for each label."""
MOST_TERMS = 1_000_000
ENTITIES = "entities"
"""Stands in place of the task where a model finds entities."""
_OTHER_MEND = "name the folder of a micro-model"
Task = Literal["single", "multi"]
TASKS: tuple[Task, ...] = ("single", "multi")


@dataclass(frozen=True, slots=True)
class Analyzer:
    """How text becomes terms; an artefact whose analyzer is not this program's is refused."""

    max_chars: int = text.MAX_CHARS
    shortest_gram: int = text.SHORTEST_GRAM
    longest_gram: int = text.LONGEST_GRAM
    longest_han_gram: int = text.LONGEST_HAN_GRAM
    longest_word_gram: int = 2
    sublinear_tf: bool = True
    normal_form: str = NORMAL_FORM


@dataclass(frozen=True, slots=True)
class Preproc:
    """What turns a text into the model's input and its output into labels; fields as in `preproc.proto`."""

    name: str
    task: Task
    terms: tuple[str, ...]
    idf: tuple[float, ...]
    labels: tuple[str, ...]
    thresholds: tuple[float, ...] = ()
    temperature: float = 1.0
    abstain_below: float = 0.0
    sha256_model: bytes = b""
    unknown_idf: float = 0.0
    out_of_scope: str = ""
    at_least_one: bool = False
    exclusive: tuple[str, ...] = ()
    confidence_weights: tuple[float, ...] = ()
    analyzer: Analyzer = field(default_factory=Analyzer)
    schema_version: int = SCHEMA_VERSION

    @property
    def columns(self) -> tuple[str, ...]:
        """The labels: each has one score."""
        return self.labels


def encode(preproc: Preproc) -> bytes:
    """Return the bytes of `preproc.bin`; the same value gives the same bytes."""
    analyzer = preproc.analyzer
    inner = b"".join(
        (
            number_field(1, analyzer.max_chars),
            number_field(2, analyzer.shortest_gram),
            number_field(3, analyzer.longest_gram),
            number_field(4, analyzer.longest_han_gram),
            number_field(5, analyzer.longest_word_gram),
            number_field(6, int(analyzer.sublinear_tf)),
            bytes_field(7, analyzer.normal_form.encode()),
        )
    )
    return b"".join(
        (
            number_field(1, preproc.schema_version),
            bytes_field(2, preproc.name.encode()),
            bytes_field(3, preproc.task.encode()),
            bytes_field(4, inner),
            *(bytes_field(5, term.encode("utf-8", "surrogatepass")) for term in preproc.terms),
            bytes_field(6, np.asarray(preproc.idf, "<f4").tobytes()),
            *(bytes_field(7, label.encode()) for label in preproc.labels),
            bytes_field(8, np.asarray(preproc.thresholds, "<f4").tobytes()),
            float_field(9, preproc.temperature),
            float_field(10, preproc.abstain_below),
            bytes_field(11, preproc.sha256_model),
            float_field(12, preproc.unknown_idf),
            bytes_field(13, preproc.out_of_scope.encode()),
            number_field(14, int(preproc.at_least_one)),
            *(bytes_field(15, label.encode()) for label in preproc.exclusive),
            bytes_field(16, np.asarray(preproc.confidence_weights, "<f4").tobytes()),
        )
    )


def decode(data: bytes, *, file: str) -> Preproc:
    """Return what `preproc.bin` holds. Raises `ArtefactError` naming `file` where it is damaged."""
    if not data:
        raise ArtefactError("is empty", file=file)
    try:
        if last_text(grouped(data), 3) == ENTITIES:
            raise ArtefactError("is of a model of entities, which says no labels", file=file, mend=_OTHER_MEND)
        preproc = _read(data)
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise ArtefactError("is no preprocessor or is cut short", file=file) from error
    _check(preproc, file)
    return preproc


def _read(data: bytes) -> Preproc:
    fields = grouped(data)
    inner = grouped(fields.get(4, [b""])[-1])
    return Preproc(
        schema_version=last_int(fields, 1),
        name=last_text(fields, 2),
        task=cast("Task", last_text(fields, 3)),
        terms=tuple(each.decode("utf-8", "surrogatepass") for each in fields.get(5, [])),
        idf=all_floats(fields, 6),
        labels=tuple(each.decode() for each in fields.get(7, [])),
        thresholds=all_floats(fields, 8),
        temperature=last_float(fields, 9),
        abstain_below=last_float(fields, 10),
        sha256_model=fields.get(11, [b""])[-1],
        unknown_idf=last_float(fields, 12),
        out_of_scope=last_text(fields, 13),
        at_least_one=bool(last_int(fields, 14)),
        exclusive=tuple(each.decode() for each in fields.get(15, [])),
        confidence_weights=all_floats(fields, 16),
        analyzer=Analyzer(
            max_chars=last_int(inner, 1),
            shortest_gram=last_int(inner, 2),
            longest_gram=last_int(inner, 3),
            longest_han_gram=last_int(inner, 4),
            longest_word_gram=last_int(inner, 5),
            sublinear_tf=bool(last_int(inner, 6)),
            normal_form=last_text(inner, 7),
        ),
    )


def _weights_of(preproc: Preproc) -> set[int]:
    with_labels = {CONFIDENCE_WEIGHTS + len(preproc.labels)} if preproc.task == "multi" else set[int]()
    return {0, CONFIDENCE_WEIGHTS} | with_labels


def _check(preproc: Preproc, file: str) -> None:
    if preproc.schema_version != SCHEMA_VERSION:
        raise ArtefactError(
            f"has schema version {preproc.schema_version}, this program reads {SCHEMA_VERSION}", file=file
        )
    if preproc.task not in TASKS:
        raise ArtefactError(f"has the task {preproc.task!r}, known are {', '.join(TASKS)}", file=file)
    if preproc.analyzer != Analyzer():
        raise ArtefactError("reads text by other rules than this program", file=file)
    numbers = [*preproc.idf, *preproc.thresholds, *preproc.confidence_weights]
    numbers += [preproc.abstain_below, preproc.unknown_idf, preproc.temperature]
    n_weights, n_labels = len(preproc.confidence_weights), len(preproc.labels)
    faults = {
        "has no labels": not n_labels,
        "names a label twice": len(set(preproc.labels)) != n_labels,
        "has more terms than are allowed": len(preproc.terms) > MOST_TERMS,
        "names a term twice": len(set(preproc.terms)) != len(preproc.terms),
        "does not hold one weight for each term": len(preproc.terms) != len(preproc.idf),
        "does not hold one threshold for each label": preproc.task == "multi" and len(preproc.thresholds) != n_labels,
        "names an exclusive label that it does not have": not {*preproc.exclusive} <= {*preproc.labels},
        "names an out-of-scope label that it does not have": preproc.out_of_scope not in {"", *preproc.labels},
        "does not hold all weights of its confidence": n_weights not in _weights_of(preproc),
        "holds a number that is none": not np.isfinite(numbers).all(),
        "has a temperature that is not above 0": preproc.temperature <= 0,
        "holds no hash of its model": len(preproc.sha256_model) != HASH_BYTES,
    }
    for fault, there in faults.items():
        if there:
            raise ArtefactError(fault, file=file)
