"""A payload's way onto the log: in one piece where it is small enough, else in whole pieces in its order."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import publication
from ingest.embedded_log import EmbeddedLog
from ingest.log import Entry
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from ingest.publication import Publication
from ingest.topics import ELEMENTS, QUARANTINE
from tests.ingest.test_pipeline import Journal, payload
from tests.ingest.tle import element_set


class Calls:
    """A log that keeps each call by itself."""

    def __init__(self) -> None:
        self.calls: list[dict[str, list[Entry]]] = []

    async def append_all(self, entries: dict[str, list[Entry]]) -> None:
        self.calls.append(entries)


ADDED = st.lists(
    st.tuples(st.sampled_from([ELEMENTS, QUARANTINE]), st.lists(st.integers(0, 60), max_size=8)), max_size=8
)


@given(ADDED)
async def test_any_additions_arrive_whole_and_in_order_in_pieces_of_bounded_size(
    added: list[tuple[str, list[int]]],
) -> None:
    before = publication.ENTRIES_MAX, publication.BYTES_MAX
    publication.ENTRIES_MAX, publication.BYTES_MAX = 5, 100
    try:
        log = Calls()
        one = Publication(log)  # type: ignore[arg-type]
        for topic, sizes in added:
            await one.add(topic, [Entry(b"", bytes(size)) for size in sizes])
        await one.finish()
    finally:
        publication.ENTRIES_MAX, publication.BYTES_MAX = before
    for topic in (ELEMENTS, QUARANTINE):
        sent = [size for of, sizes in added if of == topic for size in sizes]
        assert [len(entry.value) for call in log.calls for entry in call.get(topic, [])] == sent
    for call in log.calls:
        sizes = [len(entry.value) for entries in call.values() for entry in entries]
        assert 0 < len(sizes) <= 5
        assert sum(sizes) <= 100


@pytest.mark.parametrize("good", [1, 40])
async def test_a_payloads_records_and_refusals_are_one_append(tmp_path: Path, good: int) -> None:
    bad = element_set(99_999).replace("51.6400", "51.64x0")
    async with EmbeddedLog(tmp_path / "log") as log:
        calls: list[dict[str, list[Entry]]] = []

        class Counted:
            async def append_all(self, entries: dict[str, list[Entry]]) -> None:
                calls.append(entries)
                await log.append_all(entries)

        ingest = Ingest(Counted(), PayloadStore(tmp_path / "p"), Journal(), lambda ids: set())  # type: ignore[arg-type]
        text = "".join(element_set(number) for number in range(1, good + 1)) + bad + bad
        await ingest.accept(payload(text.encode()))
    (call,) = calls
    assert {topic: len(entries) for topic, entries in call.items()} == {ELEMENTS: good, QUARANTINE: 2}
