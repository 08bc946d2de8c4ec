"""Leaves of deleted records."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deleted_records",
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("deletion", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["deletion"], ["deletions.number"], name=op.f("fk_deleted_records_deletion_deletions")),
        sa.PrimaryKeyConstraint("leaf", name=op.f("pk_deleted_records")),
    )
    op.create_index(op.f("ix_deleted_records_deletion"), "deleted_records", ["deletion"], unique=False)
