"""What every log promises (`ingest.log`), asked of each adapter; for Kafka of a real broker."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from ingest.log import ENTRY_BYTES_MAX, Entry, Log, LogRecord, LogUnavailableError, Subscription, TopicPartition
from ingest.partitioner import partition_of
from tests.log.places import (
    ALL_ELEMENTS,
    ELEMENTS,
    NOTES,
    PATIENCE_S,
    Place,
    entries,
    everything,
    fetch_until,
    next_offsets,
    settled,
)

NOTES_0 = TopicPartition(NOTES, 0)


async def test_records_of_one_key_keep_their_order_and_their_partition(place: Place) -> None:
    async with place.open() as log:
        for call in range(3):
            await log.append(ELEMENTS, entries([f"object-{n % 17}" for n in range(200)], tag=f"{call}:"))
        found = await everything(log, ELEMENTS)
    values: dict[bytes, list[bytes]] = defaultdict(list)
    partitions: dict[bytes, set[int]] = defaultdict(set)
    for record in found:
        values[record.key].append(record.value)
        partitions[record.key].add(record.partition)
    expected = {
        f"object-{k}".encode(): [f"{call}:{n}".encode() for call in range(3) for n in range(k, 200, 17)]
        for k in range(17)
    }
    assert values == expected
    assert {key: {partition_of(key, 3)} for key in expected} == partitions


async def test_offsets_of_a_partition_grow_and_end_where_the_next_record_goes(place: Place) -> None:
    async with place.open() as log:
        assert await log.end_offsets(ELEMENTS) == dict.fromkeys(ALL_ELEMENTS, 0)
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)]))
        await settled(log, ELEMENTS)
        ends = await log.end_offsets(ELEMENTS)
        for tp in ALL_ELEMENTS:
            offsets = [record.offset for record in await log.read(tp, 0, 1000)]
            assert offsets == sorted(set(offsets))
            assert offsets[-1] < ends[tp]
        await log.append(ELEMENTS, [Entry(b"object-7", b"next")])
        await settled(log, ELEMENTS)
        tp = TopicPartition(ELEMENTS, partition_of(b"object-7", 3))
        (record,) = await log.read(tp, ends[tp], 10)
        assert (record.offset, record.value) == (ends[tp], b"next")
        assert await log.end_offsets(NOTES) == {NOTES_0: 0}


async def test_a_partition_is_read_again_from_any_offset(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 100))
        whole = await log.read(NOTES_0, 0, 1000)
        assert [record.value for record in whole] == [b"%d" % n for n in range(100)]
        for start in (0, 1, 50, 99):
            assert await log.read(NOTES_0, whole[start].offset, 10) == whole[start : start + 10]
        # on from where the last read stopped, then back
        assert await log.read(NOTES_0, whole[20].offset, 5) == whole[20:25]
        assert await log.read(NOTES_0, whole[25].offset, 5) == whole[25:30]
        assert await log.read(NOTES_0, whole[3].offset, 5) == whole[3:8]


async def test_reading_at_the_end_and_beyond_it_answers_nothing_at_once(place: Place) -> None:
    async with place.open() as log:
        assert await log.read(NOTES_0, 0, 10) == []
        await log.append(NOTES, entries(["a"]))
        await settled(log, NOTES)
        end = (await log.end_offsets(NOTES))[NOTES_0]
        assert await log.read(NOTES_0, end, 10) == []
        assert await log.read(NOTES_0, end + 1000, 10) == []
        assert await log.read(NOTES_0, 0, 0) == []
        await log.append(NOTES, entries(["a"], "later:"))
        await settled(log, NOTES)
        assert [record.value for record in await log.read(NOTES_0, end, 10)] == [b"later:0"]


async def test_headers_and_any_bytes_are_kept(place: Place) -> None:
    every_byte = bytes(range(256))
    sent = [
        Entry(every_byte, every_byte * 4, {"label": b"\x00\xff", "schema": b"omm/1", "größe": b""}),
        Entry(b"", b""),
        Entry(b"\x00", b"\x00", {"empty": b""}),
    ]
    async with place.open() as log:
        await log.append(NOTES, sent)
        found = await log.read(NOTES_0, 0, 10)
    assert [Entry(record.key, record.value, record.headers) for record in found] == sent


async def test_a_catalogue_of_30_000_records_goes_in_one_append(place: Place) -> None:
    value = b'{"MEAN_MOTION": 15.49, "ECCENTRICITY": 0.0006}' * 8
    sent = [Entry(b"object-%05d" % n, value + b"%d" % n, {"label": b"4"}) for n in range(30_000)]
    async with place.open() as log:
        await log.append(ELEMENTS, sent)
        found = await everything(log, ELEMENTS)
        assert Counter(record.value for record in found) == Counter(entry.value for entry in sent)
        async with log.subscribe("recorder", [ELEMENTS]) as member:
            assert len(await fetch_until(member, 30_000)) == 30_000


async def test_an_entry_of_the_largest_size_is_kept_and_a_larger_one_refused(place: Place) -> None:
    # Bytes that do not compress.
    largest = b"".join(n.to_bytes(8, "big") for n in range(0, 2**64, 2**64 // (ENTRY_BYTES_MAX // 8 - 1)))[
        : ENTRY_BYTES_MAX - 1
    ]
    async with place.open() as log:
        await log.append(NOTES, [Entry(b"k", largest), Entry(b"k", b"small")])
        found = await log.read(NOTES_0, 0, 10)
        assert [len(record.value) for record in found] == [ENTRY_BYTES_MAX - 1, 5]
        assert found[0].value == largest
        with pytest.raises(ValueError, match=f"an entry of {ENTRY_BYTES_MAX + 1} bytes"):
            await log.append(NOTES, [Entry(b"k", b"before"), Entry(b"k", largest + b"!")])
        assert len(await everything(log, NOTES)) == 2
        async with log.subscribe("reader", [NOTES]) as member:
            assert await fetch_until(member, 2) == found


async def test_an_unknown_topic_or_partition_is_refused_by_name(place: Place) -> None:
    async with place.open() as log:
        with pytest.raises(ValueError, match="no topic 'ephemerides'"):
            await log.append("ephemerides", entries(["a"]))
        with pytest.raises(ValueError, match="no topic 'ephemerides'"):
            await log.end_offsets("ephemerides")
        with pytest.raises(ValueError, match="no topic 'ephemerides'"):
            log.subscribe("group", [ELEMENTS, "ephemerides"])
        with pytest.raises(ValueError, match="no partition notes/1"):
            await log.read(TopicPartition(NOTES, 1), 0, 10)


async def test_a_log_that_is_closed_says_so(place: Place) -> None:
    log = place.open()
    with pytest.raises(LogUnavailableError, match="not open"):
        await log.append(NOTES, entries(["a"]))
    async with log:
        pass
    with pytest.raises(LogUnavailableError, match="not open"):
        await log.append(NOTES, entries(["a"]))


async def test_appending_nothing_is_nothing(place: Place) -> None:
    async with place.open() as log:
        await log.append(ELEMENTS, [])
        assert await everything(log, ELEMENTS) == []


async def test_a_waiting_member_gets_a_record_when_it_is_appended(place: Place) -> None:
    async with place.open() as log, log.subscribe("watch", [NOTES]) as member:
        for n in range(5):
            fetching = asyncio.create_task(member.fetch(10, PATIENCE_S))
            await asyncio.sleep(0)
            await log.append(NOTES, [Entry(b"a", b"%d" % n)])
            assert [record.value for record in await fetching] == [b"%d" % n]
        assert await member.fetch(10, 0.0) == []
        assert await member.fetch(10, 0.05) == []


async def test_fetch_keeps_to_the_number_of_records_asked_for(place: Place) -> None:
    async with place.open() as log, log.subscribe("few", [ELEMENTS]) as member:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(40)]))
        found: list[LogRecord] = []
        while len(found) < 40:
            batch = await member.fetch(7, PATIENCE_S)
            assert 0 < len(batch) <= 7
            found += batch
        assert len({(record.partition, record.offset) for record in found}) == 40


async def share_out(*members: Subscription) -> None:
    """Until every member has partitions. There must be nothing to fetch."""
    async with asyncio.timeout(PATIENCE_S):
        while not all(member.assignment() for member in members):
            for batch in await asyncio.gather(*(member.fetch(1, 0.1) for member in members)):
                assert not batch


async def consume(member: Subscription, seen: list[LogRecord], wanted: int, done: asyncio.Event) -> None:
    """A well-behaved member: fetch, do the work, commit, and again until all members together have all."""
    while not done.is_set():
        batch = await member.fetch(20, 0.2)
        seen += batch
        if batch:
            await member.commit(next_offsets(batch))
        if len(seen) >= wanted:
            done.set()


async def test_members_of_a_group_share_the_partitions_and_each_record_goes_to_one(place: Place) -> None:
    async with place.open() as log, AsyncExitStack() as stack:
        members = [await stack.enter_async_context(log.subscribe("workers", [ELEMENTS, NOTES])) for _ in range(2)]
        await share_out(*members)
        done = asyncio.Event()
        seen: list[LogRecord] = []
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            for member in members:
                tasks.create_task(consume(member, seen, 600, done))
            for call in range(10):
                await log.append(ELEMENTS, entries([f"object-{n}" for n in range(50)], tag=f"{call}:"))
                await log.append(NOTES, entries(["a"] * 10, tag=f"{call}:"))
        counts = Counter((record.topic, record.partition, record.offset) for record in seen)
        assert len(counts) == 600
        assert max(counts.values()) == 1
        shares = [member.assignment() for member in members]
        assert frozenset.union(*shares) == {*ALL_ELEMENTS, NOTES_0}
        assert all(shares)
        assert not shares[0] & shares[1]


async def test_a_member_that_joins_late_takes_over_without_a_record_lost_or_seen_twice(place: Place) -> None:
    async with place.open() as log, log.subscribe("workers", [ELEMENTS]) as first:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(300)]))
        batch = await first.fetch(50, PATIENCE_S)
        seen = list(batch)
        assert first.assignment() == set(ALL_ELEMENTS)
        async with log.subscribe("workers", [ELEMENTS]) as second:
            joining = asyncio.create_task(second.fetch(20, PATIENCE_S))
            # The first still works on its batch: it may commit it, and nobody else gets it.
            await first.commit(next_offsets(batch))
            while not joining.done():
                batch = await first.fetch(1, 0.1)
                seen += batch
                await first.commit(next_offsets(batch))
                await asyncio.sleep(0.02)  # work that takes its time, or the first would be done before the change
            batch = await joining
            seen += batch
            await second.commit(next_offsets(batch))
            done = asyncio.Event()
            async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
                for member in (first, second):
                    tasks.create_task(consume(member, seen, 300, done))
            assert len(second.assignment()) in (1, 2)
            assert not first.assignment() & second.assignment()
        # The second has left, and the first has everything again.
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(30)], tag="late:"))
        async with asyncio.timeout(PATIENCE_S):
            await consume(first, seen, 330, asyncio.Event())
    counts = Counter((record.partition, record.offset) for record in seen)
    assert len(counts) == 330
    assert max(counts.values()) == 1


async def test_groups_read_independently_of_each_other(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 5))
        async with log.subscribe("recorder", [NOTES]) as one, log.subscribe("screening", [NOTES]) as other:
            assert await fetch_until(one, 5) == await fetch_until(other, 5)


async def test_an_append_over_several_topics_stands_in_all_of_them_in_order(place: Place) -> None:
    async with place.open() as log:
        await log.append_all({ELEMENTS: entries(["a", "b", "a", "c"]), NOTES: entries(["x", "y"], "note:")})
        await log.append_all({ELEMENTS: entries(["a"], "later:"), NOTES: []})
        await log.append_all({})
        by_key: dict[bytes, list[bytes]] = defaultdict(list)
        for record in await everything(log, ELEMENTS):
            by_key[record.key].append(record.value)
        assert by_key == {b"a": [b"0", b"2", b"later:0"], b"b": [b"1"], b"c": [b"3"]}
        assert [record.value for record in await everything(log, NOTES)] == [b"note:0", b"note:1"]


@pytest.mark.parametrize("bad", ["unknown topic", "too large"])
async def test_an_append_over_several_topics_of_which_one_is_refused_leaves_nothing(place: Place, bad: str) -> None:
    refused = (
        {"elsewhere": entries(["x"])} if bad == "unknown topic" else {NOTES: [Entry(b"", bytes(ENTRY_BYTES_MAX + 1))]}
    )
    async with place.open() as log:
        with pytest.raises(ValueError, match=r"no topic 'elsewhere'|the log takes"):
            await log.append_all({ELEMENTS: entries(["a", "b"]), **refused})
        assert await everything(log, ELEMENTS) == []
        await log.append(ELEMENTS, entries(["a"]))
        assert len(await everything(log, ELEMENTS)) == 1


async def test_readers_see_the_calls_of_many_writers_whole_and_each_writers_in_order(place: Place) -> None:
    calls, keys = 12, [f"object-{n}" for n in range(9)]
    async with place.open() as log, log.subscribe("recorder", [ELEMENTS, NOTES]) as member:

        async def write(writer: int) -> None:
            for call in range(calls):
                tag = f"{writer}:{call}:"
                await log.append_all({ELEMENTS: entries(keys, tag), NOTES: entries(["a"], tag)})

        async with asyncio.TaskGroup() as tasks:
            for writer in range(4):
                tasks.create_task(write(writer))
            found = await fetch_until(member, 4 * calls * (len(keys) + 1))
    assert len(found) == len({(record.topic, record.value) for record in found})
    for writer in range(4):
        for key in keys:
            mine = [r.value for r in found if r.key == key.encode() and r.value.startswith(b"%d:" % writer)]
            assert [int(value.split(b":")[1]) for value in mine] == list(range(calls))


async def test_committed_offsets_survive_the_log_and_the_member(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 10))
        async with log.subscribe("recorder", [NOTES]) as member:
            batch = await fetch_until(member, 10)
            await member.commit(next_offsets(batch[:4]))
        async with log.subscribe("recorder", [NOTES]) as member:  # after a restart of the member only
            assert (await fetch_until(member, 6))[0].value == b"4"
    async with place.open() as log:
        async with log.subscribe("recorder", [NOTES]) as member:
            again = await fetch_until(member, 6)
            assert [record.value for record in again] == [b"%d" % n for n in range(4, 10)]
        async with log.subscribe("newcomer", [NOTES]) as member:
            assert len(await fetch_until(member, 10)) == 10


async def test_start_offsets_of_the_member_win_over_committed_ones(place: Place) -> None:
    async with place.open() as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(60)]))
        everywhere = {tp: await log.read(tp, 0, 100) for tp in ALL_ELEMENTS}
        async with log.subscribe("recorder", [ELEMENTS]) as member:
            batch = await fetch_until(member, 60)
            await member.commit({tp: everywhere[tp][5].offset for tp in ALL_ELEMENTS})
            assert len(batch) == 60
        asked: list[frozenset[TopicPartition]] = []

        async def start(new: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            asked.append(new)
            await asyncio.sleep(0.05)  # time enough for an adapter that fetches before it has asked
            return {tp: everywhere[tp][2 + tp.partition].offset for tp in new if tp.partition < 2}

        async with log.subscribe("recorder", [ELEMENTS], start) as member:
            expected = [*everywhere[ALL_ELEMENTS[0]][2:], *everywhere[ALL_ELEMENTS[1]][3:]]
            expected += everywhere[ALL_ELEMENTS[2]][5:]
            found = await fetch_until(member, len(expected))
            assert await member.fetch(100, 0.1) == []
            assert asked == [frozenset(ALL_ELEMENTS)]
            order = [(record.partition, record.offset) for record in found]
            assert sorted(order) == [(record.partition, record.offset) for record in expected]


async def test_start_offsets_count_as_well_for_a_member_that_is_waiting_while_the_group_changes(place: Place) -> None:
    async with place.open() as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(60)]))
        positions: dict[TopicPartition, int] = {}

        async def start(new: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            await asyncio.sleep(0.05)  # time enough for an adapter that fetches before it has asked
            return {tp: positions.get(tp, 0) for tp in new}

        async with log.subscribe("recorder", [ELEMENTS], start) as first:
            positions |= next_offsets(await fetch_until(first, 60))
            waiting = asyncio.create_task(fetch_until(first, 1))
            async with log.subscribe("recorder", [ELEMENTS], start) as second:
                async with asyncio.timeout(PATIENCE_S):
                    while not second.assignment():
                        assert await second.fetch(100, 0.1) == []
                assert await second.fetch(100, 0.1) == []
            await log.append(ELEMENTS, entries(["object-1"], "new:"))
            assert [record.value for record in await waiting] == [b"new:0"]


async def test_start_offsets_are_asked_for_again_after_they_failed(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 3))
        failures = [OSError("the state store is away")]

        async def start(new: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            if failures:
                raise failures.pop()
            return dict.fromkeys(new, 1)

        async with log.subscribe("recorder", [NOTES], start) as member:
            with pytest.raises(OSError, match="state store is away"):
                await member.fetch(10, PATIENCE_S)
            assert [record.value for record in await fetch_until(member, 2)] == [b"1", b"2"]


async def test_a_start_offset_beyond_the_end_is_refused_for_it_belongs_to_another_log(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 3))

        async def start(new: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return dict.fromkeys(new, 4711)

        async with log.subscribe("recorder", [NOTES], start) as member:
            with pytest.raises(ValueError, match=r"start offset 4711 of .*notes/0 lies beyond the log's end [34]"):
                await member.fetch(10, PATIENCE_S)


async def test_committing_a_partition_that_is_no_longer_ones_own_is_refused(place: Place) -> None:
    async with place.open() as log, AsyncExitStack() as stack:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(30)]))
        first = await stack.enter_async_context(log.subscribe("workers", [ELEMENTS]))
        batch = await fetch_until(first, 30)
        second = await stack.enter_async_context(log.subscribe("workers", [ELEMENTS]))
        async with asyncio.timeout(PATIENCE_S):
            while not (first.assignment() and second.assignment()):
                await asyncio.gather(first.fetch(1, 0.1), second.fetch(1, 0.1))
        with pytest.raises(LogUnavailableError, match="not this member's"):
            await first.commit(next_offsets(batch))
        await first.commit({tp: at for tp, at in next_offsets(batch).items() if tp in first.assignment()})


async def test_what_was_appended_is_there_when_the_log_is_opened_again(place: Place) -> None:
    async with place.open() as log:
        await log.append(ELEMENTS, entries([f"object-{n}" for n in range(100)]))
        before = await everything(log, ELEMENTS)
    async with place.open() as log:
        assert await everything(log, ELEMENTS) == before
        await log.append(ELEMENTS, entries(["object-1"], tag="after:"))
        assert len(await everything(log, ELEMENTS)) == 101


async def test_appends_at_the_same_time_are_all_kept(place: Place) -> None:
    async with place.open() as log:
        async with asyncio.TaskGroup() as tasks:
            for writer in range(10):
                tasks.create_task(log.append(ELEMENTS, entries([f"object-{n}" for n in range(20)], f"{writer}:")))
        found = await everything(log, ELEMENTS)
    assert sorted(record.value for record in found) == sorted(b"%d:%d" % (w, n) for w in range(10) for n in range(20))


async def test_offsets_since_an_instant_part_what_was_appended_before_it_from_what_came_after(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 3))
        await settled(log, NOTES)
        end = (await log.end_offsets(NOTES))[NOTES_0]
        first = await log.read(NOTES_0, 0, 1)
        assert (await log.offsets_since(0))[NOTES_0] == first[0].offset
        assert (await log.offsets_since(4_000_000_000_000))[NOTES_0] == end


async def trimmed_notes(log: Log, before: int) -> list[LogRecord]:
    """Append ten notes and trim what lies before the one of this number; all ten as they were."""
    await log.append(NOTES, entries(["a"] * 10))
    await settled(log, NOTES)
    whole = (await log.read(NOTES_0, 0, 100))[-10:]
    await log.trim({NOTES_0: whole[before].offset if before < 10 else (await log.end_offsets(NOTES))[NOTES_0]})
    return whole


async def test_what_is_trimmed_is_gone_and_who_reads_from_before_goes_on_behind_it(place: Place) -> None:
    async with place.open() as log:
        whole = await trimmed_notes(log, 6)
        for start in (0, 3, 6):
            assert await log.read(NOTES_0, whole[start].offset, 100) == whole[6:]
        assert await log.read(NOTES_0, 0, 2) == whole[6:8]
        await log.trim({NOTES_0: 0})  # nothing lies before that
        await log.trim({NOTES_0: whole[2].offset})  # nor before that any more
        assert await log.read(NOTES_0, 0, 100) == whole[6:]
    async with place.open() as log:
        assert await log.read(NOTES_0, 0, 100) == whole[6:]


async def test_offsets_go_on_growing_where_a_partition_has_been_trimmed_to_its_end(place: Place) -> None:
    async with place.open() as log:
        await trimmed_notes(log, 10)
        end = (await log.end_offsets(NOTES))[NOTES_0]
        assert await log.read(NOTES_0, 0, 100) == []
    async with place.open() as log:
        assert await log.end_offsets(NOTES) == {NOTES_0: end}
        await log.append(NOTES, entries(["a"], "after:"))
        await settled(log, NOTES)
        (record,) = await log.read(NOTES_0, 0, 100)
        assert (record.offset, record.value) == (end, b"after:0")


async def test_groups_go_on_behind_what_was_trimmed_wherever_they_stood(place: Place) -> None:
    async with place.open() as log:
        await log.append(NOTES, entries(["a"] * 3, "first:"))
        async with log.subscribe("behind", [NOTES]) as member:
            batch = await fetch_until(member, 3)
            await member.commit(next_offsets(batch[:1]))
        whole = (await trimmed_notes(log, 6))[6:]

        async def start(new: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            return dict.fromkeys(new, batch[0].offset)

        for group, own in (("behind", None), ("newcomer", None), ("keeps its own", start)):
            async with log.subscribe(group, [NOTES], own) as member:
                assert await fetch_until(member, len(whole)) == whole
                await log.append(NOTES, entries(["b"], group))
                (latest,) = await fetch_until(member, 1)
                assert latest.value == group.encode() + b"0"
            whole = [*whole, latest]


async def test_a_member_that_is_reading_is_not_troubled_by_trimming(place: Place) -> None:
    async with place.open() as log, log.subscribe("recorder", [NOTES]) as member:
        await log.append(NOTES, entries(["a"] * 10))
        batch = await fetch_until(member, 10)
        await log.trim({NOTES_0: batch[-1].offset + 1})
        await member.commit(next_offsets(batch))
        await log.append(NOTES, entries(["a"], "after:"))
        assert [record.value for record in await fetch_until(member, 1)] == [b"after:0"]


async def test_trimming_beyond_the_end_or_of_what_is_unknown_is_refused_and_changes_nothing(place: Place) -> None:
    async with place.open() as log:
        await log.append(ELEMENTS, entries(["a", "b", "c"]))
        await log.append(NOTES, entries(["a"] * 3))
        await settled(log, NOTES)
        end = (await log.end_offsets(NOTES))[NOTES_0]
        elements = await everything(log, ELEMENTS)
        with pytest.raises(ValueError, match=r"notes/0 ends before"):
            await log.trim({elements[0].topic_partition: elements[0].offset + 1, NOTES_0: end + 1})
        with pytest.raises(ValueError, match="no partition notes/1"):
            await log.trim({TopicPartition(NOTES, 1): 0})
        with pytest.raises(ValueError, match="no topic 'elsewhere'"):
            await log.trim({TopicPartition("elsewhere", 0): 0})
        with pytest.raises(ValueError, match=r"notes/0 .*-1"):
            await log.trim({NOTES_0: -1})  # which Kafka would take for the end
        assert await everything(log, ELEMENTS) == elements
        assert len(await everything(log, NOTES)) == 3


async def test_what_no_group_has_read_yet_is_trimmed_as_well_for_the_caller_knows_what_is_done_with(
    place: Place,
) -> None:
    async with place.open() as log:
        whole = await trimmed_notes(log, 4)
        async with log.subscribe("recorder", [NOTES]) as member:
            assert await fetch_until(member, 6) == whole[4:]
