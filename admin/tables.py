"""Tables of the dashboard's entrance: who may log in, and the browsers that did."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from config.columns import JsonValue, UtcTime
from config.database import METADATA

admin_user = Table(
    "admin_user",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),  # viewer or admin
    Column("password_hash", Text, nullable=False),  # argon2id in PHC form, with its salt and its cost
    Column("created_ts", UtcTime, nullable=False),
    Column("changed_ts", UtcTime, nullable=False),  # of the password or the role
)

admin_session = Table(
    "admin_session",
    METADATA,
    Column("id_hash", String(64), primary_key=True),  # SHA-256 of the cookie, hex: the table alone opens no door
    Column("user_name", String(64), ForeignKey("admin_user.name", ondelete="CASCADE"), nullable=False),
    Column("created_ts", UtcTime, nullable=False),
    Column("expires_ts", UtcTime, nullable=False),
    Column("notice", JsonValue),  # what the session's next page says once
    Index("ix_admin_session_user_name", "user_name"),
    Index("ix_admin_session_expires_ts", "expires_ts"),
)
