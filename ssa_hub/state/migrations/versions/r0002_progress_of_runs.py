"""Runs say how far they are, up to which orbit they have told of arrivals, and who asked to end them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; runs that were noted before have none of it."""
    op.add_column("runs", sa.Column("told_seq", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("fraction", sa.Float(), nullable=True))
    op.add_column("runs", sa.Column("seconds_left", sa.Float(), nullable=True))
    op.add_column("runs", sa.Column("cancelled_by", sa.Text(), nullable=True))
