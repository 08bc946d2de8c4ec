"""The state's tables. Every change here needs a revision in ``migrations/versions``; a test compares the two.

Instants are int64 TAI nanoseconds. Names and ids compare by code point on both databases (PostgreSQL: collation C), so
that pages by id come in the same order from state and from history.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String().with_variant(String(collation="C"), "postgresql")
# SQLite numbers rows by itself only in a column of type INTEGER, which holds 64 bits there.
SERIAL = BigInteger().with_variant(Integer(), "sqlite")

# The distinct (data mode, originator, label) of orbits: few, so release is decided on them, not on rows.
combinations = Table(
    "combinations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("data_mode", ID, nullable=False),
    Column("originator", ID, nullable=False),
    Column("label_id", ID, nullable=False),
    Column("last_elements_seq", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("data_mode", "originator", "label_id"),
)

# The feed: every record in history once, numbered in commit order. Conjunctions have two objects and, as their
# combinations, those of their parents' orbits. recorded_tai_ns never falls as seq grows.
recorded = Table(
    "recorded",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("record_id", ID, nullable=False, unique=True),
    Column("kind", ID, nullable=False),
    Column("object_id_1", ID, nullable=False),
    Column("object_id_2", ID, nullable=True),
    Column("combination_1", Integer, ForeignKey("combinations.id"), nullable=False),
    Column("combination_2", Integer, ForeignKey("combinations.id"), nullable=True),
    Column("received_tai_ns", BigInteger, nullable=False, index=True),
    Column("recorded_tai_ns", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, even after rows are deleted
)

# Newest orbit of each object from each combination; the row itself is in `recorded`.
newest = Table(
    "newest",
    metadata,
    Column("object_id", ID, primary_key=True),
    Column("combination_id", Integer, ForeignKey("combinations.id"), primary_key=True),
    Column("epoch_tai_ns", BigInteger, nullable=False),
    Column("received_tai_ns", BigInteger, nullable=False),
    Column("record_id", ID, ForeignKey("recorded.record_id"), nullable=False),
)

# Up to where (next offset) feed and newest orbits reflect each log partition.
positions = Table(
    "positions",
    metadata,
    Column("topic", ID, primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

payloads = Table(
    "payloads",
    metadata,
    Column("receipt_id", ID, primary_key=True),
    Column("payload_sha256", ID, nullable=False, index=True),
    Column("source", ID, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("received_tai_ns", BigInteger, nullable=False),
    Column("status", ID, nullable=False),
    Column("records", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    CheckConstraint("status IN ('stored', 'published')", name="status"),
    Index("ix_payloads_unpublished", "received_tai_ns", "receipt_id", sqlite_where=text("status = 'stored'"),
          postgresql_where=text("status = 'stored'")),
)  # fmt: skip

connector_memory = Table(
    "connector_memory",
    metadata,
    Column("source", ID, primary_key=True),
    Column("key", ID, primary_key=True),
    Column("value", Text, nullable=False),
)

labels = Table(
    "labels",
    metadata,
    Column("label_id", ID, primary_key=True),
    Column("body", Text, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("payload_sha256", ID, nullable=False),
    Column("source", ID, nullable=False),
    Column("file", Text, nullable=False),
    Column("record", Integer, nullable=False),
    Column("line", Integer, nullable=False),
    Column("field", ID, nullable=False),
    Column("value", Text, nullable=False),
    Column("rule", ID, nullable=False),
    Column("clause", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("received_tai_ns", BigInteger, nullable=False),
    UniqueConstraint("payload_sha256", "source", "record", "line", "field", "rule"),
    sqlite_autoincrement=True,
)

partners = Table(
    "partners",
    metadata,
    Column("name", ID, primary_key=True),
    Column("definition", Text, nullable=False),
)

# A key of a partner who is gone stays, revoked: who had access is never forgotten. Hence no foreign key.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", ID, primary_key=True),
    Column("partner", ID, nullable=False, index=True),
    Column("token_sha256", ID, nullable=False),
    Column("created_tai_ns", BigInteger, nullable=False),
    Column("revoked_tai_ns", BigInteger, nullable=True),
)

# Every agreement that was ever active, from when until when; at most one active an originator.
agreements = Table(
    "agreements",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("originator", ID, nullable=False),
    Column("version", ID, nullable=False),
    Column("file", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("activated_tai_ns", BigInteger, nullable=False),
    Column("retired_tai_ns", BigInteger, nullable=True),
    Column("activated_by", Text, nullable=True),
    Column("retired_by", Text, nullable=True),
    Index("uq_agreements_active", "originator", unique=True, sqlite_where=text("retired_tai_ns IS NULL"),
          postgresql_where=text("retired_tai_ns IS NULL")),
)  # fmt: skip

postures = Table(
    "postures",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("posture", ID, nullable=False),
    Column("set_tai_ns", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

# One row, id 1: grows with every change to partners, keys, agreements, posture or the set of labels.
policy_revision = Table(
    "policy_revision",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("data_mode", ID, nullable=False),
    Column("catalogue_seq", BigInteger, nullable=False),
    Column("start_tai_ns", BigInteger, nullable=False),
    Column("end_tai_ns", BigInteger, nullable=False),
    Column("threshold_km", Float, nullable=False),
    Column("status", ID, nullable=False),
    Column("objects", Integer, nullable=True),
    Column("conjunctions", Integer, nullable=True),
    Column("left_out", Text, nullable=False),
    Column("wall_s", Float, nullable=True),
    Column("failure", Text, nullable=True),
    Column("started_tai_ns", BigInteger, nullable=False),
    Column("finished_tai_ns", BigInteger, nullable=True),
    Column("told_seq", BigInteger, nullable=True),
    Column("fraction", Float, nullable=True),
    Column("seconds_left", Float, nullable=True),
    Column("cancelled_by", Text, nullable=True),
    CheckConstraint("status IN ('running', 'complete', 'failed')", name="status"),
    Index("ix_runs_data_mode_status", "data_mode", "status"),
)

# Expiry by the database's own clock, seconds since 1970.
leases = Table(
    "leases",
    metadata,
    Column("name", ID, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_unix_s", Float(53), nullable=False),
)
