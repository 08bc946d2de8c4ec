"""What could not be read, kept to be looked at: the bytes, the place, the rule."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from ingest.messages import QuarantinedRecord
from ssa_hub.state.database import Database, upsert
from ssa_hub.state.tables import quarantine


class QuarantineEntry(NamedTuple):
    """One refusal. Texts have ``\\x00`` written out: PostgreSQL's text cannot hold the character; ``data`` has it."""

    id: int
    payload_sha256: str
    source: str
    file: str
    record: int
    line: int
    field: str
    value: str
    rule: str
    clause: str
    data: bytes
    received_tai_ns: int


class Quarantine:
    """Refusals, each once a (payload, source, record, line, field, rule)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, connection: Connection, entries: Sequence[QuarantinedRecord]) -> None:
        """Keep refusals; repeats are skipped."""
        values = [
            {
                "payload_sha256": entry.payload_sha256,
                "source": entry.source,
                "received_tai_ns": entry.received_tai_ns,
                "record": entry.refusal.record,
                "line": entry.refusal.line,
                "data": entry.refusal.data,
                **{
                    name: getattr(entry.refusal, name).replace("\0", "\\x00")
                    for name in ("file", "field", "value", "rule", "clause")
                },
            }
            for entry in entries
        ]
        if values:
            connection.execute(upsert(connection, quarantine).on_conflict_do_nothing(), values)

    def page(self, *, limit: int, after: int | None = None, source: str | None = None) -> list[QuarantineEntry]:
        """Entries, the last one first; ``after`` is the id of the page before's last entry."""
        chosen = select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
        if after is not None:
            chosen = chosen.where(quarantine.c.id < after)
        if source is not None:
            chosen = chosen.where(quarantine.c.source == source)
        with self._database.snapshot() as connection:
            return [QuarantineEntry(*row) for row in connection.execute(chosen)]

    def get(self, entry_id: int) -> QuarantineEntry | None:
        """One entry, or None."""
        with self._database.snapshot() as connection:
            row = connection.execute(select(quarantine).where(quarantine.c.id == entry_id)).one_or_none()
        return None if row is None else QuarantineEntry(*row)

    def counts(self) -> dict[str, int]:
        """How many entries there are of each source."""
        chosen = select(quarantine.c.source, func.count()).group_by(quarantine.c.source).order_by(quarantine.c.source)
        with self._database.snapshot() as connection:
            return {row[0]: row[1] for row in connection.execute(chosen)}
