"""A clock that tests move, a memory that outlives connectors, and running a connector until an instant."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from connectors.payload import Connector, Payload
from schemas.timescales import NS_PER_SECOND, parse_utc

START_TAI_NS = parse_utc("2026-11-22T12:00:00")


class MovableClock:
    """Sleeping moves time at once, up to a limit; a sleep beyond it waits until the limit is raised."""

    def __init__(self, start_tai_ns: int = START_TAI_NS) -> None:
        self.present_tai_ns = start_tai_ns
        self.limit_tai_ns = start_tai_ns
        self.idle = asyncio.Event()

    def now_tai_ns(self) -> int:
        return self.present_tai_ns

    async def sleep(self, seconds: float) -> None:
        wake = self.present_tai_ns + max(1, round(seconds * NS_PER_SECOND))
        if wake > self.limit_tai_ns:
            self.present_tai_ns = self.limit_tai_ns
            self.idle.set()
            await asyncio.Event().wait()  # until the run is cancelled
        self.present_tai_ns = wake
        await asyncio.sleep(0)


class KeptMemory:
    """A connector's memory in a dict, as JSON, with the history of what was put."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.puts: list[tuple[str, str, dict[str, Any]]] = []

    def get(self, source: str, key: str) -> dict[str, Any] | None:
        text = self.kept.get((source, key))
        return None if text is None else json.loads(text)

    def put(self, source: str, key: str, value: dict[str, Any]) -> None:
        self.kept[source, key] = json.dumps(value, allow_nan=False)
        self.puts.append((source, key, value))


async def run_for(connector: Connector, clock: MovableClock, seconds: float, acknowledge: bool = True) -> list[Payload]:
    """What the connector brings within ``seconds`` of its clock; then its iteration is cancelled."""
    clock.limit_tai_ns = clock.present_tai_ns + round(seconds * NS_PER_SECOND)
    clock.idle.clear()
    brought: list[Payload] = []

    async def consume() -> None:
        async for payload in connector.payloads():
            brought.append(payload)
            if acknowledge:
                await connector.acknowledge(payload)

    running = asyncio.create_task(consume())
    waiting = asyncio.create_task(clock.idle.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        await running  # raises what stopped it
        raise AssertionError("a connector's payloads never end by themselves")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return brought
