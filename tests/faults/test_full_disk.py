"""A disk that is really full: a small file system of memory, mounted for the test."""

import errno
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.disk_reserve import DiskReserve
from ingest.intake import IntakeLimits
from ingest.payload_store import PayloadNotStoredError, PayloadStore
from ssa_hub.cli.log_file import LogFile
from tests.api.rules import ALPHA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub
from tests.faults.known_orbits import element_set
from tests.faults.small_disk import NoSmallDiskError, fill, small_disk
from tests.faults.test_back_pressure import intake

SIZE_BYTES = 24 * 1024 * 1024
RECORDS = 500
PATIENCE_S = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    try:
        with small_disk(place, SIZE_BYTES):
            yield place
    except NoSmallDiskError as error:
        pytest.skip(str(error))


def catalogue(step: int) -> bytes:
    return "".join(element_set(number, step) for number in range(1, RECORDS + 1)).encode()


def recorded(hub: ServedHub, count: int) -> None:
    """Wait until so many records are recorded."""
    deadline = time.monotonic() + PATIENCE_S
    while hub.state.recorded.last_seq() < count:
        assert time.monotonic() < deadline, f"{hub.state.recorded.last_seq()} of {count} are recorded"
        hub.client().get("/v1/health")


@pytest.mark.parametrize("leave_kib", [0, 16, 64, 128, 256, 512])
def test_on_a_full_disk_pushes_get_503_and_go_on_when_there_is_room_and_nothing_is_lost_or_doubled(
    disk: Path, leave_kib: int
) -> None:
    with served_hub(disk / "hub", recording=True) as hub:
        hub.enrol(PARTNERS)
        hub.agree(ALPHA)
        # No reserve: the disk is to be met as it is.
        hub.hub.ingest.intake = intake(IntakeLimits(), disk=DiskReserve((disk,), free_bytes_min=0))
        client = hub.client("ALPHA")
        assert client.post("/v1/elements", content=catalogue(0)).status_code == 202
        recorded(hub, RECORDS)
        ballast = fill(disk, leave_kib * 1024)
        answers = [client.post("/v1/elements", content=catalogue(step)) for step in range(1, 5)]
        assert {answer.status_code for answer in answers} <= {202, 503}
        assert answers[-1].status_code == 503, "the disk was not full"
        assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 503)
        ballast.unlink()
        for step in range(1, 5):
            answer = client.post("/v1/elements", content=catalogue(step))
            assert answer.status_code == 202, answer.text
        recorded(hub, 5 * RECORDS)
        assert hub.state.recorded.last_seq() == 5 * RECORDS
        ids = hub.hub.history.table("elements").scan(selected_fields=("record_id",)).to_arrow().column(0).to_pylist()
        assert (len(ids), len(set(ids))) == (5 * RECORDS, 5 * RECORDS)


def test_a_payload_that_finds_no_room_leaves_nothing_behind(disk: Path) -> None:
    store = PayloadStore(disk / "payloads")
    store.put(b"before")
    ballast = fill(disk, 4_096)
    with pytest.raises(PayloadNotStoredError) as failed:
        store.put(bytes(1_000_000))
    assert failed.value.errno == errno.ENOSPC
    assert [path.read_bytes() for path in (disk / "payloads").rglob("*") if path.is_file()] == [b"before"]
    ballast.unlink()
    assert store.get(store.put(bytes(1_000_000))) == bytes(1_000_000)


def test_the_reserve_closes_the_door_before_the_disk_is_full(disk: Path) -> None:
    with served_hub(disk / "hub") as hub:
        hub.enrol(PARTNERS)
        fill(disk, SIZE_BYTES // 200)  # half of the hundredth that is kept
        answer = hub.client("ALPHA").post("/v1/elements", content=element_set(1, 1).encode())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
        assert hub.state.payloads.unpublished() == []


def test_the_log_of_events_leaves_lines_out_on_a_full_disk_and_says_how_many(disk: Path) -> None:
    log = LogFile(disk / "hub.log.jsonl")
    log.write('{"event":"before"}\n')
    ballast = fill(disk, 0)
    for number in range(2_000):
        log.write(f'{{"event":"{number}"}}\n')
    ballast.unlink()
    log.write('{"event":"after"}\n')
    lines = (disk / "hub.log.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines if line.endswith("}")]
    assert (events[0]["event"], events[-1]["event"]) == ("before", "after")
    told = events[-2]["left_out"]
    assert told > 0
    assert len(lines) in (2_000 - told + 3, 2_000 - told + 4), "every line is there, left out and counted, or cut off"
