"""The state's table of deleted records: their leaves, by which a repeat is known again and a proof is made.

As in `ssa_hub.state.tables`: every change here needs a revision in ``migrations/versions``; a test compares the two.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, Table

from ssa_hub.state.tables import metadata

# ``leaf`` is 32 bytes (`ssa_hub.release.deletion_proof.leaf_of`): the id itself is not kept.
deleted_records = Table(
    "deleted_records",
    metadata,
    Column("leaf", LargeBinary, primary_key=True),
    Column("deletion", BigInteger, ForeignKey("deletions.number"), nullable=False, index=True),
)
