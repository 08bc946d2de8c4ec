"""Connecting to Kafka, making sure of the topics, and what counts as Kafka being unavailable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, NoError, TopicAlreadyExistsError, for_code

from ingest.log import ENTRY_BYTES_MAX, LogUnavailableError
from ingest.topics import Topic

# Room for the batch's own framing around an entry of the largest size that does not compress.
BATCH_BYTES_MAX = ENTRY_BYTES_MAX + 128 * 1024
_RETRY_AFTER_S = 0.2
_STOP_TIMEOUT_S = 5.0


@asynccontextmanager
async def reaching_kafka(doing: str, timeout_s: float) -> AsyncIterator[None]:
    """Bound what stands in the block by ``timeout_s``; whatever Kafka has against it becomes LogUnavailableError."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except KafkaError as error:
        raise LogUnavailableError(f"Kafka: {doing}: {error!r}") from error
    except TimeoutError as error:
        raise LogUnavailableError(f"Kafka: {doing}: no success within {timeout_s:g} s") from error
    except OSError as error:
        raise LogUnavailableError(f"Kafka: {doing}: {error}") from error


async def started(make: Callable[[], Any], stop: Callable[[Any], Awaitable[None]]) -> Any:
    """A started aiokafka client, made anew until a broker answers. To be bounded by the caller."""
    while True:
        client = make()
        try:
            await client.start()
        except BaseException as error:
            await stop(client)
            if not isinstance(error, KafkaConnectionError):
                raise
            await asyncio.sleep(_RETRY_AFTER_S)
        else:
            return client


async def stop_consumer(consumer: Any) -> None:
    """Stop an aiokafka consumer, however its own tasks stand; nothing is raised but our own cancellation.

    Its fetcher cancels its tasks and waits for them, and one that rests after a failed request lets that cancellation
    out of `stop` (aiokafka 0.14, ``Fetcher.close``): it would look like a cancellation of ours, and end whatever task
    reads the log, and the connections would stay. Hence a task of its own, and the connections closed behind it.
    """
    stopping = asyncio.create_task(consumer.stop())
    if not (await asyncio.wait({stopping}, timeout=_STOP_TIMEOUT_S))[0]:
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=_STOP_TIMEOUT_S)
    if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
        with contextlib.suppress(KafkaError, OSError):
            await consumer._client.close()


async def ensure_topics(
    bootstrap_servers: str, topics: Sequence[Topic], prefix: str, replication_factor: int
) -> dict[str, int]:
    """Create the topics that are absent; how many partitions each has. To be bounded by the caller.

    A topic that is there already keeps its partitions and its settings: they are the operator's.
    """
    admin = await started(
        lambda: AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers), lambda client: client.close()
    )
    try:
        names = {prefix + topic.name: topic for topic in topics}
        missing = names.keys() - (await _partition_counts(admin)).keys()
        if missing:
            await _create(admin, [_new_topic(name, names[name], replication_factor) for name in sorted(missing)])
        while True:
            counts = await _partition_counts(admin)
            if names.keys() <= counts.keys():
                return {topic.name: counts[name] for name, topic in names.items()}
            await asyncio.sleep(_RETRY_AFTER_S)
    finally:
        await admin.close()


def _new_topic(name: str, topic: Topic, replication_factor: int) -> NewTopic:
    settings = {
        "cleanup.policy": "delete",
        # Kafka would delete by age what nobody has recorded; the hub trims what is recorded.
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": str(BATCH_BYTES_MAX),
        "min.insync.replicas": "2" if replication_factor >= 3 else "1",
    }
    if replication_factor == 1:
        # Elsewhere the replicas make an acknowledged record durable; a single broker has to write it through.
        settings["flush.messages"] = "1"
    return NewTopic(name, topic.partitions, replication_factor, topic_configs=settings)


async def _create(admin: Any, topics: Sequence[NewTopic]) -> None:
    response = await admin.create_topics(list(topics))
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        if error not in (NoError, TopicAlreadyExistsError):  # another process may have been quicker
            raise LogUnavailableError(f"Kafka: creating topic {name}: {error.__name__} {' '.join(map(str, message))}")


async def _partition_counts(admin: Any) -> dict[str, int]:
    # Asked about all topics: asking for one by name makes many brokers create it, with their own settings.
    described = await admin.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}
