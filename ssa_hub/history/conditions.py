"""What restricts a query: ranges of columns, named values, withdrawals; as SQL and parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.records import Kind
from ssa_hub.history.planning import Range


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
