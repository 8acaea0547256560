"""The models that a proxy key may use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keys made before may use every model, which is what an empty column means."""
    op.add_column("api_key", sa.Column("models", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    """Forget to what keys were limited."""
    op.drop_column("api_key", "models")
