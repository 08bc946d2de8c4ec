"""How the embedded log's groups share partitions."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingest.consumer_group import ConsumerGroup, share
from ingest.log import TopicPartition

ONE = frozenset(TopicPartition("elements", n) for n in range(5))
OTHER = frozenset(TopicPartition("notes", n) for n in range(2))


class Reader:
    """A member that counts how often it was woken."""

    def __init__(self, partitions: frozenset[TopicPartition]) -> None:
        self.partitions = partitions
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


@given(st.integers(1, 12), st.integers(1, 6), st.data())
def test_partitions_are_divided_evenly_and_no_more_of_them_move_than_must(
    count: int, members: int, data: st.DataObject
) -> None:
    partitions = [TopicPartition("elements", n) for n in range(count)]
    readers = [Reader(ONE) for _ in range(members)]
    holders = {tp: data.draw(st.sampled_from(readers)) for tp in partitions if data.draw(st.booleans())}
    shares = share(partitions, readers, holders)
    assert shares.keys() == set(partitions)
    held = Counter(shares.values())
    sizes = sorted(held[reader] for reader in readers)
    assert sizes[-1] - sizes[0] <= 1
    # The most that an even division can keep: everyone's allowance, the larger ones for those who hold most.
    before = sorted((sum(holder is reader for holder in holders.values()) for reader in readers), reverse=True)
    kept = sum(shares[tp] is holder for tp, holder in holders.items())
    assert kept == sum(min(had, may) for had, may in zip(before, sorted(sizes, reverse=True), strict=True))


class GroupMachine(RuleBasedStateMachine):
    """Members come, go and fetch in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.group: ConsumerGroup[Reader] = ConsumerGroup()
        self.readers: list[Reader] = []

    @rule(partitions=st.sampled_from([ONE, OTHER, ONE | OTHER]))
    def join(self, partitions: frozenset[TopicPartition]) -> None:
        reader = Reader(partitions)
        self.readers.append(reader)
        self.group.join(reader)
        assert all(reader.woken for reader in self.readers)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        self.readers.remove(reader)
        self.group.leave(reader)
        assert not self.group.held_by(reader)

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def fetch(self, data: st.DataObject) -> None:
        reader = data.draw(st.sampled_from(self.readers))
        before = self.group.held_by(reader)
        given_up = self.group.release(reader)
        taken = self.group.acquire(reader)
        assert given_up <= before
        assert not taken & before
        assert self.group.held_by(reader) == (before - given_up) | taken

    @invariant()
    def a_partition_has_one_holder_who_wants_it(self) -> None:
        held = [tp for reader in self.readers for tp in self.group.held_by(reader)]
        assert len(held) == len(set(held))
        assert all(self.group.held_by(reader) <= reader.partitions for reader in self.readers)

    @invariant()
    def when_all_have_fetched_every_partition_is_read(self) -> None:
        copy: ConsumerGroup[Reader] = ConsumerGroup()
        for reader in self.readers:
            copy.join(reader)
        for reader in self.readers:
            copy.release(reader)
            copy.acquire(reader)
        wanted = frozenset().union(*(reader.partitions for reader in self.readers))
        assert wanted == frozenset().union(*(copy.held_by(reader) for reader in self.readers))


test_a_group_never_gives_a_partition_to_two = GroupMachine.TestCase
test_a_group_never_gives_a_partition_to_two.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
