"""`thalamus foundry predict` and `try`: read a file, or what is said, with a forged model of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from classifier.artefact import CARD
from classifier.readings import EntityReader, load_reader
from classifier.shelf import Shelf
from config.confidence import shown
from config.errors import ArtefactError, CorpusError
from proxy.cli.blueprints import Artefacts
from proxy.cli.foundry_shelf import shelf_of
from proxy.cli.options import AsJson, ConfigFile, read_settings
from proxy.cli.printing import note, print_json, say
from proxy.cli.standard_input import piped_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from classifier.readings import Reader, Reading
    from config.types import Json

_DIGITS = 4
_WIDEST = 80
_MANIFEST = "manifest.json"
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name as `thalamus foundry status` lists it, or folder of an artefact.")
]


def predict(
    name: Model,
    *,
    rows: Annotated[Path, typer.Option("--input", metavar="FILE", help="Rows with a text each, JSONL.")],
    artefacts: Artefacts = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Read a file with a model: a line a row, with its labels, confidence and whether the model would abstain.

    A model of entities gives these with places and types instead of labels. Broken rows are named at the end, and the
    others are answered.
    """
    from classifier.foundry.corpus import read_texts_or_errors  # noqa: PLC0415  # offline only

    texts = read_texts_or_errors(rows)
    if not texts:
        note(f"{rows} holds no row.")
    reader = _opened(name, artefacts, config)
    for text, found in _read(reader, (each for each in texts if isinstance(each, str))):
        if as_json:
            print_json(_told(text, found, has_entities=isinstance(reader, EntityReader)))
        else:
            say(
                f"{_sentence(found, has_entities=isinstance(reader, EntityReader))}  {' '.join(text.split())[:_WIDEST]}"
            )
    wrong = [each for each in texts if isinstance(each, CorpusError)]
    for each in wrong:
        note(str(each))
    if wrong:
        raise typer.Exit(1)


def try_(
    name: Model,
    text: Annotated[
        str | None, typer.Argument(help="What to say to it; without it, lines are read until the end.")
    ] = None,
    *,
    artefacts: Artefacts = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Talk to a model: it answers each line with labels or entities, confidence and milliseconds.

    Of a name the live version answers.
    """
    reader = _opened(name, artefacts, config)
    for line, found in _read(reader, (text,) if text is not None else piped_lines()):
        if as_json:
            print_json(_told(line, found, has_entities=isinstance(reader, EntityReader)))
        else:
            say(f"{_sentence(found, has_entities=isinstance(reader, EntityReader))}  {found.ms:.2f} ms")


def _opened(name: str, home: Path | None, config: Path | None) -> Reader:
    """Return the model of a folder, or the live version of a name. Raises `ArtefactError`."""
    folder = Path(name)
    if (folder / CARD).is_file():
        return load_reader(folder)
    shelf = shelf_of(read_settings(config)) if home is None else Shelf(home / ".versions", home)
    if name not in shelf.names():
        raise _no_artefact(folder, shelf)
    reader, problems = shelf.open_live(name, load_reader)
    for problem in problems:
        note(f"{problem} Version {reader.version} answers.")
    return reader


def _no_artefact(folder: Path, shelf: Shelf) -> ArtefactError:
    if folder.is_file():
        return ArtefactError(
            "is a file and was not opened; an artefact is a folder",
            file=str(folder),
            mend="name the folder that forge wrote",
        )
    if not folder.is_dir():
        return shelf.unknown(str(folder))
    if (folder / _MANIFEST).is_file():
        return ArtefactError(
            "is a classifier of another kind", file=str(folder), mend=f"thalamus classifier predict {folder} TEXT"
        )
    return ArtefactError(
        f"holds no {CARD}, so it is no artefact", file=str(folder), mend="name the folder that forge wrote"
    )


def _read(reader: Reader, texts: Iterable[str]) -> Iterator[tuple[str, Reading]]:
    for text in texts:
        yield text, reader.read(text)


def _told(text: str, found: Reading, *, has_entities: bool) -> Json:
    said: Json = {"entities": list(found.entities)} if has_entities else {"intents": list(found.labels)}
    return {
        "text": text,
        **said,
        "confidence": shown(found.confidence),
        "abstained": found.abstained,
        "ms": round(found.ms, _DIGITS),
    }


def _sentence(found: Reading, *, has_entities: bool) -> str:
    if has_entities:
        told = (
            f"{each['text']} ({each['type']}, {_percent(cast('float', each['confidence']))})" for each in found.entities
        )
        return ", ".join(told) or "no entity"
    sure = "unsure, perhaps " if found.abstained else ""
    return f"{sure}{', '.join(found.labels) or 'none'} ({_percent(found.confidence)})"


def _percent(p: float) -> str:
    return f"{shown(p, 2):.0%}"
