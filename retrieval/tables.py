"""Tables of the documents: what was taken in, and the passages it was cut into. Vectors live in the index file."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from config.columns import CleanText, JsonValue, UtcTime
from config.database import METADATA

document = Table(
    "document",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("library", CleanText, nullable=False),
    Column("path", CleanText, nullable=False),  # below its library, such as `en/quickstart.md`
    Column("title", CleanText, nullable=False),
    Column("language", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # ready, indexing, failed or disabled
    Column("error", CleanText),
    Column("intents", JsonValue, nullable=False),  # names of the intents it serves; empty: all
    Column("created_ts", UtcTime, nullable=False),
    Column("updated_ts", UtcTime, nullable=False),
    UniqueConstraint("library", "path"),
)

passage = Table(
    "passage",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("document_id", String(36), ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),  # 0-based among the document's passages
    Column("title", CleanText, nullable=False),
    Column("text", CleanText, nullable=False),
    Column("start_line", Integer, nullable=False),
    Column("end_line", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("n_tokens", Integer, nullable=False),
    Index("ix_passage_document_id_position", "document_id", "position", unique=True),
)
