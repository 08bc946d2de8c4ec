"""A process that takes a payload in and dies at one step of it.

    python -m tests.faults.dying_ingest DIRECTORY STATE_URL STEP

It kills itself with SIGKILL before or after the step that is named, e.g. ``before append_all``: no clean-up runs.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from connectors.payload import Payload, Provenance
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from schemas.labels import Label
from schemas.records import DataMode
from tests.faults.known_orbits import element_set, spoilt
from tests.hub.rooms import rooms

STEPS = [f"{when} {step}" for step in ("put", "stored", "append_all", "published") for when in ("before", "after")]
RECORDS = 50


def payload() -> Payload:
    """Fifty element sets and a bad one."""
    text = "".join(element_set(number, 0) for number in range(1, RECORDS + 1)) + spoilt(element_set(99, 1))
    provenance = Provenance(
        source="push:ALPHA", originator="ALPHA", data_mode=DataMode.REAL, label=Label("PUBLIC", "UNCLASSIFIED")
    )
    return Payload(provenance=provenance, data=text.encode(), location="push by ALPHA", retrieved_tai_ns=2 * 10**18)


class Dying:
    """Stands before something and ends the process at one of its methods."""

    def __init__(self, behind: Any, step: str) -> None:
        self._behind, self._step = behind, step

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._behind, name)
        if not callable(method):
            return method

        def die(when: str) -> None:
            if self._step == f"{when} {name}":
                os.kill(os.getpid(), signal.SIGKILL)

        async def awaited(*arguments: Any) -> Any:
            die("before")
            answer = await method(*arguments)
            die("after")
            return answer

        def called(*arguments: Any, **named: Any) -> Any:
            die("before")
            answer = method(*arguments, **named)
            die("after")
            return answer

        return awaited if asyncio.iscoroutinefunction(method) else called


async def main(directory: Path, state_url: str, step: str) -> None:
    """Take the payload in until the end comes."""
    async with rooms(directory, state_url) as opened:
        store: Any = Dying(PayloadStore(directory / "p"), step)
        ingest = Ingest(
            Dying(opened.log, step),
            store,
            Dying(opened.state.payloads, step),
            opened.state.recorded.known,
        )
        await ingest.accept(payload())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
