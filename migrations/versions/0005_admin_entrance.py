"""Who may log in to the dashboard, and the browsers that did."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables; nobody may log in before somebody is made."""
    op.create_table(
        "admin_user",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_ts", _moment(), nullable=False),
        sa.Column("changed_ts", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_admin_user"),
    )
    op.create_table(
        "admin_session",
        sa.Column("id_hash", sa.String(length=64), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("created_ts", _moment(), nullable=False),
        sa.Column("expires_ts", _moment(), nullable=False),
        sa.Column("notice", sa.JSON().with_variant(JSONB(), "postgresql")),
        sa.ForeignKeyConstraint(
            ["user_name"], ["admin_user.name"], name="fk_admin_session_user_name", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_hash", name="pk_admin_session"),
    )
    op.create_index("ix_admin_session_user_name", "admin_session", ["user_name"])
    op.create_index("ix_admin_session_expires_ts", "admin_session", ["expires_ts"])


def downgrade() -> None:
    """Forget who may log in."""
    op.drop_table("admin_session")
    op.drop_table("admin_user")


def _moment() -> sa.types.TypeEngine[Any]:
    """UTC with its zone; fixed-width ISO 8601 text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
