"""Sharing the partitions of a consumer group among its members in one process (the embedded log's groups)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from ingest.log import TopicPartition


class Member(Protocol):
    """One who reads for a group."""

    @property
    def partitions(self) -> frozenset[TopicPartition]:
        """All partitions of the topics that it wants."""
        ...

    def wake(self) -> None:
        """Called when there may be something for it to give up or to take."""
        ...


M = TypeVar("M", bound=Member)


def share(
    partitions: Sequence[TopicPartition], members: Sequence[M], holders: Mapping[TopicPartition, M]
) -> dict[TopicPartition, M]:
    """An even division of the partitions, which moves as few of them from their holders as it can.

    No member gets more than one partition more than another.
    """
    floor, larger = divmod(len(partitions), len(members))
    held: dict[M, list[TopicPartition]] = {member: [] for member in members}
    loose: list[TopicPartition] = []
    for tp in partitions:
        holder = holders.get(tp)
        held[holder].append(tp) if holder in held else loose.append(tp)
    ranked = sorted(members, key=lambda member: -len(held[member]))
    quotas = {member: floor + (rank < larger) for rank, member in enumerate(ranked)}
    for member in members:
        loose += held[member][quotas[member] :]
        del held[member][quotas[member] :]
    for member in members:
        while len(held[member]) < quotas[member]:
            held[member].append(loose.pop(0))
    return {tp: member for member, own in held.items() for tp in own}


class ConsumerGroup(Generic[M]):
    """Who holds which partition, and who shall hold it.

    A partition changes hands in two steps, so that it never has two readers: its holder gives it up (`release`) when
    it comes back for more records or leaves, and only then can the next one take it (`acquire`).
    """

    def __init__(self) -> None:
        self._members: list[M] = []
        self._holders: dict[TopicPartition, M] = {}
        self._targets: dict[TopicPartition, M] = {}

    def join(self, member: M) -> None:
        """Add a member and divide anew."""
        self._members.append(member)
        self._divide()

    def leave(self, member: M) -> None:
        """Remove a member with all that it holds and divide anew."""
        self._members.remove(member)
        self._holders = {tp: holder for tp, holder in self._holders.items() if holder is not member}
        self._divide()

    def held_by(self, member: M) -> frozenset[TopicPartition]:
        """What the member holds now."""
        return frozenset(tp for tp, holder in self._holders.items() if holder is member)

    def release(self, member: M) -> frozenset[TopicPartition]:
        """Give up what the member holds and others shall hold; what that was."""
        given_up = frozenset(tp for tp in self.held_by(member) if self._targets.get(tp) is not member)
        for tp in given_up:
            del self._holders[tp]
            if tp in self._targets:
                self._targets[tp].wake()
        return given_up

    def acquire(self, member: M) -> frozenset[TopicPartition]:
        """Take what the member shall hold and nobody holds; what that was."""
        free = frozenset(tp for tp, to in self._targets.items() if to is member and tp not in self._holders)
        self._holders.update(dict.fromkeys(free, member))
        return free

    def _divide(self) -> None:
        wanted: Iterable[TopicPartition] = sorted(set().union(*(member.partitions for member in self._members)))
        by_topic: dict[str, list[TopicPartition]] = {}
        for tp in wanted:
            by_topic.setdefault(tp.topic, []).append(tp)
        self._targets = {}
        for partitions in by_topic.values():
            readers = [member for member in self._members if partitions[0] in member.partitions]
            self._targets |= share(partitions, readers, self._holders)
        for member in self._members:
            member.wake()
