"""Whether a committed transaction has ended in its partitions, as their brokers tell: Kafka's DescribeProducers.

Kafka answers a commit as soon as its coordinator has noted the decision, and writes the markers that end the
transaction into the partitions afterwards. A broker that is killed between the two should write the rest when it is
back. Apache Kafka 4.3.1 was seen not to: with the marker in one partition of three it held the transaction for
complete, and what stood in the other two was undone by the next abort (docs/faults.md). So a record counts as durable
here once its partition has its marker.

Source: Kafka protocol, DescribeProducers (key 61, version 0, since Kafka 2.8; KIP-664), which aiokafka 0.14 has not.
"""

import asyncio
from collections.abc import Collection
from typing import Any, Final

from aiokafka.errors import (
    LeaderNotAvailableError,
    NoError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)
from aiokafka.structs import TopicPartition

_FIRST_PAUSE_S: Final = 0.002
_PAUSE_MAX_S: Final = 0.1
# A partition has moved, or its broker has just come back: it is asked again.
_PASSING = (LeaderNotAvailableError, NotLeaderForPartitionError, UnknownTopicOrPartitionError)
_NO_TRANSACTION: Final = -1


class _DescribeProducersResponse(Response):  # type: ignore[misc]
    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition_index", Int32),
                        ("error_code", Int16),
                        ("error_message", CompactString("utf-8")),
                        (
                            "active_producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("current_txn_start_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeProducersStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 61
    API_VERSION = 0
    RESPONSE_TYPE = _DescribeProducersResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("name", CompactString("utf-8")), ("partition_indexes", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeProducers(Request[_DescribeProducersStruct]):  # type: ignore[misc]
    API_KEY = 61

    def __init__(self, partitions: Collection[TopicPartition]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_DescribeProducersStruct]) -> _DescribeProducersStruct:
        by_topic: dict[str, list[int]] = {}
        for partition in self._partitions:
            by_topic.setdefault(partition.topic, []).append(partition.partition)
        return request_struct_class([(topic, sorted(numbers), {}) for topic, numbers in sorted(by_topic.items())], {})


async def wait_until_ended(client: Any, producer_id: int, partitions: Collection[TopicPartition]) -> None:
    """Return when the producer has no transaction under way in any of the partitions, all of which it has written to.

    ``client``: a connected aiokafka client that knows the topics. To be bounded by the caller. Raises KafkaError.
    """
    left = set(partitions)
    pause_s = _FIRST_PAUSE_S
    while left:
        left -= await _ended(client, producer_id, left)
        if left:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)


async def _ended(client: Any, producer_id: int, partitions: Collection[TopicPartition]) -> set[TopicPartition]:
    by_leader: dict[int | None, set[TopicPartition]] = {}
    for partition in sorted(partitions):
        by_leader.setdefault(client.cluster.leader_for_partition(partition), set()).add(partition)
    leaders = [leader for leader in by_leader if leader not in (None, -1)]
    answers = await asyncio.gather(*(client.send(leader, _DescribeProducers(by_leader[leader])) for leader in leaders))
    ended = set()
    moved = len(leaders) < len(by_leader)
    for answer in answers:
        for topic, described, _ in answer.topics:
            for number, code, _, producers, _ in described:
                error = for_code(code)
                if error in _PASSING:
                    moved = True
                elif error is not NoError:
                    raise error(f"DescribeProducers of {topic}/{number}")
                elif any(of == producer_id and start == _NO_TRANSACTION for of, _, _, _, _, start, _ in producers):
                    ended.add(TopicPartition(topic, number))
    if moved:
        await client.force_metadata_update()
    return ended
