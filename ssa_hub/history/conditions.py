"""What restricts a query: the release table's combinations, ranges of columns, named values; as SQL and parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Kind
from ssa_hub.history.planning import Range

RELEASE_COLUMNS = (
    *("kind", "data_mode", "originator", "label_id", "delay_ns", "mask_id"),
    *("time_step_ns", "distance_step_m"),
)


def released_combinations(release: pa.Table, kind: Kind, data_mode: str, *, ordered: bool = False) -> pa.Table:
    """The rows of a release table that speak of a kind and mode; ``ordered``: with the column ``whole``.

    A combination that stands twice would show a row twice, a negative delay would be none: both are refused. Raises
    ValueError for a malformed table.
    """
    columns = [*RELEASE_COLUMNS, "whole"] if ordered else list(RELEASE_COLUMNS)
    missing = [name for name in columns if name not in release.column_names]
    if missing:
        raise ValueError(f"the release table lacks the columns {', '.join(missing)}")
    wanted = pc.and_(pc.equal(release["kind"], str(kind)), pc.equal(release["data_mode"], data_mode))
    chosen = release.select(columns).filter(wanted)
    keys = chosen.select(["originator", "label_id"])
    if keys.group_by(["originator", "label_id"]).aggregate([]).num_rows != keys.num_rows:
        raise ValueError(f"the release table names a combination of originator and label twice for {kind}")
    if chosen.num_rows and (chosen["delay_ns"].null_count or pc.min(chosen["delay_ns"]).as_py() < 0):
        raise ValueError("the release table has a delay that is negative or missing")
    return chosen


def conditions(
    alias: str, ranges: Mapping[str, Range], named: Mapping[str, Sequence[Any]]
) -> tuple[str, dict[str, Any]]:
    """SQL of the ranges (all must hold) and of the named values (one column must match), values as parameters."""
    sql, parameters = "", {}
    for column, (lowest, highest) in ranges.items():
        for side, operator, value in (("lowest", ">=", lowest), ("highest", "<=", highest)):
            if value is not None:
                sql += f" AND {alias}.{column} {operator} ${side}_{column}"
                parameters[f"{side}_{column}"] = value
    if named:
        matches = [f"{alias}.{column} IN (SELECT value FROM named_{column})" for column in named]
        sql += f" AND ({' OR '.join(matches)})"
    if len(named) == 1:
        # DuckDB skips row groups by plain comparisons, not by a subquery.
        ((column, values),) = named.items()
        if values:
            sql += f" AND {alias}.{column} BETWEEN $first_{column} AND $last_{column}"
            parameters |= {f"first_{column}": min(values), f"last_{column}": max(values)}
    return sql, parameters


def without_withdrawn(alias: str, kind: Kind) -> str:
    """SQL that leaves out what the registered table ``withdrawn`` (``record_id``, ``derived``) names."""
    sql = f" AND {alias}.record_id NOT IN (SELECT record_id FROM withdrawn)"
    if kind is Kind.DERIVED_CONJUNCTIONS:
        for side in (1, 2):
            sql += f" AND {alias}.parent_{side} NOT IN (SELECT record_id FROM withdrawn WHERE derived)"
    return sql
