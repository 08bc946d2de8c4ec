import pytest

from connectors.payload import ConnectorMemory, Provenance
from ingest.journal import JournalEntry, PayloadJournal
from ingest.messages import QuarantinedRecord
from schemas.labels import Category, CategoryType, Label
from schemas.records import DataMode
from schemas.refusals import Refusal
from ssa_hub.state.store import State

LABEL = Label("NATO", "UNCLASSIFIED")


def entry(receipt_id: str, received_tai_ns: int, location: str = "a/file") -> JournalEntry:
    provenance = Provenance(source="s", originator="alpha", data_mode=DataMode.TEST, label=LABEL)
    return JournalEntry(receipt_id, "f" * 64, provenance, location, received_tai_ns, False, 0, 0)


def test_the_journal_keeps_the_first_entry_of_a_receipt_id(state: State) -> None:
    journal: PayloadJournal = state.payloads
    assert journal.stored(entry("r1", 10)) == entry("r1", 10)
    assert journal.stored(entry("r1", 99, "elsewhere")) == entry("r1", 10)


def test_unpublished_payloads_come_oldest_first_until_they_are_published(state: State) -> None:
    for receipt_id, received in (("late", 30), ("first", 10), ("second", 20)):
        state.payloads.stored(entry(receipt_id, received))
    state.payloads.published("second", records=7, refused=2)
    assert [found.receipt_id for found in state.payloads.unpublished()] == ["first", "late"]
    assert state.payloads.stored(entry("second", 99)) == entry("second", 20)._replace(
        published=True, records=7, refused=2
    )


def test_publishing_a_payload_that_was_never_stored_is_an_error(state: State) -> None:
    with pytest.raises(KeyError):
        state.payloads.published("nothing", records=1, refused=0)


def test_connector_memory_answers_the_last_value_put(state: State) -> None:
    memory: ConnectorMemory = state.memory
    assert memory.get("s", "k") is None
    memory.put("s", "k", {"etag": "1"})
    memory.put("s", "k", {"etag": "2", "seen": [1, 2]})
    memory.put("t", "k", {})
    assert memory.get("s", "k") == {"etag": "2", "seen": [1, 2]}
    assert memory.get("t", "k") == {}


def test_labels_come_back_as_they_were_interned_and_change_the_policy_once(state: State) -> None:
    other = Label("NATO", "SECRET", (Category("Releasable To", CategoryType.PERMISSIVE, ("DEU", "FRA")),))
    before = state.policy_token()
    with state.transaction() as connection:
        state.labels.intern(connection, [LABEL, other, LABEL])
    after = state.policy_token()
    with state.transaction() as connection:
        state.labels.intern(connection, [other])
    assert state.labels.all() == {LABEL.label_id: LABEL, other.label_id: other}
    assert before != after == state.policy_token()


def quarantined(record: int, rule: str = "a rule", source: str = "s") -> QuarantinedRecord:
    refusal = Refusal(
        file="f.tle", record=record, line=3, field="EPOCH", value="2\x000", rule=rule, clause="7.5", data=b"\x00\xff"
    )
    return QuarantinedRecord(payload_sha256="f" * 64, source=source, received_tai_ns=5, refusal=refusal)


def test_quarantine_keeps_a_refusal_once_and_its_bytes_whole(state: State) -> None:
    for _ in range(2):
        with state.transaction() as connection:
            state.quarantine.insert(connection, [quarantined(1), quarantined(1, "another rule"), quarantined(1)])
    entries = state.quarantine.page(limit=10)
    assert [found.rule for found in entries] == ["another rule", "a rule"]
    assert entries[0].data == b"\x00\xff"
    assert entries[0].value == "2\\x000"
    assert state.quarantine.get(entries[0].id) == entries[0]
    assert state.quarantine.get(10_000) is None


def test_quarantine_pages_meet_without_gap_or_repeat(state: State) -> None:
    with state.transaction() as connection:
        state.quarantine.insert(connection, [quarantined(n, source="st"[n % 2]) for n in range(1, 8)])
    first = state.quarantine.page(limit=4)
    second = state.quarantine.page(limit=4, after=first[-1].id)
    assert [found.record for found in (*first, *second)] == [7, 6, 5, 4, 3, 2, 1]
    assert [found.record for found in state.quarantine.page(limit=9, source="s")] == [6, 4, 2]
    assert state.quarantine.counts() == {"s": 3, "t": 4}
