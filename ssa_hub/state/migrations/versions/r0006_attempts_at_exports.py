"""Whose attempt at an export it is that may change it, and what it takes on disk."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the columns."""
    op.add_column("export_jobs", sa.Column("attempt", _ID, nullable=True))
    size = sa.Column("bytes_on_disk", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    op.add_column("export_jobs", size)
    # Their files had other names, and nothing says what they depend on: they are ordered anew.
    op.execute("UPDATE export_jobs SET status = 'expired' WHERE status = 'complete'")
