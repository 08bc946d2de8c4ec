"""Withdrawals: what originators have recalled, and the newest orbits without it.

Locks are taken in the recorder's order (`recorded`, then `newest`), so that a withdrawal and the recording of a batch
come one after the other, whichever is first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, Select, delete, func, insert, select, update

from ssa_hub.history.tables import ELEMENTS
from ssa_hub.state.database import Database, lock_table, upsert
from ssa_hub.state.giving_up import Archive, take_back
from ssa_hub.state.newest import Newest
from ssa_hub.state.policy import policy_changed
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.release_tables import withdrawals, withdrawn_records
from ssa_hub.state.tables import newest, payloads, recorded

FLAG, WITHDRAW = "flag", "withdraw"
_LOOKUP_IDS = 10_000
_SCHEMA = pa.schema(
    [pa.field("record_id", pa.string(), nullable=False), pa.field("derived", pa.bool_(), nullable=False)]
)


class WithdrawnMeanwhileError(Exception):
    """Another withdrawal was made since what this one stands on was read."""


class Reason(msgspec.Struct, frozen=True):
    """Why, in the originator's words, and whether those who received the records may be told."""

    text: str
    told: bool = True


class WithdrawnRecord(NamedTuple):
    """One record that is to be withdrawn."""

    record_id: str
    kind: str
    data_mode: str


class Withdrawal(NamedTuple):
    """One withdrawal. ``derived``: conjunctions of the withdrawn orbits are flagged, or withdrawn with them.

    ``screened_tai_ns``: when a whole run without the withdrawn orbits was complete and recorded; None until then, and
    where no orbit was withdrawn. ``ordinal``: the how many-th of its originator's it is, from 1.
    """

    id: int
    originator: str
    reason: Reason
    derived: str
    payload_sha256: str | None
    withdrawn_tai_ns: int
    withdrawn_by: str
    screened_tai_ns: int | None
    records: int
    ordinal: int


class Withdrawals:
    """Withdrawals by number. The numbers count for all originators together, so nobody is shown one."""

    def __init__(self, database: Database, newest_orbits: Newest, archive: Archive) -> None:
        self._database, self._newest, self._archive = database, newest_orbits, archive

    def table(self) -> pa.Table:
        """All withdrawn records: ``record_id``, and ``derived``: whether conjunctions of it are withdrawn, too."""
        chosen = select(withdrawn_records.c.record_id, withdrawals.c.derived).join_from(
            withdrawn_records, withdrawals, withdrawn_records.c.withdrawal_id == withdrawals.c.id
        )
        with self._database.snapshot() as connection:
            rows = connection.execute(chosen).all()
        return pa.table([[row.record_id for row in rows], [row.derived == WITHDRAW for row in rows]], schema=_SCHEMA)

    def add(
        self,
        connection: Connection,
        records: Sequence[WithdrawnRecord],
        *,
        originator: str,
        reason: Reason,
        derived: str,
        payload_sha256: str | None,
        by: str,
        now_tai_ns: int,
        after: int,
        followers: pa.Table,
        followers_seq: int,
    ) -> int:
        """Withdraw records, none of which is withdrawn yet, and put the orbits before them in their places.

        ``after``: the last withdrawal (`last`) when all this was read. ``followers`` (columns of ELEMENT_SET): of each
        object and combination of a withdrawn orbit the newest one of those that were recorded up to ``followers_seq``
        and are not withdrawn. Changes the policy's revision, so that every answer follows. Answers the withdrawal's
        number; raises WithdrawnMeanwhileError, upon which nothing is changed.
        """
        policy_changed(
            connection
        )  # first, as a recorder that brings new labels does: else each could wait for the other
        for table in (recorded.name, newest.name, withdrawals.name, withdrawn_records.name):
            lock_table(connection, table)
        if _last(connection) != after:
            raise WithdrawnMeanwhileError
        number: int = connection.execute(
            insert(withdrawals)
            .values(
                originator=originator,
                reason=msgspec.json.encode(reason).decode(),
                derived=derived,
                payload_sha256=payload_sha256,
                withdrawn_tai_ns=now_tai_ns,
                withdrawn_by=by,
            )
            .returning(withdrawals.c.id)
        ).scalar_one()
        _insert(connection, number, records)
        for part in _parts([record.record_id for record in records if record.kind == ELEMENTS]):
            connection.execute(delete(newest).where(newest.c.record_id.in_(part)))
        take_back(connection, followers.to_pylist())
        self._newest.upsert(connection, followers)
        self._newest.upsert(connection, _recorded_since(connection, followers_seq))
        return number

    def count(self) -> int:
        """How many records are withdrawn."""
        with self._database.snapshot() as connection:
            found: int = connection.execute(select(func.count()).select_from(withdrawn_records)).scalar_one()
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Every withdrawn record as history keeps it (`history.tables.WITHDRAWN_RECORD_FIELDS`), by record id."""
        chosen = (
            select(
                withdrawn_records.c.record_id,
                withdrawn_records.c.kind.label("record_kind"),
                withdrawn_records.c.data_mode,
                withdrawals.c.originator,
                withdrawals.c.derived,
                withdrawals.c.withdrawn_tai_ns.label("received_tai_ns"),
                withdrawals.c.id.label("withdrawal"),
            )
            .join_from(withdrawn_records, withdrawals, withdrawn_records.c.withdrawal_id == withdrawals.c.id)
            .order_by(withdrawn_records.c.record_id)
        )
        with self._database.snapshot() as connection:
            return [dict(row._mapping) for row in connection.execute(chosen)]

    def last(self) -> int:
        """The number of the last withdrawal; 0 where there is none. Numbers grow in commit order."""
        with self._database.snapshot() as connection:
            return _last(connection)

    def last_of_orbits(self, after: int) -> dict[str, int]:
        """By data mode the last withdrawal after a number that has withdrawn element sets of it."""
        chosen = (
            select(withdrawn_records.c.data_mode, func.max(withdrawn_records.c.withdrawal_id))
            .where(withdrawn_records.c.withdrawal_id > after, withdrawn_records.c.kind == ELEMENTS)
            .group_by(withdrawn_records.c.data_mode)
        )
        with self._database.snapshot() as connection:
            return {row[0]: row[1] for row in connection.execute(chosen)}

    def unscreened(self) -> dict[int, set[str]]:
        """Withdrawals of element sets that no whole run has followed yet, with their data modes."""
        chosen = (
            select(withdrawals.c.id, withdrawn_records.c.data_mode)
            .join_from(withdrawals, withdrawn_records, withdrawals.c.id == withdrawn_records.c.withdrawal_id)
            .where(withdrawals.c.screened_tai_ns.is_(None), withdrawn_records.c.kind == ELEMENTS)
            .distinct()
        )
        found: dict[int, set[str]] = {}
        with self._database.snapshot() as connection:
            for number, mode in connection.execute(chosen):
                found.setdefault(number, set()).add(mode)
        return found

    def note_screened(self, screened_up_to: Mapping[str, int], now_tai_ns: int) -> None:
        """Note withdrawals as followed by a whole run in each of their data modes.

        ``screened_up_to``: by data mode the last withdrawal that the last whole run has taken into account.
        """
        done = [
            number
            for number, modes in self.unscreened().items()
            if all(screened_up_to.get(mode, 0) >= number for mode in modes)
        ]
        if done:
            with self._database.transaction() as connection:
                connection.execute(
                    update(withdrawals)
                    .where(withdrawals.c.id.in_(done), withdrawals.c.screened_tai_ns.is_(None))
                    .values(screened_tai_ns=now_tai_ns)
                )

    def get(self, number: int) -> Withdrawal | None:
        """One withdrawal, or None."""
        with self._database.snapshot() as connection:
            row = connection.execute(_withdrawals().where(withdrawals.c.id == number)).one_or_none()
        return None if row is None else _withdrawal(row)

    def all(self, *, originator: str | None = None, since_tai_ns: int | None = None) -> list[Withdrawal]:
        """Withdrawals, the last first: of one originator, or of all; made since an instant, or ever."""
        chosen = _withdrawals().order_by(withdrawals.c.id.desc())
        if originator is not None:
            chosen = chosen.where(withdrawals.c.originator == originator)
        if since_tai_ns is not None:
            chosen = chosen.where(withdrawals.c.withdrawn_tai_ns >= since_tai_ns)
        with self._database.snapshot() as connection:
            return [_withdrawal(row) for row in connection.execute(chosen)]

    def records(self, number: int) -> list[WithdrawnRecord]:
        """The records of a withdrawal, by id."""
        chosen = (
            select(withdrawn_records.c.record_id, withdrawn_records.c.kind, withdrawn_records.c.data_mode)
            .where(withdrawn_records.c.withdrawal_id == number)
            .order_by(withdrawn_records.c.record_id)
        )
        with self._database.snapshot() as connection:
            return [WithdrawnRecord(*row) for row in connection.execute(chosen)]

    def withdrawn(self, record_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are withdrawn."""
        with self._database.snapshot() as connection:
            return {found for part in _parts(record_ids) for found in _withdrawn_of(connection, part)}

    def bodies(self, record_ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Kind and body of each of the records that is recorded, by id."""
        rows: list[tuple[str, str, int, bytes]] = []
        chosen = select(recorded.c.record_id, recorded.c.kind, recorded.c.received_tai_ns, recorded.c.body)
        with self._database.snapshot() as connection:
            for part in _parts(record_ids):
                found = connection.execute(chosen.where(recorded.c.record_id.in_(part)))
                rows += [(row[0], row[1], row[2], row[3]) for row in found]
        return self._archive.filled(rows)

    def payload_receipts(self, payload_sha256: str) -> list[tuple[str, int]]:
        """As what a payload's bytes have come: provenance (JSON), and when they came first, TAI ns."""
        chosen = select(payloads.c.provenance, payloads.c.received_tai_ns)
        with self._database.snapshot() as connection:
            rows = connection.execute(chosen.where(payloads.c.payload_sha256 == payload_sha256))
            return [(row.provenance, row.received_tai_ns) for row in rows]


def _withdrawals() -> Select[Any]:
    records = (
        select(func.count())
        .where(withdrawn_records.c.withdrawal_id == withdrawals.c.id)
        .correlate(withdrawals)
        .scalar_subquery()
    )
    earlier = withdrawals.alias("earlier")
    ordinal = (
        select(func.count())
        .where(earlier.c.originator == withdrawals.c.originator, earlier.c.id <= withdrawals.c.id)
        .correlate(withdrawals)
        .scalar_subquery()
    )
    columns = (withdrawals.c[name] for name in Withdrawal._fields[:-2])
    return select(*columns, records.label("records"), ordinal.label("ordinal"))


def _withdrawal(row: Any) -> Withdrawal:
    return Withdrawal(*row)._replace(reason=msgspec.json.decode(row.reason, type=Reason))


def _last(connection: Connection) -> int:
    last: int = connection.execute(select(func.coalesce(func.max(withdrawals.c.id), 0))).scalar_one()
    return last


def _insert(connection: Connection, number: int, records: Sequence[WithdrawnRecord]) -> None:
    if records:
        statement = upsert(connection, withdrawn_records).on_conflict_do_nothing(index_elements=["record_id"])
        connection.execute(statement, [{**record._asdict(), "withdrawal_id": number} for record in records])


def _recorded_since(connection: Connection, seq: int) -> pa.Table:
    """Element sets that were recorded after a number and are not withdrawn."""
    chosen = (
        select(recorded.c.body)
        .join_from(recorded, withdrawn_records, recorded.c.record_id == withdrawn_records.c.record_id, isouter=True)
        .where(recorded.c.seq > seq, recorded.c.kind == ELEMENTS, withdrawn_records.c.record_id.is_(None))
    )
    return read_bodies(list(connection.execute(chosen).scalars()), ELEMENTS)


def _withdrawn_of(connection: Connection, record_ids: list[str]) -> list[str]:
    chosen = select(withdrawn_records.c.record_id).where(withdrawn_records.c.record_id.in_(record_ids))
    return list(connection.execute(chosen).scalars())


def _parts(values: Sequence[str]) -> Iterator[list[str]]:
    for first in range(0, len(values), _LOOKUP_IDS):
        yield list(values[first : first + _LOOKUP_IDS])
