"""The feed through a release table: what becomes visible to a partner, each record once, none skipped.

A record under a delay becomes visible after records that were recorded later. One cursor over all records would then
have passed it. So the cursor has one number for each delay in the release table; within one delay, records become
visible in the order in which they were received, and the cursor stops before the first that is not visible yet.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from schemas.records import Kind
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS
from ssa_hub.state.combinations import Released, released_combinations
from ssa_hub.state.database import Database
from ssa_hub.state.tables import recorded

Cursor = Mapping[int, int]
_Allowed = dict[int, Released]


class FeedRow(NamedTuple):
    """One visible record: ``mask_ids`` has one mask for an element set, the parents' two for a conjunction."""

    seq: int
    record_id: str
    kind: str
    delay_ns: int
    received_tai_ns: int
    mask_ids: tuple[Any, ...]
    body: bytes


class FeedPage(NamedTuple):
    """Visible records by number, and where to go on: delay in ns -> number. ``seq`` must not be shown to a partner:
    its gaps would count what he may not see.
    """

    rows: list[FeedRow]
    cursor: dict[int, int]


class Feed:
    """Reads records in the order in which they were recorded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def after(
        self, cursor: int | Cursor, release: pa.Table, *, data_mode: str, now_tai_ns: int, limit: int
    ) -> FeedPage:
        """Up to ``limit`` records that are visible now and lie after the cursor.

        ``cursor`` is the last page's, or one number for all delays (0: from the beginning). A delay that the cursor
        does not know starts at its smallest number, so that a change of agreement repeats records rather than lose
        them. Raises ValueError for a malformed release table or a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        with self._database.snapshot() as connection:
            head: int = connection.execute(select(func.coalesce(func.max(recorded.c.seq), 0))).scalar_one()
            elements = released_combinations(connection, release, Kind.ELEMENTS, data_mode)
            parents = released_combinations(connection, release, Kind.DERIVED_CONJUNCTIONS, data_mode)
            delays = sorted({released.delay_ns for allowed in (elements, parents) for released in allowed.values()})
            starts = _starts(cursor, delays)
            rows: list[FeedRow] = []
            reached: dict[int, int] = {}
            for delay in delays:
                seen = _Class(delay, starts[delay], head, now_tai_ns, limit)
                visible, reached[delay] = seen.read(connection, elements, parents)
                rows += visible
        rows.sort(key=lambda row: row.seq)
        for row in reversed(rows[limit:]):
            reached[row.delay_ns] = row.seq - 1  # the first record left out, of each delay, comes next time
        if not delays:
            reached = {0: head}
        return FeedPage(rows[:limit], reached)


class _Class(NamedTuple):
    """The records of one effective delay after a number."""

    delay_ns: int
    start: int
    head: int
    now_tai_ns: int
    limit: int

    def read(self, connection: Connection, elements: _Allowed, parents: _Allowed) -> tuple[list[FeedRow], int]:
        """The visible ones, and the number up to which nothing of this delay remains to be shown."""
        chosen = (
            select(recorded)
            .where(recorded.c.seq > self.start, recorded.c.seq <= self.head, self._condition(elements, parents))
            .order_by(recorded.c.seq)
            .limit(self.limit)
        )
        rows: list[FeedRow] = []
        for row in connection.execute(chosen):
            if row.received_tai_ns > self.now_tai_ns - self.delay_ns:
                return rows, row.seq - 1
            if row.kind == ELEMENTS:
                masks: tuple[Any, ...] = (elements[row.combination_1].mask_id,)
            else:
                masks = (parents[row.combination_1].mask_id, parents[row.combination_2].mask_id)
            rows.append(FeedRow(row.seq, row.record_id, row.kind, self.delay_ns, row.received_tai_ns, masks, row.body))
        return rows, rows[-1].seq if len(rows) == self.limit else max(self.head, self.start)

    def _condition(self, elements: _Allowed, parents: _Allowed) -> ColumnElement[bool]:
        own = [number for number, released in elements.items() if released.delay_ns == self.delay_ns]
        up_to = [number for number, released in parents.items() if released.delay_ns <= self.delay_ns]
        equal = [number for number, released in parents.items() if released.delay_ns == self.delay_ns]
        first, second = recorded.c.combination_1, recorded.c.combination_2
        return or_(
            and_(recorded.c.kind == ELEMENTS, first.in_(own)),
            and_(
                recorded.c.kind == CONJUNCTIONS,
                first.in_(up_to),
                second.in_(up_to),
                or_(first.in_(equal), second.in_(equal)),
            ),
        )


def _starts(cursor: int | Cursor, delays: list[int]) -> dict[int, int]:
    if isinstance(cursor, int):
        return dict.fromkeys(delays, cursor)
    unknown = min(cursor.values(), default=0)
    return {delay: cursor.get(delay, unknown) for delay in delays}
