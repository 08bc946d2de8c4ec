"""The ledger's entries: appended in one chain, whoever writes, and read again."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.sql.elements import ColumnElement

from ssa_hub.release.ledger import EMPTY_CHAIN, FIRST_PERIOD, RECORD_ID_BYTES, ChainHead, Channel, Disclosure, chain
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.ledger_rows import Interval, released_within
from ssa_hub.state.release_tables import ledger_entries, ledger_periods

_SCANNED_AT_ONCE = 2_000


class Received(NamedTuple):
    """Which of the records asked about a partner got through a channel, and when the last time, TAI ns."""

    partner: str
    channel: Channel
    record_ids: tuple[str, ...]
    pseudonymous: bool
    last_tai_ns: int


class Ledger:
    """Entries are only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, disclosures: Sequence[Disclosure], now_tai_ns: int) -> ChainHead:
        """Add the disclosures as the next entries; durable on return. Answers the last entry.

        The entry before is read under a lock in the same transaction, so that several processes write one chain.
        """
        with self._database.transaction() as connection:
            lock_table(connection, ledger_entries.name)
            head = chain_head(connection)
            entries = list(chain(head, disclosures, now_tai_ns, first_open_period(connection)))
            if not entries:
                return head
            connection.execute(insert(ledger_entries), [msgspec.structs.asdict(entry) for entry in entries])
        last = entries[-1]
        return ChainHead(last.number, last.entry_sha256, last.released_tai_ns)

    def head(self) -> ChainHead:
        """The last entry."""
        with self._database.snapshot() as connection:
            return chain_head(connection)

    def who_received(self, record_ids: Sequence[str], originator: str | None, since_tai_ns: int) -> list[Received]:
        """Who has got which of these records (32 hexadecimal digits each), since an instant.

        Of one originator, or of any (None: then every entry is read).

        By partner, channel and whether under other ids. Raises ValueError for an id that is none.
        """
        wanted = np.frombuffer(b"".join(map(_id_bytes, record_ids)), dtype=np.uint64).reshape(-1, 2)
        found: dict[tuple[str, str, bool], tuple[set[str], int]] = {}
        if not len(wanted):
            return []
        columns = ledger_entries.c
        chosen = select(
            columns.partner, columns.channel, columns.pseudonymous, columns.released_tai_ns, columns.record_ids
        ).order_by(columns.number)
        if originator is not None:
            chosen = chosen.where(columns.originator == originator)
        with self._database.snapshot() as connection:
            chosen = chosen.where(*released_within(connection, Interval(since_tai_ns)))
            result = connection.execution_options(yield_per=_SCANNED_AT_ONCE).execute(chosen)
            for rows in result.partitions():
                for index, ids in _hits([row.record_ids for row in rows], wanted):
                    row = rows[index]
                    key = (row.partner, row.channel, row.pseudonymous)
                    known, last = found.get(key, (set(), row.released_tai_ns))
                    found[key] = (known | ids, max(last, row.released_tai_ns))
        return [
            Received(partner, Channel(channel), tuple(sorted(ids)), pseudonymous, last)
            for (partner, channel, pseudonymous), (ids, last) in sorted(found.items())
        ]


def _id_bytes(record_id: str) -> bytes:
    read = bytes.fromhex(record_id)
    if len(read) != RECORD_ID_BYTES:
        raise ValueError(f"not a record id: {record_id!r}")
    return read


def _hits(
    blobs: Sequence[bytes], wanted: "np.ndarray[tuple[int, int], np.dtype[np.uint64]]"
) -> Iterator[tuple[int, set[str]]]:
    """(index of the entry, ids of it that are wanted) for those entries that have any."""
    ids = np.frombuffer(b"".join(blobs), dtype=np.uint64).reshape(-1, 2)
    ends = np.cumsum([len(blob) // RECORD_ID_BYTES for blob in blobs])
    exact = {bytes(row.tobytes()) for row in wanted}
    found: dict[int, set[str]] = {}
    # The first half of an id selects; the few that it lets through are compared whole.
    for place in np.flatnonzero(np.isin(ids[:, 0], wanted[:, 0])).tolist():
        record_id = ids[place].tobytes()
        if record_id in exact:
            found.setdefault(int(np.searchsorted(ends, place, side="right")), set()).add(record_id.hex())
    yield from found.items()


def chain_head(connection: Connection) -> ChainHead:
    """The last entry as this transaction sees it."""
    columns = ledger_entries.c
    row = connection.execute(
        select(columns.number, columns.entry_sha256, columns.released_tai_ns).order_by(columns.number.desc()).limit(1)
    ).first()
    return EMPTY_CHAIN if row is None else ChainHead(row.number, row.entry_sha256, row.released_tai_ns)


def first_open_period(connection: Connection) -> int:
    """The day after the last closed one; without any, the first day that the hub's clock can name."""
    newest: ColumnElement[int | None] = func.max(ledger_periods.c.period)
    last = connection.execute(select(newest)).scalar()
    return FIRST_PERIOD if last is None else last + 1
