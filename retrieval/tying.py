"""Which intents a document serves, in this order: its own word, the catalogue's, its folder's, the classifier's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from retrieval.manifest import DocumentRecord


class DocumentClassifier(Protocol):
    """Says which intents a text serves."""

    @property
    def name(self) -> str:
        """Its name and version: another one is asked anew about every document."""
        ...

    def intents_of(self, text: str) -> tuple[str, ...]:
        """Return the intents, or none where it is not sure."""
        ...


@dataclass(frozen=True, slots=True)
class TyingRules:
    """What is known of intents. Without any, documents keep the names they say themselves."""

    documents: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Every intent's name, and the documents that its catalogue names."""
    classifier: DocumentClassifier | None = None


@dataclass(frozen=True, slots=True)
class Tie:
    """What a document serves, and what said so."""

    intents: tuple[str, ...] = ()
    tied_by: str = ""
    unknown: tuple[str, ...] = ()
    """Names that the document says and nobody knows."""


def tie(record: DocumentRecord, rules: TyingRules, text: str) -> Tie:
    """Return the intents of a document; without a word of anybody it serves every one."""
    said = record.said_intents
    if said is not None:
        known = tuple(name for name in said if not rules.documents or name in rules.documents)
        return Tie(known, "document", tuple(name for name in said if name not in known))
    path = PurePosixPath(record.name)
    named = tuple(
        intent for intent, documents in rules.documents.items() if record.name in documents or path.name in documents
    )
    if named:
        return Tie(named, "catalogue")
    folders = tuple(dict.fromkeys(part for part in path.parts[:-1] if part in rules.documents))
    if folders:
        return Tie(folders, "folder")
    if rules.classifier is None:
        return Tie()
    if record.tied_by == rules.classifier.name:
        return Tie(record.intents, record.tied_by)
    return Tie(rules.classifier.intents_of(text), rules.classifier.name)
