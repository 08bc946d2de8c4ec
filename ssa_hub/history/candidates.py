"""Candidates for the newest element set of an object, in checkpoints and in what came since: searched in two steps.

First the keys alone of all candidates, then whole rows of those that won, between the bounds of their keys. The release
table has two columns more here: ``cut_tai_ns``, the last reception that counts of a combination, and
``checkpoint_tai_ns``, the instant of the checkpoint that holds what it had before.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ssa_hub.history.asked import Asked
from ssa_hub.history.checkpoints import Checkpoint, uncovered
from ssa_hub.history.planning import Plan, Range, files_sql
from ssa_hub.history.question import columns_sql
from ssa_hub.history.reading import Reader
from ssa_hub.history.tables import ELEMENTS

_JOIN = "JOIN release r ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id"
_OBJECTS = pa.schema([pa.field("object_id", pa.string(), False)])
_KEYS = pa.schema([*_OBJECTS, pa.field("epoch", pa.int64()), pa.field("received", pa.int64())])


class Source(NamedTuple):
    """Files, how SQL reads them, and which rows of them are candidates."""

    files: list[str]
    sql: str
    condition: str
    parameters: Mapping[str, Any]


class Sources(NamedTuple):
    """The checkpoints that count, what came since, and what checkpoints do not cover.

    ``partial``: older combinations of some objects are not in the checkpoints.
    """

    checkpoints: Source
    others: tuple[Source, ...]
    partial: bool

    @property
    def all(self) -> list[Source]:
        """Those that have files."""
        return [source for source in (self.checkpoints, *self.others) if source.files]


def sources_of(
    plan: Plan, checkpoints: Sequence[Checkpoint], covered_sequence: int, combinations: pa.Table, after: str | None
) -> Sources:
    """Where the candidates of these combinations are; ``after``: only of objects behind this one."""
    objects = {"object_id": Range(after, None)}
    first = pc.min(combinations.column("checkpoint_tai_ns")).as_py()
    last = pc.max(combinations.column("cut_tai_ns")).as_py()
    unknown = {file.path for file in uncovered(plan, covered_sequence)}
    late = [path for path in plan.paths({**objects, "received_tai_ns": Range(None, last)}) if path in unknown]
    since = plan.paths({**objects, "received_tai_ns": Range(first + 1, last)})
    files = [file.path for one in checkpoints for file in one.files if file.may_hold("object_id", objects["object_id"])]
    read = files_sql(plan)
    at_most = {"last_cut": last}
    return Sources(
        Source(files, "read_parquet($files)", "e.checkpoint_tai_ns = r.checkpoint_tai_ns", {}),
        (
            Source(
                [path for path in since if path not in unknown],
                read,
                "e.received_tai_ns > $first_after AND e.received_tai_ns <= $last_cut"
                " AND e.received_tai_ns > r.checkpoint_tai_ns AND e.received_tai_ns <= r.cut_tai_ns",
                {**at_most, "first_after": first},
            ),
            Source(late, read, "e.received_tai_ns <= $last_cut AND e.received_tai_ns <= r.cut_tai_ns", at_most),
        ),
        any(one.is_partial for one in checkpoints),
    )


class Search:
    """One question's search. ``where`` restricts rows of alias ``e``; ``tables`` are what the SQL joins with."""

    def __init__(
        self,
        reader: Reader,
        asked: Asked,
        tables: Mapping[str, pa.Table],
        parameters: Mapping[str, Any],
        where: str,
        sources: Sources,
    ) -> None:
        self._reader, self._asked, self._tables = reader, asked, dict(tables)
        self._parameters, self._where, self._sources = dict(parameters), where, sources
        self._epoch = asked.showing.instant("e.epoch_tai_ns")
        self._order_id = asked.showing.order_id("e.record_id")

    def doubtful(self) -> pa.Array:
        """Ids of the objects whose candidates do not say which is the newest, ascending."""
        found = [pa.array([], pa.string())]
        source = self._sources.checkpoints
        if not source.files:
            return found[0]
        everything = self._where
        if self._asked.withdrawn is not None:
            everything = everything.replace(self._asked.withdrawn_sql("e"), "")
            sql = f"""SELECT DISTINCT e.object_id FROM {_read(source, 0)} e {_JOIN}
                WHERE e.data_mode = $data_mode AND {source.condition} {everything}
                AND e.record_id IN (SELECT record_id FROM withdrawn)"""
            found.append(self._objects(sql, source))
        if self._sources.partial:
            gone = "" if self._asked.withdrawn is None else self._asked.withdrawn_sql("e")
            sql = f"""SELECT DISTINCT object_id FROM (
                SELECT e.object_id FROM {_read(source, 0)} e
                LEFT {_JOIN} AND {source.condition} {gone}
                WHERE e.data_mode = $data_mode
                  AND e.checkpoint_tai_ns IN (SELECT checkpoint_tai_ns FROM release) {everything}
                GROUP BY e.object_id, e.checkpoint_tai_ns
                HAVING max(e.older_left_out) > 0 AND NOT bool_or(r.data_mode IS NOT NULL))"""
            found.append(self._objects(sql, source))
        return pc.unique(pa.concat_arrays(found)).sort()

    def _objects(self, sql: str, source: Source) -> pa.Array:
        answer = self._reader.run(sql, {**self._used(sql), "files_0": source.files}, self._tables)
        return answer.column("object_id").cast(pa.string()).combine_chunks()

    def best(self, but: pa.Array, limit: int) -> pa.Table:
        """Keys of the winners among all candidates but those of the objects ``but``, ordered by object_id."""
        sources = self._sources.all
        if not sources:
            return _KEYS.empty_table()
        excluded = " AND e.object_id NOT IN (SELECT object_id FROM doubtful)" if len(but) else ""
        parts = [
            f"""SELECT e.object_id, {self._epoch} AS epoch, e.received_tai_ns AS received
                FROM {_read(source, number)} e {_JOIN}
                WHERE e.data_mode = $data_mode AND {source.condition} {self._where} {excluded}"""
            for number, source in enumerate(sources)
        ]
        sql = f"""SELECT object_id, best[1] AS epoch, best[2] AS received FROM (
              SELECT object_id, max((epoch, received)) AS best FROM ({" UNION ALL ".join(parts)})
              GROUP BY object_id ORDER BY object_id LIMIT $limit)
            ORDER BY object_id"""
        tables = {**self._tables, **({"doubtful": pa.table([but], schema=_OBJECTS)} if len(but) else {})}
        return self._reader.run(sql, {**self._used(sql), **_given(sources), "limit": limit}, tables)

    def rows_of(self, best: pa.Table) -> pa.Table:
        """The winners' rows, one an object."""
        sources = self._sources.all
        between = {"from_object": "", "to_object": "", "from_received": 0, "to_received": 0}
        if best.num_rows:
            for column, side in (("object_id", "object"), ("received", "received")):
                ends = pc.min_max(best.column(column)).as_py()
                between |= {f"from_{side}": ends["min"], f"to_{side}": ends["max"]}
        columns = columns_sql("e", ELEMENTS)
        parts = [
            f"""SELECT {columns}, r.mask_id{self._asked.order_column("e.record_id")}, {self._order_id} AS place
                FROM best b JOIN {_read(source, number)} e
                  ON e.object_id = b.object_id AND e.received_tai_ns = b.received
                {_JOIN}
                WHERE e.data_mode = $data_mode AND {source.condition} {self._where} AND {self._epoch} = b.epoch
                  AND e.object_id BETWEEN $from_object AND $to_object
                  AND e.received_tai_ns BETWEEN $from_received AND $to_received"""
            for number, source in enumerate(sources)
        ]
        sql = f"""SELECT * FROM ({" UNION ALL ".join(parts)}) ORDER BY object_id, place DESC"""
        given = {**self._used(sql), **_given(sources), **between}
        found = self._reader.run(sql, given, {**self._tables, "best": best}).drop_columns("place")
        # Rows of an object that are equal in epoch and reception are rare: DuckDB's window over all takes longer.
        objects = found.column("object_id")
        first = pc.not_equal(objects.slice(1), objects.slice(0, max(0, len(objects) - 1)))
        return found.filter(pa.chunked_array([pa.array([True][: len(objects)]), *first.chunks]))

    def _used(self, sql: str) -> dict[str, Any]:
        """The parameters that the SQL names: DuckDB refuses others."""
        return {name: value for name, value in self._parameters.items() if f"${name}" in sql}


def _read(source: Source, number: int) -> str:
    return source.sql.replace("$files", f"$files_{number}")


def _given(sources: Sequence[Source]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for number, source in enumerate(sources):
        given |= {**source.parameters, f"files_{number}": source.files}
    return given
