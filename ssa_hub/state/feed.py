"""The feed through a release table: what becomes visible to a partner, each record once, none skipped.

A record becomes visible at max(received + delay, recorded). The feed is in the order of that instant, then of
recording. A record under a delay comes after others that were recorded later, and of two under one delay the one that
was received first comes first, whichever was recorded first. So there is one place for each delay in the release table.

A record may be committed after the instant at which it was recorded: who has read on in between has passed it. It is
known by its number, which is greater than every number that he had seen, and comes next.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, Select, and_, case, func, or_, select, union
from sqlalchemy.sql.elements import ColumnElement

from schemas.records import Kind
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS
from ssa_hub.state.combinations import Released, released_combinations
from ssa_hub.state.database import Database
from ssa_hub.state.giving_up import GIVEN_UP
from ssa_hub.state.tables import recorded

_Allowed = dict[int, Released]
_FIRST_TAI_NS, _LAST_TAI_NS, _LAST_SEQ = -(2**63), 2**63 - 1, 2**63 - 1
_WINDOW_RECORDS = 4_000


class Place(NamedTuple):
    """How far the records of one delay have been read.

    Read is what is visible no later than ``visible_tai_ns`` (at that instant: up to the number ``seq``) and has a
    number up to ``head``. A greater number is read yet where it is visible after ``late_from_tai_ns``.
    """

    visible_tai_ns: int
    seq: int
    head: int
    late_from_tai_ns: int = _FIRST_TAI_NS


Cursor = Mapping[int, Place]

BEGINNING: Cursor = {0: Place(_FIRST_TAI_NS, 0, 0)}


class FeedRow(NamedTuple):
    """One visible record: ``mask_ids`` has one mask for an element set, the parents' two for a conjunction."""

    seq: int
    record_id: str
    kind: str
    delay_ns: int
    visible_tai_ns: int
    mask_ids: tuple[Any, ...]
    body: bytes


class FeedPage(NamedTuple):
    """Visible records in the feed's order, and where to go on. Numbers must not be shown to a partner: their gaps
    would count what he may not see.
    """

    rows: list[FeedRow]
    cursor: dict[int, Place]


class Feed:
    """Reads records in the order in which they become visible, about ``window_records`` at once."""

    def __init__(self, database: Database, window_records: int = _WINDOW_RECORDS) -> None:
        self._database, self._window_records = database, window_records

    def after(
        self,
        cursor: Cursor,
        release: pa.Table,
        *,
        data_mode: str,
        now_tai_ns: int,
        limit: int,
        with_given_up: bool = False,
    ) -> FeedPage:
        """Up to ``limit`` records that are visible now and lie after the cursor: the last page's, or `BEGINNING`.

        A delay that the cursor does not know starts so early that a change of agreement repeats records rather than
        lose them. Records whose bodies were given up are passed over (``with_given_up``: are there, with an empty
        body). While the clock stands before what was read already, nothing comes. Raises ValueError for a malformed
        release table, a limit below 1 and a cursor without a place.
        """
        if limit < 1 or not cursor:
            raise ValueError(f"a limit of at least 1 and a place to go on from, not {limit} and {len(cursor)}")
        with self._database.snapshot() as connection:
            head = _head(connection)
            elements = released_combinations(connection, release, Kind.ELEMENTS, data_mode)
            parents = released_combinations(connection, release, Kind.DERIVED_CONJUNCTIONS, data_mode)
            delays = sorted({released.delay_ns for allowed in (elements, parents) for released in allowed.values()})
            places = {delay: _start(cursor, delay) for delay in delays}
            rows: list[FeedRow] = []
            window = self._window_records
            while delays and len(rows) < limit:
                # By windows of time, so that a page of a long feed does not have to sort all that comes after it.
                until = min(now_tai_ns, *(_window_end(connection, delay, places[delay], window) for delay in delays))
                found, places = _look(
                    connection, places, elements, parents, head=head, until_tai_ns=until, limit=limit - len(rows),
                    with_given_up=with_given_up,
                )  # fmt: skip
                rows += found
                if until >= now_tai_ns:
                    break
                window = self._window_records if found else 2 * window
        # Who is allowed nothing keeps his place: what he is allowed one day may lie behind it.
        return FeedPage(rows, places or dict(cursor))

    def place_at(self, tai_ns: int) -> Place:
        """Where who begins at an instant, which is now, goes on: all that is visible by then has been read."""
        with self._database.snapshot() as connection:
            head = _head(connection)
        return Place(tai_ns, _LAST_SEQ, head)


def place_of(visible_tai_ns: int, seq: int, *, under_way_ns: int) -> Place:
    """The place of who has read a record last, and of nothing else is known what he has read.

    What was recorded after it, and could be seen no more than ``under_way_ns`` before it, may not have been committed
    when he read it: it comes, once more or for the first time.
    """
    return Place(visible_tai_ns, seq, seq, visible_tai_ns - under_way_ns)


def place_since(tai_ns: int) -> Place:
    """The place of who has read nothing that is visible after an instant, whenever it was committed."""
    return Place(tai_ns, _LAST_SEQ, _LAST_SEQ)


def _look(
    connection: Connection,
    places: dict[int, Place],
    elements: _Allowed,
    parents: _Allowed,
    *,
    head: int,
    until_tai_ns: int,
    limit: int,
    with_given_up: bool,
) -> tuple[list[FeedRow], dict[int, Place]]:
    """The first ``limit`` records that are visible at an instant, of all delays together, and the places after them."""
    found = {
        delay: _Class(delay, place, head, until_tai_ns, limit, with_given_up).read(connection, elements, parents)
        for delay, place in places.items()
    }
    together = [row for rows in found.values() for row in rows]
    together.sort(key=lambda row: (_order(row, places[row.delay_ns]), row.seq))
    page = together[:limit]
    reached = {}
    for delay, rows in found.items():
        taken = [row for row in page if row.delay_ns == delay]
        more = len(taken) < len(rows) or len(rows) == limit
        reached[delay] = _reached(places[delay], taken, head, until_tai_ns, more=more)
    return page, reached


def _window_end(connection: Connection, delay_ns: int, place: Place, records: int) -> int:
    """An instant after a place by which about so many records of any kind become visible under a delay."""
    column = recorded.c.recorded_tai_ns
    begin = max(place.visible_tai_ns - delay_ns, _FIRST_TAI_NS)
    chosen = select(column).where(column > begin).order_by(column).limit(1).offset(records)
    found: int | None = connection.execute(chosen).scalar()
    return _LAST_TAI_NS if found is None else found + delay_ns


class _Class(NamedTuple):
    """The records of one effective delay after a place."""

    delay_ns: int
    start: Place
    head: int
    now_tai_ns: int
    limit: int
    with_given_up: bool

    def read(self, connection: Connection, elements: _Allowed, parents: _Allowed) -> list[FeedRow]:
        """Those that are visible now, at most ``limit``, in order."""
        if self.now_tai_ns < self.start.visible_tai_ns:
            return []
        visible = visible_from(self.delay_ns)
        order = case((visible < self.start.visible_tai_ns, self.start.visible_tai_ns), else_=visible)
        chosen = (
            select(recorded, visible.label("visible_tai_ns"))
            .where(
                recorded.c.seq.in_(union(*self._unread(visible))),
                recorded.c.seq <= self.head,
                visible <= self.now_tai_ns,
                self._condition(elements, parents),
                *(() if self.with_given_up else (recorded.c.body != GIVEN_UP,)),
            )
            .order_by(order, recorded.c.seq)
            .limit(self.limit)
        )
        rows: list[FeedRow] = []
        for row in connection.execute(chosen):
            if row.kind == ELEMENTS:
                masks: tuple[Any, ...] = (elements[row.combination_1].mask_id,)
            else:
                masks = (parents[row.combination_1].mask_id, parents[row.combination_2].mask_id)
            rows.append(FeedRow(row.seq, row.record_id, row.kind, self.delay_ns, row.visible_tai_ns, masks, row.body))
        return rows

    def _unread(self, visible: ColumnElement[int]) -> list[Select[tuple[int]]]:
        """Numbers of unread records by the ways to be unread, each by a range of one column that has an index.

        A record is visible after the place just when its reception, with the delay, or its recording lies after it.
        """
        place, columns = self.start, recorded.c
        received_by = max(place.visible_tai_ns - self.delay_ns, _FIRST_TAI_NS)
        later = and_(visible == place.visible_tai_ns, columns.seq > place.seq)
        late = and_(
            columns.seq > place.head, visible <= place.visible_tai_ns, visible > place.late_from_tai_ns
        )  # fmt: skip
        ways = [
            and_(columns.received_tai_ns > received_by, columns.received_tai_ns <= self.now_tai_ns - self.delay_ns),
            and_(columns.recorded_tai_ns > place.visible_tai_ns, columns.recorded_tai_ns <= self.now_tai_ns),
        ]
        if place.seq < self.head:
            ways.append(and_(columns.received_tai_ns == received_by, later))
            ways.append(and_(columns.recorded_tai_ns == place.visible_tai_ns, later))
        if place.head < self.head and place.visible_tai_ns > _FIRST_TAI_NS:
            ways.append(late)
        return [select(columns.seq).where(way) for way in ways]

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


def visible_from(delay_ns: int) -> ColumnElement[int]:
    """From when on a record can be seen under a delay: max(received + delay, recorded), TAI ns."""
    due = recorded.c.received_tai_ns + delay_ns
    return case((due > recorded.c.recorded_tai_ns, due), else_=recorded.c.recorded_tai_ns)


def _head(connection: Connection) -> int:
    head: int = connection.execute(select(func.coalesce(func.max(recorded.c.seq), 0))).scalar_one()
    return head


def _start(cursor: Cursor, delay_ns: int) -> Place:
    """The place of a delay. One that is new takes over what was under the others and not yet due: none is passed."""
    if delay_ns in cursor:
        return cursor[delay_ns]
    return Place(
        max(min(place.visible_tai_ns - max(old - delay_ns, 0) for old, place in cursor.items()), _FIRST_TAI_NS),
        0,
        min(place.head for place in cursor.values()),
        min(place.late_from_tai_ns for place in cursor.values()),
    )


def _order(row: FeedRow, start: Place) -> int:
    """The instant by which a row takes its turn: what was committed late comes next, not before what was read."""
    return max(row.visible_tai_ns, start.visible_tai_ns)


def _reached(start: Place, rows: list[FeedRow], head: int, now_tai_ns: int, *, more: bool) -> Place:
    """The place after these rows of its delay; ``more``: there are others that are visible now."""
    if now_tai_ns < start.visible_tai_ns or (more and not rows):
        return start
    if not more:
        return start._replace(visible_tai_ns=now_tai_ns, seq=head, head=head)
    last = rows[-1]
    turn = _order(last, start)
    # Among those that came late and take their turn at the place itself, the number says which have been read.
    head = max(start.head, last.seq) if turn == start.visible_tai_ns else head
    return start._replace(visible_tai_ns=turn, seq=last.seq, head=head)
