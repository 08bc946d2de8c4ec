"""Trimming a topic on Kafka: DeleteRecords moves a partition's first offset, and brokers delete the segments before it.

A broker deletes a segment once all of it lies before that offset, never the one that is being written: what was
trimmed stays on its disk until the segment is full or old (``segment.bytes``, ``segment.ms``).
"""

from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition as KafkaPartition

from ingest.kafka_topics import started


async def delete_before(bootstrap_servers: str, before: Mapping[KafkaPartition, int]) -> None:
    """Delete the records before these offsets. To be bounded by the caller. Raises KafkaError."""
    wanted = {partition: RecordsToDelete(offset) for partition, offset in before.items() if offset > 0}
    if not wanted:
        return
    admin = await started(
        lambda: AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers), lambda client: client.close()
    )
    try:
        # Raises what a broker has against any partition. Those of other leaders may be trimmed by then: called again,
        # a partition that begins later already stays as it is.
        beginnings = await admin.delete_records(wanted)
    finally:
        await admin.close()
    for partition, records in wanted.items():
        # A leader that left one out of its answer would otherwise pass for having trimmed it.
        if beginnings.get(partition, -1) < records.before_offset:
            raise KafkaError(f"{partition.topic}/{partition.partition} still begins before {records.before_offset}")
