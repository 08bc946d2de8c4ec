"""How the recorder gathers a batch: records that come together are recorded together, one that comes alone at once."""

from collections.abc import Mapping

from ingest.log import LogRecord, TopicPartition
from ssa_hub.services.recorder import _gather


class ScriptedSubscription:
    """Gives the parts of a script in turn, then nothing; keeps for how many records and how long it was asked."""

    def __init__(self, *parts: int) -> None:
        self._parts = [_records(size) for size in parts]
        self.asked: list[tuple[int, float]] = []

    async def fetch(self, max_records: int, timeout_s: float) -> list[LogRecord]:
        """The next part."""
        self.asked.append((max_records, timeout_s))
        return self._parts.pop(0) if self._parts else []

    def assignment(self) -> frozenset[TopicPartition]:
        """None: nobody asks."""
        return frozenset()

    async def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        """Nothing to keep."""

    async def __aenter__(self) -> "ScriptedSubscription":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None


def _records(count: int) -> list[LogRecord]:
    return [LogRecord("elements", 0, offset, b"", b"", {}) for offset in range(count)]


async def test_a_record_that_comes_alone_waits_for_one_short_pause_and_no_longer() -> None:
    subscription = ScriptedSubscription(1)
    assert len(await _gather(subscription)) == 1
    first, pause = (timeout_s for _, timeout_s in subscription.asked)
    assert first == 1.0
    assert pause <= 0.02


async def test_records_that_keep_coming_make_one_batch_until_there_is_a_pause() -> None:
    subscription = ScriptedSubscription(1, 5, 2, 0, 7)
    assert len(await _gather(subscription)) == 8
    assert [size for size, _ in subscription.asked] == [20_000, 19_999, 19_994, 19_992]


async def test_a_full_batch_waits_for_nothing() -> None:
    subscription = ScriptedSubscription(20_000, 1)
    assert len(await _gather(subscription)) == 20_000
    assert len(subscription.asked) == 1


async def test_where_nothing_comes_it_is_asked_once() -> None:
    subscription = ScriptedSubscription()
    assert await _gather(subscription) == []
    assert len(subscription.asked) == 1
