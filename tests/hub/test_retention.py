"""Retention: what is due is gone from every file, what is not is as it was, whenever the hub is killed."""

import asyncio
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.kafka_log import KafkaLog
from ingest.log import LogRecord
from ingest.payload_store import PayloadStore
from ingest.topics import ELEMENTS, TOPICS
from ssa_hub.release.deletion_proof import proof_mistake
from ssa_hub.release.retention import DAY_NS
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.retention_work import verify_deletions
from ssa_hub.state.tables import metadata
from tests.hub.retention_rooms import (
    MARKER,
    NOW_TAI_NS,
    fill,
    messages,
    payload_of,
    places_of_marker,
    sqlite_in,
    turn,
)
from tests.hub.rooms import (
    Rooms,
    entries_of,
    everything_recorded,
    feed_ids,
    history_ids,
    newest_ids,
    orbit,
    rooms,
    running_until,
)
from tests.log.places import everything

KEPT = sorted(f"kept-{n}-{o}" for n in (3, 4, 5) for o in ("cat-1", f"cat-1{n}"))


def check_end_state(opened: Rooms, directory: Path) -> None:
    assert history_ids(opened) == KEPT
    assert history_ids(opened, "conjunctions") == ["kept-k2", "kept-k3"]
    (message,), (ephemeris,) = (history_ids(opened, kind) for kind in ("conjunction_messages", "ephemerides"))
    assert feed_ids(opened) == sorted([*KEPT, "kept-k2", "kept-k3", message, ephemeris])
    # Of cat-1 alpha's newest by epoch was deleted: the next one of those that are left is the newest now.
    assert newest_ids(opened) == ["kept-3-cat-1", "kept-3-cat-13", "kept-4-cat-1", "kept-4-cat-14", "kept-5-cat-15"]
    assert places_of_marker(opened, directory) == []
    store = PayloadStore(directory / "payloads")
    left = sorted(path.name for path in (directory / "payloads").glob("*/*"))
    kept = [*(payload_of(number, "kept") for number in (3, 4, 5)), *messages("kept")]
    assert left == sorted(store.put(data) for data in kept)
    (row,) = opened.history.table("ephemerides").scan().to_arrow().to_pylist()
    assert [path.name for path in (directory / "ephemerides").glob("*/*")] == [row["states_sha256"]]
    assert not any((directory / "exports").iterdir())
    jobs = {job.job_id[0]: job.status for job in opened.state.export_jobs.of("beta")}
    assert jobs == {"a": "expired", "b": "failed", "c": "queued"}
    found = opened.state.deletions.all()
    assert sorted((d.kind, d.originator, d.records, d.status) for d in found) == [
        ("conjunction-messages", "alpha", 1, "complete"),
        ("derived-conjunctions", "alpha", 1, "complete"),
        ("elements", "alpha", 4, "complete"),
        ("ephemerides", "alpha", 1, "complete"),
    ]
    assert opened.state.deletions.verify() == 4
    assert verify_deletions(opened.state, opened.history, now_tai_ns=NOW_TAI_NS) == []


async def test_what_is_due_is_gone_from_every_file_and_the_rest_is_as_it_was(tmp_path: Path, state_url: str) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await fill(opened, tmp_path)
        assert len(places_of_marker(opened, tmp_path)) >= 6  # history, state, log, payloads, ephemerides, exports
        first = await turn(opened, tmp_path)
        assert (first.records, first.finished) == (7, 0)  # readers' grace: the old files are still there
        assert (await turn(opened, tmp_path)).finished == 4
        check_end_state(opened, tmp_path)
        assert await turn(opened, tmp_path) == (0, 0, 0)
        check_end_state(opened, tmp_path)


@pytest.mark.kafka
async def test_on_kafka_no_record_of_what_is_due_can_be_read_any_more(
    tmp_path: Path, sqlite_url: str, kafka_bootstrap: str
) -> None:
    def told(records: list[LogRecord]) -> int:
        return sum(MARKER.encode() in record.value for record in records)

    log = KafkaLog(kafka_bootstrap, topic_prefix=f"{uuid.uuid4().hex[:8]}.")
    async with rooms(tmp_path, sqlite_url, log) as opened:
        await fill(opened, tmp_path)
        before = {topic.name: told(await everything(log, topic.name)) for topic in TOPICS}
        assert {name for name, count in before.items() if count} >= {"elements", "conjunctions"}
        for _ in range(2):
            await turn(opened, tmp_path)
        check_end_state(opened, tmp_path)
        assert [told(await everything(log, topic.name)) for topic in TOPICS] == [0] * len(TOPICS)
        # What comes afterwards is recorded behind it.
        await log.append(ELEMENTS, entries_of([orbit("fresh") | {"originator": "beta"}]))
        recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
        await running_until(lambda: "fresh" in history_ids(opened), recorder.run())


async def test_a_deleted_record_that_is_pushed_again_is_a_repeat(tmp_path: Path, state_url: str) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await fill(opened, tmp_path)
        await turn(opened, tmp_path)
        again = orbit("gone-1-cat-1", "cat-1") | {"originator": "alpha", "received_tai_ns": NOW_TAI_NS}
        await opened.log.append(ELEMENTS, entries_of([again, again | {"record_id": "fresh"}]))
        recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
        await running_until(lambda: everything_recorded(opened), recorder.run())
        assert history_ids(opened) == sorted([*KEPT, "fresh"])
        assert opened.state.recorded.known(["gone-1-cat-1", "never"]) == {"gone-1-cat-1"}


async def test_who_knows_a_records_id_gets_a_proof_and_nobody_else_anything(tmp_path: Path, state_url: str) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await fill(opened, tmp_path)
        for _ in range(2):
            await turn(opened, tmp_path)
        deletions = opened.state.deletions
        for record_id in ("gone-1-cat-1", "gone-2-cat-12", "gone-k1"):
            proof = deletions.prove(record_id, "alpha")
            assert proof is not None
            assert proof_mistake(proof, deletions.public_key()) is None
        assert deletions.prove("gone-1-cat-1", "beta") is None
        assert deletions.prove("kept-3-cat-1") is None
        with opened.state.database.snapshot() as connection:  # not even the ids are there to be read
            rows = [connection.execute(select(table)).all() for table in metadata.sorted_tables]
        assert "gone-2-cat-12" not in repr(rows)
        if state_url.startswith("sqlite"):
            assert b"gone-2-cat-12" not in (tmp_path / "state.sqlite").read_bytes()


async def test_nothing_is_deleted_before_the_notice_is_over_or_of_a_retired_agreement(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await fill(opened, tmp_path)
        before = history_ids(opened)
        early = await turn(opened, tmp_path, now=NOW_TAI_NS - 3 * DAY_NS + DAY_NS - 1)
        assert early == (0, 0, 0)
        opened.state.agreements.retire("alpha", NOW_TAI_NS - 1)
        assert await turn(opened, tmp_path) == (0, 0, 0)
        assert history_ids(opened) == before


async def test_a_row_of_the_deletions_that_is_changed_is_found(tmp_path: Path, state_url: str) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await fill(opened, tmp_path)
        for _ in range(2):
            await turn(opened, tmp_path)
        with opened.state.transaction() as connection:
            connection.exec_driver_sql("UPDATE deletions SET records = 3 WHERE number = 1")
        (mistake,) = verify_deletions(opened.state, opened.history, now_tai_ns=NOW_TAI_NS)
        assert "deletion 1" in mistake


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("filled") / "hub"
    directory.mkdir()

    async def make() -> None:
        async with rooms(directory, sqlite_in(directory)) as opened:
            await fill(opened, directory)

    asyncio.run(make())
    return directory


@pytest.mark.parametrize("die_at", [1, 4, 8, 14, 20, 28, 36])
async def test_a_deletion_that_is_killed_at_any_step_is_finished_by_the_next(
    filled: Path, tmp_path: Path, die_at: int
) -> None:
    # The catalogue names files by their whole path: the copy stands where the original stood.
    spare = tmp_path / "spare"
    shutil.copytree(filled, spare)
    try:
        killed = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tests.hub.retention_rooms", str(filled), str(die_at)],
            check=False,
            timeout=120,
        )
        assert killed.returncode in (0, -signal.SIGKILL)
        async with rooms(filled, sqlite_in(filled)) as opened:
            for _ in range(5):
                await turn(opened, filled)
            check_end_state(opened, filled)
    finally:
        shutil.rmtree(filled)
        shutil.copytree(spare, filled)
