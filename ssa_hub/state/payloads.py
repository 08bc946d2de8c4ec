"""The journal of payloads: what came, and whether all of it is on the log. Implements ingest's `PayloadJournal`."""

import msgspec
from sqlalchemy import Row, select, update

from connectors.payload import Provenance
from ingest.journal import JournalEntry
from ssa_hub.state.database import Database, upsert
from ssa_hub.state.tables import payloads

_STORED, _PUBLISHED = "stored", "published"


class Payloads:
    """Payloads by receipt id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def stored(self, entry: JournalEntry) -> JournalEntry:
        """Note a payload as stored, durably. A receipt id that is known keeps its first entry, which is answered."""
        with self._database.transaction() as connection:
            connection.execute(
                upsert(connection, payloads)
                .values(
                    receipt_id=entry.receipt_id,
                    payload_sha256=entry.payload_sha256,
                    source=entry.provenance.source,
                    provenance=msgspec.json.encode(entry.provenance).decode(),
                    location=entry.location,
                    received_tai_ns=entry.received_tai_ns,
                    status=_PUBLISHED if entry.published else _STORED,
                    records=entry.records,
                    refused=entry.refused,
                )
                .on_conflict_do_nothing(index_elements=["receipt_id"])
            )
            chosen = select(payloads).where(payloads.c.receipt_id == entry.receipt_id)
            return _entry(connection.execute(chosen).one())

    def published(self, receipt_id: str, *, records: int, refused: int) -> None:
        """Note that all of a payload is on the log. Raises KeyError for a receipt id that was never stored."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(payloads)
                .where(payloads.c.receipt_id == receipt_id)
                .values(status=_PUBLISHED, records=records, refused=refused)
            )
            if changed.rowcount != 1:
                raise KeyError(receipt_id)

    def unpublished(self) -> list[JournalEntry]:
        """Payloads stored and not published, oldest first."""
        chosen = (
            select(payloads)
            .where(payloads.c.status == _STORED)
            .order_by(payloads.c.received_tai_ns, payloads.c.receipt_id)
        )
        with self._database.snapshot() as connection:
            return [_entry(row) for row in connection.execute(chosen)]

    def get(self, receipt_id: str) -> JournalEntry | None:
        """One payload, or None."""
        with self._database.snapshot() as connection:
            row = connection.execute(select(payloads).where(payloads.c.receipt_id == receipt_id)).one_or_none()
            return None if row is None else _entry(row)


def _entry(row: Row[tuple[object, ...]]) -> JournalEntry:
    return JournalEntry(
        receipt_id=row.receipt_id,
        payload_sha256=row.payload_sha256,
        provenance=msgspec.json.decode(row.provenance, type=Provenance),
        location=row.location,
        received_tai_ns=row.received_tai_ns,
        published=row.status == _PUBLISHED,
        records=row.records,
        refused=row.refused,
    )
