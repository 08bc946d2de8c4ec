"""Up to where feed and newest orbits reflect the log."""

from collections.abc import Mapping

from sqlalchemy import Connection, select

from ingest.log import TopicPartition
from ssa_hub.state.database import Database, upsert
from ssa_hub.state.tables import positions


class Positions:
    """Next offsets by partition, moved in the same transaction as what they stand for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, partition: TopicPartition) -> int:
        """The next offset to take in; 0 where nothing has been taken in yet."""
        return self.all().get(partition, 0)

    def all(self) -> dict[TopicPartition, int]:
        """Every partition's next offset."""
        with self._database.snapshot() as connection:
            rows = connection.execute(select(positions.c.topic, positions.c.partition, positions.c.next_offset)).all()
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    def set(self, connection: Connection, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Move positions forward; one that is already further stays."""
        if not next_offsets:
            return
        statement = upsert(connection, positions)
        statement = statement.on_conflict_do_update(
            index_elements=["topic", "partition"],
            set_={"next_offset": statement.excluded.next_offset},
            where=statement.excluded.next_offset > positions.c.next_offset,
        )
        # In one order everywhere: two writers that lock rows in different orders would deadlock.
        values = [
            {"topic": partition.topic, "partition": partition.partition, "next_offset": offset}
            for partition, offset in sorted(next_offsets.items())
        ]
        connection.execute(statement, values)
