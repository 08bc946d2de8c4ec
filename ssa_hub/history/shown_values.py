"""What a partner is shown, as SQL: coarsened instants and distances, and an order of ids that says nothing of content.

Where a release table coarsens a column, queries select, sort and page by the coarsened value alone, or bounds and order
would tell the rest. Where it shows rows in part, their order among equals must not follow their ids either, as these
are hashes of what is withheld: such rows are ordered by a keyed hash of the id.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ssa_hub.history.planning import Range

_INT64_MAX = 2**63 - 1


class Bound(NamedTuple):
    """A range that values of an SQL expression must lie in; ``column`` names its parameters."""

    column: str
    expression: str
    wanted: Range


class Showing(NamedTuple):
    """How rows are shown through the release table's rows joined as ``grants``: the largest steps, and the order key.

    Of a row that several grants release the largest step counts. ``order_key`` None: every row is ordered by its id.
    """

    grants: tuple[str, ...]
    time_step_ns: int
    distance_step_m: float
    order_key: str | None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the expressions."""
        return {} if self.order_key is None else {"order_key": self.order_key}

    @property
    def is_plain(self) -> bool:
        """Whether instants and ids stand for themselves."""
        return self.time_step_ns == 1 and self.order_key is None

    def instant(self, column: str) -> str:
        """The instant as shown: rounded down to whole steps (DuckDB's ``%`` has the sign of the dividend)."""
        if self.time_step_ns == 1:
            return column
        step = self._largest("time_step_ns")
        return f"({column} - (({column} % {step}) + {step}) % {step})"

    def distance(self, column: str) -> str:
        """The distance as shown, computed as `release.coarsening.floor_quantities` does."""
        if self.distance_step_m == 0.0:
            return column
        step = self._largest("distance_step_m")
        return f"(CASE WHEN {step} > 0.0 THEN floor({column} / {step}) * {step} + 0.0 ELSE {column} END)"

    def order_id(self, column: str) -> str:
        """What rows are ordered by last: the id, or its keyed hash for a row that is not shown whole.

        MD5 of key and id, both 32 characters, is but a pseudorandom function here; collisions matter to nobody. It
        takes half of the time of SHA-256, which counts where a query sorts millions of rows.
        """
        if self.order_key is None:
            return column
        whole = " AND ".join(f"{grant}.whole" for grant in self.grants)
        return f"(CASE WHEN {whole} THEN {column} ELSE md5($order_key || {column}) END)"

    def widened_instants(self, wanted: Range) -> Range:
        """Where instants can lie whose shown value is within ``wanted``: what files and row groups are pruned by."""
        if wanted.highest is None:
            return wanted
        return Range(wanted.lowest, min(wanted.highest + self.time_step_ns - 1, _INT64_MAX))

    def widened_distances(self, wanted: Range) -> Range:
        """The same of distances. By two steps, not one: products and quotients are rounded."""
        if wanted.highest is None:
            return wanted
        return Range(wanted.lowest, wanted.highest + 2.0 * self.distance_step_m)

    def _largest(self, column: str) -> str:
        steps = [f"{grant}.{column}" for grant in self.grants]
        return steps[0] if len(steps) == 1 else f"greatest({', '.join(steps)})"


def showing_of(combinations: pa.Table, grants: Sequence[str], order_key: str | None) -> Showing:
    """How a release table's rows are shown. Raises ValueError for steps that are missing or below 1 ns or 0 m."""
    if combinations.num_rows == 0:
        return Showing(tuple(grants), 1, 0.0, order_key)
    times, distances = (pc.min_max(combinations[name]).as_py() for name in ("time_step_ns", "distance_step_m"))
    if any(combinations[name].null_count for name in ("time_step_ns", "distance_step_m")):
        raise ValueError("the release table has a step that is missing")
    if times["min"] < 1 or not distances["min"] >= 0.0:
        raise ValueError("the release table has a step below 1 ns or 0 m")
    return Showing(tuple(grants), int(times["max"]), float(distances["max"]), order_key)


def bounds_sql(bounds: Sequence[Bound]) -> tuple[str, dict[str, Any]]:
    """SQL and parameters of the bounds, all of which must hold."""
    sql, parameters = "", {}
    for column, expression, (lowest, highest) in bounds:
        for side, operator, value in (("shown_from", ">=", lowest), ("shown_to", "<=", highest)):
            if value is not None:
                sql += f" AND {expression} {operator} ${side}_{column}"
                parameters[f"{side}_{column}"] = value
    return sql, parameters
