"""The recorder: every record of the log once in history and once in state, whatever happens in between."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Connection

from ingest.log import Entry
from ingest.messages import QuarantinedRecord, conjunction_entries, quarantine_entry
from ingest.topics import CONJUNCTIONS, ELEMENTS, QUARANTINE
from schemas.refusals import Refusal
from ssa_hub.history.store import History, PositionRange
from ssa_hub.services.failures import PositionsDisagreeError
from ssa_hub.services.recorder import Recorder
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State
from ssa_hub.state.withdrawals import Reason
from tests.history.examples import conjunction_row, conjunctions
from tests.hub.rooms import (
    LABEL,
    PATIENCE_S,
    Rooms,
    entries_of,
    everything_recorded,
    feed_ids,
    history_ids,
    newest_ids,
    orbit,
    partition_of_object,
    rooms,
    running_until,
)


async def record_all(opened: Rooms, *, history: History | None = None, state: State | None = None) -> None:
    """Run a recorder until the log's end."""
    recorder = Recorder(opened.log, history or opened.history, state or opened.state, retry_s=0.01)
    await running_until(lambda: everything_recorded(opened), recorder.run())


async def test_records_are_once_in_history_once_in_the_feed_and_their_labels_known(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        rows = [orbit(f"e{n}", f"cat-{n}") for n in range(1, 20)]
        await opened.log.append(ELEMENTS, entries_of(rows))
        found = conjunctions(conjunction_row("k1"), conjunction_row("k2"))
        await opened.log.append(CONJUNCTIONS, conjunction_entries(found))
        await record_all(opened)
        assert history_ids(opened) == newest_ids(opened) == sorted(row["record_id"] for row in rows)
        assert history_ids(opened, "conjunctions") == ["k1", "k2"]
        assert feed_ids(opened) == sorted([*(row["record_id"] for row in rows), "k1", "k2"])
        assert opened.state.labels.all() == {LABEL.label_id: LABEL}
        body = opened.state.recorded.get("e7")
        assert body is not None
        assert body.received_tai_ns == rows[6]["received_tai_ns"]


async def test_repeats_are_dropped_within_a_batch_between_batches_and_after_a_restart(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a"), orbit("b", "cat-2"), orbit("a")]))
        await record_all(opened)
        await opened.log.append(ELEMENTS, entries_of([orbit("a"), orbit("c", "cat-3")]))
        await record_all(opened)
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("c", "cat-3"), orbit("a"), orbit("d", "cat-4")]))
        await record_all(opened)
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == ["a", "b", "c", "d"]


class TornState(State):
    """State whose first transaction fails after its statements, as when the database goes away in the middle."""

    def __init__(self, state: State) -> None:
        super().__init__(state.database)
        self.failures = 1

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with super().transaction() as connection:
            yield connection
            if self.failures:
                self.failures -= 1
                raise StateUnavailableError("the server closed the connection")


async def test_a_database_that_goes_away_between_the_two_commits_leaves_nothing_out_and_doubles_nothing(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a"), orbit("b", "cat-2"), orbit("a")]))
        torn = TornState(opened.state)
        await record_all(opened, state=torn)
        assert torn.failures == 0
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == ["a", "b"]
        assert opened.state.labels.all() == {LABEL.label_id: LABEL}


async def test_a_process_killed_between_the_two_commits_is_made_good_by_the_next(
    tmp_path: Path, state_url: str
) -> None:
    damaged = Entry(b"cat-3", b"{", {})
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(ELEMENTS, [*entries_of([orbit("a"), orbit("b", "cat-2"), orbit("a")]), damaged])
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hub.dying_recorder", str(tmp_path), state_url, stderr=subprocess.PIPE
    )
    _, complaint = await asyncio.wait_for(child.communicate(), PATIENCE_S)
    assert child.returncode == -signal.SIGKILL, complaint.decode()
    async with rooms(tmp_path, state_url) as opened:
        assert history_ids(opened) == ["a", "b"], "the process was to die after history's commit"
        assert feed_ids(opened) == [], "and before state's"
        await opened.log.append(ELEMENTS, entries_of([orbit("c", "cat-3")]))
        await record_all(opened)
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == ["a", "b", "c"]
        assert [entry.data for entry in opened.state.quarantine.page(limit=10)] == [b"{"]


class OvertakenHistory(History):
    """History in which, once, another recorder with the same batch is quicker."""

    overtakings = 1

    def append(self, kind: str, rows: pa.Table, *, positions: Mapping[tuple[str, int], PositionRange]) -> None:
        if self.overtakings:
            self.overtakings -= 1
            super().append(kind, rows, positions=positions)
        super().append(kind, rows, positions=positions)


async def test_a_recorder_that_another_has_overtaken_writes_nothing_and_goes_on_from_where_the_other_stopped(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        with OvertakenHistory.open(tmp_path / "w", f"sqlite:///{tmp_path / 'catalogue.sqlite'}") as history:
            await opened.log.append(ELEMENTS, entries_of([orbit("a"), orbit("b", "cat-2")]))
            await record_all(opened, history=history)
            assert history.overtakings == 0
            await opened.log.append(ELEMENTS, entries_of([orbit("c", "cat-3")]))
            await record_all(opened, history=history)
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == ["a", "b", "c"]


async def test_refusals_land_in_quarantine_with_their_bytes(tmp_path: Path, state_url: str) -> None:
    refusal = Refusal(
        file="a.tle", record=2, line=4, field="columns 9-16", value="51.64x0", rule="a number", data=b"2 25545\x00\xff"
    )
    refused = QuarantinedRecord(payload_sha256="f" * 64, source="drop", received_tai_ns=5, refusal=refusal)
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(QUARANTINE, [quarantine_entry(refused), quarantine_entry(refused)])
        await record_all(opened)
        (entry,) = opened.state.quarantine.page(limit=10)
    assert (entry.source, entry.file, entry.record, entry.line) == ("drop", "a.tle", 2, 4)
    assert entry.data == b"2 25545\x00\xff"


def damaged_messages() -> dict[str, list[Entry]]:
    """By topic, messages that are no records: whoever may write to a topic could put them there."""
    (sound,) = entries_of([orbit("damaged")])

    def changed(old: bytes, new: bytes) -> Entry:
        assert old in sound.value
        return Entry(sound.key, sound.value.replace(old, new), sound.headers)

    return {
        ELEMENTS: [
            Entry(b"cat-1", b"\xff\x00", {}),
            Entry(b"cat-2", b"", sound.headers),
            Entry(b"cat-3", b"[1, 2]", sound.headers),
            Entry(b"cat-1", b"{}", sound.headers),
            Entry(b"cat-1", sound.value, {}),
            Entry(b"cat-1", sound.value, {"label": b"{}"}),
            Entry(b"cat-1", sound.value, {"label": b'{"policy":"OTHER","classification":"X"}'}),
            changed(b'"data_mode":"TEST"', b'"data_mode":"REALLY"'),
            changed(b'"source":"x"', b'"source":"x\\u0000"'),
            changed(b'"object_id":"cat-1"', b'"object_id":"' + b"c" * 3000 + b'"'),
            changed(b'"catalogue_number":1', b'"catalogue_number":' + b"9" * 40),
            changed(b'"eccentricity":0.1', b'"eccentricity":null'),
        ],
        CONJUNCTIONS: [Entry(b"cat-1", b'{"record_id":"k"}', {})],
        QUARANTINE: [
            Entry(b"x", b"not JSON", {}),
            quarantine_entry(
                QuarantinedRecord(
                    payload_sha256="f" * 64,
                    source="drop",
                    received_tai_ns=5,
                    refusal=Refusal(file="a", record=2**40, line=1, field="f", value="", rule="r" * 9000, data=b"d"),
                )
            ),
        ],
    }


async def test_messages_that_are_no_records_are_quarantined_with_their_bytes_and_recording_goes_on(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("before")]))
        for topic, messages in damaged_messages().items():
            await opened.log.append(topic, messages)
        await opened.log.append(ELEMENTS, entries_of([orbit("after", epoch_tai_ns=orbit("x")["epoch_tai_ns"] + 1)]))
        await record_all(opened)
        assert history_ids(opened) == feed_ids(opened) == ["after", "before"]
        assert newest_ids(opened) == ["after"]
        found = opened.state.quarantine.page(limit=100)
    for topic, messages in damaged_messages().items():
        kept = [entry for entry in found if entry.source == f"log:{topic}"]
        assert sorted(entry.data for entry in kept) == sorted(message.value for message in messages), topic
        assert all(entry.file.startswith(f"{topic}/") and "offset" in entry.file for entry in kept)
        assert all("must" in entry.rule for entry in kept)
    assert len(found) == sum(len(messages) for messages in damaged_messages().values())


async def test_a_log_that_was_emptied_by_itself_is_refused_and_not_taken_for_a_new_one(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a")]))
        await record_all(opened)
    (tmp_path / "log" / "log.sqlite3").rename(tmp_path / "elsewhere")
    for remains in (tmp_path / "log").glob("log.sqlite3-*"):
        remains.unlink()
    async with rooms(tmp_path, sqlite_url) as opened:
        with pytest.raises(PositionsDisagreeError, match="do not belong together"):
            await running_until(lambda: False, Recorder(opened.log, opened.history, opened.state).run())


async def test_a_history_that_was_emptied_by_itself_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a")]))
        await record_all(opened)
    (tmp_path / "w").rename(tmp_path / "elsewhere")
    (tmp_path / "catalogue.sqlite").unlink()
    async with rooms(tmp_path, sqlite_url) as opened:
        with pytest.raises(PositionsDisagreeError, match="history stands at 0"):
            await running_until(lambda: False, Recorder(opened.log, opened.history, opened.state).run())


async def test_a_state_that_was_lost_is_made_again_from_the_log(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a"), orbit("b", "cat-2"), orbit("a")]))
        await record_all(opened)
    async with rooms(tmp_path, f"sqlite:///{tmp_path / 'new.sqlite'}") as opened:
        await record_all(opened)
        assert history_ids(opened) == feed_ids(opened) == newest_ids(opened) == ["a", "b"]


class Interrupted(Recorder):
    """A recorder that is cancelled while a batch is being written."""

    cancel: Any = None

    def _into_history(self, kind: str, messages: Any) -> None:
        self.cancel()
        super()._into_history(kind, messages)


async def test_a_recorder_that_is_cancelled_finishes_the_batch_at_hand(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await opened.log.append(ELEMENTS, entries_of([orbit("a")]))
        recorder = Interrupted(opened.log, opened.history, opened.state)
        task = asyncio.create_task(recorder.run())
        loop = asyncio.get_running_loop()
        recorder.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        await asyncio.wait({task})
        assert task.cancelled()
        assert history_ids(opened) == feed_ids(opened) == ["a"]
        assert opened.state.positions.get(partition_of_object("cat-1")) == 1


def withdraw_payload(state: State, payload_sha256: str, *, after: int, now_tai_ns: int) -> int:
    with state.transaction() as connection:
        return state.withdrawals.add(
            connection,
            [],
            originator="alpha",
            reason=Reason("wrong"),
            derived="flag",
            payload_sha256=payload_sha256,
            by="alpha",
            now_tai_ns=now_tai_ns,
            after=after,
            followers=state.newest.elements(""),
            followers_seq=0,
        )


async def test_what_a_crash_left_between_the_two_commits_does_not_come_back_when_it_was_withdrawn_meanwhile(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        given: dict[str, Any] = {"payload_sha256": "ab" * 32, "received_tai_ns": 10**18}
        await opened.log.append(
            ELEMENTS, entries_of([orbit("a", **given), orbit("b", "cat-2", received_tai_ns=10**18)])
        )
        torn = TornState(opened.state)
        dying = Recorder(opened.log, opened.history, torn, retry_s=3_600.0)
        await running_until(lambda: history_ids(opened) == ["a", "b"] and torn.failures == 0, dying.run())
        assert feed_ids(opened) == []
        number = withdraw_payload(opened.state, "ab" * 32, after=0, now_tai_ns=2 * 10**18)
        await record_all(opened)
        assert feed_ids(opened) == ["a", "b"]
        assert newest_ids(opened) == ["b"]
        assert [found.record_id for found in opened.state.withdrawals.records(number)] == ["a"]


async def test_a_record_of_a_withdrawn_payload_is_withdrawn_before_history_shows_it(
    tmp_path: Path, state_url: str
) -> None:
    class Watched(State):
        """Remembers what was withdrawn as the feed took records in."""

        withdrawn_before: pa.Table | None = None

        @contextmanager
        def transaction(self) -> Iterator[Connection]:
            if self.withdrawn_before is None and history_ids(opened):
                self.withdrawn_before = self.withdrawals.table()
            with super().transaction() as connection:
                yield connection

    async with rooms(tmp_path, state_url) as opened:
        withdraw_payload(opened.state, "ab" * 32, after=0, now_tai_ns=2 * 10**18)
        rows = [orbit("a", payload_sha256="ab" * 32, received_tai_ns=10**18)]
        await opened.log.append(ELEMENTS, entries_of(rows))
        watched = Watched(opened.state.database)
        await record_all(opened, state=watched)
        assert watched.withdrawn_before is not None
        assert watched.withdrawn_before.column("record_id").to_pylist() == ["a"]
        assert newest_ids(opened) == []
