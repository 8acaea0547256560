"""Vectors of questions, by which similar ones are found again."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table empty: of earlier questions no text is there to make a vector of."""
    op.create_table(
        "question_vector",
        sa.Column("decision_id", sa.String(36), nullable=False),
        sa.Column("created_ts", _moment(), nullable=False),
        sa.Column("form", sa.String(32), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decision.id"], name="fk_question_vector_decision_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("decision_id", name="pk_question_vector"),
    )
    op.create_index("ix_question_vector_created_ts", "question_vector", ["created_ts"])


def downgrade() -> None:
    """Forget the vectors."""
    op.drop_table("question_vector")


def _moment() -> sa.types.TypeEngine[Any]:
    """UTC with its zone; fixed-width ISO 8601 text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
