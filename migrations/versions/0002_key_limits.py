"""Limits of a proxy key: requests and tokens a minute."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("requests_per_minute", "tokens_per_minute")


def upgrade() -> None:
    """Keys made before have none of their own: the settings' limits hold for them."""
    with op.batch_alter_table("api_key") as table:
        for name in COLUMNS:
            table.add_column(sa.Column(name, sa.BigInteger()))


def downgrade() -> None:
    """Forget the limits."""
    with op.batch_alter_table("api_key") as table:
        for name in COLUMNS:
            table.drop_column(name)
