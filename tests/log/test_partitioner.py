"""Keys go where Kafka's own clients put them."""

import aiokafka.partitioner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.log import Entry
from ingest.partitioner import by_partition, murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "as_java_int"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2, in the source of Apache Kafka
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_the_values_of_kafkas_own_test(key: bytes, as_java_int: int) -> None:
    assert murmur2(key) == as_java_int % 2**32


@given(st.binary(max_size=40))
def test_murmur2_agrees_with_aiokafka(key: bytes) -> None:
    assert murmur2(key) == aiokafka.partitioner.murmur2(key)


@given(st.binary(max_size=40), st.integers(1, 50))
def test_partitions_agree_with_aiokafkas_default_partitioner(key: bytes, partitions: int) -> None:
    numbers = list(range(partitions))
    assert partition_of(key, partitions) == aiokafka.partitioner.DefaultPartitioner()(key, numbers, numbers)


@given(st.lists(st.builds(Entry, st.binary(max_size=2), st.binary(max_size=2))), st.integers(1, 5))
def test_each_partition_gets_its_entries_in_their_order(entries: list[Entry], partitions: int) -> None:
    shares = by_partition(entries, partitions)
    expected = {n: [entry for entry in entries if partition_of(entry.key, partitions) == n] for n in range(partitions)}
    assert shares == {n: share for n, share in expected.items() if share}
