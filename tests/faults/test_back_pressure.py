"""What the hub does before memory or disk run out: it takes nothing in, says so, and says when to come again."""

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from connectors.payload import Payload, Provenance
from ingest.clock_watch import ClockWatch
from ingest.disk_reserve import DiskFullError, DiskReserve
from ingest.embedded_log import EmbeddedLog
from ingest.intake import Intake, IntakeClosedError, IntakeLimits
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest, Receipt
from ingest.topics import ELEMENTS
from schemas.labels import Label
from schemas.records import DataMode
from ssa_hub.api import problems
from ssa_hub.services.backlog import unrecorded
from ssa_hub.services.recorder import Recorder
from tests.api.rules import ALPHA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.hub.rooms import rooms, running_until
from tests.ingest.test_pipeline import Journal, everything
from tests.ingest.tle import element_set

LABEL = Label("PUBLIC", "UNCLASSIFIED")


def payload(text: str) -> Payload:
    provenance = Provenance(source="drop", originator="CENTRE", data_mode=DataMode.REAL, label=LABEL)
    return Payload(provenance=provenance, data=text.encode(), location="a.tle", retrieved_tai_ns=10**18)


def intake(limits: IntakeLimits, *, backlog: int = 0, disk: DiskReserve | None = None) -> Intake:
    async def count() -> int:
        return backlog

    return Intake(limits, disk or DiskReserve(()), ClockWatch(), count)


async def watched(one: Intake) -> None:
    """Let it look once."""
    watching = asyncio.create_task(one.watch())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    watching.cancel()


async def test_too_long_a_backlog_closes_the_door_until_it_is_shorter() -> None:
    one = intake(IntakeLimits(backlog_max=10), backlog=11)
    one.check()  # nobody has looked yet
    await watched(one)
    with pytest.raises(IntakeClosedError, match="11 records wait to be recorded") as closed:
        one.check()
    assert (closed.value.reason, closed.value.retry_after_s) == ("backlog", 15)
    other = intake(IntakeLimits(backlog_max=10), backlog=10)
    await watched(other)
    other.check()


def test_bytes_in_flight_are_bounded_but_a_single_payload_may_be_larger() -> None:
    one = intake(IntakeLimits(bytes_in_flight_max=100))
    with one.room() as alone:
        alone.take(90)
        alone.take(90)
        with one.room() as other, pytest.raises(IntakeClosedError, match="180 bytes are being taken in") as closed:
            other.take(1)
        assert closed.value.reason == "busy"
    with one.room() as first, one.room() as second:
        first.take(60)
        second.take(40)
        with pytest.raises(IntakeClosedError):
            second.take(1)
    with one.room() as again:
        again.take(100)


def test_a_disk_with_less_than_the_reserve_closes_the_door(tmp_path: Path) -> None:
    DiskReserve((tmp_path,)).check()
    DiskReserve((tmp_path / "absent",), free_bytes_min=2**62).check()
    reserve = DiskReserve((tmp_path,), free_bytes_min=2**62)
    with pytest.raises(DiskFullError, match="are kept in reserve"):
        reserve.check()
    with pytest.raises(IntakeClosedError) as closed, intake(IntakeLimits(), disk=reserve).room():
        pytest.fail("taken in")
    assert closed.value.reason == "disk"


async def test_the_backlog_is_what_is_on_the_log_and_not_recorded(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        taking = Ingest(opened.log, PayloadStore(tmp_path / "p"), opened.state.payloads, opened.state.recorded.known)
        await taking.accept(payload(element_set(1) + element_set(2)))
        assert await unrecorded(opened.log, opened.state) == 2
        recorder = Recorder(opened.log, opened.history, opened.state)
        await running_until(lambda: opened.state.recorded.last_seq() == 2, recorder.run())
        assert await unrecorded(opened.log, opened.state) == 0


class SlowDisk(sqlite3.Connection):
    """A connection whose COMMIT takes until it is let go: a disk that hangs."""

    let_go = threading.Event()

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        if sql == "COMMIT":
            type(self).let_go.wait(60)
        return super().execute(sql, *parameters)  # type: ignore[arg-type]


@pytest.fixture
def slow_disk() -> Iterator[type[SlowDisk]]:
    SlowDisk.let_go.set()
    yield SlowDisk
    SlowDisk.let_go.set()


async def test_on_a_disk_that_hangs_nothing_is_acknowledged_and_what_is_in_flight_stays_bounded(
    tmp_path: Path, slow_disk: type[SlowDisk]
) -> None:
    def connect(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=slow_disk)

    door = intake(IntakeLimits(bytes_in_flight_max=len(element_set(1)) * 5))
    async with EmbeddedLog(tmp_path / "log", open_connection=connect) as log:
        ingest = Ingest(log, PayloadStore(tmp_path / "p"), Journal(), lambda ids: set(), door)
        slow_disk.let_go.clear()
        accepting = [asyncio.create_task(ingest.accept(payload(element_set(number)))) for number in range(1, 21)]
        refused: set[asyncio.Task[Receipt]] = set()
        while len(refused) < 15:
            refused, _ = await asyncio.wait(accepting, timeout=0.05)
        assert len(refused) == 15
        assert all(isinstance(task.exception(), IntakeClosedError) for task in refused)
        slow_disk.let_go.set()
        receipts = [await task for task in accepting if task not in refused]
        assert [receipt.new for receipt in receipts] == [1] * 5
        assert len(await everything(log, ELEMENTS)) == 5
        assert (await ingest.accept(payload(element_set(20)))).new == 1


@pytest.fixture
def own_hub(tmp_path: Path) -> Iterator[ServedHub]:
    with served_hub(tmp_path) as served:
        served.enrol(PARTNERS)
        served.agree(ALPHA)
        yield served


def push(hub: ServedHub, number: int) -> tuple[int, str | None, str]:
    answer = hub.client("ALPHA").post("/v1/elements", content=element_set(number).encode())
    return answer.status_code, answer.headers.get("Retry-After"), answer.headers["Content-Type"]


@pytest.mark.parametrize(
    ("limits", "reason", "retry_after_s"),
    [
        (IntakeLimits(free_bytes_min=2**62), "disk", "60"),
        (IntakeLimits(backlog_max=-1), "backlog", "15"),
    ],
)
def test_a_closed_door_is_a_503_that_says_when_to_come_again_and_the_push_leaves_no_trace(
    own_hub: ServedHub, limits: IntakeLimits, reason: str, retry_after_s: str
) -> None:
    from ssa_hub.measures import REFUSED_PUSHES

    counted = REFUSED_PUSHES.labels(reason)._value
    before = counted.get()
    disk = DiskReserve((own_hub.hub.settings.data_dir,), limits.free_bytes_min)
    opened = own_hub.hub.ingest.intake
    own_hub.hub.ingest.intake = intake(limits, disk=disk)
    assert push(own_hub, 1) == (503, retry_after_s, "application/problem+json")
    assert counted.get() == before + 1
    assert own_hub.state.payloads.unpublished() == []
    assert not list((own_hub.hub.settings.data_dir / "payloads").rglob("*"))
    own_hub.hub.ingest.intake = opened
    assert push(own_hub, 1)[0] == 202


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 503), (errno.EIO, 503), (errno.ENOENT, 500)])
async def test_a_disk_that_fails_within_an_answer_is_503_and_any_other_failure_of_a_file_is_a_mistake(
    number: int, status: int
) -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def failing() -> None:
        raise OSError(number, "as told")

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://hub"
    ) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert ("Retry-After" in answer.headers) == (status == 503)
