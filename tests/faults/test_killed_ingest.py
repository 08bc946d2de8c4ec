"""Ingest that is killed between any two steps: the next start finishes it, whether the client comes again or not."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ssa_hub.services.recorder import Recorder
from tests.faults.dying_ingest import RECORDS, STEPS, payload
from tests.hub.rooms import Rooms, rooms, running_until

# From here on the journal has the payload: the hub finishes it though nobody sends it again.
_NOTED = STEPS[STEPS.index("after stored") :]


@pytest.mark.parametrize(
    ("step", "sent_again"),
    [*((step, True) for step in STEPS), *((step, False) for step in ("before stored", *_NOTED[::2]))],
)
async def test_a_payload_whose_ingest_was_killed_is_in_history_once(
    tmp_path: Path, sqlite_url: str, step: str, sent_again: bool
) -> None:
    command = [sys.executable, "-m", "tests.faults.dying_ingest", str(tmp_path), sqlite_url, step]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == -signal.SIGKILL
    expected = RECORDS if sent_again or step in _NOTED else 0
    async with rooms(tmp_path, sqlite_url) as opened:
        ingest = Ingest(opened.log, PayloadStore(tmp_path / "p"), opened.state.payloads, opened.state.recorded.known)
        await ingest.resume()
        if sent_again:
            receipt = await ingest.accept(payload())
            assert (receipt.records, receipt.refused) == (RECORDS, 1)
        recorder = Recorder(opened.log, opened.history, opened.state)
        await running_until(lambda: stands(opened, expected), recorder.run())
        ids = opened.history.table("elements").scan(selected_fields=("record_id",)).to_arrow().column(0).to_pylist()
        assert (len(ids), len(set(ids))) == (expected, expected)
        assert opened.state.payloads.unpublished() == []


def stands(opened: Rooms, expected: int) -> bool:
    refusals = sum(opened.state.quarantine.counts().values()) if expected else 1
    return opened.state.recorded.last_seq() == expected and refusals == 1
