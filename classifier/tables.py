"""Tables of the classifier: the intents it tells apart, the models it was given, and how well each measured."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table

from config.columns import CleanText, JsonValue, UtcTime
from config.database import METADATA

intent = Table(
    "intent",
    METADATA,
    Column("name", CleanText, primary_key=True),
    Column("title", JsonValue, nullable=False),  # by language
    Column("description", JsonValue, nullable=False),  # by language
    Column("examples", JsonValue, nullable=False),
    Column("threshold", Float),  # NULL: the classifier's own
    Column("enabled", Boolean, nullable=False),
    Column("created_ts", UtcTime, nullable=False),
    Column("updated_ts", UtcTime, nullable=False),
)

artefact = Table(
    "artefact",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("name", CleanText, nullable=False),  # of its blueprint
    Column("version", CleanText, nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("path", CleanText, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # shadow, active or retired
    Column("recipe", JsonValue, nullable=False),  # data hash, code version, seed
    Column("metrics", JsonValue, nullable=False),  # with n and intervals, and the baseline's
    Column("created_ts", UtcTime, nullable=False),
    Index("ix_artefact_name_version", "name", "version", unique=True),
)

evaluation_run = Table(
    "evaluation_run",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("kind", CleanText, nullable=False),
    Column("subject", CleanText, nullable=False),  # what was judged
    Column("data_sha256", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("seed", BigInteger),
    Column("metrics", JsonValue, nullable=False),  # each with its interval
    Column("recipe", JsonValue, nullable=False),
    Column("duration_s", Float, nullable=False),
    Index("ix_evaluation_run_ts_id", "ts", "id"),
)
