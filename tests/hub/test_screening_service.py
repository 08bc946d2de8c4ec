"""The screening service: when it screens, what it publishes, and what it does when something goes wrong."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.log import Entry, LogUnavailableError, TopicPartition
from ingest.messages import read_records
from ingest.topics import CONJUNCTIONS, ELEMENTS
from schemas.records import CONJUNCTION_SCHEMA, DataMode
from schemas.timescales import NS_PER_SECOND
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.run_progress import RunProgress
from ssa_hub.services.screening import LEASE, ScreeningService
from ssa_hub.services.screening_pace import Pace, worth_another
from ssa_hub.services.screening_window import Window
from ssa_hub.settings import ScreeningSettings
from ssa_hub.state.runs import Run
from ssa_hub.state.withdrawals import Reason, WithdrawnRecord
from tests.conjunction.populations import EPOCH_TAI_NS
from tests.history.examples import elements
from tests.hub.orbits import START_UTC, THRESHOLD_KM, meeting, meeting_orbits, orbit_of
from tests.hub.rooms import PATIENCE_S, Rooms, entries_of, orbit, rooms, running_until
from tests.log.places import everything

HOUR_NS = 3600 * NS_PER_SECOND
SETTINGS = ScreeningSettings(threshold_km=THRESHOLD_KM, window_hours=1.0, every_s=0.0, start_utc=START_UTC, threads=1)
PACE = Pace(look_every_s=0.01, settled_s=0.05, lease_s=30.0, retry_s=0.05, retry_s_max=0.2)


class Said:
    """A reporter that remembers; progress goes nowhere."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def progress(self, title: str, total: float | None, unit: str = "") -> Iterator["Said"]:
        yield self

    def update(self, done: float, total: float | None = None) -> None:
        pass


def service(
    opened: Rooms,
    said: Said | None = None,
    *,
    holder: str = "this worker",
    settings: ScreeningSettings = SETTINGS,
    pace: Pace = PACE,
    kind: type[ScreeningService] = ScreeningService,
) -> ScreeningService:
    return kind(opened.log, opened.state, settings, holder, said or Said(), pace)


def record(opened: Rooms, rows: Sequence[dict[str, Any]]) -> None:
    """Orbits into state, as the recorder brings them there."""
    table = elements(*rows)
    with opened.state.transaction() as connection:
        opened.state.recorded.insert(connection, "elements", table)
        opened.state.newest.upsert(connection, table)


def complete(opened: Rooms) -> list[Run]:
    """Complete runs, the last one first."""
    return [run for run in opened.state.runs.last(100) if run.status == "complete"]


async def published(opened: Rooms) -> list[dict[str, Any]]:
    """Conjunctions on the log."""
    messages = await everything(opened.log, CONJUNCTIONS)
    found: list[dict[str, Any]] = read_records(messages, CONJUNCTION_SCHEMA).to_pylist()
    return found


async def test_a_catalogue_that_has_settled_is_screened_and_not_again_until_it_changes(
    tmp_path: Path, sqlite_url: str
) -> None:
    said = Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await running_until(lambda: len(complete(opened)) == 1, service(opened, said).run())
        (found,) = await published(opened)
        assert {found["parent_1"], found["parent_2"]} == {"one", "two"}
        (run,) = complete(opened)
        assert (run.data_mode, run.objects, run.conjunctions, run.left_out) == ("TEST", 2, 1, [])
        assert (run.start_tai_ns, run.end_tai_ns) == (EPOCH_TAI_NS, EPOCH_TAI_NS + 3600 * NS_PER_SECOND)
        assert run.catalogue_seq == opened.state.recorded.last_seq()

        looks = 0

        def several_looks() -> bool:
            nonlocal looks
            looks += 1
            return looks > 30

        await running_until(several_looks, service(opened).run())
        assert len(complete(opened)) == 1, "the same catalogue is not screened twice, nor by another worker"
        record(opened, [orbit_of("three", "cat-3", meeting_orbits()[0])])
        await running_until(lambda: len(complete(opened)) == 2, service(opened).run())
    assert any("close approaches" in line for line in said.lines)


async def test_orbits_that_never_stop_coming_are_screened_all_the_same(tmp_path: Path, sqlite_url: str) -> None:
    number = 0
    async with rooms(tmp_path, sqlite_url) as opened:

        def another_orbit_and_done() -> bool:
            nonlocal number
            number += 1
            record(opened, [orbit_of(f"more {number}", f"cat-{number}", meeting_orbits()[number % 2])])
            return bool(complete(opened))

        pace = PACE._replace(settled_s=3600.0, unsettled_s_max=0.3)
        await running_until(another_orbit_and_done, service(opened, pace=pace).run())


async def test_screening_waits_for_orbits_that_are_on_the_log_and_not_yet_recorded(
    tmp_path: Path, sqlite_url: str
) -> None:
    looks = 0
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await opened.log.append(ELEMENTS, [Entry(b"cat-9", b"{}")])
        (behind,) = [place for place, end in (await opened.log.end_offsets(ELEMENTS)).items() if end]

        def many_looks() -> bool:
            nonlocal looks
            looks += 1
            return looks > 30

        await running_until(many_looks, service(opened).run())
        assert complete(opened) == [], "a recorder that has died left orbits on the log"
        impatient = service(opened, pace=PACE._replace(behind_s_max=0.1))
        await running_until(lambda: len(complete(opened)) == 1, impatient.run())
        with opened.state.transaction() as connection:
            opened.state.positions.set(connection, {behind: 1})
        record(opened, [orbit_of("three", "cat-3", meeting_orbits()[0])])
        await running_until(lambda: len(complete(opened)) == 2, service(opened).run())


async def test_while_orbits_on_the_log_are_still_to_be_recorded_it_waits_for_them_but_not_for_ever(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await opened.log.append(ELEMENTS, entries_of([orbit("to come")]))
        ends = {at: end for at, end in (await opened.log.end_offsets(ELEMENTS)).items() if end}
        looks = 0

        def recorded_after_some_looks() -> bool:
            nonlocal looks
            looks += 1
            if looks == 40:
                assert opened.state.runs.last(10) == []
                with opened.state.transaction() as connection:
                    opened.state.positions.set(connection, ends)
            return bool(complete(opened))

        await running_until(recorded_after_some_looks, service(opened).run())
        await opened.log.append(ELEMENTS, entries_of([orbit("never recorded")]))
        record(opened, [orbit_of("three", "cat-3", meeting_orbits()[0])])
        impatient = PACE._replace(behind_s_max=0.1)
        await running_until(lambda: len(complete(opened)) == 2, service(opened, pace=impatient).run())


async def test_real_orbits_and_exercise_orbits_never_meet(tmp_path: Path, sqlite_url: str) -> None:
    real, exercise = meeting(data_mode="REAL")[0], meeting(data_mode="EXERCISE")[1]
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [real, exercise])
        await running_until(lambda: len(complete(opened)) == 2, service(opened).run())
        assert await published(opened) == []
        assert {run.data_mode for run in complete(opened)} == {DataMode.REAL, DataMode.EXERCISE}
        record(opened, meeting("both ", data_mode="REAL"))
        await running_until(lambda: len(complete(opened)) == 3, service(opened).run())
        (found,) = await published(opened)
        assert found["data_mode"] == "REAL"


async def test_two_originators_orbits_of_one_object_are_no_pair_and_each_meets_the_other_object(
    tmp_path: Path, sqlite_url: str
) -> None:
    first, second = meeting()
    theirs = {**first, "record_id": "theirs", "originator": "beta"}
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first, theirs, second])
        await running_until(lambda: bool(complete(opened)), service(opened).run())
        found = await published(opened)
    assert sorted((row["parent_1"], row["parent_2"]) for row in found) == [("one", "two"), ("theirs", "two")]
    assert all(row["object_id_1"] < row["object_id_2"] for row in found)


async def test_an_approach_in_two_overlapping_windows_is_one_record_and_a_cut_one_is_not_told_again(
    tmp_path: Path, sqlite_url: str
) -> None:
    def starting(start_utc: str) -> ScreeningSettings:
        return ScreeningSettings(
            threshold_km=THRESHOLD_KM, window_hours=0.6, every_s=0.0, start_utc=start_utc, threads=1
        )

    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await running_until(lambda: len(complete(opened)) == 1, service(opened, settings=starting(START_UTC)).run())
        record(opened, [orbit_of("far", "cat-9", (2.0, *meeting_orbits()[0][1:]))])
        shifted = starting("2024-09-17T12:10:00")
        await running_until(lambda: len(complete(opened)) == 2, service(opened, settings=shifted).run())
        first, second = await published(opened)
        assert first["record_id"] == second["record_id"]
        # From just after the approach on, the range is smallest at the window's start; the first run told it better.
        record(opened, [orbit_of("farther", "cat-8", (2.1, *meeting_orbits()[0][1:]))])
        tca_s = (first["tca_tai_ns"] - EPOCH_TAI_NS) / NS_PER_SECOND + 0.4
        cut = starting(f"2024-09-17T12:{int(tca_s // 60):02d}:{tca_s % 60:09.6f}")
        await running_until(lambda: len(complete(opened)) == 3, service(opened, settings=cut).run())
        assert len(await published(opened)) == 2
        assert complete(opened)[0].conjunctions == 0


@pytest.mark.parametrize("numbers", [(-1.0, *meeting_orbits()[0][1:]), meeting_orbits()[0]])
async def test_a_catalogue_of_one_orbit_usable_or_not_is_screened(
    tmp_path: Path, sqlite_url: str, numbers: Any
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [orbit_of("only", "cat-1", numbers)])
        await running_until(lambda: bool(complete(opened)), service(opened).run())
        (run,) = complete(opened)
        assert (run.objects, run.conjunctions, len(run.left_out)) == (1, 0, int(numbers[0] < 0))


class Blocking(ScreeningService):
    """A service whose computing stands still until it is let go."""

    begun: threading.Event
    go_on: threading.Event

    def _find(self, elements: pa.Table, window: Window, done: RunProgress) -> Any:
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        return super()._find(elements, window, done)


def blocking(opened: Rooms, **given: Any) -> Blocking:
    made = service(opened, kind=Blocking, **given)
    assert isinstance(made, Blocking)
    made.begun, made.go_on = threading.Event(), threading.Event()
    return made


async def test_while_one_worker_screens_another_does_not(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        first, second = blocking(opened, holder="first"), service(opened, holder="second")
        looks = 0

        def condition() -> bool:
            nonlocal looks
            if first.begun.is_set():
                looks += 1
            if looks == 40:
                assert len(opened.state.runs.last(10)) == 1
                first.go_on.set()
            return bool(complete(opened)) and looks > 80

        await running_until(condition, first.run(), once_begun(first, second))
        assert len(opened.state.runs.last(10)) == 1
        assert len(await published(opened)) == 1


async def once_begun(first: Blocking, second: ScreeningService) -> None:
    """Run the second service once the first is at work."""
    await asyncio.to_thread(first.begun.wait, PATIENCE_S)
    await second.run()


async def test_a_dead_workers_lease_expires_and_its_run_is_noted_as_failed(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        assert opened.state.leases.acquire(LEASE, "dead worker", 0.5)
        opened.state.runs.begin(
            data_mode=DataMode.TEST, catalogue_seq=2, start_tai_ns=EPOCH_TAI_NS, duration_s=1.0, threshold_km=5.0
        )
        await running_until(lambda: bool(complete(opened)), service(opened).run())
        new, old = opened.state.runs.last(10)
        assert (new.status, old.status) == ("complete", "failed")
        assert old.failure == "its worker ended before it did"


async def test_a_worker_that_lost_its_lease_gives_its_run_up_and_goes_on(tmp_path: Path, sqlite_url: str) -> None:
    """As when it was stopped for longer than the lease lasts."""
    said = Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        stalled = blocking(opened, said=said, holder="stalled", pace=PACE._replace(lease_s=0.3))

        def taken_over() -> bool:
            if stalled.begun.is_set() and not stalled.go_on.is_set():
                opened.state.leases.release(LEASE, "stalled")
                if opened.state.leases.acquire(LEASE, "other", 0.6):
                    opened.state.runs.abandon_running("taken over")
                    stalled.go_on.set()
            return bool(complete(opened))

        await running_until(taken_over, stalled.run())
        assert [run.status for run in opened.state.runs.last(10)] == ["complete", "failed"]
        assert len({row["record_id"] for row in await published(opened)}) == 1


class Failing(ScreeningService):
    """A service whose first computations fail."""

    failures = 3
    tries = 0

    def _find(self, elements: pa.Table, window: Window, done: RunProgress) -> Any:
        self.tries += 1
        if self.tries <= self.failures:
            raise ArithmeticError("a kernel\nfailed")
        return super()._find(elements, window, done)


async def test_a_run_that_fails_is_noted_told_and_tried_again_later_and_later(tmp_path: Path, sqlite_url: str) -> None:
    said = Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await running_until(lambda: bool(complete(opened)), service(opened, said, kind=Failing).run())
        runs = opened.state.runs.last(10)
        assert [run.status for run in runs] == ["complete", "failed", "failed", "failed"]
        assert {run.failure for run in runs[1:]} == {"ArithmeticError: a kernel failed"}
    told = [line for line in said.lines if "failed" in line]
    assert [line.split(" failed", 1)[1] for line in told] == [
        f", next try in {wait} s: ArithmeticError: a kernel failed" for wait in ("0.05", "0.1", "0.2")
    ]


def a_run(started_tai_ns: int, *, start_tai_ns: int, hours: float = 24.0, sequence: int = 7) -> Run:
    return Run(
        id=1,
        data_mode=DataMode.REAL,
        catalogue_seq=sequence,
        start_tai_ns=start_tai_ns,
        end_tai_ns=start_tai_ns + round(hours * HOUR_NS),
        threshold_km=5.0,
        status="complete",
        objects=1,
        conjunctions=0,
        left_out=[],
        wall_s=1.0,
        failure=None,
        started_tai_ns=started_tai_ns,
        finished_tai_ns=started_tai_ns + 60 * NS_PER_SECOND,
    )


@pytest.mark.parametrize(
    ("start_after_h", "sequence", "now_h", "again"),
    [
        (0.0, 7, 1.0, False),  # nothing new, and most of the window to come
        (0.0, 8, 1.0, True),  # new orbits
        (0.0, 8, 0.02, False),  # new orbits, but too soon
        (0.0, 7, 11.9, False),
        (0.0, 7, 12.1, True),  # half of the window is over
        (-17_000.0, 7, 12.1, False),  # a replayed day passes no faster for waiting
        (-17_000.0, 8, 12.1, True),
    ],
)
def test_a_catalogue_is_screened_again_for_new_orbits_and_when_half_the_window_is_over(
    start_after_h: float, sequence: int, now_h: float, again: bool
) -> None:
    last = a_run(EPOCH_TAI_NS, start_tai_ns=EPOCH_TAI_NS + round(start_after_h * HOUR_NS))
    assert worth_another(last, sequence, 600.0, EPOCH_TAI_NS + round(now_h * HOUR_NS)) is again


class AwayLog:
    """The log behind a fault: the first appends fail."""

    def __init__(self, opened: Rooms) -> None:
        self.log, self.failures = opened.log, 2
        self.end_offsets = opened.log.end_offsets

    async def append(self, topic: str, entries: Sequence[Entry]) -> None:
        if self.failures:
            self.failures -= 1
            raise LogUnavailableError("the broker is away")
        await self.log.append(topic, entries)

    async def end_offsets(self, topic: str) -> dict[TopicPartition, int]:
        return await self.log.end_offsets(topic)


async def test_a_log_that_is_away_when_a_run_publishes_makes_it_fail_and_the_next_one_publish(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        away = AwayLog(opened)
        screening = ScreeningService(away, opened.state, SETTINGS, "w", Said(), PACE)  # type: ignore[arg-type]
        await running_until(lambda: bool(complete(opened)), screening.run())
        assert [run.status for run in opened.state.runs.last(10)] == ["complete", "failed", "failed"]
        assert len(await published(opened)) == 1


async def test_a_service_that_is_cancelled_leaves_at_once_gives_its_lease_back_and_notes_its_run(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        screening = blocking(opened)
        task = asyncio.create_task(screening.run())
        await asyncio.to_thread(screening.begun.wait, PATIENCE_S)
        task.cancel()
        await asyncio.wait({task})  # though its computing still stands
        assert task.cancelled()
        (run,) = opened.state.runs.last(10)
        assert (run.status, run.failure) == ("failed", "the hub was stopped")
        assert opened.state.leases.acquire(LEASE, "another", 30.0)
        screening.go_on.set()
        assert await published(opened) == []


async def test_a_run_that_an_operator_ends_is_noted_with_who_did_and_not_tried_again_at_once(
    tmp_path: Path, sqlite_url: str
) -> None:
    said = Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        screening = blocking(opened, said=said)

        def ended() -> bool:
            if screening.begun.is_set() and not screening.go_on.is_set():
                (run,) = opened.state.runs.last(10)
                assert (run.status, run.objects, run.fraction) == ("running", 2, None)
                assert opened.state.runs.cancel("WARDEN") == 1
                screening.go_on.set()
            return any("cancelled" in line for line in said.lines)

        await running_until(ended, screening.run())
        (run,) = opened.state.runs.last(10)
        assert (run.status, run.failure, run.cancelled_by) == ("failed", "cancelled by WARDEN", "WARDEN")
        assert run.fraction is not None
        assert await published(opened) == []
    assert any(line.endswith("cancelled by WARDEN, next try in 0.2 s") for line in said.lines)


def withdraw(opened: Rooms, record_id: str, *followers: dict[str, Any]) -> int:
    """An orbit goes; these take its place."""
    with opened.state.transaction() as connection:
        return opened.state.withdrawals.add(
            connection,
            [WithdrawnRecord(record_id, "elements", "TEST")],
            originator="alpha",
            reason=Reason("wrong"),
            derived="flag",
            payload_sha256=None,
            by="alpha",
            now_tai_ns=1,
            after=opened.state.withdrawals.last(),
            followers=elements(*followers),
            followers_seq=opened.state.recorded.last_seq(),
        )


def screened(opened: Rooms, number: int) -> bool:
    found = opened.state.withdrawals.get(number)
    assert found is not None
    return found.screened_tai_ns is not None


async def test_a_withdrawn_orbit_starts_a_run_with_the_one_before_it_and_is_noted_once_that_is_shown(
    tmp_path: Path, sqlite_url: str
) -> None:
    first, second = meeting()
    before = {**second, "record_id": "two before", "received_tai_ns": second["received_tai_ns"] - 1}
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first, before, second])
        await running_until(lambda: len(complete(opened)) == 1, service(opened).run())
        assert [{row["parent_1"], row["parent_2"]} for row in await published(opened)] == [{"one", "two"}]
        number = withdraw(opened, "two", before)
        screening = service(opened)
        await running_until(lambda: len(complete(opened)) == 2, screening.run())
        parents = [{row["parent_1"], row["parent_2"]} for row in await published(opened)]
        assert parents == [{"one", "two"}, {"one", "two before"}]
        assert not screened(opened, number), "nobody is shown yet what it found"
        recording = Recorder(opened.log, opened.history, opened.state)
        await running_until(lambda: screened(opened, number), service(opened).run(), recording.run())
        assert opened.state.withdrawals.unscreened() == {}


async def test_a_catalogue_of_which_all_orbits_are_withdrawn_is_followed_by_no_run(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [meeting()[0]])
        await running_until(lambda: len(complete(opened)) == 1, service(opened).run())
        number = withdraw(opened, "one")
        await running_until(lambda: screened(opened, number), service(opened).run())
        assert len(complete(opened)) == 1
