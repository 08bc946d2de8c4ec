"""A clock that jumps: nothing is taken in or recorded with an instant that cannot be right."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from connectors.payload import Payload, Provenance
from ingest.clock_watch import ClockJumpedError, ClockWatch
from ingest.disk_reserve import DiskReserve
from ingest.intake import Intake, IntakeClosedError, IntakeLimits
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from schemas.labels import Label
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.api.app import create_app
from ssa_hub.services.backlog import newest_recorded_tai_ns
from ssa_hub.services.ledger_periods import LedgerPeriodService
from ssa_hub.services.recorder import Recorder
from ssa_hub.services.server import services_of
from ssa_hub.state.store import open_state
from ssa_hub.state.tables import leases
from tests.api.rules import ALPHA, PARTNERS
from tests.api.served_hub import served_hub
from tests.hub.rooms import rooms, running_until
from tests.ingest.tle import element_set

YEAR_S = 365 * 86_400
START_TAI_NS = parse_utc("2026-11-22T00:00:00")


@dataclass
class Machine:
    """A machine's two clocks, moved by hand."""

    tai_ns: int = START_TAI_NS
    steady_ns: int = 7 * NS_PER_SECOND

    def pass_s(self, seconds: float, *, jump_s: float = 0.0) -> None:
        """Let time pass, and set the clock of the day by so much."""
        self.steady_ns += round(seconds * NS_PER_SECOND)
        self.tai_ns += round((seconds + jump_s) * NS_PER_SECOND)

    def watch(self, newest_tai_ns: int = 0) -> ClockWatch:
        """A watch over them."""
        return ClockWatch(newest_tai_ns, clock_tai_ns=lambda: self.tai_ns, steady_ns=lambda: self.steady_ns)


@pytest.mark.parametrize("jump_s", [YEAR_S, 60, 6, -6, -3_600, -YEAR_S])
def test_a_jump_either_way_is_noticed_for_as_long_as_it_lasts_and_not_longer(jump_s: float) -> None:
    machine = Machine()
    watch = machine.watch()
    machine.pass_s(10)
    watch.check()
    machine.pass_s(1, jump_s=jump_s)
    for _ in range(3):
        with pytest.raises(ClockJumpedError, match=re.escape(f"jumped by {jump_s:+.0f} s")):
            watch.check()
        machine.pass_s(3_600)
    machine.pass_s(0, jump_s=-jump_s)
    watch.check()


def test_a_clock_that_is_corrected_little_by_little_is_followed_for_ever() -> None:
    machine = Machine()
    watch = machine.watch()
    for _ in range(5_000):  # 500 parts in a million over a month: 1,500 s in all
        machine.pass_s(600, jump_s=0.3)
        watch.check()


def test_many_small_jumps_are_a_jump() -> None:
    machine = Machine()
    watch = machine.watch()
    with pytest.raises(ClockJumpedError, match="jumped"):  # noqa: PT012 (which of them is one too many does not matter)
        for _ in range(10):
            machine.pass_s(1, jump_s=2)
            watch.check()


def test_a_clock_that_stands_before_what_is_recorded_is_not_believed_until_it_has_come_there() -> None:
    machine = Machine()
    watch = machine.watch(newest_tai_ns=START_TAI_NS + 3_600 * NS_PER_SECOND)
    with pytest.raises(ClockJumpedError, match=r"2026-11-22T00:00:00.*before the newest record, 2026-11-22T01:00:00"):
        watch.check()
    machine.pass_s(3_600)
    watch.check()


def test_after_a_restart_the_clock_is_believed_again_which_is_how_a_person_says_that_it_is_right() -> None:
    machine = Machine()
    before = machine.watch()
    machine.pass_s(1, jump_s=YEAR_S)
    with pytest.raises(ClockJumpedError):
        before.check()
    machine.watch(newest_tai_ns=START_TAI_NS).check()


@pytest.mark.parametrize("url", ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)])
def test_a_lease_from_before_the_clock_was_set_back_is_free_and_one_of_now_is_not(
    url: str, request: pytest.FixtureRequest
) -> None:
    with open_state(request.getfixturevalue(url)) as state:
        assert state.leases.acquire("screening", "dead", 30.0)
        assert not state.leases.acquire("screening", "heir", 30.0)
        with state.transaction() as connection:  # as if it had been taken a year later
            connection.execute(update(leases).values(expires_unix_s=leases.c.expires_unix_s + YEAR_S))
        assert state.leases.acquire("screening", "heir", 30.0)
        assert not state.leases.acquire("screening", "dead", 30.0)


async def test_while_the_clock_is_a_year_ahead_nothing_is_taken_in_and_nothing_recorded(
    tmp_path: Path, sqlite_url: str
) -> None:
    machine = Machine()
    watch = machine.watch()

    async def no_backlog() -> int:
        return 0

    intake = Intake(IntakeLimits(), DiskReserve(()), watch, no_backlog)
    turns: list[str] = []

    def turn() -> None:
        turns.append("asked")
        watch.check()

    def payload(number: int) -> Payload:
        provenance = Provenance(
            source="drop", originator="CENTRE", data_mode=DataMode.REAL, label=Label("PUBLIC", "UNCLASSIFIED")
        )
        return Payload(
            provenance=provenance, data=element_set(number).encode(), location="a", retrieved_tai_ns=machine.tai_ns
        )

    async with rooms(tmp_path, sqlite_url) as opened:
        ingest = Ingest(
            opened.log, PayloadStore(tmp_path / "p"), opened.state.payloads, opened.state.recorded.known, intake
        )
        await ingest.accept(payload(1))
        machine.pass_s(1, jump_s=YEAR_S)
        with pytest.raises(IntakeClosedError, match="has jumped") as closed:
            await ingest.accept(payload(2))
        assert (closed.value.reason, closed.value.retry_after_s) == ("clock", 60)
        recorder = Recorder(opened.log, opened.history, opened.state, turn, retry_s=0.01)
        await running_until(lambda: len(turns) > 3, recorder.run())
        assert opened.state.recorded.last_seq() == 0
        assert newest_recorded_tai_ns(opened.state) == 0
        machine.pass_s(1, jump_s=-YEAR_S)
        await ingest.accept(payload(2))
        await running_until(lambda: opened.state.recorded.last_seq() == 2, recorder.run())
        assert newest_recorded_tai_ns(opened.state) > 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("path", ["elements", "elements/history", "conjunctions", "objects", "notices"])
async def test_while_the_clock_is_a_year_ahead_nothing_is_shown_since_every_delay_would_be_over(
    tmp_path: Path, path: str
) -> None:
    machine = Machine()
    believed = machine.watch()
    with served_hub(tmp_path) as hub:
        hub.enrol(PARTNERS)
        hub.agree(ALPHA)
        app = create_app(services_of(hub.hub, believed.now_tai_ns))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://hub",
            headers={"Authorization": f"Bearer {hub.new_key('BETA')}"},
        )
        assert (await client.get(f"/v1/{path}")).status_code == 200
        machine.pass_s(1, jump_s=YEAR_S)
        answer = await client.get(f"/v1/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
        assert "Retry-After" in answer.headers
        machine.pass_s(1, jump_s=-YEAR_S)
        assert (await client.get(f"/v1/{path}")).status_code == 200


async def test_no_day_of_the_ledger_is_closed_by_a_clock_that_is_a_year_ahead(tmp_path: Path, sqlite_url: str) -> None:
    machine = Machine()
    believed = machine.watch()
    asked: list[int] = []

    def clock() -> int:
        asked.append(1)
        return believed.now_tai_ns()

    with open_state(sqlite_url) as state:
        machine.pass_s(1, jump_s=YEAR_S)
        await running_until(lambda: bool(asked), LedgerPeriodService(state, clock).run())
        assert state.ledger_periods.last() is None
