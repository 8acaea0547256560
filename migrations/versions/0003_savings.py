"""What a request saved by sending passages and not documents, beside its decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Decisions made before have none.

    Added in place: a copied table would take its attempts with it, which are deleted with their decision.
    """
    op.add_column("decision", sa.Column("savings", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    """Forget what was saved."""
    op.drop_column("decision", "savings")
