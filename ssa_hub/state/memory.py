"""What connectors remember over restarts. Implements `connectors.payload.ConnectorMemory`."""

from typing import Any

import msgspec
from sqlalchemy import select

from ssa_hub.state.database import Database, upsert
from ssa_hub.state.tables import connector_memory


class Memory:
    """Small JSON values by (source, key)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, source: str, key: str) -> dict[str, Any] | None:
        """The value last put, or None."""
        chosen = select(connector_memory.c.value).where(
            connector_memory.c.source == source, connector_memory.c.key == key
        )
        with self._database.snapshot() as connection:
            value = connection.execute(chosen).scalar()
        return None if value is None else msgspec.json.decode(value, type=dict[str, Any])

    def put(self, source: str, key: str, value: dict[str, Any]) -> None:
        """Keep a value, durably."""
        text = msgspec.json.encode(value).decode()
        with self._database.transaction() as connection:
            statement = upsert(connection, connector_memory).values(source=source, key=key, value=text)
            connection.execute(statement.on_conflict_do_update(index_elements=["source", "key"], set_={"value": text}))
