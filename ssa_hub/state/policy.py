"""The policy's revision: one number that tells whether anything that decisions depend on has changed."""

from sqlalchemy import Connection, select, update

from ssa_hub.state import tables


def policy_revision(connection: Connection) -> int:
    """The present revision."""
    revision: int = connection.execute(select(tables.policy_revision.c.revision)).scalar_one()
    return revision


def policy_changed(connection: Connection) -> None:
    """Count a change. Its row is locked until the transaction ends, so revisions grow in commit order."""
    column = tables.policy_revision.c.revision
    connection.execute(update(tables.policy_revision).values({column: column + 1}))
