"""Ingest: a payload becomes records on the log, or quarantine; nothing that was accepted is lost.

Order of events, each durable before the next: the bytes are stored; the journal notes the payload as *stored* (from
here on the hub is responsible, and the connector is told so); its records and refusals are appended to the log, all of
them at once (`ingest.publication` says what is too large for that); the journal notes it as *published*. After a crash
`Ingest.resume` publishes again every payload that was stored and not published; what was on the log already is dropped
downstream by its record id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

import msgspec
import pyarrow as pa
import structlog

from connectors.payload import Payload
from ingest.blob_store import BlobStore, blobs_beside
from ingest.identify import identify
from ingest.identify_messages import conjunction_message_rows, ephemeris_rows
from ingest.intake import Intake
from ingest.journal import JournalEntry, PayloadJournal
from ingest.log import Entry, Log
from ingest.messages import (
    QuarantinedRecord,
    conjunction_message_entries,
    element_entries,
    ephemeris_entries,
    quarantine_entry,
)
from ingest.payload_store import PayloadStore
from ingest.publication import Publication
from ingest.topics import CONJUNCTION_MESSAGES, ELEMENTS, EPHEMERIDES, QUARANTINE
from schemas.ephemeris import Ephemeris
from schemas.identity import payload_sha256, record_id_of
from schemas.messages import PayloadReading, read_payload
from schemas.refusals import Refusal

_LOOKUP_SIZE = 10_000
_REFUSALS_TOLD = 100

log_event = structlog.get_logger("ingest")


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a payload. ``receipt_id`` names it for ever; ``repeat``: these bytes had come before.

    ``new`` counts the records that were not in history; ``refusals`` says the first hundred refusals in words.
    """

    receipt_id: str
    payload_sha256: str
    encoding: str
    records: int
    new: int
    refused: int
    repeat: bool
    refusals: tuple[str, ...] = ()


KnownRecords = Callable[[list[str]], set[str]]


class Ingest:
    """Takes payloads in. ``known`` answers which of some record ids are in history already."""

    def __init__(
        self,
        log: Log,
        store: PayloadStore,
        journal: PayloadJournal,
        known: KnownRecords,
        intake: Intake | None = None,
    ) -> None:
        """``intake`` says when nothing may be taken in; None: it never says so. Ephemerides' states go beside
        ``store``.
        """
        self._log, self._store, self._journal, self._known = log, store, journal, known
        self.intake = intake
        self.blobs = blobs_beside(store)
        # Receipt ids that `accept` is at work on: stored and not published, but nothing for `resume`.
        self._under_way: Counter[str] = Counter()

    async def accept(self, payload: Payload) -> Receipt:
        """Take one payload in; on return its bytes and records are durable.

        Raises IntakeClosedError where there is no room for it, LogUnavailableError or OSError where it could not be
        made durable. Once the journal has the payload, a later `resume` finishes the work.
        """
        if self.intake is None:
            return await self.accept_held(payload)
        with self.intake.room() as room:
            room.take(len(payload.data))
            return await self.accept_held(payload)

    async def accept_held(self, payload: Payload) -> Receipt:
        """`accept` for who has room already, having read the payload into it."""
        sha256 = await asyncio.to_thread(payload_sha256, payload.data)
        # The same bytes under another label or originator are another delivery.
        receipt_id = record_id_of(sha256.encode() + msgspec.json.encode(payload.provenance))
        self._under_way[receipt_id] += 1
        try:
            entry = await asyncio.to_thread(self._note, receipt_id, payload)
            if entry.published:
                return _repeated(entry)
            return await self._publish(entry, payload.data)
        finally:
            self._under_way[receipt_id] -= 1
            self._under_way += Counter()  # drops what stands at zero

    async def resume(self) -> list[Receipt]:
        """Publish what an earlier process, or an `accept` that was interrupted, had stored and not published.

        A payload that cannot be published, as its bytes are gone or changed, is logged and holds up no other. Raises
        LogUnavailableError, and what the journal raises.
        """
        receipts = []
        for entry in await asyncio.to_thread(self._journal.unpublished):
            if entry.receipt_id in self._under_way:
                continue
            try:
                data = await asyncio.to_thread(self._store.get, entry.payload_sha256)
                receipts.append(await self._publish(entry, data))
            except (OSError, ValueError) as error:
                log_event.error("payload not resumed", receipt_id=entry.receipt_id, error=str(error))
        return receipts

    def _note(self, receipt_id: str, payload: Payload) -> JournalEntry:
        sha256 = self._store.put(payload.data)
        entry = JournalEntry(
            receipt_id=receipt_id,
            payload_sha256=sha256,
            provenance=payload.provenance,
            location=payload.location,
            received_tai_ns=payload.retrieved_tai_ns,
            published=False,
            records=0,
            refused=0,
        )
        return self._journal.stored(entry)

    async def _publish(self, entry: JournalEntry, data: bytes) -> Receipt:
        reading = await asyncio.to_thread(read_payload, data, entry.location)
        publication = Publication(self._log)
        new = await self._publish_elements(entry, reading.elements, publication)
        new += await self._publish_messages(entry, reading, publication)
        for refusal in reading.refusals:
            await publication.add(QUARANTINE, [_quarantined(entry, refusal)])
        await publication.finish()
        refused = len(reading.refusals)
        await asyncio.to_thread(self._journal.published, entry.receipt_id, records=reading.records, refused=refused)
        log_event.info(
            "payload ingested",
            source=entry.provenance.source,
            location=entry.location,
            encoding=reading.encoding,
            records=reading.records,
            new=new,
            refused=refused,
        )
        return Receipt(
            receipt_id=entry.receipt_id,
            payload_sha256=entry.payload_sha256,
            encoding=reading.encoding,
            records=reading.records,
            new=new,
            refused=refused,
            repeat=False,
            refusals=tuple(str(refusal) for refusal in reading.refusals[:_REFUSALS_TOLD]),
        )

    async def _publish_elements(self, entry: JournalEntry, elements: pa.RecordBatch, publication: Publication) -> int:
        """Append the element sets that are not in history yet; how many those are."""
        records = await asyncio.to_thread(
            identify,
            elements,
            entry.provenance,
            payload_sha256=entry.payload_sha256,
            received_tai_ns=entry.received_tai_ns,
        )
        new = 0
        for first in range(0, records.num_rows, _LOOKUP_SIZE):
            part = records.slice(first, _LOOKUP_SIZE)
            ids = part.column("record_id").to_pylist()
            known = await asyncio.to_thread(self._known, ids)
            fresh = part.filter(_mask(ids, known)) if known else part
            if fresh.num_rows:
                entries = await asyncio.to_thread(element_entries, fresh, entry.provenance.label)
                await publication.add(ELEMENTS, entries)
            new += fresh.num_rows
        return new

    async def _publish_messages(self, entry: JournalEntry, reading: PayloadReading, publication: Publication) -> int:
        """Append conjunction messages and ephemerides; how many. Repeats share a record id."""
        told = await asyncio.to_thread(_conjunction_entries, reading.conjunctions, entry)
        await publication.add(CONJUNCTION_MESSAGES, told)
        index = await asyncio.to_thread(_ephemeris_entries, reading.ephemerides, entry, self.blobs)
        await publication.add(EPHEMERIDES, index)
        return len(told) + len(index)


def _conjunction_entries(conjunctions: pa.RecordBatch, entry: JournalEntry) -> list[Entry]:
    rows = conjunction_message_rows(
        conjunctions,
        entry.provenance,
        payload_sha256=entry.payload_sha256,
        received_tai_ns=entry.received_tai_ns,
    )
    return conjunction_message_entries(rows, entry.provenance.label)


def _ephemeris_entries(ephemerides: list[Ephemeris], entry: JournalEntry, blobs: BlobStore) -> list[Entry]:
    rows = ephemeris_rows(
        ephemerides,
        entry.provenance,
        payload_sha256=entry.payload_sha256,
        received_tai_ns=entry.received_tai_ns,
        store=blobs.put,
    )
    return ephemeris_entries(rows, entry.provenance.label)


def _quarantined(entry: JournalEntry, refusal: Refusal) -> Entry:
    return quarantine_entry(
        QuarantinedRecord(
            payload_sha256=entry.payload_sha256,
            source=entry.provenance.source,
            received_tai_ns=entry.received_tai_ns,
            refusal=refusal,
        )
    )


def _repeated(entry: JournalEntry) -> Receipt:
    return Receipt(
        receipt_id=entry.receipt_id,
        payload_sha256=entry.payload_sha256,
        encoding="",
        records=entry.records,
        new=0,
        refused=entry.refused,
        repeat=True,
    )


def _mask(ids: Iterable[str], known: set[str]) -> pa.Array:
    return pa.array([record_id not in known for record_id in ids], pa.bool_())
