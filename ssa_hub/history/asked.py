"""What of a question depends on the release: which combinations, how they are shown, what is withdrawn."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.combinations import released_combinations
from ssa_hub.history.conditions import conditions, without_withdrawn
from ssa_hub.history.planning import Range
from ssa_hub.history.shown_values import Bound, Showing, bounds_sql, showing_of


class Asked:
    """One question's share of the release. ``grants`` are the aliases that its SQL joins the release table by.

    Raises ValueError for a malformed release table.
    """

    def __init__(
        self,
        release: pa.Table,
        kind: Kind,
        data_mode: str,
        grants: tuple[str, ...],
        order_key: str | None,
        withdrawn: pa.Table | None,
    ) -> None:
        self.combinations = released_combinations(release, kind, data_mode, ordered=order_key is not None)
        self.showing: Showing = showing_of(self.combinations, grants, order_key)
        self.withdrawn = None if withdrawn is None or withdrawn.num_rows == 0 else withdrawn
        self._kind = kind

    def conditions(
        self,
        alias: str,
        ranges: Mapping[str, Range],
        named: Mapping[str, Sequence[Any]],
        bounds: Sequence[Bound] = (),
    ) -> tuple[str, dict[str, Any]]:
        """SQL and parameters of the ranges, the named values, the bounds of what is shown, and the withdrawals."""
        where, parameters = conditions(alias, ranges, named)
        exact = [bound for bound in bounds if bound.expression != f"{alias}.{bound.column}"]
        shown, of_shown = bounds_sql(exact)
        shown += self.withdrawn_sql(alias)
        return where + shown, parameters | of_shown | self.showing.parameters

    def withdrawn_sql(self, alias: str) -> str:
        """SQL that leaves out what is withdrawn."""
        return "" if self.withdrawn is None else without_withdrawn(alias, self._kind)

    def order_column(self, record_id: str) -> str:
        """SQL of the column that an order key adds to an answer."""
        return "" if self.showing.order_key is None else f", {self.showing.order_id(record_id)} AS order_id"
