"""Reading the ledger's rows as they lie in the database, byte for byte, so that a change of any byte can be seen."""

from collections.abc import Generator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, LargeBinary, Row, and_, cast, func, select, true, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from ssa_hub.release.ledger import FIRST_PERIOD, TEXTS, day_start_tai_ns, utc_day
from ssa_hub.release.ledger_periods import ClosedPeriod, LedgerSum, StoredEntry, SumKey
from ssa_hub.state.release_tables import ledger_entries, ledger_periods, ledger_sums

_ROWS_AT_ONCE = 2_000
_INTEGERS = ("number", "period", "released_tai_ns")


class Interval(NamedTuple):
    """From an instant to another, TAI ns, the second one excluded; None: without a bound."""

    from_tai_ns: int | None = None
    to_tai_ns: int | None = None


def stored_entries(
    connection: Connection, *conditions: ColumnElement[bool], limit: int | None = None
) -> Generator[StoredEntry, None, None]:
    """The entries for which the conditions hold, by number, some thousand rows in memory at a time."""
    columns = ledger_entries.c
    chosen = (
        select(
            *(columns[name] for name in _INTEGERS),
            *(_utf8(connection, columns[name]).label(name) for name in TEXTS),
            type_coerce(columns.pseudonymous, Integer).label("pseudonymous"),
            columns.records,
            columns.record_ids,
            columns.entry_sha256,
        )
        .where(*conditions)
        .order_by(columns.number)
        .limit(limit)
    )
    first_text, after_texts = len(_INTEGERS), len(_INTEGERS) + len(TEXTS)
    result = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(chosen)
    try:
        for row in result:
            number, period, released_tai_ns = row[:first_text]
            pseudonymous, records, record_ids, entry_sha256 = row[after_texts:]
            texts = tuple(row[first_text:after_texts])
            yield StoredEntry(
                number, period, released_tai_ns, texts, int(pseudonymous), records, record_ids, entry_sha256
            )
    finally:
        result.close()


def _utf8(connection: Connection, column: ColumnElement[str]) -> ColumnElement[bytes]:
    """A text's bytes: text that is no UTF-8 any more would else end the reading."""
    if connection.dialect.name == "sqlite":
        return cast(column, LargeBinary)
    return func.convert_to(column, "UTF8", type_=LargeBinary)


def closed_periods(connection: Connection, *conditions: ColumnElement[bool]) -> list[ClosedPeriod]:
    """The closed periods for which the conditions hold, by day."""
    columns = [ledger_periods.c[name] for name in ClosedPeriod._fields]
    chosen = select(*columns).where(*conditions).order_by(ledger_periods.c.period)
    return [ClosedPeriod(*row) for row in connection.execute(chosen)]


def stored_sums(connection: Connection) -> dict[int, dict[SumKey, LedgerSum]]:
    """The sums of every period."""
    columns = ledger_sums.c
    # A name that is no UTF-8 any more is shown escaped, and equals none.
    chosen = select(
        columns.period,
        *(_utf8(connection, columns[name]) for name in SumKey._fields),
        *(columns[name] for name in LedgerSum._fields),
    )
    found: dict[int, dict[SumKey, LedgerSum]] = {}
    for row in connection.execute(chosen):
        key, value = _sum(row)
        found.setdefault(row[0], {})[key] = value
    return found


def _sum(row: Row[Any]) -> tuple[SumKey, LedgerSum]:
    after_key = 1 + len(SumKey._fields)
    return SumKey(*(text.decode("utf-8", "backslashreplace") for text in row[1:after_key])), LedgerSum(*row[after_key:])


def released_within(connection: Connection, interval: Interval) -> list[ColumnElement[bool]]:
    """Conditions for the entries of an interval: by instant, and by number, which is indexed and rises with it."""
    columns, days = ledger_entries.c, ledger_periods.c
    conditions = [_within_instants(interval)]
    # The number of the first entry of the first closed day that reaches into the interval, and likewise the last.
    if interval.from_tai_ns is not None and interval.from_tai_ns >= day_start_tai_ns(FIRST_PERIOD):
        before = select(func.max(days.last_number)).where(days.period < utc_day(interval.from_tai_ns))
        number: int | None = connection.execute(before).scalar()
        conditions.append(columns.number > (number or 0))
    if interval.to_tai_ns is not None:
        beyond = select(func.min(days.first_number)).where(days.period > utc_day(interval.to_tai_ns))
        number = connection.execute(beyond).scalar()
        if number is not None:
            conditions.append(columns.number < number)
    return conditions


def _within_instants(interval: Interval) -> ColumnElement[bool]:
    instant = ledger_entries.c.released_tai_ns
    conditions = []
    if interval.from_tai_ns is not None:
        conditions.append(instant >= interval.from_tai_ns)
    if interval.to_tai_ns is not None:
        conditions.append(instant < interval.to_tai_ns)
    return and_(true(), *conditions)
