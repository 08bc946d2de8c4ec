"""Questions to the history, answered by DuckDB over the planned files, each through a release table.

The release table joins first: a row that it does not let through takes part in nothing, neither in newest-of nor in
counting nor in paging. So an answer is a function of the visible rows alone.

A release table has the columns ``kind``, ``data_mode``, ``originator``, ``label_id``, ``delay_ns`` (int64, not
negative), ``mask_id`` (any type, handed through), ``time_step_ns`` (int64, 1: exact) and ``distance_step_m`` (float64,
0: exact), each combination of the first four at most once. Epochs, TCAs and miss distances take part in every
condition, order, cursor and newest-of as they are shown: rounded down to those steps. The answer has them as they are.

``order_key`` (text of fixed length, secret): rows whose release row has ``whole`` (bool) false are ordered among equals
by a keyed hash of their id instead of the id, and the answer has that as ``order_id`` (`shown_values`).

``withdrawn`` (``record_id``, ``derived``): these records do not exist, nor conjunctions with a parent among those that
are ``derived``. None and no rows: nothing is withdrawn, and nothing is joined.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self

import duckdb
import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.asked import Asked
from ssa_hub.history.conditions import conditions
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.planning import Planner, Range, files_of_all_ages
from ssa_hub.history.shown_values import Bound
from ssa_hub.history.store import History
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, definition_of

_FILES = "read_parquet($files)"

ElementsCursor = tuple[str, int, int, str]
ConjunctionsCursor = tuple[int, str]

_ELEMENTS_VISIBLE = """
    FROM read_parquet($files) e JOIN release r
      ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id
    WHERE e.data_mode = $data_mode AND e.received_tai_ns <= $now_tai_ns - r.delay_ns"""

_CONJUNCTIONS_VISIBLE = """
    FROM read_parquet($files) c
    JOIN release r1 ON r1.data_mode = c.data_mode AND r1.originator = c.parent_originator_1
                   AND r1.label_id = c.parent_label_id_1
    JOIN release r2 ON r2.data_mode = c.data_mode AND r2.originator = c.parent_originator_2
                   AND r2.label_id = c.parent_label_id_2
    WHERE c.data_mode = $data_mode AND c.received_tai_ns <= $now_tai_ns - greatest(r1.delay_ns, r2.delay_ns)"""


class HistoryQueries:
    """The read side of a history. Threads may share one: each call has its own DuckDB cursor and plan.

    All methods raise ValueError for bad arguments and HistoryUnavailableError where files or catalogue fail.
    Results have the record schema's columns and the mask ids, in the stated total order; ``limit`` rows at most;
    ``after`` is the order's key of the last row of the page before.
    """

    def __init__(self, history: History) -> None:
        self._planner = Planner(history)
        self._database = duckdb.connect(
            ":memory:",
            config={
                # The hub never loads code from the network.
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "temp_directory": str(history.warehouse / "duckdb-spill"),
            },
        )
        self._database.execute("SET parquet_metadata_cache = true")  # an option of an extension: not settable above
        self._cursor_lock = threading.Lock()

    def close(self) -> None:
        """Close DuckDB; calls that run in other threads fail."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def elements_history(
        self,
        release: pa.Table,
        *,
        now_tai_ns: int,
        data_mode: str,
        limit: int,
        object_ids: Sequence[str] | None = None,
        catalogue_numbers: Sequence[int] | None = None,
        epoch_from_tai_ns: int | None = None,
        epoch_to_tai_ns: int | None = None,
        known_at_tai_ns: int | None = None,
        after: ElementsCursor | None = None,
        order_key: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Element sets, ordered by (object_id, epoch_tai_ns, received_tai_ns, record id or ``order_id``).

        A row matches if its object id or its catalogue number is named (None and None: every object), its epoch is
        within [from, to], and it was received by ``known_at_tai_ns``. Columns: ELEMENT_SET and ``mask_id``.
        """
        asked = Asked(release, Kind.ELEMENTS, data_mode, ("r",), order_key, withdrawn)
        epoch, order_id = asked.showing.instant("e.epoch_tai_ns"), asked.showing.order_id("e.record_id")
        epochs = Range(epoch_from_tai_ns, epoch_to_tai_ns)
        ranges = {
            "epoch_tai_ns": asked.showing.widened_instants(epochs),
            "received_tai_ns": Range(None, _earlier(now_tai_ns, known_at_tai_ns)),
            "object_id": Range(after[0] if after else None, None),
        }
        named = _named(object_ids, catalogue_numbers)
        where, parameters = asked.conditions("e", ranges, named, [Bound("epoch_tai_ns", epoch, epochs)])
        if after is not None:
            where += (
                f" AND (e.object_id, {epoch}, e.received_tai_ns, {order_id})"
                " > ($after_object, $after_epoch, $after_received, $after_record)"
            )
            names = ("after_object", "after_epoch", "after_received", "after_record")
            parameters |= dict(zip(names, after, strict=True))
        sql = f"""SELECT {_columns("e", ELEMENTS)}, r.mask_id{asked.order_column("e.record_id")}
            {_ELEMENTS_VISIBLE} {where}
            ORDER BY e.object_id, {epoch}, e.received_tai_ns, {order_id} LIMIT $limit"""
        parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": _limit(limit)}
        files = self._planner.plan(ELEMENTS).paths(ranges, [named] if named else [])
        return self._answer(ELEMENTS, sql, parameters, files, asked, ("mask_id",), named)

    def elements_newest(
        self,
        release: pa.Table,
        *,
        now_tai_ns: int,
        data_mode: str,
        limit: int,
        known_at_tai_ns: int | None = None,
        object_ids: Sequence[str] | None = None,
        catalogue_numbers: Sequence[int] | None = None,
        after: str | None = None,
        order_key: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Per object the visible element set of the newest epoch, ordered by object_id.

        Between equal epochs the later received wins, then the greater record id (``order_id``). With
        ``known_at_tai_ns`` only what had been received by then takes part (as-of). Columns: ELEMENT_SET, ``mask_id``.
        """
        asked = Asked(release, Kind.ELEMENTS, data_mode, ("r",), order_key, withdrawn)
        ranges = {
            "received_tai_ns": Range(None, _earlier(now_tai_ns, known_at_tai_ns)),
            "object_id": Range(after, None),
        }
        named = _named(object_ids, catalogue_numbers)
        where, parameters = asked.conditions("e", ranges, named)
        if after is not None:
            where += " AND e.object_id > $after"
            parameters["after"] = after
        # What decides comes first; behind it what the winner's row is found by, where that is something else.
        epoch, order_id = asked.showing.instant("e.epoch_tai_ns"), asked.showing.order_id("e.record_id")
        found_by = "" if asked.showing.is_plain else ", e.epoch_tai_ns, e.record_id"
        epoch_place, id_place = (1, 3) if asked.showing.is_plain else (4, 5)
        # Two phases: the narrow key columns of every candidate first, whole rows only for the winners.
        sql = f"""WITH newest AS (
              SELECT e.object_id, max(({epoch}, e.received_tai_ns, {order_id}{found_by})) AS best
              {_ELEMENTS_VISIBLE} {where}
              GROUP BY e.object_id ORDER BY e.object_id LIMIT $limit)
            SELECT {_columns("e", ELEMENTS)}, r.mask_id{asked.order_column("e.record_id")}
            FROM newest n JOIN read_parquet($files) e ON e.object_id = n.object_id
              AND e.record_id = n.best[{id_place}] AND e.epoch_tai_ns = n.best[{epoch_place}]
            JOIN release r ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id
            WHERE e.received_tai_ns = n.best[2]
            ORDER BY e.object_id"""
        parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": _limit(limit)}
        files = self._planner.plan(ELEMENTS).paths(ranges, [named] if named else [])
        return self._answer(ELEMENTS, sql, parameters, files, asked, ("mask_id",), named)

    def conjunctions(
        self,
        release: pa.Table,
        *,
        now_tai_ns: int,
        data_mode: str,
        limit: int,
        object_ids: Sequence[str] | None = None,
        catalogue_numbers: Sequence[int] | None = None,
        tca_from_tai_ns: int | None = None,
        tca_to_tai_ns: int | None = None,
        miss_distance_max_m: float | None = None,
        known_at_tai_ns: int | None = None,
        after: ConjunctionsCursor | None = None,
        order_key: str | None = None,
        withdrawn: pa.Table | None = None,
    ) -> pa.Table:
        """Conjunctions with TCA within [from, to], ordered by (tca_tai_ns, record id or ``order_id``).

        A row is visible only if the combinations of both parents' orbits are released for derived conjunctions, after
        the longer of the two delays. Objects and numbers named: one of the two objects is meant. Columns:
        CONJUNCTION, ``mask_id_1`` and ``mask_id_2``.
        """
        asked = Asked(release, Kind.DERIVED_CONJUNCTIONS, data_mode, ("r1", "r2"), order_key, withdrawn)
        showing = asked.showing
        tca, order_id = showing.instant("c.tca_tai_ns"), showing.order_id("c.record_id")
        tcas, distances = Range(tca_from_tai_ns, tca_to_tai_ns), Range(None, miss_distance_max_m)
        earliest_tca = max((t for t in (tca_from_tai_ns, after[0] if after else None) if t is not None), default=None)
        ranges = {
            "tca_tai_ns": showing.widened_instants(Range(earliest_tca, tca_to_tai_ns)),
            "miss_distance_m": showing.widened_distances(distances),
            "received_tai_ns": Range(None, _earlier(now_tai_ns, known_at_tai_ns)),
        }
        named = _named(object_ids, catalogue_numbers, "_1") | _named(object_ids, catalogue_numbers, "_2")
        bounds = [
            Bound("tca_tai_ns", tca, tcas),
            Bound("miss_distance_m", showing.distance("c.miss_distance_m"), distances),
        ]
        where, parameters = asked.conditions("c", ranges, named, bounds)
        if after is not None:
            where += f" AND ({tca}, {order_id}) > ($after_tca, $after_record)"
            parameters |= {"after_tca": after[0], "after_record": after[1]}
        sql = f"""SELECT {_columns("c", CONJUNCTIONS)}, r1.mask_id AS mask_id_1, r2.mask_id AS mask_id_2
            {asked.order_column("c.record_id")} {_CONJUNCTIONS_VISIBLE} {where}
            ORDER BY {tca}, {order_id} LIMIT $limit"""
        parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": _limit(limit)}
        files = self._planner.plan(CONJUNCTIONS).paths(ranges, [named] if named else [])
        return self._answer(CONJUNCTIONS, sql, parameters, files, asked, ("mask_id_1", "mask_id_2"), named)

    def records_by_id(
        self,
        kind: str,
        record_ids: Sequence[str],
        *,
        received_from_tai_ns: int | None = None,
        received_to_tai_ns: int | None = None,
    ) -> pa.Table:
        """Records by their ids, without any release (for explanations to originators), ordered by record_id.

        Ids are hashes, which no file's bounds can prune: give the range of reception where it is known.
        """
        definition = definition_of(kind)
        ranges = {"received_tai_ns": Range(received_from_tai_ns, received_to_tai_ns)}
        named: dict[str, Sequence[Any]] = {"record_id": record_ids}
        where, parameters = conditions("e", ranges, named)
        sql = f"""SELECT {_columns("e", kind)} FROM read_parquet($files) e WHERE true {where} ORDER BY e.record_id"""
        files = self._planner.plan(definition.kind).paths(ranges)
        return self._answer(kind, sql, parameters, files, None, (), named)

    def _answer(
        self,
        kind: str,
        sql: str,
        parameters: dict[str, Any],
        files: list[str],
        asked: Asked | None,
        mask_columns: tuple[str, ...],
        named: Mapping[str, Sequence[Any]],
    ) -> pa.Table:
        """Run one query on its own cursor; no files or no released combination is an empty answer."""
        record_schema = schema = definition_of(kind).record_schema
        nothing_visible = not files
        if asked is not None:
            for column in mask_columns:
                mask_field = asked.combinations.schema.field("mask_id")
                schema = schema.append(mask_field.with_name(column).with_nullable(False))
            if asked.showing.order_key is not None:
                schema = schema.append(pa.field("order_id", pa.string(), False))
            nothing_visible = nothing_visible or asked.combinations.num_rows == 0
        if nothing_visible:
            return schema.empty_table()
        plan = self._planner.plan(kind)
        if not plan.whole:
            sql = sql.replace(_FILES, files_of_all_ages(plan))
        with self._cursor_lock:  # making a cursor is not safe while another thread makes one
            cursor = self._database.cursor()
        try:
            if asked is not None:
                cursor.register("release", asked.combinations)
                if asked.withdrawn is not None:
                    cursor.register("withdrawn", asked.withdrawn)
            for column, values in named.items():
                cursor.register(f"named_{column}", _values(record_schema.field(column).type, values))
            answer = cursor.sql(sql, params=parameters | {"files": files}).to_arrow_table()
        except duckdb.IOException as failure:
            raise HistoryUnavailableError(f"reading {kind}: {failure}") from failure
        finally:
            cursor.close()
        return answer.cast(schema)


def _columns(alias: str, kind: str) -> str:
    return ", ".join(f"{alias}.{field.name}" for field in definition_of(kind).fields)


def _named(
    object_ids: Sequence[str] | None, catalogue_numbers: Sequence[int] | None, side: str = ""
) -> dict[str, Sequence[Any]]:
    """Columns and the values asked for in them; a row with any of them is meant. Empty: nothing was named."""
    columns = {f"object_id{side}": object_ids, f"catalogue_number{side}": catalogue_numbers}
    return {column: values for column, values in columns.items() if values is not None}


def _values(column_type: pa.DataType, values: Sequence[Any]) -> pa.Table:
    return pa.table({"value": pa.array(sorted(set(values)), column_type)})


def _earlier(now_tai_ns: int, known_at_tai_ns: int | None) -> int:
    return now_tai_ns if known_at_tai_ns is None else min(now_tai_ns, known_at_tai_ns)


def _limit(limit: int) -> int:
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    return limit
