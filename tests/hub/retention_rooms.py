"""A hub's data directory with records of two originators, one of whom demands deletion; and turns of retention in it.

Run as a module it makes turns until a step where it kills itself: ``python -m tests.hub.retention_rooms DIR STEP``.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import select

from connectors.payload import Payload, Provenance
from ingest.journal import JournalEntry
from ingest.log import TopicPartition
from ingest.messages import conjunction_entries
from ingest.payload_removal import FileRemoval
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ingest.topics import CONJUNCTIONS, ELEMENTS, TOPICS
from schemas.records import DataMode
from ssa_hub.history.orphans import remove_orphans
from ssa_hub.history.snapshots import expire
from ssa_hub.history.tables import TABLES
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.partner import Partner
from ssa_hub.release.retention import DAY_NS
from ssa_hub.services.backlog import all_recorded
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.retention_work import Outside, RetentionReport, RetentionWork
from ssa_hub.state.tables import metadata
from tests.history.examples import START_TAI_NS, conjunction_row, conjunctions
from tests.hub.rooms import LABEL, Rooms, entries_of, orbit, rooms, running_until
from tests.ingest.test_message_ingest import OEM
from tests.schemas.cdm.messages import HEADER, kvn

MARKER = "MARKED-FOR-DELETION"
NOW_TAI_NS = START_TAI_NS + 100 * DAY_NS
AGREEMENT = """
originator = "alpha"

[[retention]]
keep_days = 30
"""


def sqlite_in(directory: Path) -> str:
    """URL of its state on SQLite."""
    return f"sqlite:///{directory / 'state.sqlite'}"


def payload_of(number: int, text: str) -> bytes:
    """A payload's bytes."""
    return f"payload {number} {text}".encode()


async def fill(opened: Rooms, directory: Path) -> None:
    """Old and young records of alpha, who demands deletion, and of beta, who does not; recorded."""
    store = PayloadStore(directory / "payloads")
    rows: list[dict[str, Any]] = []
    for number, (originator, age_days) in enumerate(
        [("alpha", 90), ("alpha", 40), ("alpha", 29), ("beta", 90), ("beta", 1)], start=1
    ):
        received = NOW_TAI_NS - age_days * DAY_NS
        doomed = originator == "alpha" and age_days > 30
        text = MARKER if doomed else "kept"
        sha256 = store.put(payload_of(number, text))
        label = LABEL
        provenance = Provenance(source=originator, originator=originator, data_mode=DataMode.TEST, label=label)
        entry = JournalEntry(f"r{number}", sha256, provenance, "test", received, False, 0, 0)
        opened.state.payloads.stored(entry)
        opened.state.payloads.published(f"r{number}", records=2, refused=0)
        rows += [
            orbit(f"{'gone' if doomed else 'kept'}-{number}-{object_id}", object_id)
            | {"originator": originator, "source": originator, "received_tai_ns": received, "object_name": text}
            | {"payload_sha256": sha256, "epoch_tai_ns": START_TAI_NS - number}
            for object_id in ("cat-1", f"cat-1{number}")
        ]
    await opened.log.append(ELEMENTS, entries_of(rows))
    old = {"received_tai_ns": NOW_TAI_NS - 60 * DAY_NS}
    derived = conjunctions(
        conjunction_row("gone-k1", parent_originator_1="beta", object_name_1=MARKER, **old),
        conjunction_row("kept-k2", parent_originator_1="beta", parent_originator_2="beta", **old),
        conjunction_row("kept-k3", received_tai_ns=NOW_TAI_NS - DAY_NS),
    )
    await opened.log.append(CONJUNCTIONS, conjunction_entries(derived))
    await _take_in_messages(opened, store)
    _order_exports(opened, directory)
    recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
    ends: dict[TopicPartition, int] = {}
    for topic in TOPICS:
        ends |= await opened.log.end_offsets(topic.name)
    await running_until(lambda: all_recorded(opened.log, opened.state, ends), recorder.run())
    agreement = read_agreement(AGREEMENT, "a.toml")
    opened.state.agreements.activate(
        "alpha", agreement.version, file="a.toml", text=AGREEMENT, now_tai_ns=NOW_TAI_NS - 3 * DAY_NS
    )


def messages(text: str) -> tuple[bytes, bytes]:
    """A CDM and an ephemeris that say a text."""
    header = [(key, text if key == "MESSAGE_FOR" else value, unit) for key, value, unit in HEADER]
    return kvn(header), OEM.replace("OBJECT_NAME = PLAN", f"OBJECT_NAME = {text}").encode()


async def _take_in_messages(opened: Rooms, store: PayloadStore) -> None:
    """Of each kind of message one that is to be deleted, and one that is too young for it."""
    ingest = Ingest(opened.log, store, opened.state.payloads, lambda ids: set())
    provenance = Provenance(source="alpha", originator="alpha", data_mode=DataMode.TEST, label=LABEL)
    for text, age_days in ((MARKER, 40), ("kept", 29)):
        for data in messages(text):
            at = NOW_TAI_NS - age_days * DAY_NS
            receipt = await ingest.accept(
                Payload(provenance=provenance, data=data, location="message", retrieved_tai_ns=at)
            )
            assert (receipt.records, receipt.refused) == (1, 0)


def _order_exports(opened: Rooms, directory: Path) -> None:
    """Exports as a worker leaves them: one complete, one half made, one that nobody has begun."""
    opened.state.partners.put(Partner("beta"))
    for job_id, status in (("a" * 32, "complete"), ("b" * 32, "running"), ("c" * 32, "queued")):
        opened.state.export_jobs.add(job_id, "beta", "{}", NOW_TAI_NS, 10)
        if status != "queued":
            opened.state.export_jobs.change(job_id, status=status, expires_tai_ns=NOW_TAI_NS + DAY_NS)
            (directory / "exports" / job_id).mkdir(parents=True)
            (directory / "exports" / job_id / "content").write_text(MARKER)


async def turn(opened: Rooms, directory: Path, *, die_at: int | None = None, now: int = NOW_TAI_NS) -> RetentionReport:
    """One turn of retention, and then of removing old files without a grace. ``die_at``: killed at that commit."""
    loop, count = asyncio.get_running_loop(), 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def trim(before: Mapping[TopicPartition, int]) -> None:
        step()
        asyncio.run_coroutine_threadsafe(opened.log.trim(before, wiped=True), loop).result()
        step()

    def settled() -> bool:
        step()
        return True

    if die_at is not None:
        for owner, name in (
            (opened.state.deletions, "begin"), (opened.state.deletions, "note"), (opened.state.deletions, "finish"),
            (opened.state.forgetting, "records"), (opened.state.forgetting, "payloads"),
            (opened.state.forgetting, "wipe"), (opened.history, "replace"), (opened.history, "write_data_files"),
        ):  # fmt: skip
            setattr(owner, name, _stepping(getattr(owner, name), step))
    payloads, blobs = (FileRemoval(directory / name) for name in ("payloads", "ephemerides"))
    outside = Outside(payloads, blobs, directory / "exports", trim, settled)
    work = RetentionWork(opened.history, opened.state, outside, paced=step, now=lambda: now)
    done = await asyncio.to_thread(work.turn)
    for kind in TABLES:
        expire(opened.history, kind, 2**62)
        remove_orphans(opened.history, kind, grace_s=0)
    return done


def _stepping(method: Any, step: Any) -> Any:
    def stepped(*args: Any, **kwargs: Any) -> Any:
        step()
        answer = method(*args, **kwargs)
        step()
        return answer

    return stepped


def places_of_marker(opened: Rooms, directory: Path) -> list[str]:
    """Files below a directory that hold the marker, in their bytes or in a Parquet file's rows; and tables of the state
    whose rows have it, for PostgreSQL keeps them elsewhere.
    """
    found: list[str] = []
    with opened.state.database.snapshot() as connection:
        found += [
            table.name for table in metadata.sorted_tables if MARKER in repr(connection.execute(select(table)).all())
        ]
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            texts = [path.read_bytes()]
            if texts[0].startswith(b"PAR1"):
                texts.append(repr(pq.read_table(path).to_pylist()).encode())
            if any(MARKER.encode() in text for text in texts):
                found.append(str(path.relative_to(directory)))
    return found


async def _main(directory: Path, die_at: int) -> None:
    async with rooms(directory, sqlite_in(directory)) as opened:
        await turn(opened, directory, die_at=die_at)
        await turn(opened, directory)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
