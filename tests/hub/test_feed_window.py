"""The feed's window: bodies leave state, and nothing that anybody asks changes by it but the stream."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from ingest.embedded_log import EmbeddedLog
from ingest.topics import ELEMENTS
from schemas.timescales import now_tai_ns
from ssa_hub.history.archived_bodies import archived_bodies
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.retention import DAY_NS
from ssa_hub.services.feed_window import FeedWindow
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.retention import RetentionService
from ssa_hub.settings import KeepingSettings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.feed import BEGINNING
from tests.history.examples import START_TAI_NS, release
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

WINDOW_NS = 400 * DAY_NS
ORBITS = [
    orbit(f"{object_id}-{n}", object_id, epoch_tai_ns=START_TAI_NS + n, received_tai_ns=START_TAI_NS + n)
    for object_id in ("cat-1", "cat-2")
    for n in range(4)
]
NEWEST = ["cat-1-3", "cat-2-3"]


async def record(opened: Rooms, rows: list[dict[str, object]]) -> None:
    await opened.log.append(ELEMENTS, entries_of(rows))
    recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
    await running_until(lambda: everything_recorded(opened), recorder.run())


def bodies(opened: Rooms) -> dict[str, bytes]:
    with opened.state.database.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT record_id, body FROM recorded ORDER BY record_id").all()
    return {record_id: bytes(body) for record_id, body in rows}


def given_up(opened: Rooms) -> list[str]:
    return [record_id for record_id, body in bodies(opened).items() if not body]


def after_window(days: float = 0.0) -> int:
    return now_tai_ns() + WINDOW_NS + round(days * DAY_NS) + DAY_NS


async def test_bodies_are_given_up_but_those_of_newest_orbits_and_read_from_history_where_asked(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await record(opened, ORBITS)
        whole = {row["record_id"]: opened.state.recorded.get(row["record_id"]) for row in ORBITS}
        window = FeedWindow(opened.state, WINDOW_NS)
        assert window.turn(now_tai_ns() + WINDOW_NS - DAY_NS) == 0
        assert window.turn(after_window()) == 6
        assert window.turn(after_window()) == 0
        assert given_up(opened) == sorted({row["record_id"] for row in ORBITS} - set(NEWEST))
        assert newest_ids(opened) == NEWEST
        with pytest.raises(StateUnavailableError, match="older than the feed's window"):
            opened.state.recorded.get("cat-1-0")
        opened.state.archive.read_with(partial(archived_bodies, opened.history))
        for record_id, before in whole.items():
            after = opened.state.recorded.get(record_id)
            assert before is not None
            assert after is not None
            assert msgspec.json.decode(after.body) == msgspec.json.decode(before.body)
            assert after._replace(body=b"") == before._replace(body=b"")
        assert opened.state.recorded.get("never") is None
        found = opened.state.withdrawals.bodies(["cat-1-0", "cat-1-3"])
        assert [msgspec.json.decode(found[i][1])["record_id"] for i in ("cat-1-0", "cat-1-3")] == ["cat-1-0", "cat-1-3"]


async def test_the_feed_passes_over_what_was_given_up_and_repeats_of_it_are_dropped(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await record(opened, ORBITS)
        FeedWindow(opened.state, WINDOW_NS).turn(after_window())
        await record(opened, [*ORBITS, orbit("later", "cat-3")])
        assert history_ids(opened) == feed_ids(opened) == sorted(["later", *(str(row["record_id"]) for row in ORBITS)])
        table = release(("elements", str(ORBITS[0]["originator"]), str(ORBITS[0]["label_id"]), 0, 0))
        page = opened.state.feed.after(BEGINNING, table, data_mode="TEST", now_tai_ns=now_tai_ns(), limit=50)
        assert [row.record_id for row in page.rows] == [*NEWEST, "later"]
        whole = opened.state.feed.after(
            BEGINNING, table, data_mode="TEST", now_tai_ns=now_tai_ns(), limit=50, with_given_up=True
        )
        assert len(whole.rows) == 9


async def test_an_orbit_that_becomes_the_newest_again_by_a_deletion_has_its_body_back(
    tmp_path: Path, state_url: str
) -> None:
    async with rooms(tmp_path, state_url) as opened:
        await record(opened, ORBITS)
        before = bodies(opened)
        FeedWindow(opened.state, WINDOW_NS).turn(after_window())
        opened.state.archive.read_with(partial(archived_bodies, opened.history))
        opened.state.forgetting.records(["cat-1-3"])
        assert newest_ids(opened) == ["cat-1-2", "cat-2-3"]
        after = bodies(opened)
        assert msgspec.json.decode(after["cat-1-2"]) == msgspec.json.decode(before["cat-1-2"])
        assert given_up(opened) == ["cat-1-0", "cat-1-1", "cat-2-0", "cat-2-1", "cat-2-2"]


async def test_nothing_is_given_up_while_it_may_lie_under_an_embargo(tmp_path: Path, sqlite_url: str) -> None:
    text = """
    originator = "alpha"

    [[rule]]
    id = "late"
    kinds = ["elements"]
    partners = ["beta"]
    data_modes = ["TEST"]
    fields = ["*"]
    delay_s = 1_728_000
    """
    async with rooms(tmp_path, sqlite_url) as opened:
        await record(opened, ORBITS)
        version = read_agreement(text, "a.toml").version
        opened.state.agreements.activate("alpha", version, file="a.toml", text=text, now_tai_ns=now_tai_ns())
        window = FeedWindow(opened.state, WINDOW_NS)
        assert window.turn(after_window(18)) == 0
        assert window.turn(after_window(20)) == 6


async def test_what_was_the_newest_gives_its_body_up_when_all_is_looked_at_anew(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        await record(opened, ORBITS)
        window = FeedWindow(opened.state, WINDOW_NS)
        assert window.turn(after_window()) == 6
        await record(opened, [orbit("cat-1-9", "cat-1", epoch_tai_ns=START_TAI_NS + 9)])
        assert window.turn(after_window(29)) == 0
        assert window.turn(after_window(31)) == 1
        assert "cat-1-3" in given_up(opened)


async def test_the_embedded_log_keeps_what_is_recorded_for_its_window_and_the_rest_for_ever(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        assert isinstance(opened.log, EmbeddedLog)
        await record(opened, ORBITS)
        await opened.log.append(ELEMENTS, entries_of([orbit("unrecorded", "cat-1")]))
        ends = await opened.log.end_offsets(ELEMENTS)

        async def left() -> int:
            return sum([len(await opened.log.read(partition, 0, 100)) for partition in ends])

        turns = iter_turns(now_tai_ns() + 29 * DAY_NS, now_tai_ns() + 31 * DAY_NS)
        service = RetentionService(
            opened.log, opened.history, opened.state, tmp_path, "test",
            keeping=KeepingSettings(log_window_days=30.0), now=lambda: next(turns),
        )  # fmt: skip
        await service._trim_recorded()
        assert await left() == 9
        await service._trim_recorded()
        assert await left() == 1
        assert await opened.log.end_offsets(ELEMENTS) == ends
        recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
        await running_until(lambda: everything_recorded(opened), recorder.run())
        assert "unrecorded" in history_ids(opened)


def iter_turns(*instants: int) -> Iterator[int]:
    yield from instants
