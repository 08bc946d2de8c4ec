"""Every record in history, once, numbered in commit order: for dropping repeats, and as what the feed reads."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, func, select, update

from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, definition_of
from ssa_hub.state.combinations import Combination, intern_combinations
from ssa_hub.state.database import Database, lock_table, upsert
from ssa_hub.state.tables import combinations, recorded

# Below SQLite's limit of 32,766 parameters, and PostgreSQL's of 65,535.
_LOOKUP_IDS = 10_000


class RecordedRow(NamedTuple):
    """One record: ``body`` is the JSON of all its columns."""

    seq: int
    record_id: str
    kind: str
    received_tai_ns: int
    body: bytes
    recorded_tai_ns: int


class Recorded:
    """Records by id and by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, record_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are recorded already."""
        found: set[str] = set()
        with self._database.snapshot() as connection:
            for first in range(0, len(record_ids), _LOOKUP_IDS):
                part = list(record_ids[first : first + _LOOKUP_IDS])
                chosen = select(recorded.c.record_id).where(recorded.c.record_id.in_(part))
                found.update(connection.execute(chosen).scalars())
        return found

    def insert(self, connection: Connection, kind: str, rows: pa.Table) -> int:
        """Record rows (columns of the kind's record schema), in their order; ids that are known are skipped.

        Answers how many were new. Other writers wait until this transaction ends, so that numbers grow in commit
        order: who has read up to a number never misses a smaller one. Raises ValueError for an unknown kind.
        """
        schema = definition_of(kind).record_schema
        if rows.num_rows == 0:
            return 0
        lock_table(connection, recorded.name)
        records = rows.select(schema.names).to_pylist()
        keys = [_combinations_of(kind, record) for record in records]
        ids = intern_combinations(connection, {key for pair in keys for key in pair})
        before = _last_seq(connection)
        recorded_tai_ns = max(now_tai_ns(), _last_recorded_tai_ns(connection))
        encode = msgspec.json.Encoder().encode
        values = [
            {
                "record_id": record["record_id"],
                "kind": kind,
                "object_id_1": record["object_id"] if kind == ELEMENTS else record["object_id_1"],
                "object_id_2": None if kind == ELEMENTS else record["object_id_2"],
                "combination_1": ids[pair[0]],
                "combination_2": ids[pair[1]] if len(pair) == 2 else None,
                "received_tai_ns": record["received_tai_ns"],
                "recorded_tai_ns": recorded_tai_ns,
                "body": encode(record),
            }
            for record, pair in zip(records, keys, strict=True)
        ]
        connection.execute(upsert(connection, recorded).on_conflict_do_nothing(index_elements=["record_id"]), values)
        if kind == ELEMENTS:
            _note_last_elements(connection, before)
        added: int = connection.execute(select(func.count()).where(recorded.c.seq > before)).scalar_one()
        return added

    def last_elements(self) -> dict[DataMode, int]:
        """The number of the last element set of each data mode that has any."""
        last = func.max(combinations.c.last_elements_seq).label("last")
        chosen = select(combinations.c.data_mode, last).group_by(combinations.c.data_mode).having(last > 0)
        with self._database.snapshot() as connection:
            return {DataMode(row.data_mode): row.last for row in connection.execute(chosen)}

    def last_seq(self) -> int:
        """The number of the last record; 0 where there is none."""
        with self._database.snapshot() as connection:
            return _last_seq(connection)

    def seq_of(self, record_id: str) -> int | None:
        """The number of a record, or None."""
        with self._database.snapshot() as connection:
            return connection.execute(select(recorded.c.seq).where(recorded.c.record_id == record_id)).scalar()

    def seqs_of(self, record_ids: Sequence[str]) -> dict[str, int]:
        """The numbers of records, by id; those that are not recorded are left out."""
        found: dict[str, int] = {}
        with self._database.snapshot() as connection:
            for first in range(0, len(record_ids), _LOOKUP_IDS):
                part = list(record_ids[first : first + _LOOKUP_IDS])
                chosen = select(recorded.c.record_id, recorded.c.seq).where(recorded.c.record_id.in_(part))
                found.update((row.record_id, row.seq) for row in connection.execute(chosen))
        return found

    def seq_at(self, tai_ns: int) -> int:
        """The number of the last record that was recorded by an instant; 0 where there was none.

        Asked again later the number may be greater: a record whose transaction was under way at that instant carries
        an earlier one.
        """
        chosen = select(func.coalesce(func.max(recorded.c.seq), 0)).where(recorded.c.recorded_tai_ns <= tai_ns)
        with self._database.snapshot() as connection:
            seq: int = connection.execute(chosen).scalar_one()
        return seq

    def get(self, record_id: str) -> RecordedRow | None:
        """One record, without any release (for explanations), or None."""
        chosen = select(*(recorded.c[name] for name in RecordedRow._fields)).where(recorded.c.record_id == record_id)
        with self._database.snapshot() as connection:
            row = connection.execute(chosen).one_or_none()
        return None if row is None else RecordedRow(*row)


def read_bodies(bodies: Sequence[bytes], kind: str) -> pa.Table:
    """Bodies of recorded rows as a table with the kind's record schema, in their order."""
    rows: list[dict[str, Any]] = msgspec.json.decode(b"[" + b",".join(bodies) + b"]")
    return pa.Table.from_pylist(rows, schema=definition_of(kind).record_schema)


def _combinations_of(kind: str, record: dict[str, Any]) -> tuple[Combination, ...]:
    """An element set's own combination; those of both parents for a conjunction."""
    mode = record["data_mode"]
    if kind == CONJUNCTIONS:
        return tuple(
            Combination(mode, record[f"parent_originator_{side}"], record[f"parent_label_id_{side}"]) for side in (1, 2)
        )
    return (Combination(mode, record["originator"], record["label_id"]),)


def _last_seq(connection: Connection) -> int:
    last: int = connection.execute(select(func.coalesce(func.max(recorded.c.seq), 0))).scalar_one()
    return last


def _last_recorded_tai_ns(connection: Connection) -> int:
    chosen = select(func.coalesce(func.max(recorded.c.recorded_tai_ns), 0))
    last: int = connection.execute(chosen).scalar_one()
    return last


def _note_last_elements(connection: Connection, before: int) -> None:
    chosen = (
        select(recorded.c.combination_1, func.max(recorded.c.seq))
        .where(recorded.c.seq > before, recorded.c.kind == ELEMENTS)
        .group_by(recorded.c.combination_1)
    )
    for combination, seq in connection.execute(chosen).all():
        connection.execute(update(combinations).where(combinations.c.id == combination).values(last_elements_seq=seq))
