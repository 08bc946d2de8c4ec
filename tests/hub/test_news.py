"""Who waits in the recorder's own process is told that records have been recorded."""

import asyncio
import threading
import time
from pathlib import Path

from ingest.topics import ELEMENTS
from ssa_hub.services.recorder import Recorder
from ssa_hub.state.news import News, comes_before
from tests.hub.rooms import entries_of, everything_recorded, orbit, rooms, running_until


async def test_a_listener_is_woken_when_records_are_recorded(tmp_path: Path) -> None:
    async with rooms(tmp_path, f"sqlite:///{tmp_path / 'state.sqlite'}") as opened:
        with opened.state.news.listening() as news:
            await opened.log.append(ELEMENTS, entries_of([orbit("a")]))
            recorder = Recorder(opened.log, opened.history, opened.state)
            await running_until(lambda: everything_recorded(opened), recorder.run())
            assert await comes_before(news, time.monotonic() + 60)
            assert opened.state.recorded.seq_of("a") is not None


async def test_any_thread_may_tell_and_who_listens_no_more_is_left_alone() -> None:
    news = News()
    with news.listening() as first:
        with news.listening() as second:
            pass
        thread = threading.Thread(target=news.tell)
        thread.start()
        assert await comes_before(first, time.monotonic() + 60)
        thread.join()
        assert not second.is_set()


async def test_what_comes_after_the_instant_does_not_count() -> None:
    event = asyncio.Event()
    event.set()
    assert not await comes_before(event, time.monotonic() - 1)
    assert not await comes_before(asyncio.Event(), time.monotonic())
