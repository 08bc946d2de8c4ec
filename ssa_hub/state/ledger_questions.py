"""Questions to the ledger: sums over a period of time, and one originator's entries in pages.

Whole closed days are answered from their sums, the rest (the day that is open, parts of days) from the entries.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, and_, func, select, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.elements import ColumnElement

from ssa_hub.release.ledger import day_start_tai_ns, utc_day
from ssa_hub.release.ledger_periods import LedgerSum, StoredEntry
from ssa_hub.state.database import Database
from ssa_hub.state.ledger_rows import Interval, released_within, stored_entries
from ssa_hub.state.release_tables import ledger_entries, ledger_periods, ledger_sums

_VALUES = LedgerSum._fields
Position = tuple[int, int]


class LedgerQuestions:
    """Reads the ledger for those who ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sums(
        self,
        by: Sequence[str],
        interval: Interval,
        *,
        originator: str | None = None,
        partner: str | None = None,
    ) -> list[tuple[tuple[str | int, ...], LedgerSum]]:
        """(values of ``by``, sum), sorted by these: of an originator's data, or of what a partner received, or both.

        ``by``: any of originator, partner, channel, kind, data_mode, rule, period (the UTC day, days since 1970).
        """
        named = {"originator": originator, "partner": partner}
        with self._database.snapshot() as connection:
            days, rests = _parts(connection, interval)
            parts = [_selected(ledger_entries, by, within, named) for within in rests]
            if days is not None:
                parts.append(_selected(ledger_sums, by, days, named))
            every = union_all(*parts).subquery()
            keys = [every.c[name] for name in by]
            chosen = select(*keys, *_summed(every.c)).group_by(*keys).order_by(*keys)
            width = len(keys)
            return [
                (tuple(row[:width]), LedgerSum(*map(int, row[width:])))  # PostgreSQL sums to decimals
                for row in connection.execute(chosen)
            ]

    def entries(
        self, interval: Interval, *, originator: str | None, partner: str | None, after: Position | None, limit: int
    ) -> tuple[list[StoredEntry], Position | None]:
        """The oldest ``limit`` entries after a position, and the position of the last where there are more.

        A position is (instant of an entry, how many with this instant have been read): numbers count everybody's
        entries, and must not be shown. None: from the start of the interval.
        """
        columns = ledger_entries.c
        from_tai_ns = interval.from_tai_ns if after is None else after[0]
        to_skip = 0 if after is None else after[1]
        conditions = [
            column == value
            for column, value in ((columns.originator, originator), (columns.partner, partner))
            if value is not None
        ]
        with self._database.snapshot() as connection:
            conditions += released_within(connection, Interval(from_tai_ns, interval.to_tai_ns))
            found: list[StoredEntry] = []
            for entry in stored_entries(connection, *conditions, limit=limit + 1 + to_skip):
                if after is not None and to_skip and entry.released_tai_ns == after[0]:
                    to_skip -= 1
                    continue
                found.append(entry)
        if len(found) <= limit:
            return found, None
        last = found[limit - 1].released_tai_ns
        same = sum(entry.released_tai_ns == last for entry in found[:limit])
        if after is not None and last == after[0]:
            same += after[1]
        return found[:limit], (last, same)


def _selected(
    table: Table, by: Sequence[str], within: ColumnElement[bool], named: Mapping[str, str | None]
) -> Select[tuple[Any, ...]]:
    """The sums of one of the two tables."""
    conditions = [table.c[name] == value for name, value in named.items() if value is not None]
    keys = [table.c[name] for name in by]
    if table is ledger_sums:
        values = _summed(table.c)
    else:
        instant = table.c.released_tai_ns
        counted = (func.count(), func.sum(table.c.records), func.min(instant), func.max(instant))
        values = [column.label(name) for column, name in zip(counted, _VALUES, strict=True)]
    return select(*keys, *values).where(within, *conditions).group_by(*keys)


def _summed(columns: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[Any]]:
    summed = (
        func.sum(columns["entries"]),
        func.sum(columns["records"]),
        func.min(columns["first_tai_ns"]),
        func.max(columns["last_tai_ns"]),
    )
    return [column.label(name) for column, name in zip(summed, _VALUES, strict=True)]


def _parts(connection: Connection, interval: Interval) -> tuple[ColumnElement[bool] | None, list[ColumnElement[bool]]]:
    """Which rows of the sums, and which of the entries, an interval is answered from."""
    first, last = _closed_days(connection)
    if first is None or last is None:
        return None, [and_(*released_within(connection, interval))]
    whole_from, whole_to = first, last
    begin, end = interval
    if begin is not None:
        day = utc_day(begin)
        whole_from = max(first, day if day_start_tai_ns(day) == begin else day + 1)
    if end is not None:
        whole_to = min(last, utc_day(end) - 1)
    if whole_from > whole_to:
        return None, [and_(*released_within(connection, interval))]
    rests = []
    if begin is not None and day_start_tai_ns(first) < begin < day_start_tai_ns(whole_from):
        rests.append(Interval(begin, day_start_tai_ns(whole_from)))
    if end is None or end > day_start_tai_ns(whole_to + 1):
        rests.append(Interval(day_start_tai_ns(whole_to + 1), end))
    conditions = [and_(*released_within(connection, rest)) for rest in rests]
    return ledger_sums.c.period.between(whole_from, whole_to), conditions


def _closed_days(connection: Connection) -> tuple[int | None, int | None]:
    row = connection.execute(select(func.min(ledger_periods.c.period), func.max(ledger_periods.c.period))).one()
    return row[0], row[1]
