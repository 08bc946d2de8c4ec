"""Keys that the hub makes for itself, once: random bytes by name, never changed, never shown."""

import secrets as random_bytes

from sqlalchemy import select

from ssa_hub.state.database import Database, upsert
from ssa_hub.state.release_tables import secrets


class Secrets:
    """Secrets by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_or_make(self, name: str, size: int) -> bytes:
        """The secret of that name, ``size`` bytes; made at the first question, and the same for ever after.

        Of two processes that ask for the first time at once both get the one that was kept. Raises ValueError where
        the secret has another size.
        """
        chosen = select(secrets.c.value).where(secrets.c.name == name)
        with self._database.snapshot() as connection:
            found: bytes | None = connection.execute(chosen).scalar()
        if found is None:
            new = {"name": name, "value": random_bytes.token_bytes(size)}
            with self._database.transaction() as connection:
                connection.execute(upsert(connection, secrets).on_conflict_do_nothing(index_elements=["name"]), new)
            # In a snapshot of its own: PostgreSQL's writer may not yet see what another one has kept before it.
            with self._database.snapshot() as connection:
                found = connection.execute(chosen).scalar_one()
        value = bytes(found)
        if len(value) != size:
            raise ValueError(f"the secret {name!r} has {len(value)} bytes, not {size}")
        return value
