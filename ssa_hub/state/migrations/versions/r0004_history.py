"""Tables about the history: ordered exports, and deletions that retention demanded."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "export_jobs",
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("status", _ID, nullable=False),
        sa.Column("requested_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("started_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("finished_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("expires_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("as_of_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("policy_version", _ID, nullable=True),
        sa.Column("fraction", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("parts", sa.Text(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("sha256", _ID, nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'complete', 'failed', 'cancelled', 'expired')",
            name=op.f("ck_export_jobs_status"),
        ),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_export_jobs")),
    )
    op.create_index("ix_export_jobs_partner", "export_jobs", ["partner", "requested_tai_ns"], unique=False)
    op.create_index("ix_export_jobs_status", "export_jobs", ["status", "requested_tai_ns"], unique=False)
    op.create_table(
        "deletions",
        sa.Column("number", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("status", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("agreement_version", _ID, nullable=False),
        sa.Column("cutoff_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("began_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("finished_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("places", sa.Text(), nullable=False),
        sa.Column("merkle_root", sa.LargeBinary(), nullable=True),
        sa.Column("row_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("status IN ('running', 'complete')", name=op.f("ck_deletions_status")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deletions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deletions_originator", "deletions", ["originator", "number"], unique=False)
