"""After a deletion the hub answers as one that never had the records, and none of its files has anything of them."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.topics import ELEMENTS
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.retention import DAY_NS
from ssa_hub.services.recorder import Recorder
from ssa_hub.state.feed import BEGINNING
from tests.history.examples import START_TAI_NS, release
from tests.hub.retention_rooms import AGREEMENT, MARKER, NOW_TAI_NS, places_of_marker, sqlite_in, turn
from tests.hub.rooms import LABEL, Rooms, entries_of, everything_recorded, orbit, rooms, running_until

_NOW = 2**62


class Arrival(NamedTuple):
    """An element set: whose, of what, how old, its epoch, and after which recording it comes."""

    originator: str
    object_id: str
    age_days: int
    epoch: int
    batch: int

    @property
    def is_due(self) -> bool:
        """Whether alpha's agreement demands its deletion: received more than 30 days ago."""
        return self.originator == "alpha" and self.age_days > 30


arrivals = st.lists(
    st.builds(
        Arrival,
        st.sampled_from(["alpha", "alpha", "beta"]),
        st.sampled_from(["cat-1", "cat-2"]),
        st.sampled_from([1, 29, 31, 60, 90]),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=10,
)


def rows_of(found: Sequence[Arrival]) -> list[tuple[int, dict[str, Any]]]:
    return [
        (
            one.batch,
            orbit(f"r-{number}", one.object_id, epoch_tai_ns=START_TAI_NS + one.epoch)
            | {"originator": one.originator, "source": one.originator}
            | {"received_tai_ns": NOW_TAI_NS - one.age_days * DAY_NS - number}
            | {"object_name": MARKER if one.is_due else "kept"},
        )
        for number, one in enumerate(found)
    ]


async def record(opened: Rooms, rows: list[tuple[int, dict[str, Any]]]) -> None:
    for batch in range(3):
        part = [row for number, row in rows if number == batch]
        if part:
            await opened.log.append(ELEMENTS, entries_of(part))
            recorder = Recorder(opened.log, opened.history, opened.state, retry_s=0.01)
            await running_until(lambda: everything_recorded(opened), recorder.run())


def answers(opened: Rooms) -> list[list[dict[str, Any]]]:
    """What listings and state answer: history, newest as of instants, changes, newest of state, feed."""
    table = release(*((ELEMENTS, originator, LABEL.label_id, 0, 0) for originator in ("alpha", "beta")))
    asked: dict[str, Any] = {"now_tai_ns": _NOW, "data_mode": "TEST", "limit": 100}
    with HistoryQueries(opened.history) as queries:
        found: list[pa.Table] = [queries.elements_history(table, **asked)]
        found += [
            queries.elements_newest(table, known_at_tai_ns=NOW_TAI_NS - days * DAY_NS, **asked)
            for days in (0, 30, 45, 80)
        ]
        found.append(queries.elements_side_by_side(table, **asked))
    found += [opened.state.newest.elements("TEST"), opened.state.newest.visible(table, data_mode="TEST", limit=100)]
    page = opened.state.feed.after(BEGINNING, table, data_mode="TEST", now_tai_ns=_NOW, limit=100)
    return [*(rows.to_pylist() for rows in found), [{"id": row.record_id, "body": row.body} for row in page.rows]]


async def answers_after(directory: Path, found: list[tuple[int, dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """Record, and make turns of retention until there is nothing more to do."""
    async with rooms(directory, sqlite_in(directory)) as opened:
        await record(opened, found)
        version = read_agreement(AGREEMENT, "a.toml").version
        opened.state.agreements.activate(
            "alpha", version, file="a.toml", text=AGREEMENT, now_tai_ns=NOW_TAI_NS - 3 * DAY_NS
        )
        for _ in range(2):
            await turn(opened, directory)
        assert not opened.state.deletions.running()
        assert places_of_marker(opened, directory) == []
        return answers(opened)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals)
def test_after_a_deletion_the_answers_are_those_of_a_hub_that_never_had_the_records(found: list[Arrival]) -> None:
    rows = rows_of(found)
    kept = [row for row, one in zip(rows, found, strict=True) if not one.is_due]

    async def both(directory: Path) -> None:
        for name in ("deleted", "never"):
            (directory / name).mkdir()
        assert await answers_after(directory / "deleted", rows) == await answers_after(directory / "never", kept)

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(both(Path(directory)))
