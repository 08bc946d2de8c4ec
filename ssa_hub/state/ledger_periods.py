"""The ledger's closed periods with their sums, and reading a ledger whole, to verify it."""

from contextlib import closing
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from ssa_hub.release.ledger import day_start_tai_ns, utc_day
from ssa_hub.release.ledger_periods import (
    FIRST_PREVIOUS_SHA256,
    ClosedPeriod,
    LedgerKeys,
    PeriodContent,
    StoredEntry,
    closed_period,
)
from ssa_hub.release.ledger_verification import Verified, verify_ledger
from ssa_hub.release.merkle import Leaf, sparse_root
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.ledger_rows import closed_periods, stored_entries, stored_sums
from ssa_hub.state.release_tables import ledger_entries, ledger_periods, ledger_sums
from ssa_hub.state.secrets import Secrets

# Clocks of several processes differ a little; an entry that comes after the closing is dated to the next day.
GRACE_NS = 60_000_000_000


class PeriodEntries(NamedTuple):
    """A closed period read for an extract: everybody's leaves, one originator's entries, the period before's hash."""

    closed: ClosedPeriod
    previous_sha256: bytes
    leaves: dict[str, Leaf]
    entries: list[StoredEntry]


class LedgerPeriods:
    """Closes days and reads them again. Several processes may close at once: each day is closed by one of them."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database, self._secrets = database, secrets

    def keys(self) -> LedgerKeys:
        """The hub's keys, made when first asked for."""
        return LedgerKeys(
            self._secrets.get_or_make("ledger-signing", 32), self._secrets.get_or_make("ledger-blinding", 32)
        )

    def close_over(self, now_tai_ns: int) -> int:
        """Close every day that is over and not closed yet, the earliest first; answers how many this call closed.

        Each in a transaction of its own. In a ledger without any closed day the first is that of the first entry, or
        yesterday, so that every hub has one from its first start on.
        """
        keys, closed = self.keys(), 0
        while True:
            done = self._close_next(keys, now_tai_ns)
            if done is None:
                return closed
            closed += done

    def _close_next(self, keys: LedgerKeys, now_tai_ns: int) -> bool | None:
        """None: nothing is over. False: somebody else closed it, or wrote to it, meanwhile."""
        with self._database.snapshot() as connection:
            last = _last_closed(connection)
            period = _next_period(connection, last, now_tai_ns)
            if day_start_tai_ns(period + 1) + GRACE_NS > now_tai_ns:
                return None
            content = PeriodContent(1) if last is None else PeriodContent(last.last_number + 1, last.head_sha256)
            columns = ledger_entries.c
            for entry in stored_entries(connection, columns.number >= content.first_number, columns.period == period):
                content.add(entry, entry.content())
        # Reading and hashing a day may take a while: it is done before the lock that every answer waits for.
        root = sparse_root(content.leaves(), keys.blinding_key(period))
        previous_sha256 = FIRST_PREVIOUS_SHA256 if last is None else last.period_sha256
        closed = closed_period(period, content, root, previous_sha256, keys, now_tai_ns)
        with self._database.transaction() as connection:
            lock_table(connection, ledger_entries.name)
            newest = select(func.coalesce(func.max(ledger_entries.c.number), 0)).where(
                ledger_entries.c.number >= content.first_number, ledger_entries.c.period == period
            )
            written: int = connection.execute(newest).scalar_one()
            if _last_closed(connection) != last or written > content.last_number:
                return False
            connection.execute(insert(ledger_periods), closed._asdict())
            rows = [
                {"period": period, **key._asdict(), **value._asdict()} for key, value in sorted(content.sums().items())
            ]
            if rows:
                connection.execute(insert(ledger_sums), rows)
        return True

    def get(self, period: int) -> ClosedPeriod | None:
        """A closed period."""
        with self._database.snapshot() as connection:
            found = closed_periods(connection, ledger_periods.c.period == period)
        return found[0] if found else None

    def last(self) -> ClosedPeriod | None:
        """The last closed period."""
        with self._database.snapshot() as connection:
            return _last_closed(connection)

    def read(self, period: int, originator: str) -> PeriodEntries | None:
        """A closed period and an originator's entries in it; None where it is not closed."""
        leaves: dict[str, Leaf]
        with self._database.snapshot() as connection:
            found = closed_periods(connection, ledger_periods.c.period.in_([period - 1, period]))
            if not found or found[-1].period != period:
                return None
            closed, own = found[-1], []
            content = PeriodContent(closed.first_number)
            between = ledger_entries.c.number.between(closed.first_number, closed.last_number)
            name = originator.encode()
            for entry in stored_entries(connection, between):
                content.add(entry, entry.content())
                if entry.originator == name:
                    own.append(entry)
            leaves = content.leaves()
        previous_sha256 = found[0].period_sha256 if len(found) == 2 else FIRST_PREVIOUS_SHA256
        return PeriodEntries(closed, previous_sha256, leaves, own)

    def verify(self, known_sha256: bytes | None = None) -> Verified:
        """`verify_ledger` of everything that is there. Raises WrongLedgerError."""
        keys = self.keys()
        with self._database.snapshot() as connection:
            periods, sums = closed_periods(connection), stored_sums(connection)
            with closing(stored_entries(connection)) as entries:
                return verify_ledger(entries, periods, sums, keys, known_sha256)


def _last_closed(connection: Connection) -> ClosedPeriod | None:
    newest = select(func.max(ledger_periods.c.period)).scalar_subquery()
    found = closed_periods(connection, ledger_periods.c.period == newest)
    return found[0] if found else None


def _next_period(connection: Connection, last: ClosedPeriod | None, now_tai_ns: int) -> int:
    if last is not None:
        return last.period + 1
    yesterday = utc_day(now_tai_ns) - 1
    first: int | None = connection.execute(
        select(ledger_entries.c.period).order_by(ledger_entries.c.number).limit(1)
    ).scalar()
    return yesterday if first is None else min(first, yesterday)
