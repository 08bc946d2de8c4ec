"""Security policies (XML SPIF documents): the version in force of each name."""

from sqlalchemy import delete, select

from ssa_hub.state.database import Database, lock_table, upsert
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.release_tables import security_policies


class SecurityPolicies:
    """One document a policy's name. Each change changes the policy's revision: decisions are made anew."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, document: bytes, *, file: str, by: str, now_tai_ns: int) -> bool:
        """Put a document in force, in the place of an earlier one of that name. False: it is in force already.

        Whoever adds has read it (`schemas.spif.read_spif`): what is kept here is only bytes.
        """
        with self._database.transaction() as connection:
            lock_table(connection, security_policies.name)
            kept = select(security_policies.c.document).where(security_policies.c.name == name)
            if connection.execute(kept).scalar() == document:
                return False
            row = {"document": document, "file": file, "added_tai_ns": now_tai_ns, "added_by": by}
            statement = upsert(connection, security_policies).values(name=name, **row)
            connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=row))
            policy_changed(connection)
        return True

    def remove(self, name: str) -> bool:
        """Take a policy away: its labels are compared by the letter again. False: there was none of that name."""
        with self._database.transaction() as connection:
            removed = connection.execute(delete(security_policies).where(security_policies.c.name == name))
            if removed.rowcount == 1:
                policy_changed(connection)
        return removed.rowcount == 1

    def all(self) -> list[tuple[str, str, bytes]]:
        """(name, file, document) of every policy, by name."""
        columns = (security_policies.c.name, security_policies.c.file, security_policies.c.document)
        with self._database.snapshot() as connection:
            found = connection.execute(select(*columns).order_by(security_policies.c.name))
            return [(row.name, row.file, bytes(row.document)) for row in found]
