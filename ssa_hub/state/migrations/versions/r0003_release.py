"""Tables of release: ledger, notices, withdrawals, tear-lines, security policies, secrets; who changed agreements.

And an index of the feed by reception, as the feed is read in the order in which records become visible.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them. Who changed an agreement before this is not known."""
    _ledger()
    _notices()
    _rules()


def _ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("released_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("channel", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("policy_version", _ID, nullable=False),
        sa.Column("agreement_version", _ID, nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("posture", _ID, nullable=False),
        sa.Column("pseudonymous", sa.Boolean(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("record_ids", sa.LargeBinary(), nullable=False),
        sa.Column("entry_sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_entries")),
    )
    op.create_index("ix_ledger_entries_originator", "ledger_entries", ["originator", "number"], unique=False)
    op.create_index("ix_ledger_entries_period", "ledger_entries", ["period", "number"], unique=False)
    op.create_table(
        "ledger_periods",
        sa.Column("period", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("head_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("merkle_root", sa.LargeBinary(), nullable=False),
        sa.Column("period_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("closed_tai_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period", name=op.f("pk_ledger_periods")),
    )
    op.create_table(
        "ledger_sums",
        sa.Column("period", sa.Integer(), nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("channel", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("first_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_tai_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["period"], ["ledger_periods.period"], name=op.f("fk_ledger_sums_period")),
        sa.PrimaryKeyConstraint(
            "period", "originator", "partner", "channel", "kind", "data_mode", "rule", name=op.f("pk_ledger_sums")
        ),
    )
    op.create_index("ix_ledger_sums_originator", "ledger_sums", ["originator", "period"], unique=False)


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("visible_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("told_tai_ns", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_tai_ns", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('tear-line', 'withdrawal')", name=op.f("ck_notices_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notices_partner", "notices", ["partner", "id"], unique=False)
    op.create_index("ix_notices_subject", "notices", ["kind", "subject"], unique=False)
    op.create_table(
        "withdrawals",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("derived", _ID, nullable=False),
        sa.Column("payload_sha256", _ID, nullable=True),
        sa.Column("withdrawn_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_by", sa.Text(), nullable=False),
        sa.Column("screened_tai_ns", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("derived IN ('flag', 'withdraw')", name=op.f("ck_withdrawals_derived")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_withdrawals_originator"), "withdrawals", ["originator"], unique=False)
    op.create_table(
        "tear_lines",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("case_number", _ID, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("own_object_id", _ID, nullable=False),
        sa.Column("own_originator", _ID, nullable=False),
        sa.Column("own_label_id", _ID, nullable=False),
        sa.Column("hidden_object_id", _ID, nullable=False),
        sa.Column("hidden_originator", _ID, nullable=False),
        sa.Column("record_id", _ID, nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("agreement_version", _ID, nullable=False),
        sa.Column("tca_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("miss_distance_m", sa.Float(precision=53), nullable=False),
        sa.Column("issued_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", _ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("outcome IN ('told', 'over-budget')", name=op.f("ck_tear_lines_outcome")),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_tear_lines_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tear_lines")),
        sa.UniqueConstraint(
            "partner", "case_number", "revision", name=op.f("uq_tear_lines_partner_case_number_revision")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_tear_lines_hidden", "tear_lines", ["hidden_originator", "hidden_object_id", "issued_tai_ns"], unique=False
    )
    op.create_table(
        "withdrawn_records",
        sa.Column("record_id", _ID, nullable=False),
        sa.Column("withdrawal_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.ForeignKeyConstraint(["withdrawal_id"], ["withdrawals.id"], name=op.f("fk_withdrawn_records_withdrawal_id")),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_withdrawn_records")),
    )
    op.create_index(op.f("ix_withdrawn_records_withdrawal_id"), "withdrawn_records", ["withdrawal_id"], unique=False)


def _rules() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", _ID, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "security_policies",
        sa.Column("name", _ID, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("added_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_security_policies")),
    )
    op.add_column("agreements", sa.Column("activated_by", sa.Text(), nullable=True))
    op.add_column("agreements", sa.Column("retired_by", sa.Text(), nullable=True))
    op.create_index("ix_recorded_received_tai_ns", "recorded", ["received_tai_ns"])
