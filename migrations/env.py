"""Alembic's entry: the migrations run on the connection, and in the transaction, of `config/schema.py`."""

from __future__ import annotations

from typing import cast

from alembic import context
from sqlalchemy import Connection, MetaData

connection = cast("Connection", context.config.attributes["connection"])
metadata = cast("MetaData | None", context.config.attributes.get("metadata"))

context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction holds all of it; Alembic opens none of its own
)
context.run_migrations()
