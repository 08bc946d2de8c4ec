"""A process that records what is on the log and dies between the commit of history and the one of state.

    python -m tests.hub.dying_recorder DIRECTORY STATE_URL

It kills itself with SIGKILL when state's transaction begins after history has been appended to: no clean-up runs.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from ssa_hub.services.recorder import Recorder
from ssa_hub.state.store import State
from tests.hub.rooms import rooms


class DyingState(State):
    """Ends the process at the first transaction."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        os.kill(os.getpid(), signal.SIGKILL)
        with super().transaction() as connection:
            yield connection


async def main(directory: Path, state_url: str) -> None:
    """Record until the end comes."""
    async with rooms(directory, state_url) as opened:
        await Recorder(opened.log, opened.history, DyingState(opened.state.database)).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
