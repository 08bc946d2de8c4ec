"""The state's tables of release: ledger, notices, withdrawals, tear-lines, security policies, secrets.

As in `ssa_hub.state.tables`: every change here needs a revision in ``migrations/versions``; a test compares the two.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from ssa_hub.state.tables import ID, SERIAL, metadata

# What was released, to whom, under which rule: one row an answer and originator. ``record_ids`` holds 16 bytes a
# record. Rows are numbered without gaps and chained: ``entry_sha256`` is over the row's content and the row before.
ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("period", Integer, nullable=False),
    Column("released_tai_ns", BigInteger, nullable=False),
    Column("partner", ID, nullable=False),
    Column("originator", ID, nullable=False),
    Column("channel", ID, nullable=False),
    Column("kind", ID, nullable=False),
    Column("data_mode", ID, nullable=False),
    Column("policy_version", ID, nullable=False),
    Column("agreement_version", ID, nullable=False),
    Column("rule", ID, nullable=False),
    Column("posture", ID, nullable=False),
    Column("pseudonymous", Boolean, nullable=False),
    Column("records", Integer, nullable=False),
    Column("record_ids", LargeBinary, nullable=False),
    Column("entry_sha256", LargeBinary, nullable=False),
    Index("ix_ledger_entries_originator", "originator", "number"),
    Index("ix_ledger_entries_period", "period", "number"),
)

# A closed period (one UTC day): its last entry, its Merkle root over the originators, chained to the period before.
ledger_periods = Table(
    "ledger_periods",
    metadata,
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("head_sha256", LargeBinary, nullable=False),
    Column("merkle_root", LargeBinary, nullable=False),
    Column("period_sha256", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("closed_tai_ns", BigInteger, nullable=False),
)

# What a closed period holds, summed: what a question over a year is answered from.
ledger_sums = Table(
    "ledger_sums",
    metadata,
    Column("period", Integer, ForeignKey("ledger_periods.period"), primary_key=True),
    Column("originator", ID, primary_key=True),
    Column("partner", ID, primary_key=True),
    Column("channel", ID, primary_key=True),
    Column("kind", ID, primary_key=True),
    Column("data_mode", ID, primary_key=True),
    Column("rule", ID, primary_key=True),
    Column("entries", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("first_tai_ns", BigInteger, nullable=False),
    Column("last_tai_ns", BigInteger, nullable=False),
    Index("ix_ledger_sums_originator", "originator", "period"),
)

# What the hub tells one partner by himself. ``subject`` is the tear-line's case number or the withdrawal's id.
notices = Table(
    "notices",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("partner", ID, nullable=False),
    Column("kind", ID, nullable=False),
    Column("data_mode", ID, nullable=False),
    Column("subject", ID, nullable=False),
    Column("originator", ID, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_tai_ns", BigInteger, nullable=False),
    Column("visible_tai_ns", BigInteger, nullable=False),
    Column("told_tai_ns", BigInteger, nullable=True),
    Column("confirmed_tai_ns", BigInteger, nullable=True),
    CheckConstraint("kind IN ('tear-line', 'withdrawal')", name="kind"),
    Index("ix_notices_partner", "partner", "id"),
    Index("ix_notices_subject", "kind", "subject"),
    sqlite_autoincrement=True,
)

# An originator's recall. ``derived``: whether conjunctions of the withdrawn orbits are flagged or go with them.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("originator", ID, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("derived", ID, nullable=False),
    Column("payload_sha256", ID, nullable=True),
    Column("withdrawn_tai_ns", BigInteger, nullable=False),
    Column("withdrawn_by", Text, nullable=False),
    Column("screened_tai_ns", BigInteger, nullable=True),
    CheckConstraint("derived IN ('flag', 'withdraw')", name="derived"),
    sqlite_autoincrement=True,
)

withdrawn_records = Table(
    "withdrawn_records",
    metadata,
    Column("record_id", ID, primary_key=True),
    Column("withdrawal_id", BigInteger, ForeignKey("withdrawals.id"), nullable=False, index=True),
    Column("kind", ID, nullable=False),
    Column("data_mode", ID, nullable=False),
)

# Statements about a hidden object that its originator lets an operator have; what the budget is counted from.
tear_lines = Table(
    "tear_lines",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("case_number", ID, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("partner", ID, nullable=False),
    Column("data_mode", ID, nullable=False),
    Column("own_object_id", ID, nullable=False),
    Column("own_originator", ID, nullable=False),
    Column("own_label_id", ID, nullable=False),
    Column("hidden_object_id", ID, nullable=False),
    Column("hidden_originator", ID, nullable=False),
    Column("record_id", ID, nullable=False),
    Column("rule", ID, nullable=False),
    Column("agreement_version", ID, nullable=False),
    Column("tca_tai_ns", BigInteger, nullable=False),
    Column("miss_distance_m", Float(53), nullable=False),
    Column("issued_tai_ns", BigInteger, nullable=False),
    Column("notice_id", BigInteger, ForeignKey("notices.id"), nullable=True),
    Column("outcome", ID, nullable=False),
    Column("body", LargeBinary, nullable=False),
    CheckConstraint("outcome IN ('told', 'over-budget')", name="outcome"),
    UniqueConstraint("partner", "case_number", "revision"),
    Index("ix_tear_lines_hidden", "hidden_originator", "hidden_object_id", "issued_tai_ns"),
    sqlite_autoincrement=True,
)

# Security policies (XML SPIF documents), newest version of each name in force.
security_policies = Table(
    "security_policies",
    metadata,
    Column("name", ID, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("file", Text, nullable=False),
    Column("added_tai_ns", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
)

# Keys that the hub makes for itself at its first start and never shows.
secrets = Table(
    "secrets",
    metadata,
    Column("name", ID, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
