"""Messages from a payload to history and state: each once, and what is none of its kind in quarantine."""

from pathlib import Path

from ingest.blob_store import blobs_beside
from ingest.log import Entry
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ingest.topics import CONJUNCTION_MESSAGES, EPHEMERIDES, TOPICS
from ssa_hub.services.recorder import Recorder
from tests.hub.rooms import Rooms, everything_recorded, feed_ids, history_ids, rooms, running_until
from tests.ingest.test_message_ingest import OEM
from tests.ingest.test_pipeline import LABEL, Journal, payload
from tests.schemas.cdm.messages import kvn

_TOPICS = [topic.name for topic in TOPICS]


async def taken_in(opened: Rooms, directory: Path, *payloads: bytes) -> PayloadStore:
    """Ingest payloads as if none was known, and record them to the log's end."""
    store = PayloadStore(directory / "payloads")
    ingest = Ingest(opened.log, store, Journal(), lambda ids: set())
    for data in payloads:
        receipt = await ingest.accept(payload(data))
        assert receipt.refused == 0
    recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
    await running_until(lambda: everything_recorded(opened, _TOPICS), recorder.run())
    return store


async def test_messages_are_once_in_history_and_state_however_often_they_come(tmp_path: Path, state_url: str) -> None:
    # The same statements in other bytes: other payloads, the same records.
    again = kvn().replace(b"\n", b"\r\n"), OEM.replace("META_START", "META_START\nCOMMENT again").encode()
    async with rooms(tmp_path, state_url) as opened:
        await taken_in(opened, tmp_path, kvn(), OEM.encode(), *again)
    async with rooms(tmp_path, state_url) as opened:
        store = await taken_in(opened, tmp_path, *again)
        (message,), (ephemeris,) = (history_ids(opened, kind) for kind in ("conjunction_messages", "ephemerides"))
        assert feed_ids(opened) == sorted([message, ephemeris])
        assert opened.state.labels.all() == {LABEL.label_id: LABEL}
        (row,) = opened.history.table("ephemerides").scan().to_arrow().to_pylist()
        states = blobs_beside(store).get(row["states_sha256"])
        assert states.column("x_km").to_pylist() == [7000.0, 6986.0, 6943.0]
        assert (row["states"], row["covariances_sha256"]) == (states.num_rows, None)


async def test_what_is_no_message_of_the_kind_goes_to_quarantine_and_recording_goes_on(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await opened.log.append(CONJUNCTION_MESSAGES, [Entry(b"k", b"{}", {})])
        await opened.log.append(EPHEMERIDES, [Entry(b"k", b'{"record_id": 7}', {})])
        await taken_in(opened, tmp_path, kvn(), OEM.encode())
        assert len(feed_ids(opened)) == 2
        with opened.state.database.snapshot() as connection:
            refused = connection.exec_driver_sql("SELECT source FROM quarantine ORDER BY source").scalars().all()
        assert refused == ["log:conjunction-messages", "log:ephemerides"]
