"""Sums that pages read: by deployment and hour, by intent and day, of savings by day; and two indices."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BOUNDS_MS = (100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)


def upgrade() -> None:
    """Make them empty: they count from now on, as adding up a large database would stop it for minutes."""
    op.create_index("ix_decision_intent_ts_id", "decision", ["intent", "ts", "id"])
    op.create_index("ix_outcome_kind_ts", "outcome", ["kind", "ts"])
    op.create_table(
        "rollup_deployment_hour",
        sa.Column("hour", _moment(), nullable=False),
        sa.Column("deployment", sa.Text(), nullable=False),
        sa.Column("failure_class", sa.String(24), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        *_counts("n_attempts", "n_committed"),
        *_amounts("duration_ms_sum", "ttft_ms_sum"),
        *_counts("n_ttft"),
        *_amounts("cost_usd"),
        *_counts(*(f"n_le_{bound}_ms" for bound in BOUNDS_MS), "n_slower"),
        sa.PrimaryKeyConstraint("hour", "deployment", "failure_class", name="pk_rollup_deployment_hour"),
    )
    op.create_table(
        "rollup_intent_day",
        sa.Column("day", _moment(), nullable=False),
        sa.Column("intent", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        *_counts("n_requests", "n_completed"),
        *_amounts("confidence_sum"),
        *_counts("n_confidence", "input_tokens", "output_tokens"),
        *_amounts("cost_usd", "rating_sum", "rating_square_sum"),
        *_counts("n_ratings"),
        sa.PrimaryKeyConstraint("day", "intent", "source", "model", name="pk_rollup_intent_day"),
    )
    op.create_table(
        "rollup_saving_day",
        sa.Column("day", _moment(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        *_counts("n_requests", "n_passages", "sent_tokens", "charged_tokens", "all_documents_tokens", "n_priced"),
        *_amounts("cost_usd", "dearest_usd"),
        sa.PrimaryKeyConstraint("day", "model", "arm", name="pk_rollup_saving_day"),
    )


def downgrade() -> None:
    """Forget the sums."""
    op.drop_table("rollup_saving_day")
    op.drop_table("rollup_intent_day")
    op.drop_table("rollup_deployment_hour")
    op.drop_index("ix_outcome_kind_ts", "outcome")
    op.drop_index("ix_decision_intent_ts_id", "decision")


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _amounts(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Float(), nullable=False) for name in names]


def _moment() -> sa.types.TypeEngine[Any]:
    """UTC with its zone; fixed-width ISO 8601 text on SQLite."""
    return sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")
