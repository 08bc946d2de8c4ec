"""Orbits that arrive are screened at once: the same records as a whole run's, and by the same rules."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from conjunction.catalogue import Catalogue
from conjunction.screening import screen
from schemas.timescales import NS_PER_SECOND
from ssa_hub.services.arrivals import ArrivalScreening
from ssa_hub.services.object_order import exchanged
from ssa_hub.services.resident_orbits import Arrived, ResidentOrbits, megabytes_of
from ssa_hub.services.screening import LEASE
from tests.conjunction.populations import EPOCH_TAI_NS, table_of
from tests.hub.orbits import THRESHOLD_KM, meeting, meeting_orbits, orbit_of
from tests.hub.rooms import Rooms, rooms, running_until
from tests.hub.test_screening_service import PACE, SETTINGS, Said, complete, published, record, service, withdraw

FIRST, SECOND = meeting_orbits()
QUICK = PACE._replace(arrivals_every_s=0.01)
# A third that meets both, some minutes before and behind the first on its own orbit would not: the same place, turned.
NEAR_FIRST = (*FIRST[:5], FIRST[5] + 0.05, FIRST[6])


def arrivals(
    opened: Rooms, said: Said | None = None, *, kind: type[ArrivalScreening] = ArrivalScreening, **given: Any
) -> ArrivalScreening:
    settings = given.pop("settings", SETTINGS)
    holder = given.pop("holder", "this worker")
    return kind(opened.log, opened.state, settings, holder, said or Said(), given.pop("pace", QUICK))


def told_up_to(opened: Rooms) -> int:
    """Up to which orbit the last complete run, or screening at once after it, has told."""
    return max((run.up_to_seq for run in complete(opened)), default=0)


async def screened_whole(opened: Rooms, runs: int) -> None:
    """Let the service of whole runs work until there are so many."""
    await running_until(lambda: len(complete(opened)) == runs, service(opened).run())


async def screened_at_once(opened: Rooms, rows: list[dict[str, Any]], **given: Any) -> list[dict[str, Any]]:
    """Record orbits, let arrivals be screened until all of them are told, and say what was published."""
    before = await published(opened)
    record(opened, rows)
    last = max(opened.state.recorded.last_elements().values())
    await running_until(lambda: told_up_to(opened) >= last, arrivals(opened, **given).run())
    return await published_since(opened, before)


async def published_since(opened: Rooms, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was published after that; the log's partitions are read one after another."""
    return [row for row in await published(opened) if row not in before]


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A record without the instant at which it was made."""
    return {name: value for name, value in row.items() if name != "received_tai_ns"}


def assert_the_same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """The same records, field by field."""
    by_id = {row["record_id"]: told(row) for row in other}
    assert {row["record_id"] for row in one} == set(by_id)
    for row in one:
        twin = by_id[row["record_id"]]
        assert told(row).keys() == twin.keys()
        for name, value in told(row).items():
            if isinstance(value, float):
                assert value == pytest.approx(twin[name], abs=1e-6, rel=1e-12), name
            elif name.endswith("_tai_ns") and value is not None:
                assert abs(value - twin[name]) <= 1_000_000, name
            else:
                assert value == twin[name], name


@pytest.mark.parametrize("numbers", [("cat-1", "cat-2"), ("cat-9", "cat-2"), ("cat-2", "cat-9")])
async def test_what_is_told_at_once_is_what_the_whole_run_tells_field_by_field(
    tmp_path: Path, sqlite_url: str, numbers: tuple[str, str]
) -> None:
    there, comes = numbers
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [orbit_of("there", there, FIRST), orbit_of("far", "cat-5", (2.0, *FIRST[1:]))])
        await screened_whole(opened, 1)
        assert await published(opened) == []
        at_once = await screened_at_once(
            opened, [orbit_of("comes", comes, SECOND), orbit_of("comes too", "cat-3", NEAR_FIRST)]
        )
        assert len(at_once) >= 3
        assert len(complete(opened)) == 1, "no whole run was needed"
        assert all(row["object_id_1"] < row["object_id_2"] for row in at_once)
        await screened_whole(opened, 2)
        whole = await published_since(opened, at_once)
        assert_the_same(at_once, whole)
        ids = [row["record_id"] for row in whole]
        assert len(set(ids)) == len(ids)


async def test_only_the_newest_orbits_meet_when_several_are_followed_together(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting("old "))
        await screened_whole(opened, 1)
        assert [(row["parent_1"], row["parent_2"]) for row in await published(opened)] == [("old one", "old two")]
        later = {"received_tai_ns": 10**18 * 2}
        at_once = await screened_at_once(opened, meeting("new ", **later))
        assert [(row["parent_1"], row["parent_2"]) for row in at_once] == [("new one", "new two")]
        # One that is older than what is there is the newest of nothing, and tells nothing.
        stale = orbit_of("stale", "cat-2", SECOND, received_tai_ns=1)
        assert await screened_at_once(opened, [stale]) == []
        assert told_up_to(opened) == opened.state.recorded.last_seq()


async def test_another_originators_orbit_of_an_object_meets_the_others_and_not_its_own(
    tmp_path: Path, sqlite_url: str
) -> None:
    first, second = meeting()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first, second])
        await screened_whole(opened, 1)
        theirs = {**first, "record_id": "theirs", "originator": "beta"}
        at_once = await screened_at_once(opened, [theirs])
        assert [(row["parent_1"], row["parent_2"]) for row in at_once] == [("theirs", "two")]


async def test_orbits_of_another_data_mode_take_no_part(tmp_path: Path, sqlite_url: str) -> None:
    first, second = meeting()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first])
        record(opened, [{**orbit_of("real", "cat-7", (2.0, *FIRST[1:])), "data_mode": "REAL"}])
        await screened_whole(opened, 2)
        real = {**second, "record_id": "real two", "data_mode": "REAL"}
        at_once = await screened_at_once(opened, [real])
        assert at_once == []
        at_once = await screened_at_once(opened, [second])
        assert [row["data_mode"] for row in at_once] == ["TEST"]


async def test_more_orbits_than_the_setting_allows_wait_for_the_whole_run(tmp_path: Path, sqlite_url: str) -> None:
    few = msgspec.structs.replace(SETTINGS, at_once_max=1)
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [orbit_of("far", "cat-5", (2.0, *FIRST[1:]))])
        await screened_whole(opened, 1)
        record(opened, meeting())
        looks = 0

        def many_looks() -> bool:
            nonlocal looks
            looks += 1
            return looks > 60

        await running_until(many_looks, arrivals(opened, settings=few).run())
        assert await published(opened) == []
        await screened_whole(opened, 2)
        assert len(await published(opened)) == 1


async def test_a_worker_that_has_not_the_lease_tells_nothing_until_it_has(tmp_path: Path, sqlite_url: str) -> None:
    first, second = meeting()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first])
        await screened_whole(opened, 1)
        assert opened.state.leases.acquire(LEASE, "another", 3_600.0)
        record(opened, [second])
        looks = 0

        def given_back_after_some_looks() -> bool:
            nonlocal looks
            looks += 1
            if looks == 40:
                assert told_up_to(opened) == 1
                opened.state.leases.release(LEASE, "another")
            return told_up_to(opened) == 2

        await running_until(given_back_after_some_looks, arrivals(opened, pace=QUICK._replace(lease_s=1.0)).run())
        assert len(await published(opened)) == 1


class Failing(ArrivalScreening):
    """Its first computations fail."""

    tries = 0

    def _found(self, ready: ResidentOrbits, arrived: Arrived, part: slice) -> pa.Table:
        self.tries += 1
        if self.tries <= 2:
            raise ArithmeticError("a kernel\nfailed")
        return super()._found(ready, arrived, part)


async def test_what_fails_is_told_and_tried_again_and_nothing_is_missed(tmp_path: Path, sqlite_url: str) -> None:
    first, second = meeting()
    said = Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first])
        await screened_whole(opened, 1)
        at_once = await screened_at_once(opened, [second], said=said, kind=Failing)
        assert len(at_once) == 1
    failures = [line.split(" failed", 1)[1] for line in said.lines if "failed" in line]
    assert failures == [f", next try in {wait} s: ArithmeticError: a kernel failed" for wait in ("0.05", "0.1")]
    assert any("at once: 1 close approaches" in line for line in said.lines)


async def test_an_orbit_that_arrives_during_a_whole_run_does_not_wait_for_it(tmp_path: Path, sqlite_url: str) -> None:
    from tests.hub.test_screening_service import blocking

    first, second = meeting()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first])
        await screened_whole(opened, 1)
        record(opened, [orbit_of("far", "cat-5", (2.0, *FIRST[1:]))])
        long = blocking(opened)
        seen: list[int] = []

        def condition() -> bool:
            if long.begun.is_set() and not seen:
                seen.append(1)
                record(opened, [second])
            if told_up_to(opened) == 3 and not long.go_on.is_set():
                assert len(complete(opened)) == 1
                long.go_on.set()
            return len(complete(opened)) >= 2

        await running_until(condition, long.run(), arrivals(opened).run())
        assert {row["record_id"] for row in await published(opened)} == {(await published(opened))[0]["record_id"]}


async def test_an_approach_told_at_once_is_not_told_again_from_the_edge_of_a_later_window(
    tmp_path: Path, sqlite_url: str
) -> None:
    first, second = meeting()
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [first])
        await screened_whole(opened, 1)
        (found,) = await screened_at_once(opened, [second])
        record(opened, [orbit_of("far", "cat-5", (2.0, *FIRST[1:]))])
        tca_s = (found["tca_tai_ns"] - EPOCH_TAI_NS) / NS_PER_SECOND + 0.4
        start_utc = f"2024-09-17T12:{int(tca_s // 60):02d}:{tca_s % 60:09.6f}"
        cut = msgspec.structs.replace(SETTINGS, window_hours=0.6, start_utc=start_utc)
        await running_until(lambda: len(complete(opened)) == 2, service(opened, settings=cut).run())
        assert len(await published(opened)) == 1


async def test_a_service_that_is_cancelled_gives_its_lease_back(tmp_path: Path, sqlite_url: str) -> None:
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, meeting())
        await screened_whole(opened, 1)
        await screened_at_once(opened, [orbit_of("far", "cat-5", (2.0, *FIRST[1:]))])
        assert opened.state.leases.acquire(LEASE, "another", 30.0)


def test_exchanged_objects_are_what_screening_says_of_the_pair_in_the_other_order() -> None:
    given = {"start_tai_ns": EPOCH_TAI_NS, "duration_s": 3600.0, "threshold_km": THRESHOLD_KM}
    catalogue = Catalogue.from_elements(table_of([FIRST, SECOND, NEAR_FIRST]))
    turned = Catalogue.from_elements(table_of([NEAR_FIRST, SECOND, FIRST]))
    found = screen(catalogue, **given).conjunctions  # type: ignore[arg-type]
    expected = screen(turned, **given).conjunctions  # type: ignore[arg-type]
    assert found.num_rows == expected.num_rows > 2
    swapped = exchanged(found, np.ones(found.num_rows, dtype=np.bool_), catalogue)
    as_turned = {(2 - row["index_1"], 2 - row["index_2"], row["tca_tai_ns"]): row for row in swapped.to_pylist()}
    for row in expected.to_pylist():
        twin = as_turned[row["index_1"], row["index_2"], row["tca_tai_ns"]]
        for name in row.keys() - {"index_1", "index_2"}:
            assert twin[name] == pytest.approx(row[name], abs=1e-9, rel=1e-12), name


def test_memory_is_estimated_from_orbits_and_window() -> None:
    assert megabytes_of(27_000, 86_400.0) == pytest.approx(175.0, rel=0.01)


@pytest.mark.parametrize("withdrawn", ["the orbit that meets", "the orbit that does not"])
async def test_a_withdrawn_orbit_is_forgotten_and_the_one_before_is_back_before_anything_else_is_screened(
    tmp_path: Path, sqlite_url: str, withdrawn: str
) -> None:
    meets, second = meeting()
    passes = orbit_of("passes", "cat-1", (2.0, *FIRST[1:]))
    newest, before = (meets, passes) if withdrawn == "the orbit that meets" else (passes, meets)
    before = {**before, "received_tai_ns": newest["received_tai_ns"] - 1}
    async with rooms(tmp_path, sqlite_url) as opened:
        record(opened, [before, newest])
        await screened_whole(opened, 1)
        steps: list[str] = []

        def condition() -> bool:
            if not steps:
                record(opened, [orbit_of("far", "cat-5", (2.5, *FIRST[1:]))])
                steps.append("orbits are held ready")
            elif len(steps) == 1 and told_up_to(opened) == 3:
                withdraw(opened, newest["record_id"], before)
                record(opened, [second])
                steps.append("withdrawn")
            return told_up_to(opened) == 4

        await running_until(condition, arrivals(opened).run())
        found = [(row["parent_1"], row["parent_2"]) for row in await published(opened)]
        assert found == ([("one", "two")] if before["record_id"] == "one" else [])
