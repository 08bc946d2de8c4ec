"""The question about conjunctions, as SQL."""

from collections.abc import Sequence
from typing import Any

from ssa_hub.history.asked import Asked
from ssa_hub.history.planning import Range
from ssa_hub.history.question import FILES, Question, checked_limit, columns_sql, earlier
from ssa_hub.history.shown_values import Bound
from ssa_hub.history.tables import CONJUNCTIONS

ConjunctionsCursor = tuple[int, str]

_VISIBLE = f"""
    FROM {FILES} c
    JOIN release r1 ON r1.data_mode = c.data_mode AND r1.originator = c.parent_originator_1
                   AND r1.label_id = c.parent_label_id_1
    JOIN release r2 ON r2.data_mode = c.data_mode AND r2.originator = c.parent_originator_2
                   AND r2.label_id = c.parent_label_id_2
    WHERE c.data_mode = $data_mode AND c.received_tai_ns <= $now_tai_ns - greatest(r1.delay_ns, r2.delay_ns)"""


def conjunctions_question(
    asked: Asked,
    named: dict[str, Sequence[Any]],
    *,
    now_tai_ns: int,
    data_mode: str,
    limit: int,
    tcas: Range,
    miss_distance_max_m: float | None,
    known_at_tai_ns: int | None,
    after: ConjunctionsCursor | None,
) -> Question:
    """Visible conjunctions, ordered by (TCA as shown, record id or order id)."""
    showing = asked.showing
    tca, order_id = showing.instant("c.tca_tai_ns"), showing.order_id("c.record_id")
    distances = Range(None, miss_distance_max_m)
    earliest_tca = max((t for t in (tcas.lowest, after[0] if after else None) if t is not None), default=None)
    ranges = {
        "tca_tai_ns": showing.widened_instants(Range(earliest_tca, tcas.highest)),
        "miss_distance_m": showing.widened_distances(distances),
        "received_tai_ns": Range(None, earlier(now_tai_ns, known_at_tai_ns)),
    }
    bounds = [
        Bound("tca_tai_ns", tca, tcas),
        Bound("miss_distance_m", showing.distance("c.miss_distance_m"), distances),
    ]
    where, parameters = asked.conditions("c", ranges, named, bounds)
    if after is not None:
        where += f" AND ({tca}, {order_id}) > ($after_tca, $after_record)"
        parameters |= {"after_tca": after[0], "after_record": after[1]}
    sql = f"""SELECT {columns_sql("c", CONJUNCTIONS)}, r1.mask_id AS mask_id_1, r2.mask_id AS mask_id_2
        {asked.order_column("c.record_id")} {_VISIBLE} {where}
        ORDER BY {tca}, {order_id} LIMIT $limit"""
    parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": checked_limit(limit)}
    return Question(CONJUNCTIONS, sql, parameters, ranges, named, asked, ("mask_id_1", "mask_id_2"))
