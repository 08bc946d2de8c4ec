"""Appending to Kafka in transactions: all partitions of a call get their records, or none does.

One producer has one transaction at a time. What is handed in while one is under way shares the next, in the order in
which it came: a hundred small pushes cost one commit together.

When a transaction fails its producer is thrown away, whatever the reason: aiokafka would send what it holds later,
behind newer records, and after a fatal error it can do nothing more. The next one begins under the same transactional
id; with that the broker ends what the last one had open, and refuses what may still be on its way from it.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_markers import wait_until_ended
from ingest.kafka_topics import BATCH_BYTES_MAX, reaching_kafka, started
from ingest.log import Entry, LogUnavailableError

_BATCH_BYTES = 512 * 1024
_CLOSE_TIMEOUT_S = 2.0
# Calls share a transaction until it holds so many entries: what it holds is in memory, and readers wait for its end.
_SHARED_ENTRIES_MAX = 30_000
# The broker gives a transaction up after this much more than we do.
_LONGER_THAN_US_S = 5.0

Shares = Mapping[KafkaPartition, Sequence[Entry]]


class TransactionalProducer:
    """Appends in transactions under one transactional id; made when first needed, and anew after a failure."""

    def __init__(self, bootstrap_servers: str, transactional_id: str, timeout_s: float) -> None:
        self._servers = bootstrap_servers
        self._transactional_id = transactional_id
        self._timeout_s = timeout_s
        self._producer: Any = None
        self._waiting: list[tuple[Shares, asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def append(self, shares: Shares) -> None:
        """Append each partition's entries in order, all or none; durable on return.

        Who is cancelled here leaves a transaction that goes on. Raises LogUnavailableError: where the commit itself was
        under way its outcome is not known.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((shares, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        await done

    async def close(self) -> None:
        """End the transaction under way, refuse what waits, disconnect."""
        if self._working is not None:
            await self._working
        await self._abandon()

    async def _work(self) -> None:
        while self._waiting:
            together = self._next_together()
            failure: Exception | None = None
            try:
                await self._transaction([shares for shares, _ in together])
            except Exception as error:
                failure = error
                await self._abandon()
            for _, done in together:
                if done.done():
                    continue  # nobody waits for it any more
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(_as_unavailable(failure))

    def _next_together(self) -> list[tuple[Shares, "asyncio.Future[None]"]]:
        count, size = 0, 0
        for shares, _ in self._waiting:
            size += sum(map(len, shares.values()))
            if count and size > _SHARED_ENTRIES_MAX:
                break
            count += 1
        together, self._waiting = self._waiting[:count], self._waiting[count:]
        return together

    async def _transaction(self, parts: list[Shares]) -> None:
        merged: dict[KafkaPartition, list[Entry]] = {}
        for shares in parts:
            for partition, entries in shares.items():
                merged.setdefault(partition, []).extend(entries)
        topics = ", ".join(sorted({partition.topic for partition in merged}))
        async with reaching_kafka(f"appending to {topics}", self._timeout_s):
            if self._producer is None:
                self._producer = await started(self._new_producer, _close)
            producer = self._producer
            await producer.begin_transaction()
            sent = await asyncio.gather(*(_send(producer, *share) for share in merged.items()))
            await asyncio.gather(*(acknowledged for share in sent for acknowledged in share))
            await producer.commit_transaction()
            await wait_until_ended(producer.client, producer._txn_manager.producer_id, merged)

    def _new_producer(self) -> Any:
        return AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            transactional_id=self._transactional_id,
            transaction_timeout_ms=int((self._timeout_s + _LONGER_THAN_US_S) * 1000),
            compression_type="zstd",
            max_batch_size=_BATCH_BYTES,
            max_request_size=BATCH_BYTES_MAX,
            request_timeout_ms=int(self._timeout_s * 1000),
        )

    async def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)


async def _send(producer: Any, partition: KafkaPartition, entries: Sequence[Entry]) -> list[Any]:
    """Hand one partition's entries to the producer, in order; the batches' acknowledgements to come."""
    acknowledgements = []
    try:
        batch = producer.create_batch()
        for entry in entries:
            headers = list(entry.headers.items())
            if batch.append(timestamp=None, key=entry.key, value=entry.value, headers=headers) is None:
                acknowledgements.append(
                    await producer.send_batch(batch, partition.topic, partition=partition.partition)
                )
                await asyncio.sleep(0)  # a batch takes milliseconds to build: let others run between two
                batch = producer.create_batch()
                batch.append(timestamp=None, key=entry.key, value=entry.value, headers=headers)
        acknowledgements.append(await producer.send_batch(batch, partition.topic, partition=partition.partition))
    except BaseException:
        for acknowledged in acknowledgements:
            acknowledged.cancel()  # nobody will wait for it any more
        raise
    return acknowledgements


def _as_unavailable(failure: Exception) -> LogUnavailableError:
    """A failure of its own for each who waits: an exception that is raised twice grows its trace each time."""
    if isinstance(failure, LogUnavailableError):
        told = LogUnavailableError(str(failure))
    else:
        told = LogUnavailableError(f"Kafka: appending: {failure!r}")
    told.__cause__ = failure
    return told


async def _close(producer: Any) -> None:
    """Stop a producer without sending what it still holds. Acknowledgements that are due will never come.

    `AIOKafkaProducer.stop` first waits until all is delivered, for ever while the brokers are away (aiokafka issue
    1101), and its sender's own end leaves the requests after the first one running, which try again without end. This
    is the rest of what it does; aiokafka 0.14 has no public names for it.
    """
    producer._closed = True
    sender = producer._sender
    left = [task for task in asyncio.all_tasks() if _works_for(sender, task)]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_CLOSE_TIMEOUT_S)
    for task in left:
        if task.done() and not task.cancelled():
            task.exception()  # looked at: whoever appends has been told already
    with contextlib.suppress(KafkaError, OSError):  # its connections are gone then, which is all that was wanted
        await producer.client.close()


def _works_for(sender: Any, task: "asyncio.Task[Any]") -> bool:
    frame = getattr(task.get_coro(), "cr_frame", None)
    return frame is not None and frame.f_locals.get("self") is sender
