"""Every record in history, once, numbered in commit order: for dropping repeats, and as what the feed reads."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, func, select, update

from ingest.json_bodies import json_bodies
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, EPHEMERIDES, definition_of
from ssa_hub.state.bulk_insert import insert_columns
from ssa_hub.state.combinations import Combination, intern_combinations
from ssa_hub.state.database import Database, among, lock_table
from ssa_hub.state.giving_up import GIVEN_UP, Archive
from ssa_hub.state.tables import combinations, recorded


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

    def __init__(
        self,
        database: Database,
        deleted: Callable[[Sequence[str]], set[str]] = lambda _: set(),
        archive: Archive | None = None,
    ) -> None:
        self._database, self._deleted, self._archive = database, deleted, archive or Archive()

    def known(self, record_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are recorded already, or were and have been deleted: they are not recorded again."""
        found = self._deleted(record_ids)
        with self._database.snapshot() as connection:
            chosen = select(recorded.c.record_id).where(among(connection, recorded.c.record_id, record_ids))
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
        keys = _combinations_of(kind, rows)
        ids = intern_combinations(connection, {key for of_side in keys for key in of_side})
        numbers = [[ids[key] for key in of_side] for of_side in keys]
        before = _last_seq(connection)
        recorded_tai_ns = max(now_tai_ns(), _last_recorded_tai_ns(connection))
        first, second = _objects_of(kind, rows)
        nothing: list[None] = [None] * rows.num_rows
        columns: dict[str, Sequence[Any]] = {
            "record_id": rows.column("record_id").to_pylist(),
            "kind": [kind] * rows.num_rows,
            "object_id_1": first,
            "object_id_2": nothing if second is None else second,
            "combination_1": numbers[0],
            "combination_2": numbers[1] if len(numbers) == 2 else nothing,
            "received_tai_ns": rows.column("received_tai_ns").to_pylist(),
            "recorded_tai_ns": [recorded_tai_ns] * rows.num_rows,
            "body": json_bodies(rows.select(schema.names)),
        }
        added = insert_columns(connection, recorded, columns, "ON CONFLICT (record_id) DO NOTHING")
        if kind == ELEMENTS:
            _note_last_elements(connection, before)
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
        with self._database.snapshot() as connection:
            named = among(connection, recorded.c.record_id, record_ids)
            rows = connection.execute(select(recorded.c.record_id, recorded.c.seq).where(named))
            return {row.record_id: row.seq for row in rows}

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
        """One record, without any release (for explanations), or None. A body that was given up is read from history.

        Raises HistoryUnavailableError.
        """
        chosen = select(*(recorded.c[name] for name in RecordedRow._fields)).where(recorded.c.record_id == record_id)
        with self._database.snapshot() as connection:
            row = connection.execute(chosen).one_or_none()
        if row is None or row.body != GIVEN_UP:
            return None if row is None else RecordedRow(*row)
        body = self._archive.bodies(row.kind, {record_id: row.received_tai_ns}).get(record_id)
        return None if body is None else RecordedRow(*row)._replace(body=body)


def read_bodies(bodies: Sequence[bytes], kind: str) -> pa.Table:
    """Bodies of recorded rows as a table with the kind's record schema, in their order."""
    rows: list[dict[str, Any]] = msgspec.json.decode(b"[" + b",".join(bodies) + b"]")
    return pa.Table.from_pylist(rows, schema=definition_of(kind).record_schema)


def _combinations_of(kind: str, rows: pa.Table) -> list[list[Combination]]:
    """Each row's own combination; of conjunctions those of the first parents and those of the second."""
    sides = [("originator", "label_id")]
    if kind == CONJUNCTIONS:
        sides = [(f"parent_originator_{side}", f"parent_label_id_{side}") for side in (1, 2)]
    return [
        list(map(Combination, *(rows.column(name).to_pylist() for name in ("data_mode", originator, label_id))))
        for originator, label_id in sides
    ]


def _objects_of(kind: str, rows: pa.Table) -> tuple[list[str], list[str] | None]:
    """The one or two objects of each row; of an ephemeris of several the first alone, and of none no name."""
    if kind == ELEMENTS:
        return rows.column("object_id").to_pylist(), None
    if kind == EPHEMERIDES:
        return [next(iter(names), "") for names in rows.column("object_ids").to_pylist()], None
    return rows.column("object_id_1").to_pylist(), rows.column("object_id_2").to_pylist()


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
