"""Tables of the ground floor: keys, events for the logs page, settings changed at run time, and who did what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table

from config.columns import CleanText, JsonValue, UtcTime
from config.database import METADATA

api_key = Table(
    "api_key",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("name", CleanText, nullable=False),
    Column("prefix", String(32), nullable=False, unique=True),  # what is shown of the key, and what decisions keep
    Column("hash", String(64), nullable=False, unique=True),  # HMAC-SHA256 of the key under the pepper, hex
    Column("scopes", JsonValue, nullable=False),
    Column("created_ts", UtcTime, nullable=False),
    Column("expires_ts", UtcTime),
    Column("revoked_ts", UtcTime),
    Column("requests_per_minute", BigInteger),  # NULL: as `limits` in the settings says; 0: no limit
    Column("tokens_per_minute", BigInteger),
    Column("models", JsonValue),  # names of the only models it may use; NULL: all
)

log_event = Table(
    "log_event",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("level", String(16), nullable=False),
    Column("logger", CleanText, nullable=False),
    Column("event", CleanText, nullable=False),  # the fixed message
    Column("decision_id", String(36)),
    Column("fields", JsonValue, nullable=False),
    Index("ix_log_event_ts_id", "ts", "id"),
    Index("ix_log_event_level_ts_id", "level", "ts", "id"),
)

setting_override = Table(
    "setting_override",
    METADATA,
    Column("key", CleanText, primary_key=True),  # dotted path of the setting
    Column("value", JsonValue),
    Column("ts", UtcTime, nullable=False),
    Column("changed_by", CleanText, nullable=False),
)

audit = Table(
    "audit",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("ts", UtcTime, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("action", CleanText, nullable=False),
    Column("subject", CleanText, nullable=False),
    Column("before", JsonValue),
    Column("after", JsonValue),
    Index("ix_audit_ts_id", "ts", "id"),
)
