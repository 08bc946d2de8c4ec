"""How many records came in, by what decides who sees them: counted by DuckDB over the planned files, never row by row.

A combination is all of a record that a decision depends on: data mode, and originator and label of the record, or of
both orbits of a conjunction. There are few combinations and many records. Time is divided at given instants, so that
whoever asks can tell apart what was received before and after each.
"""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.availability import readable
from ssa_hub.history.conditions import without_withdrawn
from ssa_hub.history.planning import Planner, Range
from ssa_hub.history.store import History
from ssa_hub.history.tables import CONJUNCTION_MESSAGES, CONJUNCTIONS, ELEMENTS, EPHEMERIDES

_TEXT, _NUMBER = pa.string(), pa.int64()
_COUNTED = [pa.field("received_from_tai_ns", _NUMBER, False), pa.field("records", _NUMBER, False)]
ELEMENT_TRAFFIC = pa.schema(
    [pa.field(name, _TEXT, False) for name in ("data_mode", "originator", "label_id")] + _COUNTED
)
CONJUNCTION_TRAFFIC = pa.schema(
    [pa.field(name, _TEXT, False) for name in ("data_mode", "originator_1", "label_id_1", "originator_2", "label_id_2")]
    + _COUNTED
)
WITHDRAWN = pa.schema([pa.field("record_id", _TEXT, False), pa.field("derived", pa.bool_(), False)])

_ELEMENTS_SQL = """
    SELECT data_mode, originator, label_id, {slice} AS slice, count(*) AS records
    FROM read_parquet($files) AS records WHERE {received} {originator} {withdrawn}
    GROUP BY ALL"""

# Which object comes first says nothing: the two sides are put in one order before they are counted.
_CONJUNCTIONS_SQL = """
    WITH sides AS (
      SELECT data_mode, parent_originator_1 AS o1, parent_label_id_1 AS l1,
             parent_originator_2 AS o2, parent_label_id_2 AS l2, {slice} AS slice, count(*) AS records
      FROM read_parquet($files) AS records WHERE {received} {originator} {withdrawn}
      GROUP BY ALL)
    SELECT data_mode, CASE WHEN (o1, l1) <= (o2, l2) THEN o1 ELSE o2 END AS originator_1,
           CASE WHEN (o1, l1) <= (o2, l2) THEN l1 ELSE l2 END AS label_id_1,
           CASE WHEN (o1, l1) <= (o2, l2) THEN o2 ELSE o1 END AS originator_2,
           CASE WHEN (o1, l1) <= (o2, l2) THEN l2 ELSE l1 END AS label_id_2, slice, sum(records)::BIGINT AS records
    FROM sides GROUP BY ALL"""

_TABLES = {Kind.CONJUNCTION_MESSAGES: CONJUNCTION_MESSAGES, Kind.EPHEMERIDES: EPHEMERIDES}


class Traffic:
    """Counts what a history received in [``received_from_tai_ns``, ``received_to_tai_ns``).

    ``cuts_tai_ns``, ascending: instants that divide the period further; ``received_from_tai_ns`` of a row of an answer
    is the first instant of the part that its records were received in. ``originator``: only what is his, or has an
    orbit of his; None: everything. ``withdrawn`` (`WITHDRAWN`): records that do not count, and with ``derived`` the
    conjunctions made from them do not either. Rows of an answer are in the order of their columns.

    All methods raise HistoryUnavailableError where files or catalogue fail. Threads may share one.
    """

    def __init__(self, history: History) -> None:
        self._planner = Planner(history)
        self._access = history.files
        self._spill = str(history.warehouse / "duckdb-spill")

    def elements(
        self,
        received_from_tai_ns: int,
        received_to_tai_ns: int,
        *,
        cuts_tai_ns: Sequence[int] = (),
        originator: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Element sets by combination, `ELEMENT_TRAFFIC`."""
        only = "" if originator is None else "AND originator = $originator"
        sql = _ELEMENTS_SQL.replace("{originator}", only).replace("{withdrawn}", _without(withdrawn, Kind.ELEMENTS))
        period = (received_from_tai_ns, received_to_tai_ns)
        return self._counted(ELEMENTS, ELEMENT_TRAFFIC, sql, period, cuts_tai_ns, originator, withdrawn)

    def messages(
        self,
        kind: Kind,
        received_from_tai_ns: int,
        received_to_tai_ns: int,
        *,
        cuts_tai_ns: Sequence[int] = (),
        originator: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Conjunction messages or ephemerides by combination, `ELEMENT_TRAFFIC`."""
        only = "" if originator is None else "AND originator = $originator"
        sql = _ELEMENTS_SQL.replace("{originator}", only).replace("{withdrawn}", _without(withdrawn, kind))
        period = (received_from_tai_ns, received_to_tai_ns)
        return self._counted(_TABLES[kind], ELEMENT_TRAFFIC, sql, period, cuts_tai_ns, originator, withdrawn)

    def conjunctions(
        self,
        received_from_tai_ns: int,
        received_to_tai_ns: int,
        *,
        cuts_tai_ns: Sequence[int] = (),
        originator: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Conjunctions by the combinations of both orbits, in one order of the two, `CONJUNCTION_TRAFFIC`."""
        only = "" if originator is None else "AND $originator IN (parent_originator_1, parent_originator_2)"
        without = _without(withdrawn, Kind.DERIVED_CONJUNCTIONS)
        sql = _CONJUNCTIONS_SQL.replace("{originator}", only).replace("{withdrawn}", without)
        period = (received_from_tai_ns, received_to_tai_ns)
        return self._counted(CONJUNCTIONS, CONJUNCTION_TRAFFIC, sql, period, cuts_tai_ns, originator, withdrawn)

    def _counted(
        self,
        kind: str,
        schema: pa.Schema,
        sql: str,
        period: tuple[int, int],
        cuts_tai_ns: Sequence[int],
        originator: str | None,
        withdrawn: pa.Table | None,
    ) -> pa.Table:
        begin, end = period
        if begin >= end:
            return schema.empty_table()
        cuts = [begin, *sorted({cut for cut in cuts_tai_ns if begin < cut < end})]
        files = self._planner.plan(kind).paths({"received_tai_ns": Range(begin, end - 1)})
        if not files:
            return schema.empty_table()
        sql = sql.replace("{slice}", _slice(0, len(cuts))).replace(
            "{received}", "received_tai_ns >= $begin AND received_tai_ns < $end"
        )
        parameters: dict[str, Any] = {"files": files, "begin": begin, "end": end}
        parameters |= {f"cut_{number}": cut for number, cut in enumerate(cuts) if number}
        if originator is not None:
            parameters["originator"] = originator
        config: dict[str, Any] = {
            # The hub never loads code from the network.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "temp_directory": self._spill,
        }
        with duckdb.connect(":memory:", config=config) as database:
            self._access.prepare(database)
            if withdrawn is not None:
                database.register("withdrawn", withdrawn.select(WITHDRAWN.names))
            with readable(f"counting {kind}"):
                counted = database.sql(sql, params=parameters).to_arrow_table()
        begins = pa.array(cuts, _NUMBER).take(counted.column("slice").combine_chunks())
        position = counted.schema.get_field_index("slice")
        counted = counted.set_column(position, "received_from_tai_ns", begins).cast(schema)
        return counted.sort_by([(name, "ascending") for name in schema.names])


def _without(withdrawn: pa.Table | None, kind: Kind) -> str:
    """Looking for each record among the withdrawn means reading every id: only where there are any."""
    return without_withdrawn("records", kind) if withdrawn is not None and withdrawn.num_rows else ""


def _slice(first: int, after: int) -> str:
    """SQL for the number of the part, of those from ``first`` to before ``after``: halved until one is left."""
    if after - first == 1:
        return str(first)
    middle = (first + after) // 2
    return f"CASE WHEN received_tai_ns < $cut_{middle} THEN {_slice(first, middle)} ELSE {_slice(middle, after)} END"
