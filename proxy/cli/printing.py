"""How commands speak: sentences, tables, JSON. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.errors import ThalamusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH_OF_PIPES = 160


class CommandError(ThalamusError):
    """What was asked for cannot be done now; the message is one sentence that says what would help."""


def say(text: str) -> None:
    """Print a line of the result; halves of surrogate pairs, which no encoding has, as question marks."""
    typer.echo(_whole(text))


def note(text: str) -> None:
    """Print a remark that is no part of the result."""
    typer.echo(text, err=True)


def print_json(value: object) -> None:
    """Print one JSON document on one line; halves of surrogate pairs, which no encoding has, as escapes."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    typer.echo(text if _is_text(text) else json.dumps(value, default=str))


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under their columns; what stands in them is never read as markup."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_whole(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_PIPES)
    console.print(table)
