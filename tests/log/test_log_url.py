"""Opening a log by its URL."""

from pathlib import Path

import pytest

from ingest.embedded_log import EmbeddedLog
from ingest.kafka_log import KafkaLog
from ingest.log_url import adopts, is_shared, open_log
from ingest.topics import ELEMENTS, TOPICS
from tests.log.places import entries, everything


async def test_an_embedded_url_opens_the_directory(tmp_path: Path) -> None:
    directory = tmp_path / "a log"
    async with open_log(f"embedded://{tmp_path}/a%20log") as log:
        assert isinstance(log, EmbeddedLog)
        await log.append(ELEMENTS, entries(["object-1"]))
    async with EmbeddedLog(directory) as log:
        assert len(await everything(log, ELEMENTS)) == 1
        for topic in TOPICS:
            assert len(await log.end_offsets(topic.name)) == topic.partitions


@pytest.mark.kafka
async def test_a_kafka_url_opens_the_topics_under_their_prefix(kafka_bootstrap: str, tmp_path: Path) -> None:
    prefix = f"{tmp_path.name}."
    async with open_log(f"kafka://{kafka_bootstrap}?prefix={prefix}") as log:
        assert isinstance(log, KafkaLog)
        await log.append(ELEMENTS, entries(["object-1"]))
    async with KafkaLog(kafka_bootstrap, topic_prefix=prefix) as log:
        assert len(await everything(log, ELEMENTS)) == 1


@pytest.mark.parametrize(
    ("url", "shared", "taken_over"),
    [
        ("embedded:///dir", False, False),
        ("kafka://broker:9092", True, False),
        ("kafka://broker:9092?adopt=0", True, False),
        ("kafka://broker:9092?prefix=x&adopt=1", True, True),
    ],
)
def test_a_url_says_whether_others_could_use_the_log_and_whether_it_is_to_be_taken_over(
    url: str, shared: bool, taken_over: bool
) -> None:
    assert (is_shared(url), adopts(url)) == (shared, taken_over)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "expected embedded:///absolute/directory or kafka://"),
        ("/var/lib/ssa-hub/log", "expected embedded:///absolute/directory or kafka://"),
        ("sqlite:///log", "expected embedded:///absolute/directory or kafka://"),
        ("embedded://relative/dir", "expected embedded:///absolute/directory"),
        ("embedded:relative", "expected embedded:///absolute/directory"),
        ("embedded:///", "expected embedded:///absolute/directory"),
        ("embedded:///dir?prefix=x", "expected embedded:///absolute/directory"),
        ("kafka://", "expected host:port, not ''"),
        ("kafka://broker", "expected host:port, not 'broker'"),
        ("kafka://broker:", "expected host:port, not 'broker:'"),
        ("kafka://broker:0", "expected host:port, not 'broker:0'"),
        ("kafka://broker:70000", "expected host:port, not 'broker:70000'"),
        ("kafka://broker:9092,", "expected host:port, not ''"),
        ("kafka://user:word@broker:9092", "expected host:port, not 'user:word@broker:9092'"),
        ("kafka://broker:9092/topic", "but '/topic' does"),
        ("kafka://broker:9092?prefx=x", "unknown option prefx"),
        ("kafka://broker:9092?prefix=a/b", "not 'a/b'"),
        ("kafka://broker:9092?replication=0", "not '0'"),
        ("kafka://broker:9092?replication=two", "not 'two'"),
        ("kafka://broker:9092?adopt=yes", "adopt is 1 or 0, not 'yes'"),
    ],
)
def test_a_url_that_names_no_log_is_refused_with_the_reason(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="log URL") as refused:
        open_log(url)
    assert complaint in str(refused.value)


async def test_several_brokers_and_replicas_may_be_named() -> None:
    assert isinstance(open_log("kafka://one:9092,two:9092,[::1]:9094?replication=3&prefix=hub-1."), KafkaLog)
