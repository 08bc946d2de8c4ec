"""Partners and their API keys."""

from typing import NamedTuple

import msgspec
from sqlalchemy import delete, select, update

from ssa_hub.release.partner import KeyRecord, Partner
from ssa_hub.state.database import Database, lock_table, upsert
from ssa_hub.state.history_tables import export_jobs
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.tables import api_keys, partners


class KeyEntry(NamedTuple):
    """A key as stewards see it."""

    key_id: str
    partner: str
    created_tai_ns: int
    revoked_tai_ns: int | None


class Partners:
    """Partners by name, keys by key id. Each change changes the policy's revision."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, partner: Partner) -> None:
        """Keep a partner's definition, in the place of an earlier one."""
        definition = msgspec.json.encode(partner, order="deterministic").decode()
        with self._database.transaction() as connection:
            statement = upsert(connection, partners).values(name=partner.name, definition=definition)
            statement = statement.on_conflict_do_update(
                index_elements=["name"], set_={"definition": definition}, where=partners.c.definition != definition
            )
            if connection.execute(statement.returning(partners.c.name)).scalar() is not None:
                policy_changed(connection)

    def remove(self, name: str, now_tai_ns: int) -> bool:
        """Forget a partner and his exports, and revoke all his keys. False where there was none of that name.

        Who is enrolled under the name later on is another: the files of the exports go as those of forgotten jobs do.
        """
        with self._database.transaction() as connection:
            lock_table(connection, export_jobs.name)  # first, as who adds one does
            removed = connection.execute(delete(partners).where(partners.c.name == name)).rowcount == 1
            connection.execute(
                update(api_keys)
                .where(api_keys.c.partner == name, api_keys.c.revoked_tai_ns.is_(None))
                .values(revoked_tai_ns=now_tai_ns)
            )
            connection.execute(delete(export_jobs).where(export_jobs.c.partner == name))
            policy_changed(connection)
        return removed

    def all(self) -> list[Partner]:
        """All partners, by name."""
        with self._database.snapshot() as connection:
            rows = connection.execute(select(partners.c.definition).order_by(partners.c.name)).scalars().all()
        return [msgspec.json.decode(definition, type=Partner) for definition in rows]

    def get(self, name: str) -> Partner | None:
        """One partner, or None."""
        with self._database.snapshot() as connection:
            definition = connection.execute(select(partners.c.definition).where(partners.c.name == name)).scalar()
        return None if definition is None else msgspec.json.decode(definition, type=Partner)

    def add_key(self, key: KeyRecord, now_tai_ns: int) -> None:
        """Keep a new key. Raises KeyError where there is no such partner, ValueError where the key id is taken."""
        with self._database.transaction() as connection:
            if connection.execute(select(partners.c.name).where(partners.c.name == key.partner)).scalar() is None:
                raise KeyError(key.partner)
            statement = upsert(connection, api_keys).values(
                key_id=key.key_id, partner=key.partner, token_sha256=key.token_sha256, created_tai_ns=now_tai_ns
            )
            statement = statement.on_conflict_do_nothing(index_elements=["key_id"])
            if connection.execute(statement.returning(api_keys.c.key_id)).scalar() is None:
                raise ValueError(f"key id {key.key_id} is taken")
            policy_changed(connection)

    def key(self, key_id: str) -> KeyRecord | None:
        """A key that is not revoked, or None."""
        chosen = select(api_keys.c.key_id, api_keys.c.partner, api_keys.c.token_sha256).where(
            api_keys.c.key_id == key_id, api_keys.c.revoked_tai_ns.is_(None)
        )
        with self._database.snapshot() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else KeyRecord(row.key_id, row.partner, row.token_sha256)

    def all_keys(self) -> list[KeyEntry]:
        """All keys that ever were, oldest first."""
        columns = (api_keys.c.key_id, api_keys.c.partner, api_keys.c.created_tai_ns, api_keys.c.revoked_tai_ns)
        chosen = select(*columns).order_by(api_keys.c.created_tai_ns, api_keys.c.key_id)
        with self._database.snapshot() as connection:
            return [KeyEntry(*row) for row in connection.execute(chosen)]

    def revoke_key(self, key_id: str, now_tai_ns: int) -> bool:
        """Revoke a key at once. False where there is no such key or it was revoked before."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key_id, api_keys.c.revoked_tai_ns.is_(None))
                .values(revoked_tai_ns=now_tai_ns)
            )
            policy_changed(connection)
        return changed.rowcount == 1
