"""Turns decisions whose intent somebody confirmed or corrected into rows to learn from: consent is the caller's to ask.

A row holds what the classifier had read, redacted, with the labels that hold. Texts come from stored bodies only.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from classifier import conversation
from classifier.text import MAX_CHARS, language_of
from config.errors import ClientFacingError, CorpusError
from config.redact import redact
from proxy.doors import ANTHROPIC, OPENAI, UNIFIED
from router.providers.json_values import as_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from config.types import Json
    from router.corrections import Correction

_DOORS: Final = {door.name: door for door in (OPENAI, ANTHROPIC, UNIFIED)}
_MAX_DEPTH: Final = 64


@dataclass(slots=True)
class Harvest:
    """Rows by decision, and how many gave none for which reason."""

    rows: dict[str, Json] = field(default_factory=dict[str, "Json"])
    n_confirmed: int = 0
    n_corrected: int = 0
    without_body: int = 0
    unreadable: int = 0
    unknown_label: int = 0


def rows_of(found: Iterable[Correction], *, labels: Collection[str]) -> Harvest:
    """Return a row for each correction whose request is stored and whose labels are all known."""
    harvest = Harvest()
    for each in found:
        if not each.labels or not set(each.labels) <= set(labels):
            harvest.unknown_label += 1
        elif each.request is None:
            harvest.without_body += 1
        elif not (text := _text_of(each.endpoint, each.request)):
            harvest.unreadable += 1
        else:
            harvest.n_confirmed += each.confirms
            harvest.n_corrected += not each.confirms
            harvest.rows[each.decision_id] = {
                "text": text,
                "labels": list(each.labels),
                "lang": language_of(text),
                "tags": ["harvested", "confirmed" if each.confirms else "corrected"],
                "decision": each.decision_id,
            }
    return harvest


def add_to(path: Path, rows: Mapping[str, Json]) -> int:
    """Put rows into a corpus file, each decision once and with its latest labels; return how many it holds now.

    What was harvested before stays, also where its body is gone since. Only the owner may read the file. Raises
    `CorpusError` where the file holds something else.
    """
    whole = {**_known(path), **rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in whole.values())
    part.replace(path)
    return len(whole)


def _known(path: Path) -> dict[str, Json]:
    known: dict[str, Json] = {}
    lines = path.read_text("utf-8").split("\n") if path.is_file() else []
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = cast("Json", json.loads(line))
            known[str(row["decision"])] = row
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError("is no harvested row; name another file with --out", file=str(path), line=at) from error
    return known


def _text_of(endpoint: str, body: bytes) -> str:
    """Return what the classifier had read of a request, redacted; empty where it cannot be said."""
    door = _DOORS.get(endpoint)
    if door is None:
        return ""
    try:
        parsed = door.parse(body, headers={"content-type": "application/json"}, max_depth=_MAX_DEPTH)
    except ClientFacingError:
        return ""
    meant = conversation.read(as_list(parsed.request.body.get("messages"))).meant
    return redact(meant[:MAX_CHARS]).strip()
