import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.disk_reserve import DiskFullError
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.planning import Planner
from ssa_hub.history.store import History
from ssa_hub.services.database import opened_state
from ssa_hub.services.maintenance import LEASE, MaintenanceService
from ssa_hub.state.store import State
from tests.history.random_histories import append_all, element_batches, scanned_ids

PATIENCE_S = 60.0


@contextmanager
def opened(directory: Path, url: str) -> Iterator[tuple[History, State]]:
    """History and state of eight appends."""
    catalogue = f"sqlite:///{directory / 'catalogue.sqlite'}"
    with opened_state(url) as state, History.open(directory / "w", catalogue) as history:
        append_all(history, "elements", element_batches(1, 8))
        yield history, state


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.02)


def is_merged(history: History) -> bool:
    return [file.level for file in Planner(history).plan("elements").files] == [1]


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_worker_merges_what_is_due_and_gives_the_lease_back(tmp_path: Path, sqlite_url: str) -> None:
    with opened(tmp_path, sqlite_url) as (history, state):
        before = scanned_ids(history)
        running = asyncio.create_task(MaintenanceService(history, state, "me", every_s=0.01).run())
        await until(lambda: is_merged(history))
        await cancelled(running)
        assert scanned_ids(history) == before
        assert state.leases.acquire(LEASE, "another", 1.0)


async def test_while_another_holds_the_lease_nothing_is_done(tmp_path: Path, sqlite_url: str) -> None:
    with opened(tmp_path, sqlite_url) as (history, state):
        tries = itertools.count()
        state.leases.acquire = lambda *_: next(tries) < 0  # type: ignore[method-assign]
        running = asyncio.create_task(MaintenanceService(history, state, "me", every_s=0.01).run())
        await until(lambda: next(tries) > 10)
        await cancelled(running)
        assert len(Planner(history).plan("elements").files) == 8


@pytest.mark.parametrize("failure", [HistoryUnavailableError("away"), DiskFullError("full"), RuntimeError("a mistake")])
async def test_what_fails_is_tried_again_and_ends_nothing(tmp_path: Path, sqlite_url: str, failure: Exception) -> None:
    failures = [failure] * 2

    def room() -> None:
        if failures:
            raise failures.pop()

    with opened(tmp_path, sqlite_url) as (history, state):
        running = asyncio.create_task(MaintenanceService(history, state, "me", every_s=0.01, room=room).run())
        await until(lambda: is_merged(history))
        assert not running.done()
        await cancelled(running)
    assert failures == []


async def test_cancelled_in_the_middle_of_work_it_stops_there_and_gives_the_lease_back(
    tmp_path: Path, sqlite_url: str
) -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def room() -> None:
        at_work.set()
        go_on.wait(PATIENCE_S)

    with opened(tmp_path, sqlite_url) as (history, state):
        running = asyncio.create_task(MaintenanceService(history, state, "me", every_s=0.01, room=room).run())
        await until(at_work.is_set)
        running.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(Planner(history).plan("elements").files) == 8
        assert state.leases.acquire(LEASE, "another", 1.0)
