"""Whose attempt at an export it is that may change it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the column."""
    op.add_column("export_jobs", sa.Column("attempt", _ID, nullable=True))
