"""What is particular to the embedded log: its lock, its file, and faults of the disk and the process."""

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import embedded_store
from ingest.embedded_log import EmbeddedLog, LogLockedError
from ingest.log import Entry, LogRecord, LogUnavailableError, TopicPartition
from ingest.partitioner import partition_of
from tests.log.places import ALL_ELEMENTS, ELEMENTS, NOTES, PATIENCE_S, TOPICS, entries, everything, fetch_until

NOTES_0 = TopicPartition(NOTES, 0)

OPEN_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from ingest.embedded_log import EmbeddedLog
async def main():
    async with EmbeddedLog(Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""

APPEND_FOR_EVER = """
import asyncio, itertools, sys
from pathlib import Path
from ingest.embedded_log import EmbeddedLog
from ingest.log import Entry
from tests.log.places import TOPICS
async def main():
    async with EmbeddedLog(Path(sys.argv[1]), TOPICS) as log:
        for call in itertools.count():
            await log.append("elements", [Entry(b"object-%d" % n, b"%d:%d" % (call, n)) for n in range(500)])
            print(call, flush=True)
asyncio.run(main())
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the log in ``tmp_path / "log"`` open until its standard input ends."""
    command = [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


async def open_and_close(path: Path) -> None:
    async with EmbeddedLog(path, TOPICS):
        pass


async def test_a_second_log_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path, TOPICS) as log:
        with pytest.raises(LogLockedError, match="one process owns a log"):
            await open_and_close(tmp_path)
        await log.append(NOTES, entries(["a"]))
    await open_and_close(tmp_path)


async def test_a_second_process_is_refused_and_told_who_has_the_log(
    tmp_path: Path, other_process: subprocess.Popen[str]
) -> None:
    with pytest.raises(LogLockedError, match=f"in use by process {other_process.pid};"):
        await open_and_close(tmp_path / "log")


async def test_the_lock_dies_with_its_process(tmp_path: Path, other_process: subprocess.Popen[str]) -> None:
    other_process.kill()
    other_process.wait()
    await open_and_close(tmp_path / "log")


async def test_a_process_killed_while_appending_loses_nothing_acknowledged_and_tears_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", APPEND_FOR_EVER, str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(await process.stdout.readline()) for _ in range(20)]
    process.kill()
    acknowledged += [int(line) for line in (await process.stdout.read()).splitlines()]
    await process.wait()
    async with EmbeddedLog(tmp_path, TOPICS) as log:
        found = await everything(log, ELEMENTS)
        for tp, end in (await log.end_offsets(ELEMENTS)).items():
            assert [record.offset for record in found if record.topic_partition == tp] == list(range(end))
        await log.append(ELEMENTS, [Entry(b"object-0", b"after")])
        assert (await everything(log, ELEMENTS))[: len(found)] != []
    calls = {int(record.value.partition(b":")[0]) for record in found}
    assert calls >= set(acknowledged)
    assert calls <= {*acknowledged, acknowledged[-1] + 1}, "more than the one append that was under way"
    whole = {b"%d:%d" % (call, n) for call in calls for n in range(500)}
    assert len(found) == len(whole)
    assert {record.value for record in found} == whole


class FaultyConnection(sqlite3.Connection):
    """A connection whose COMMIT can fail as a disk makes it fail: before it was done, or after."""

    before_commit = 0
    after_commit = 0

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        faults = type(self)
        if sql == "COMMIT" and faults.before_commit:
            faults.before_commit -= 1
            raise sqlite3.OperationalError("disk I/O error")
        cursor = super().execute(sql, *parameters)  # type: ignore[arg-type]
        if sql == "COMMIT" and faults.after_commit:
            faults.after_commit -= 1
            raise sqlite3.OperationalError("disk I/O error")
        return cursor


@pytest.fixture
def faults() -> Iterator[type[FaultyConnection]]:
    yield FaultyConnection
    FaultyConnection.before_commit = FaultyConnection.after_commit = 0


def connect_faulty(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=FaultyConnection)


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1), (2, 0), (1, 1)])
async def test_an_append_whose_commit_failed_or_seemed_to_stands_once(
    tmp_path: Path, faults: type[FaultyConnection], before: int, after: int
) -> None:
    async with EmbeddedLog(tmp_path, TOPICS, connect_faulty) as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(20)], "first:"))
        faults.before_commit, faults.after_commit = before, after
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(20)], "second:"))
        assert (faults.before_commit, faults.after_commit) == (0, 0)
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(20)], "third:"))
        found = await everything(log, ELEMENTS)
        assert sum((await log.end_offsets(ELEMENTS)).values()) == 60
    assert sorted(record.value for record in found) == sorted(
        f"{tag}:{n}".encode() for tag in ("first", "second", "third") for n in range(20)
    )


async def test_an_append_over_two_topics_whose_commit_fails_leaves_nothing_in_either(
    tmp_path: Path, faults: type[FaultyConnection]
) -> None:
    async with EmbeddedLog(tmp_path, TOPICS, connect_faulty) as log:
        faults.before_commit = 3
        with pytest.raises(LogUnavailableError, match="disk I/O error"):
            await log.append_all({NOTES: entries(["a"], "lost:"), ELEMENTS: entries(["a", "b"], "lost:")})
        assert await everything(log, NOTES) + await everything(log, ELEMENTS) == []
        faults.after_commit = 1
        await log.append_all({NOTES: entries(["a"], "kept:"), ELEMENTS: entries(["a", "b"], "kept:")})
        assert (len(await everything(log, NOTES)), len(await everything(log, ELEMENTS))) == (1, 2)


async def test_an_append_that_fails_for_good_leaves_nothing_and_the_next_one_works(
    tmp_path: Path, faults: type[FaultyConnection]
) -> None:
    async with EmbeddedLog(tmp_path, TOPICS, connect_faulty) as log:
        faults.before_commit = 3
        with pytest.raises(LogUnavailableError, match="disk I/O error"):
            await log.append(NOTES, entries(["a"], "lost:"))
        assert await everything(log, NOTES) == []
        await log.append(NOTES, entries(["a"], "kept:"))
        assert [record.value for record in await everything(log, NOTES)] == [b"kept:0"]


async def test_a_commit_of_offsets_that_fails_says_so_and_spoils_no_append(
    tmp_path: Path, faults: type[FaultyConnection]
) -> None:
    async with EmbeddedLog(tmp_path, TOPICS, connect_faulty) as log, log.subscribe("recorder", [NOTES]) as member:
        await log.append(NOTES, entries(["a"] * 3))
        await fetch_until(member, 3)
        faults.before_commit = 1
        with pytest.raises(LogUnavailableError, match="disk I/O error"):
            await member.commit({NOTES_0: 2})
        await log.append(NOTES, entries(["a"]))
        await member.commit({NOTES_0: 3})
        assert len(await everything(log, NOTES)) == 4


async def test_a_full_disk_refuses_the_append_and_keeps_what_was_there(tmp_path: Path) -> None:
    pages_max = [1_000_000]

    def connect_small(path: Path) -> sqlite3.Connection:
        connection = embedded_store.connect(path)
        connection.execute(f"PRAGMA max_page_count = {pages_max[0]}")
        return connection

    async with EmbeddedLog(tmp_path, TOPICS, connect_small) as log:
        await log.append(NOTES, entries(["a"] * 3))
    pages_max[0] = 20
    async with EmbeddedLog(tmp_path, TOPICS, connect_small) as log:
        with pytest.raises(LogUnavailableError, match="full"):
            await log.append(NOTES, [Entry(b"a", bytes(1_000_000))])
        assert len(await everything(log, NOTES)) == 3
        await log.append(NOTES, entries(["a"]))
        assert len(await everything(log, NOTES)) == 4


async def test_an_append_that_nobody_waits_for_any_more_is_written_whole_and_its_readers_are_woken(
    tmp_path: Path,
) -> None:
    async with EmbeddedLog(tmp_path, TOPICS) as log, log.subscribe("recorder", [ELEMENTS]) as member:
        assert await member.fetch(1, 0.0) == []
        appending = asyncio.create_task(log.append(ELEMENTS, entries([f"object-{n}" for n in range(100)])))
        await asyncio.sleep(0)  # it has begun
        appending.cancel()
        assert len(await fetch_until(member, 100)) == 100
        assert appending.cancelled()


async def test_a_log_that_closes_ends_a_waiting_fetch(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path, TOPICS)
    async with log:
        member = await log.subscribe("recorder", [NOTES]).__aenter__()
        fetching = asyncio.create_task(member.fetch(1, PATIENCE_S))
        await asyncio.sleep(0)
    with pytest.raises(LogUnavailableError, match="not open"):
        await fetching


async def test_a_topic_keeps_the_partitions_that_it_was_made_with(tmp_path: Path) -> None:
    async with EmbeddedLog(tmp_path, TOPICS) as log:
        await log.append(ELEMENTS, entries(["object-1"]))
    async with EmbeddedLog(tmp_path, [TOPICS[0]._replace(partitions=12)]) as log:
        assert list(await log.end_offsets(ELEMENTS)) == ALL_ELEMENTS
        await log.append(ELEMENTS, entries(["object-1"]))
        assert len({record.partition for record in await everything(log, ELEMENTS)}) == 1


async def test_a_file_of_another_version_or_no_log_at_all_is_refused(tmp_path: Path) -> None:
    await open_and_close(tmp_path / "newer")
    with sqlite3.connect(tmp_path / "newer" / "log.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    with pytest.raises(LogUnavailableError, match="log of version 3, this program knows 2"):
        await open_and_close(tmp_path / "newer")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "log.sqlite3").write_bytes(b"not a database, but long enough to be read as one" * 20)
    with pytest.raises(LogUnavailableError, match="not a database"):
        await open_and_close(tmp_path / "other")


KEYS = st.sampled_from([b"", b"a", b"object-1", b"object-2", b"\x00\xff"])
ENTRIES = st.builds(Entry, KEYS, st.binary(max_size=8), st.dictionaries(st.text(max_size=3), st.binary(max_size=3)))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from([ELEMENTS, NOTES]), st.lists(ENTRIES, max_size=5)),
        st.tuples(st.just("fetch"), st.integers(1, 4), st.booleans()),
        st.tuples(st.just("reopen"), st.none(), st.none()),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_any_course_of_appends_fetches_commits_and_restarts_agrees_with_plain_lists(
    steps: list[tuple[str, object, object]],
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(play(Path(directory), steps))


async def play(path: Path, steps: list[tuple[str, object, object]]) -> None:
    """Play the steps on a log and on lists; a member that is lost goes on from what it has committed."""
    lists: dict[TopicPartition, list[Entry]] = {tp: [] for tp in [*ALL_ELEMENTS, NOTES_0]}
    partitions = {topic.name: topic.partitions for topic in TOPICS}
    position = dict.fromkeys(lists, 0)
    committed = dict.fromkeys(lists, 0)
    log = await EmbeddedLog(path, TOPICS).__aenter__()
    member = await log.subscribe("model", [ELEMENTS, NOTES]).__aenter__()
    for what, one, other in steps:
        if what == "append":
            assert isinstance(one, str)
            assert isinstance(other, list)
            await log.append(one, other)
            for entry in other:
                lists[TopicPartition(one, partition_of(entry.key, partitions[one]))].append(entry)
        elif what == "fetch":
            assert isinstance(one, int)
            batch = await member.fetch(one, 0.0)
            assert len(batch) == min(one, sum(len(lists[tp]) - position[tp] for tp in lists))
            for record in batch:
                tp = record.topic_partition
                assert record.offset == position[tp]
                assert as_entry(record) == lists[tp][record.offset]
                position[tp] += 1
            if other:
                await member.commit(position)
                committed = dict(position)
        else:
            await member.__aexit__()
            await log.__aexit__()
            log = await EmbeddedLog(path, TOPICS).__aenter__()
            member = await log.subscribe("model", [ELEMENTS, NOTES]).__aenter__()
            position = dict(committed)
    for tp, expected in lists.items():
        assert [as_entry(record) for record in await log.read(tp, 0, 1000)] == expected
    await member.__aexit__()
    await log.__aexit__()


def as_entry(record: LogRecord) -> Entry:
    return Entry(record.key, record.value, record.headers)
