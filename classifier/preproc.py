"""Reads and writes `preproc.bin`: the terms, labels and thresholds of one artefact, as `preproc.proto` lays them out.

The wire format of Protobuf needs only three kinds of fields here, so this file speaks it itself: no generated code that
must match a runtime's version. A test holds it against the real library. Unknown fields are skipped, as Protobuf says.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from classifier import text
from config.errors import ArtefactError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA_VERSION = 1
NORMAL_FORM = "nfkc-casefold-space/1"
HASH_BYTES = 32
CONFIDENCE_WEIGHTS = 4
MOST_TERMS = 1_000_000
Task = Literal["single", "multi"]
TASKS: tuple[Task, ...] = ("single", "multi")

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FLOAT_BYTES = 4
_MOST_VARINT_BITS = 63


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


def encode(preproc: Preproc) -> bytes:
    """Return the bytes of `preproc.bin`; the same value gives the same bytes."""
    analyzer = preproc.analyzer
    inner = b"".join(
        (
            _number(1, analyzer.max_chars),
            _number(2, analyzer.shortest_gram),
            _number(3, analyzer.longest_gram),
            _number(4, analyzer.longest_han_gram),
            _number(5, analyzer.longest_word_gram),
            _number(6, int(analyzer.sublinear_tf)),
            _block(7, analyzer.normal_form.encode()),
        )
    )
    return b"".join(
        (
            _number(1, preproc.schema_version),
            _block(2, preproc.name.encode()),
            _block(3, preproc.task.encode()),
            _block(4, inner),
            *(_block(5, term.encode("utf-8", "surrogatepass")) for term in preproc.terms),
            _block(6, np.asarray(preproc.idf, "<f4").tobytes()),
            *(_block(7, label.encode()) for label in preproc.labels),
            _block(8, np.asarray(preproc.thresholds, "<f4").tobytes()),
            _float(9, preproc.temperature),
            _float(10, preproc.abstain_below),
            _block(11, preproc.sha256_model),
            _float(12, preproc.unknown_idf),
            _block(13, preproc.out_of_scope.encode()),
            _number(14, int(preproc.at_least_one)),
            *(_block(15, label.encode()) for label in preproc.exclusive),
            _block(16, np.asarray(preproc.confidence_weights, "<f4").tobytes()),
        )
    )


def decode(data: bytes, *, file: str) -> Preproc:
    """Return what `preproc.bin` holds. Raises `ArtefactError` naming `file` where it is damaged."""
    try:
        preproc = _read(data)
    except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise ArtefactError("is no preprocessor or is cut short", file=file) from error
    _check(preproc, file)
    return preproc


def _read(data: bytes) -> Preproc:
    fields = _grouped(data)
    inner = _grouped(fields.get(4, [b""])[-1])
    return Preproc(
        schema_version=_last_int(fields, 1),
        name=_last_text(fields, 2),
        task=cast("Task", _last_text(fields, 3)),
        terms=tuple(each.decode("utf-8", "surrogatepass") for each in fields.get(5, [])),
        idf=_floats(fields, 6),
        labels=tuple(each.decode() for each in fields.get(7, [])),
        thresholds=_floats(fields, 8),
        temperature=_last_float(fields, 9),
        abstain_below=_last_float(fields, 10),
        sha256_model=fields.get(11, [b""])[-1],
        unknown_idf=_last_float(fields, 12),
        out_of_scope=_last_text(fields, 13),
        at_least_one=bool(_last_int(fields, 14)),
        exclusive=tuple(each.decode() for each in fields.get(15, [])),
        confidence_weights=_floats(fields, 16),
        analyzer=Analyzer(
            max_chars=_last_int(inner, 1),
            shortest_gram=_last_int(inner, 2),
            longest_gram=_last_int(inner, 3),
            longest_han_gram=_last_int(inner, 4),
            longest_word_gram=_last_int(inner, 5),
            sublinear_tf=bool(_last_int(inner, 6)),
            normal_form=_last_text(inner, 7),
        ),
    )


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
        "does not hold all weights of its confidence": n_weights not in {0, CONFIDENCE_WEIGHTS},
        "holds a number that is none": not np.isfinite(numbers).all(),
        "has a temperature that is not above 0": preproc.temperature <= 0,
        "holds no hash of its model": len(preproc.sha256_model) != HASH_BYTES,
    }
    for fault, there in faults.items():
        if there:
            raise ArtefactError(fault, file=file)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004  # seven bits a byte, the eighth says that more follow
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _block(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def _float(number: int, value: float) -> bytes:
    return _varint(number << 3 | _FIXED32) + struct.pack("<f", value)


def _grouped(data: bytes) -> dict[int, list[bytes]]:
    grouped: dict[int, list[bytes]] = {}
    for number, value in _fields(data):
        grouped.setdefault(number, []).append(value)
    return grouped


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value.to_bytes(8, "little")
            continue
        if kind == _LENGTH:
            size, at = _read_varint(data, at)
        elif kind in {_FIXED32, _FIXED64}:
            size = _FLOAT_BYTES if kind == _FIXED32 else 2 * _FLOAT_BYTES
        else:
            raise ValueError(kind)
        if at + size > len(data):
            raise ValueError(size)
        yield key >> 3, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
        if shift >= _MOST_VARINT_BITS:
            raise ValueError(shift)


def _last_int(fields: dict[int, list[bytes]], number: int) -> int:
    return int.from_bytes(fields.get(number, [b""])[-1], "little")


def _last_text(fields: dict[int, list[bytes]], number: int) -> str:
    return fields.get(number, [b""])[-1].decode()


def _last_float(fields: dict[int, list[bytes]], number: int) -> float:
    (value,) = struct.unpack("<f", fields.get(number, [bytes(_FLOAT_BYTES)])[-1])
    return value


def _floats(fields: dict[int, list[bytes]], number: int) -> tuple[float, ...]:
    blocks: Sequence[bytes] = fields.get(number, [])
    return tuple(np.frombuffer(b"".join(blocks), "<f4").tolist())
