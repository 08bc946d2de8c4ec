"""The recorder: takes records from the log into history and state, each exactly once.

History is the truth: a batch's rows and the log positions after them are one Iceberg commit. State (the feed of
recorded ids, the newest orbits) follows in its own transaction with its own positions; where a crash falls between
the two, the next recorder of the partition reads the part of the log that history has and state lacks, and brings
state up to it before it goes on. Repeats of a record id are dropped here, against the feed and within the batch.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

import msgspec
import pyarrow as pa
import structlog

from ingest.log import Log, LogRecord, LogUnavailableError, Subscription, TopicPartition
from ingest.messages import RECORD_SCHEMAS, read_labels, read_quarantined, read_records
from ingest.topics import CONJUNCTIONS, ELEMENTS, QUARANTINE
from ssa_hub.history.failures import HistoryUnavailableError, StalePositionError
from ssa_hub.history.store import History, PositionRange
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

GROUP = "recorder"
_KINDS = {ELEMENTS: "elements", CONJUNCTIONS: "conjunctions"}
_BATCH = 20_000
# A commit costs as much for one record as for a thousand, so a batch waits this long for company.
_LINGER_S = 0.15
_RETRY_S = 2.0

log_event = structlog.get_logger("recorder")


class Recorder:
    """One member of the recorders' group. ``on_turn`` is called at every turn of its loop, busy or not."""

    def __init__(self, log: Log, history: History, state: State, on_turn: Callable[[], None] = lambda: None) -> None:
        self._log, self._history, self._state, self._on_turn = log, history, state, on_turn
        self._next: dict[TopicPartition, int] = {}
        self.recorded = 0

    async def run(self) -> None:
        """Record until cancelled. Where log, history or state cannot be reached it tries again, and says so."""
        while True:
            try:
                await self._run_once()
            except (LogUnavailableError, StalePositionError, HistoryUnavailableError, StateUnavailableError) as error:
                # Nothing is lost: what was not committed is read again from the positions that history holds.
                log_event.warning("recording interrupted", error=str(error), retry_s=_RETRY_S)
                await asyncio.sleep(_RETRY_S)

    async def _run_once(self) -> None:
        async with self._log.subscribe(GROUP, [ELEMENTS, CONJUNCTIONS, QUARANTINE], self._start) as subscription:
            while True:
                self._on_turn()
                batch = await _gather(subscription)
                if batch:
                    await asyncio.to_thread(self._record, batch)
                    await subscription.commit(_next_offsets(batch))

    async def _start(self, assigned: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where to go on in each partition: where history stands, once state has caught up with it."""
        for partition in assigned:
            state_next = await asyncio.to_thread(self._state.positions.get, partition)
            target = state_next
            if partition.topic in _KINDS:
                positions = await asyncio.to_thread(self._history.positions, _KINDS[partition.topic])
                target = positions.get((partition.topic, partition.partition), 0)
            while state_next < target:
                messages = await self._log.read(partition, state_next, min(_BATCH, target - state_next))
                messages = [message for message in messages if message.offset < target]
                if not messages:
                    break
                await asyncio.to_thread(self._into_state, _KINDS[partition.topic], messages)
                state_next = messages[-1].offset + 1
            self._next[partition] = target
        return {partition: self._next[partition] for partition in assigned}

    def _record(self, batch: list[LogRecord]) -> None:
        by_topic: dict[str, list[LogRecord]] = defaultdict(list)
        for message in batch:
            # A partition may have been handed over and back since the fetch; what stands before it is recorded.
            if message.offset >= self._next.get(message.topic_partition, 0):
                by_topic[message.topic].append(message)
        for topic, messages in by_topic.items():
            if topic == QUARANTINE:
                self._quarantine(messages)
            else:
                self._into_history(_KINDS[topic], messages)
            self._next.update(_next_offsets(messages))
            self.recorded += len(messages)

    def _into_history(self, kind: str, messages: list[LogRecord]) -> None:
        rows = read_records(messages, RECORD_SCHEMAS[kind])
        ids = rows.column("record_id").to_pylist()
        known = self._state.recorded.known(ids)
        fresh = rows.filter(_first_and_new(ids, known))
        spans = {
            (partition.topic, partition.partition): PositionRange(self._next[partition], next_offset)
            for partition, next_offset in _next_offsets(messages).items()
        }
        self._history.append(kind, fresh, positions=spans)
        self._into_state(kind, messages, fresh)

    def _into_state(self, kind: str, messages: list[LogRecord], rows: pa.Table | None = None) -> None:
        """Bring the feed, the newest orbits and state's own positions up to these messages, in one transaction."""
        records = read_records(messages, RECORD_SCHEMAS[kind]) if rows is None else rows
        labels = read_labels(messages) if kind == "elements" else {}
        with self._state.transaction() as connection:
            self._state.labels.intern(connection, labels.values())
            self._state.recorded.insert(connection, kind, records)
            if kind == "elements":
                self._state.newest.upsert(connection, records)
            self._state.positions.set(connection, _next_offsets(messages))

    def _quarantine(self, messages: list[LogRecord]) -> None:
        entries = []
        for message in messages:
            try:
                entries.append(read_quarantined(message))
            except msgspec.DecodeError as error:
                log_event.error("unreadable quarantine message", offset=message.offset, error=str(error))
        with self._state.transaction() as connection:
            self._state.quarantine.insert(connection, entries)
            self._state.positions.set(connection, _next_offsets(messages))


async def _gather(subscription: Subscription) -> list[LogRecord]:
    """A batch: what is there, and what comes within the linger time after the first record."""
    batch = await subscription.fetch(_BATCH, 1.0)
    deadline = time.monotonic() + _LINGER_S
    while batch and len(batch) < _BATCH and (left := deadline - time.monotonic()) > 0:
        batch += await subscription.fetch(_BATCH - len(batch), left)
    return batch


def _next_offsets(messages: list[LogRecord]) -> dict[TopicPartition, int]:
    return {message.topic_partition: message.offset + 1 for message in messages}


def _first_and_new(ids: list[str], known: set[str]) -> pa.Array:
    """True for each id that is not known and did not stand earlier in the list."""
    seen = set(known)
    mask = []
    for record_id in ids:
        mask.append(record_id not in seen)
        seen.add(record_id)
    return pa.array(mask, pa.bool_())
