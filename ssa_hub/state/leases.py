"""Named leases: of several workers one does the work, by the database's clock."""

from sqlalchemy import Float, Text, bindparam, delete, or_

from ssa_hub.state.database import Database, clock_unix_s, upsert
from ssa_hub.state.tables import leases


class Leases:
    """A lease has one holder until it expires or is released."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, name: str, holder: str, duration_s: float) -> bool:
        """Take a lease, or renew one's own, for ``duration_s`` from now. False while another holds it.

        Raises ValueError for a duration that is not positive.
        """
        if duration_s <= 0:
            raise ValueError(f"a lease must last longer than {duration_s} s")
        with self._database.transaction() as connection:
            now = clock_unix_s(connection)
            statement = upsert(connection, leases).values(
                name=name, holder=holder, expires_unix_s=now + bindparam("duration_s", duration_s, Float)
            )
            statement = statement.on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": statement.excluded.holder, "expires_unix_s": statement.excluded.expires_unix_s},
                where=or_(
                    leases.c.holder == bindparam("own", holder, Text),
                    leases.c.expires_unix_s <= now,
                    # Nobody takes it for so long: the clock has been set back since.
                    leases.c.expires_unix_s > now + bindparam("twice_s", 2 * duration_s, Float),
                ),
            )
            return connection.execute(statement.returning(leases.c.name)).scalar() is not None

    def release(self, name: str, holder: str) -> bool:
        """Give a lease back. False where ``holder`` did not hold it."""
        with self._database.transaction() as connection:
            gone = connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))
        return gone.rowcount == 1
