"""The ledger on both databases: one chain whoever writes, days that close once, questions answered from sums."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from schemas.timescales import format_utc, parse_utc
from ssa_hub.release.ledger import Channel, day_text, utc_day
from ssa_hub.services.ledger_periods import LedgerPeriodService, seconds_until_over
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.ledger_rows import Interval
from ssa_hub.state.release_tables import ledger_entries
from ssa_hub.state.store import State, open_state
from tests.release.ledgers import DAY_NS, HOUR_NS, NOON_TAI_NS, disclosure, record_id
from tests.state.ledgers import FIRST_DAY, fill


def test_what_is_noted_is_read_again_and_verified(state: State) -> None:
    fill(state)
    verified = state.ledger_periods.verify()
    assert (verified.entries, verified.periods) == (20, 4)
    assert verified.head_sha256 == state.ledger.head().entry_sha256
    closed = [day for day in range(-2, 7) if state.ledger_periods.get(FIRST_DAY + day) is not None]
    assert closed == [0, 1, 2, 3]


def test_a_day_is_the_day_in_utc_and_a_leap_second_belongs_to_it() -> None:
    for utc in ("2016-12-31T00:00:00", "2016-12-31T23:59:60.999", "2017-01-01T00:00:00", "2026-02-28T23:59:59"):
        assert day_text(utc_day(parse_utc(utc))) == utc[:10]


def test_a_hub_without_entries_has_closed_days_too(state: State) -> None:
    assert state.ledger_periods.close_over(NOON_TAI_NS) == 1
    assert state.ledger_periods.close_over(NOON_TAI_NS + 3 * DAY_NS) == 3
    assert state.ledger_periods.close_over(NOON_TAI_NS + 3 * DAY_NS) == 0
    assert state.ledger_periods.verify().periods == 4


def test_a_clock_that_is_behind_notes_in_the_open_day(state: State) -> None:
    state.ledger.append([disclosure()], NOON_TAI_NS)
    state.ledger_periods.close_over(NOON_TAI_NS + DAY_NS)
    state.ledger.append([disclosure()], NOON_TAI_NS + HOUR_NS)
    state.ledger.append([disclosure()], NOON_TAI_NS + 2 * HOUR_NS)
    rest = state.ledger_questions.entries(Interval(), originator=None, partner=None, after=None, limit=9)[0][1:]
    assert [format_utc(entry.released_tai_ns, 0) for entry in rest] == [day_text(FIRST_DAY + 1) + "T00:00:00"] * 2
    state.ledger_periods.close_over(NOON_TAI_NS + 2 * DAY_NS)
    assert state.ledger_periods.verify().periods == 2


def test_threads_and_hubs_on_one_database_write_one_chain(state_url: str) -> None:
    with open_state(state_url) as first, open_state(state_url) as second:
        writers = [Disclosures(state, lambda: NOON_TAI_NS) for state in (first, second)]

        def write(thread: int) -> None:
            for turn in range(5):
                writers[thread % 2].record([disclosure("AQUILA", f"P{thread}", turn), disclosure("BOREAL")])

        with ThreadPoolExecutor(8) as executor:
            list(executor.map(write, range(8)))
        assert first.ledger_periods.verify().entries == 80
        sums = second.ledger_questions.sums(("partner",), Interval(), originator="AQUILA")
        assert [(key, value.records) for key, value in sums] == [((f"P{thread}",), 5) for thread in range(8)]


def test_a_day_is_closed_once_by_several_hubs(state_url: str) -> None:
    with open_state(state_url) as first, open_state(state_url) as second:
        for day in range(4):
            first.ledger.append([disclosure("AQUILA", "BOREAL", day)], NOON_TAI_NS + day * DAY_NS)
        with ThreadPoolExecutor(4) as executor:
            closings = executor.map(
                lambda state: state.ledger_periods.close_over(NOON_TAI_NS + 4 * DAY_NS), [first, second] * 2
            )
            assert sum(closings) == 4
        assert second.ledger_periods.verify().periods == 4


def test_a_hub_that_died_before_closing_closes_at_its_next_start(state_url: str) -> None:
    with open_state(state_url) as state:
        state.ledger.append([disclosure("AQUILA")], NOON_TAI_NS)
        public_key = state.ledger_periods.keys().public_key
    with open_state(state_url) as state:
        state.ledger.append([disclosure("AQUILA")], NOON_TAI_NS + 2 * DAY_NS)
        assert state.ledger_periods.close_over(NOON_TAI_NS + 2 * DAY_NS) == 2
        assert state.ledger_periods.keys().public_key == public_key
        assert state.ledger_periods.verify().periods == 2


def test_a_failure_reaches_all_that_wait_and_the_next_ones_are_noted(state: State) -> None:
    disclosures = Disclosures(state, lambda: NOON_TAI_NS)
    with state.transaction() as connection:
        connection.execute(text("ALTER TABLE ledger_entries RENAME TO away"))
    barrier = threading.Barrier(6)

    def write(_: int) -> str:
        barrier.wait()
        try:
            disclosures.record([disclosure()])
        except (StateUnavailableError, RuntimeError) as error:
            return type(error).__name__
        return "noted"

    with ThreadPoolExecutor(6) as executor:
        assert "noted" not in set(executor.map(write, range(6)))
    with state.transaction() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO ledger_entries"))
    disclosures.record([disclosure()])
    assert state.ledger.head().number == 1


@pytest.mark.parametrize("changed", [{"records": 0}, {"record_ids": bytes(17)}, {"kind": "gossip"}, {"originator": ""}])
def test_what_is_no_disclosure_is_refused_and_not_noted(state: State, changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(changed))):
        Disclosures(state).record([disclosure(), disclosure(**changed)])  # type: ignore[arg-type]
    assert state.ledger.head().number == 0


def test_the_service_closes_what_is_over_at_its_start(state: State) -> None:
    state.ledger.append([disclosure()], NOON_TAI_NS)

    closed = asyncio.Event()

    def clock() -> int:
        if state.ledger_periods.get(FIRST_DAY + 1) is not None:  # the service asks again when it has closed
            closed.set()
        return NOON_TAI_NS + 2 * DAY_NS

    async def run() -> None:
        service = asyncio.create_task(LedgerPeriodService(state, clock).run())
        await closed.wait()
        service.cancel()
        with pytest.raises(asyncio.CancelledError):
            await service

    asyncio.run(run())
    assert state.ledger_periods.verify().periods == 2


@pytest.mark.parametrize(
    ("utc", "seconds"),
    [
        ("2026-03-04T12:00:00", 43_260.0),
        ("2026-03-04T00:00:59", 1.0),
        ("2026-03-04T00:01:00", 86_400.0),
        ("2016-12-31T23:59:60", 61.0),
    ],
)
def test_a_day_is_closed_a_minute_after_it_is_over(utc: str, seconds: float) -> None:
    assert seconds_until_over(parse_utc(utc)) == seconds


def test_who_received_a_record_is_found_by_its_id(state: State) -> None:
    fill(state)
    same, first, unknown = (record_id(name).hex() for name in ("same", 0, "unknown"))
    found = state.ledger.who_received([same, first, unknown], "AQUILA", NOON_TAI_NS)
    assert [(r.partner, r.channel, r.record_ids, r.pseudonymous) for r in found] == [
        ("BOREAL", Channel.PAGE, (first,), False),
        ("CETUS", Channel.STREAM, (same,), True),
    ]
    assert found[1].last_tai_ns == NOON_TAI_NS + 3 * DAY_NS + 2 * HOUR_NS
    assert state.ledger.who_received([same], "BOREAL", 0) == []
    assert state.ledger.who_received([same], "AQUILA", NOON_TAI_NS + 4 * DAY_NS) == []
    assert state.ledger.who_received([], "AQUILA", 0) == []
    assert [r.partner for r in state.ledger.who_received([record_id(3).hex()], None, 0)] == ["BOREAL", "CETUS"]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """A filled ledger that tests change and put right again."""
    path: Path = tmp_path_factory.mktemp("ledger") / "state.sqlite"
    with open_state(f"sqlite:///{path}") as opened:
        fill(opened)
        yield opened


_AT = st.integers(-DAY_NS, 6 * DAY_NS).map(lambda offset: NOON_TAI_NS + offset // HOUR_NS * HOUR_NS)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(begin=st.none() | _AT, end=st.none() | _AT, by_day=st.booleans())
def test_sums_of_any_interval_are_those_of_its_entries(
    filled: State, begin: int | None, end: int | None, by_day: bool
) -> None:
    interval = Interval(begin, end)
    by = ("partner", "channel", "rule", *(("period",) if by_day else ()))
    expected: dict[tuple[object, ...], list[int]] = {}
    with filled.database.snapshot() as connection:
        for row in connection.execute(select(ledger_entries).where(ledger_entries.c.originator == "AQUILA")):
            if (begin is None or row.released_tai_ns >= begin) and (end is None or row.released_tai_ns < end):
                summed = expected.setdefault(tuple(getattr(row, name) for name in by), [0, 0])
                summed[0] += 1
                summed[1] += row.records
    found = filled.ledger_questions.sums(by, interval, originator="AQUILA")
    assert {key: [value.entries, value.records] for key, value in found} == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_entries_have_each_entry_once(state: State, limit: int) -> None:
    fill(state)
    found, after = [], None
    while True:
        page, after = state.ledger_questions.entries(
            Interval(), originator="AQUILA", partner=None, after=after, limit=limit
        )
        found += page
        if after is None:
            break
        assert len(page) == limit
    with state.database.snapshot() as connection:
        numbers = select(ledger_entries.c.number).where(ledger_entries.c.originator == "AQUILA")
        assert [entry.number for entry in found] == sorted(connection.execute(numbers).scalars())
