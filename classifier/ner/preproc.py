"""Reads and writes `preproc.bin` of an entity model: its terms and types, as `ner.proto` lays them out."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from classifier import protowire as wire
from classifier.ner.spans import tags_of
from classifier.ner.tokens import READER, SLOTS
from classifier.preproc import ENTITIES, HASH_BYTES, MOST_TERMS, TASKS
from classifier.text import MAX_CHARS
from config.errors import ArtefactError

SCHEMA_VERSION = 1
MOST_TYPES = 200


@dataclass(frozen=True, slots=True)
class EntityPreproc:
    """What turns a text into the tagger's input; fields as in `ner.proto`."""

    name: str
    terms: tuple[str, ...]
    """Numbered from 1."""
    types: tuple[str, ...]
    lexicon: tuple[tuple[str, str], ...] = ()
    """Pairs of a type and a form of it that is widely known."""
    temperature: float = 1.0
    """Divides the log-odds of an entity's probability."""
    sha256_model: bytes = b""
    reader: str = READER
    max_chars: int = MAX_CHARS
    slots: int = SLOTS
    kind: str = ENTITIES
    schema_version: int = SCHEMA_VERSION

    @property
    def labels(self) -> tuple[str, ...]:
        """The types, as the card calls them."""
        return self.types

    @property
    def columns(self) -> tuple[str, ...]:
        """The tags that the emissions are of, in their order."""
        return tags_of(self.types)


def encode(preproc: EntityPreproc) -> bytes:
    """Return the bytes of `preproc.bin`; the same value gives the same bytes."""
    return b"".join(
        (
            wire.number_field(1, preproc.schema_version),
            wire.bytes_field(2, preproc.name.encode()),
            wire.bytes_field(3, preproc.kind.encode()),
            wire.bytes_field(4, preproc.reader.encode()),
            *(wire.bytes_field(5, term.encode("utf-8", "surrogatepass")) for term in preproc.terms),
            *(wire.bytes_field(7, each.encode()) for each in preproc.types),
            wire.float_field(9, preproc.temperature),
            wire.bytes_field(11, preproc.sha256_model),
            wire.number_field(17, preproc.max_chars),
            wire.number_field(18, preproc.slots),
            *(wire.bytes_field(19, f"{name}\t{form}".encode()) for name, form in preproc.lexicon),
        )
    )


def decode(data: bytes, *, file: str) -> EntityPreproc:
    """Return what `preproc.bin` holds. Raises `ArtefactError` naming `file` where it is damaged."""
    if not data:
        raise ArtefactError("is empty", file=file)
    try:
        fields = wire.grouped(data)
        if wire.last_text(fields, 3) in TASKS:
            mend = "name the folder of a model of entities"
            raise ArtefactError("is of a micro-model of labels, which finds no entities", file=file, mend=mend)
        preproc = EntityPreproc(
            schema_version=wire.last_int(fields, 1),
            name=wire.last_text(fields, 2),
            kind=wire.last_text(fields, 3),
            reader=wire.last_text(fields, 4),
            terms=tuple(each.decode("utf-8", "surrogatepass") for each in fields.get(5, [])),
            types=tuple(each.decode() for each in fields.get(7, [])),
            temperature=wire.last_float(fields, 9),
            sha256_model=fields.get(11, [b""])[-1],
            max_chars=wire.last_int(fields, 17),
            slots=wire.last_int(fields, 18),
            lexicon=tuple(_entry(each.decode()) for each in fields.get(19, [])),
        )
    except (ValueError, IndexError, struct.error) as error:
        raise ArtefactError("is no preprocessor or is cut short", file=file) from error
    _check(preproc, file)
    return preproc


def _entry(line: str) -> tuple[str, str]:
    name, _, form = line.partition("\t")
    return name, form


def _check(preproc: EntityPreproc, file: str) -> None:
    if preproc.schema_version != SCHEMA_VERSION:
        raise ArtefactError(
            f"has schema version {preproc.schema_version}, this program reads {SCHEMA_VERSION}", file=file
        )
    if preproc.kind != ENTITIES:
        raise ArtefactError(f"is of the kind {preproc.kind!r}, not a model of entities", file=file)
    faults = {
        "reads text by other rules than this program": (preproc.reader, preproc.max_chars, preproc.slots)
        != (READER, MAX_CHARS, SLOTS),
        "has no types or too many": not 0 < len(preproc.types) <= MOST_TYPES,
        "names a type twice": len(set(preproc.types)) != len(preproc.types),
        "has more terms than are allowed": len(preproc.terms) > MOST_TERMS,
        "lists forms of a type that it does not have": not {name for name, _ in preproc.lexicon} <= set(preproc.types),
        "names a term twice": len(set(preproc.terms)) != len(preproc.terms),
        "has a temperature that is not above 0": not 0 < preproc.temperature < float("inf"),
        "holds no hash of its model": len(preproc.sha256_model) != HASH_BYTES,
    }
    for fault, there in faults.items():
        if there:
            raise ArtefactError(fault, file=file)
