"""The first tables.

Revisions stand on their own: what they make must not change when ``ssa_hub.state.tables`` does.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables."""
    _feed()
    _ingest()
    _policy()
    _screening()


def _feed() -> None:
    op.create_table(
        "combinations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("label_id", _ID, nullable=False),
        sa.Column("last_elements_seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_combinations"),
        sa.UniqueConstraint(
            "data_mode", "originator", "label_id", name="uq_combinations_data_mode_originator_label_id"
        ),
    )
    op.create_table(
        "recorded",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("record_id", _ID, nullable=False),
        sa.Column("kind", _ID, nullable=False),
        sa.Column("object_id_1", _ID, nullable=False),
        sa.Column("object_id_2", _ID, nullable=True),
        sa.Column("combination_1", sa.Integer(), nullable=False),
        sa.Column("combination_2", sa.Integer(), nullable=True),
        sa.Column("received_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("recorded_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["combination_1"], ["combinations.id"], name="fk_recorded_combination_1"),
        sa.ForeignKeyConstraint(["combination_2"], ["combinations.id"], name="fk_recorded_combination_2"),
        sa.PrimaryKeyConstraint("seq", name="pk_recorded"),
        sa.UniqueConstraint("record_id", name="uq_recorded_record_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recorded_recorded_tai_ns", "recorded", ["recorded_tai_ns"])
    op.create_table(
        "newest",
        sa.Column("object_id", _ID, nullable=False),
        sa.Column("combination_id", sa.Integer(), nullable=False),
        sa.Column("epoch_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("received_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("record_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["combination_id"], ["combinations.id"], name="fk_newest_combination_id"),
        sa.ForeignKeyConstraint(["record_id"], ["recorded.record_id"], name="fk_newest_record_id"),
        sa.PrimaryKeyConstraint("object_id", "combination_id", name="pk_newest"),
    )
    op.create_table(
        "positions",
        sa.Column("topic", _ID, nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_positions"),
    )


def _ingest() -> None:
    op.create_table(
        "payloads",
        sa.Column("receipt_id", _ID, nullable=False),
        sa.Column("payload_sha256", _ID, nullable=False),
        sa.Column("source", _ID, nullable=False),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("received_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("status", _ID, nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('stored', 'published')", name=op.f("ck_payloads_status")),
        sa.PrimaryKeyConstraint("receipt_id", name="pk_payloads"),
    )
    op.create_index("ix_payloads_payload_sha256", "payloads", ["payload_sha256"], unique=False)
    op.create_index(
        "ix_payloads_unpublished",
        "payloads",
        ["received_tai_ns", "receipt_id"],
        unique=False,
        sqlite_where=sa.text("status = 'stored'"),
        postgresql_where=sa.text("status = 'stored'"),
    )
    op.create_table(
        "connector_memory",
        sa.Column("source", _ID, nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key", name="pk_connector_memory"),
    )
    op.create_table(
        "labels",
        sa.Column("label_id", _ID, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("label_id", name="pk_labels"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("payload_sha256", _ID, nullable=False),
        sa.Column("source", _ID, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("field", _ID, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("rule", _ID, nullable=False),
        sa.Column("clause", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("received_tai_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "payload_sha256",
            "source",
            "record",
            "line",
            "field",
            "rule",
            name="uq_quarantine_payload_sha256_source_record_line_field_rule",
        ),
        sqlite_autoincrement=True,
    )


def _policy() -> None:
    op.create_table(
        "partners",
        sa.Column("name", _ID, nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_partners"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", _ID, nullable=False),
        sa.Column("partner", _ID, nullable=False),
        sa.Column("token_sha256", _ID, nullable=False),
        sa.Column("created_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("revoked_tai_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_partner", "api_keys", ["partner"], unique=False)
    op.create_table(
        "agreements",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("originator", _ID, nullable=False),
        sa.Column("version", _ID, nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("activated_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("retired_tai_ns", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agreements"),
    )
    op.create_index(
        "uq_agreements_active",
        "agreements",
        ["originator"],
        unique=True,
        sqlite_where=sa.text("retired_tai_ns IS NULL"),
        postgresql_where=sa.text("retired_tai_ns IS NULL"),
    )
    op.create_table(
        "postures",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("posture", _ID, nullable=False),
        sa.Column("set_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_postures"),
    )
    op.create_table(
        "policy_revision",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_policy_revision_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_policy_revision"),
    )
    op.execute("INSERT INTO policy_revision (id, revision) VALUES (1, 1)")


def _screening() -> None:
    op.create_table(
        "runs",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("data_mode", _ID, nullable=False),
        sa.Column("catalogue_seq", sa.BigInteger(), nullable=False),
        sa.Column("start_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("threshold_km", sa.Float(), nullable=False),
        sa.Column("status", _ID, nullable=False),
        sa.Column("objects", sa.Integer(), nullable=True),
        sa.Column("conjunctions", sa.Integer(), nullable=True),
        sa.Column("left_out", sa.Text(), nullable=False),
        sa.Column("wall_s", sa.Float(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("started_tai_ns", sa.BigInteger(), nullable=False),
        sa.Column("finished_tai_ns", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("status IN ('running', 'complete', 'failed')", name=op.f("ck_runs_status")),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_data_mode_status", "runs", ["data_mode", "status"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", _ID, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_unix_s", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
