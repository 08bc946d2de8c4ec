"""Ingest: what becomes of a payload, what survives a crash, what a repeat adds."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from connectors.payload import Payload, Provenance
from ingest.embedded_log import EmbeddedLog
from ingest.journal import JournalEntry
from ingest.log import Entry, LogRecord, LogUnavailableError, TopicPartition
from ingest.messages import read_labels, read_quarantined, read_records
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ingest.topics import ELEMENTS, QUARANTINE, TOPICS
from schemas.labels import Label
from schemas.records import ELEMENT_SET_SCHEMA, DataMode
from tests.ingest.tle import element_set

LABEL = Label(policy="PUBLIC", classification="UNCLASSIFIED")


class Journal:
    """A journal in memory: the contract without the durability."""

    def __init__(self) -> None:
        self.entries: dict[str, JournalEntry] = {}

    def stored(self, entry: JournalEntry) -> JournalEntry:
        return self.entries.setdefault(entry.receipt_id, entry)

    def published(self, receipt_id: str, *, records: int, refused: int) -> None:
        self.entries[receipt_id] = self.entries[receipt_id]._replace(published=True, records=records, refused=refused)

    def unpublished(self) -> list[JournalEntry]:
        return [entry for entry in self.entries.values() if not entry.published]


class FailingLog:
    """The embedded log behind a fault: appends to one topic fail while ``broken`` is set."""

    def __init__(self, log: EmbeddedLog, topic: str) -> None:
        self.log, self.topic, self.broken = log, topic, True

    async def append_all(self, entries: dict[str, list[Entry]]) -> None:
        if self.broken and self.topic in entries:
            raise LogUnavailableError("the disk is full")
        await self.log.append_all(entries)


def payload(data: bytes, *, label: Label = LABEL, source: str = "drop", at: int = 10**18) -> Payload:
    provenance = Provenance(source=source, originator="CENTRE", data_mode=DataMode.REAL, label=label)
    return Payload(provenance=provenance, data=data, location="a.tle", retrieved_tai_ns=at)


async def everything(log: EmbeddedLog, topic: str) -> list[LogRecord]:
    records = []
    for partition in range(next(t.partitions for t in TOPICS if t.name == topic)):
        records += await log.read(TopicPartition(topic, partition), 0, 10_000)
    return records


async def test_a_payload_becomes_records_with_their_lineage_and_a_receipt(tmp_path: Path) -> None:
    store = PayloadStore(tmp_path / "payloads")
    async with EmbeddedLog(tmp_path / "log") as log:
        data = (element_set(25544) + element_set(25545)).encode()
        receipt = await Ingest(log, store, Journal(), lambda ids: set()).accept(payload(data))
        messages = await everything(log, ELEMENTS)
    assert (receipt.records, receipt.new, receipt.refused, receipt.repeat) == (2, 2, 0, False)
    rows = sorted(read_records(messages, ELEMENT_SET_SCHEMA).to_pylist(), key=lambda row: row["object_id"])
    assert [row["object_id"] for row in rows] == ["cat-25544", "cat-25545"]
    assert {row["payload_sha256"] for row in rows} == {receipt.payload_sha256}
    assert store.get(receipt.payload_sha256) == data
    assert [row["payload_record"] for row in rows] == [1, 2]
    assert {row["received_tai_ns"] for row in rows} == {10**18}
    assert read_labels(messages) == {LABEL.label_id: LABEL}
    assert all(
        message.key == row["object_id"].encode()
        for message, row in zip(sorted(messages, key=lambda m: m.key), rows, strict=True)
    )


async def test_the_same_payload_twice_adds_nothing(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        first = await ingest.accept(payload(element_set(25544).encode()))
        again = await ingest.accept(payload(element_set(25544).encode(), at=2 * 10**18))
        assert (again.repeat, again.new, again.receipt_id) == (True, 0, first.receipt_id)
        assert len(await everything(log, ELEMENTS)) == 1


async def test_the_same_bytes_under_another_label_are_other_records(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        await ingest.accept(payload(element_set(25544).encode()))
        await ingest.accept(payload(element_set(25544).encode(), label=Label("PUBLIC", "RESTRICTED")))
        ids = read_records(await everything(log, ELEMENTS), ELEMENT_SET_SCHEMA).column("record_id").to_pylist()
    assert len(set(ids)) == 2


async def test_records_that_history_has_are_not_published_again(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        known: set[str] = set()
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: known & set(ids))
        await ingest.accept(payload(element_set(25544).encode()))
        known |= set(read_records(await everything(log, ELEMENTS), ELEMENT_SET_SCHEMA).column("record_id").to_pylist())
        receipt = await ingest.accept(payload((element_set(25544) + element_set(25545)).encode()))
        assert (receipt.records, receipt.new) == (2, 1)


async def test_a_bad_record_goes_to_quarantine_with_its_bytes_and_nothing_else_is_lost(tmp_path: Path) -> None:
    bad = element_set(25545).replace("51.6400", "51.64x0")
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        receipt = await ingest.accept(payload((element_set(25544) + bad + element_set(25546)).encode()))
        assert (receipt.records, receipt.refused) == (2, 1)
        (message,) = await everything(log, QUARANTINE)
    quarantined = read_quarantined(message)
    assert quarantined.payload_sha256 == receipt.payload_sha256
    assert (quarantined.refusal.file, quarantined.refusal.record) == ("a.tle", 2)
    assert b"51.64x0" in quarantined.refusal.data
    assert len(receipt.refusals) == 1


@pytest.mark.parametrize("topic", [ELEMENTS, QUARANTINE])
async def test_a_payload_that_could_not_be_published_is_finished_later(tmp_path: Path, topic: str) -> None:
    data = (element_set(25544) + element_set(25545).replace("51.6400", "51.64x0")).encode()
    async with EmbeddedLog(tmp_path / "log") as log:
        failing, journal = FailingLog(log, topic), Journal()
        ingest = Ingest(failing, PayloadStore(tmp_path / "payloads"), journal, lambda ids: set())  # type: ignore[arg-type]
        with pytest.raises(LogUnavailableError):
            await ingest.accept(payload(data))
        assert len(journal.unpublished()) == 1
        failing.broken = False
        assert await everything(log, ELEMENTS) == [], "records and refusals stand together, or not at all"
        (receipt,) = await ingest.resume()
        assert (receipt.records, receipt.refused) == (1, 1)
        assert await ingest.resume() == []
        messages = await everything(log, ELEMENTS)
        ids = read_records(messages, ELEMENT_SET_SCHEMA).column("record_id").to_pylist()
        assert len(set(ids)) == 1, "a repeat on the log carries the same record id"


def test_a_payload_that_changed_in_the_store_is_not_given_out(tmp_path: Path) -> None:
    store = PayloadStore(tmp_path)
    sha256 = store.put(b"abc")
    assert store.put(b"abc") == sha256
    next(tmp_path.glob("??/*")).write_bytes(b"abd")
    with pytest.raises(ValueError, match="has changed"):
        store.get(sha256)


def test_a_receipt_is_plain_json() -> None:
    provenance = payload(b"").provenance
    assert msgspec.json.decode(msgspec.json.encode(provenance), type=Provenance) == provenance


class SlowLog(FailingLog):
    """The embedded log, whose appends wait until they are let go."""

    def __init__(self, log: EmbeddedLog) -> None:
        super().__init__(log, "")
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def append_all(self, entries: dict[str, list[Entry]]) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().append_all(entries)


async def test_a_payload_that_is_being_taken_in_is_nothing_to_resume(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        slow, journal = SlowLog(log), Journal()
        ingest = Ingest(slow, PayloadStore(tmp_path / "payloads"), journal, lambda ids: set())  # type: ignore[arg-type]
        accepting = asyncio.create_task(ingest.accept(payload(element_set(25544).encode())))
        await slow.begun.wait()
        assert len(journal.unpublished()) == 1
        assert await ingest.resume() == []
        slow.go_on.set()
        assert (await accepting).new == 1
        assert len(await everything(log, ELEMENTS)) == 1


async def test_a_payload_whose_bytes_are_lost_holds_up_no_other(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        failing, journal, store = FailingLog(log, ELEMENTS), Journal(), PayloadStore(tmp_path / "payloads")
        ingest = Ingest(failing, store, journal, lambda ids: set())  # type: ignore[arg-type]
        for number in (1, 2, 3):
            with pytest.raises(LogUnavailableError):
                await ingest.accept(payload(element_set(number).encode()))
        failing.broken = False
        lost, changed, _ = (
            tmp_path / "payloads" / e.payload_sha256[:2] / e.payload_sha256 for e in journal.unpublished()
        )
        lost.unlink()
        changed.write_bytes(b"other")
        (receipt,) = await ingest.resume()
        assert (receipt.records, len(journal.unpublished())) == (1, 2)


async def test_the_same_payload_many_times_at_once_is_stored_once(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path / "log") as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "payloads"), Journal(), lambda ids: set())
        data = element_set(25544).encode()
        receipts = await asyncio.gather(*(ingest.accept(payload(data)) for _ in range(20)))
        assert len({receipt.receipt_id for receipt in receipts}) == 1
        ids = read_records(await everything(log, ELEMENTS), ELEMENT_SET_SCHEMA).column("record_id").to_pylist()
        assert len(set(ids)) == 1
    assert [path.name for path in (tmp_path / "payloads").glob("*/*")] == [receipts[0].payload_sha256]
