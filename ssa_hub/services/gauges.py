"""The gauges of ``/metrics``: set by a task of its own every few seconds, so that a scrape reads memory alone.

A part of the hub that is slow or away makes its gauges old, never the scrape slow; how old they are is a gauge, too.
"""

import asyncio
import time

import structlog

from ingest.log_view import LogView, ServedLogView
from ssa_hub import measures
from ssa_hub.services.hub import Hub
from ssa_hub.services.overview import Overlooker, Overview

_EVERY_S = 15.0

log_event = structlog.get_logger("metrics")


class Gauges:
    """Sets the gauges of this process until cancelled."""

    def __init__(self, hub: Hub, every_s: float = _EVERY_S) -> None:
        view: LogView = ServedLogView(hub.log)
        self._overlooker = Overlooker(hub.settings, hub.state, view)
        self._every_s = every_s
        self._wrong: list[str] = []

    async def run(self) -> None:
        """Look and set, again and again."""
        while True:
            await self.turn()
            await asyncio.sleep(self._every_s)

    async def turn(self) -> None:
        """One look. What is newly wrong is told once."""
        seen = await self._overlooker.overview()
        set_gauges(seen)
        new = [text for text in seen.wrong if text not in self._wrong]
        if new:
            log_event.warning("something is wrong", wrong=new)
        self._wrong = seen.wrong


def set_gauges(seen: Overview) -> None:
    """Show an overview as gauges; what is not known any more is shown no more."""
    for gauge in (
        measures.LOG_LAG,
        measures.PARTITION_LAG,
        measures.HISTORY_FILES,
        measures.HISTORY_ROWS,
        measures.SCREENING_AGE_SECONDS,
        measures.DISK_FREE_BYTES,
    ):
        gauge.clear()
    for topic, partitions in seen.lag.items():
        measures.LOG_LAG.labels(topic).set(sum(partitions.values()))
        for partition, count in partitions.items():
            measures.PARTITION_LAG.labels(topic, str(partition)).set(count)
    for kind, part in seen.history.items():
        measures.HISTORY_ROWS.labels(kind).set(part.rows)
        for level, count in part.files.items():
            measures.HISTORY_FILES.labels(kind, str(level)).set(count)
    for mode, age in seen.screening_age_seconds.items():
        measures.SCREENING_AGE_SECONDS.labels(mode).set(age)
    for name, free in seen.disk_free_bytes.items():
        measures.DISK_FREE_BYTES.labels(name).set(free)
    unknown = float("nan")
    measures.LOG_LAG_SECONDS.set(unknown if seen.lag_seconds is None else seen.lag_seconds)
    measures.NEWEST_RECORDED_AGE_SECONDS.set(seen.newest_recorded_age_seconds or unknown)
    measures.CHECKPOINT_AGE_SECONDS.set(unknown if seen.checkpoint_age_seconds is None else seen.checkpoint_age_seconds)
    measures.STATE_BYTES.set(unknown if seen.state_bytes is None else seen.state_bytes)
    measures.LOG_BYTES.set(unknown if seen.log_bytes is None else seen.log_bytes)
    measures.QUARANTINE_ROWS.set(sum(seen.quarantine.values()))
    measures.WRONG.set(len(seen.wrong))
    measures.GATHERED_TIMESTAMP_SECONDS.set(time.time())
