"""The recorder: takes records from the log into history and state, each exactly once.

History is the truth: a batch's rows and the log positions after them are one Iceberg commit. State (the feed of
recorded ids, the newest orbits) follows in its own transaction with its own positions; where a crash falls between
the two, the next recorder of the partition reads the part of the log that history has and state lacks, and brings
state up to it before it goes on. Repeats of a record id are dropped here, against the feed and within the batch. A
message that is no record goes to quarantine with its bytes (`ssa_hub.services.log_reading`), and recording goes on.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping

import pyarrow as pa
import structlog

from ingest.log import Log, LogRecord, LogUnavailableError, Subscription, TopicPartition
from ingest.messages import QuarantinedRecord
from ingest.topics import CONJUNCTION_MESSAGES, CONJUNCTIONS, ELEMENTS, EPHEMERIDES, QUARANTINE
from ssa_hub.history.failures import HistoryUnavailableError, StalePositionError
from ssa_hub.history.store import History, PositionRange
from ssa_hub.measures import COMMIT_SECONDS, QUARANTINED, RECORDED_ROWS
from ssa_hub.services.failures import PositionsDisagreeError
from ssa_hub.services.finishing import finished_in_thread
from ssa_hub.services.log_reading import Read, read_messages, read_refusals
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

GROUP = "recorder"
_KINDS = {
    ELEMENTS: "elements",
    CONJUNCTIONS: "conjunctions",
    CONJUNCTION_MESSAGES: "conjunction_messages",
    EPHEMERIDES: "ephemerides",
}
_BATCH = 20_000
# A commit costs as much for one record as for a thousand, so a batch waits for company: so long at the most, and no
# longer than records keep coming, for a record that comes alone would wait for nothing.
_LINGER_S = 0.15
_QUIET_S = 0.02

log_event = structlog.get_logger("recorder")


class Recorder:
    """One member of the recorders' group. ``on_turn`` is called at every turn of its loop, busy or not."""

    def __init__(
        self,
        log: Log,
        history: History,
        state: State,
        on_turn: Callable[[], None] = lambda: None,
        *,
        retry_s: float = 2.0,
    ) -> None:
        self._log, self._history, self._state, self._on_turn = log, history, state, on_turn
        self._retry_s = retry_s
        self._next: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        """Record until cancelled; a batch that is being written then is finished first.

        Where log, history or state cannot be reached it tries again, and says so. Raises PositionsDisagreeError.
        """
        while True:
            try:
                await self._run_once()
            except (LogUnavailableError, StalePositionError, HistoryUnavailableError, StateUnavailableError) as error:
                # Nothing is lost: what was not committed is read again from the positions that history holds.
                log_event.warning("recording interrupted", error=str(error), retry_s=self._retry_s)
                await asyncio.sleep(self._retry_s)

    async def _run_once(self) -> None:
        async with self._log.subscribe(GROUP, [*_KINDS, QUARANTINE], self._start) as subscription:
            while True:
                self._on_turn()
                batch = await _gather(subscription)
                if batch:
                    await finished_in_thread(self._record, batch)
                    await subscription.commit(_next_offsets(batch))

    async def _start(self, assigned: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where to go on in each partition: where history stands, once state has caught up with it."""
        for partition in assigned:
            target = await self._recorded_to(partition)
            if partition.topic in _KINDS:
                await self._catch_up(partition, target)
            self._next[partition] = target
        return {partition: self._next[partition] for partition in assigned}

    async def _recorded_to(self, partition: TopicPartition) -> int:
        """The next offset of a partition to record, by history, and by state where history has no such kind."""
        state_next = await asyncio.to_thread(self._state.positions.get, partition)
        recorded_to = state_next
        if partition.topic in _KINDS:
            positions = await asyncio.to_thread(self._history.positions, _KINDS[partition.topic])
            recorded_to = positions.get((partition.topic, partition.partition), 0)
        end = (await self._log.end_offsets(partition.topic))[partition]
        if state_next > recorded_to or recorded_to > end:
            raise PositionsDisagreeError(
                f"{partition.topic}/{partition.partition}: the log ends at {end}, history stands at {recorded_to} and "
                f"state at {state_next}: they do not belong together (was one put back or removed by itself?)"
            )
        return recorded_to

    async def _catch_up(self, partition: TopicPartition, target: int) -> None:
        """Bring state up to where history stands: what lies between is in history, whoever wrote it."""
        at = await asyncio.to_thread(self._state.positions.get, partition)
        while at < target:
            messages = await self._log.read(partition, at, min(_BATCH, target - at))
            messages = [message for message in messages if message.offset < target]
            if not messages:
                return
            await finished_in_thread(self._into_state, _KINDS[partition.topic], messages)
            at = messages[-1].offset + 1

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

    def _into_history(self, kind: str, messages: list[LogRecord]) -> None:
        read = self._read(kind, messages)
        spans = {
            (partition.topic, partition.partition): PositionRange(self._next[partition], next_offset)
            for partition, next_offset in _next_offsets(messages).items()
        }
        self._state.recording_withdrawn.note_late(kind, read.rows)
        with COMMIT_SECONDS.labels(kind).time():
            self._history.append(kind, read.rows, positions=spans)
        RECORDED_ROWS.labels(kind).inc(read.rows.num_rows)
        self._into_state(kind, messages, read)

    def _into_state(self, kind: str, messages: list[LogRecord], read: Read | None = None) -> None:
        """Bring the feed, the newest orbits and state's own positions up to these messages, in one transaction."""
        rows, labels, refused = read or self._read(kind, messages)
        with self._state.transaction() as connection:
            self._state.labels.intern(connection, labels.values())
            self._state.recorded.insert(connection, kind, rows)
            if kind != "conjunctions":
                there = self._state.recording_withdrawn.without_withdrawn(connection, kind, rows)
                if kind == "elements":
                    self._state.newest.upsert(connection, there)
            self._state.quarantine.insert(connection, refused)
            self._state.positions.set(connection, _next_offsets(messages))
        self._state.news.tell()
        _tell(refused)

    def _read(self, kind: str, messages: list[LogRecord]) -> Read:
        """The messages' records without repeats, in the batch and of what is recorded already."""
        read = read_messages(messages, kind)
        ids = read.rows.column("record_id").to_pylist()
        known = self._state.recorded.known(ids)
        return read._replace(rows=read.rows.filter(_first_and_new(ids, known)))

    def _quarantine(self, messages: list[LogRecord]) -> None:
        refusals = read_refusals(messages)
        with self._state.transaction() as connection:
            self._state.quarantine.insert(connection, refusals)
            self._state.positions.set(connection, _next_offsets(messages))
        for refusal in refusals:
            QUARANTINED.labels(refusal.source).inc()
        _tell([refusal for refusal in refusals if refusal.source == f"log:{QUARANTINE}"])


def _tell(refused: list[QuarantinedRecord]) -> None:
    if refused:
        log_event.error("messages on the log are no records", count=len(refused), first=str(refused[0].refusal))


async def _gather(subscription: Subscription) -> list[LogRecord]:
    """A batch: what is there, and what comes after it without a pause, within the linger time."""
    batch = await subscription.fetch(_BATCH, 1.0)
    deadline = time.monotonic() + _LINGER_S
    while batch and len(batch) < _BATCH and (left := deadline - time.monotonic()) > 0:
        more = await subscription.fetch(_BATCH - len(batch), min(left, _QUIET_S))
        if not more:
            break
        batch += more
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
