"""The state's tables about the history: exports that partners ordered, and deletions that retention demanded.

As in `ssa_hub.state.tables`: every change here needs a revision in ``migrations/versions``; a test compares the two.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, Index, LargeBinary, Table, Text, text

from ssa_hub.state.tables import ID, SERIAL, metadata

# An export that a partner ordered. ``question`` is the JSON of what he asked; the rules are those of
# ``policy_version`` at ``as_of_tai_ns``, both set when the work begins. ``parts`` is the JSON of the parts that are
# durable (rows, bytes, key to go on after): a worker that takes over goes on behind the last of them. ``attempt`` names
# who works on it, or made its content: another that still believes to do so changes nothing.
export_jobs = Table(
    "export_jobs",
    metadata,
    Column("job_id", ID, primary_key=True),
    Column("partner", ID, nullable=False),
    Column("question", Text, nullable=False),
    Column("status", ID, nullable=False),
    Column("requested_tai_ns", BigInteger, nullable=False),
    Column("started_tai_ns", BigInteger, nullable=True),
    Column("finished_tai_ns", BigInteger, nullable=True),
    Column("expires_tai_ns", BigInteger, nullable=True),
    Column("as_of_tai_ns", BigInteger, nullable=True),
    Column("policy_version", ID, nullable=True),
    Column("fraction", Float, nullable=False, server_default=text("0")),
    Column("rows", BigInteger, nullable=False, server_default=text("0")),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("parts", Text, nullable=False, server_default=text("'[]'")),
    Column("sha256", ID, nullable=True),
    Column("failure", Text, nullable=True),
    Column("attempt", ID, nullable=True),
    Column("bytes_on_disk", BigInteger, nullable=False, server_default=text("0")),
    CheckConstraint(
        "status IN ('queued', 'running', 'complete', 'failed', 'cancelled', 'expired')", name="status"
    ),
    Index("ix_export_jobs_partner", "partner", "requested_tai_ns"),
    Index("ix_export_jobs_status", "status", "requested_tai_ns"),
)  # fmt: skip

# What was deleted because its originator's agreement demands it: how much, where, and the root over the ids, so that
# anybody who knows a record's id can be shown that it was among them, and nobody learns another. Rows are chained:
# ``row_sha256`` is over the row's content and the row before; ``signature`` is the ledger key's over it.
deletions = Table(
    "deletions",
    metadata,
    Column("number", SERIAL, primary_key=True, autoincrement=True),
    Column("status", ID, nullable=False),
    Column("kind", ID, nullable=False),
    Column("originator", ID, nullable=False),
    Column("rule", Text, nullable=False),
    Column("agreement_version", ID, nullable=False),
    Column("cutoff_tai_ns", BigInteger, nullable=False),
    Column("began_tai_ns", BigInteger, nullable=False),
    Column("finished_tai_ns", BigInteger, nullable=True),
    Column("records", BigInteger, nullable=False),
    Column("places", Text, nullable=False),
    Column("merkle_root", LargeBinary, nullable=True),
    Column("row_sha256", LargeBinary, nullable=True),
    Column("signature", LargeBinary, nullable=True),
    CheckConstraint("status IN ('running', 'complete')", name="status"),
    Index("ix_deletions_originator", "originator", "number"),
    sqlite_autoincrement=True,
)
