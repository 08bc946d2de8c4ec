"""Sources side by side: of each object the newest visible element set of each originator and source, as SQL."""

from collections.abc import Sequence
from typing import Any

from ssa_hub.history.asked import Asked
from ssa_hub.history.element_questions import VISIBLE
from ssa_hub.history.planning import Range
from ssa_hub.history.question import FILES, Question, checked_limit, columns_sql, earlier
from ssa_hub.history.tables import ELEMENTS

SideBySideCursor = tuple[str, str, str]


def side_by_side_question(
    asked: Asked,
    named: dict[str, Sequence[Any]],
    *,
    now_tai_ns: int,
    data_mode: str,
    limit: int,
    known_at_tai_ns: int | None,
    after: SideBySideCursor | None,
) -> Question:
    """Per (object, originator, source) the visible element set of the newest epoch as shown, ordered by these three.

    Between equal epochs the later received wins, then the greater record id (or order id).
    """
    ranges = {
        "received_tai_ns": Range(None, earlier(now_tai_ns, known_at_tai_ns)),
        "object_id": Range(after[0] if after else None, None),
    }
    where, parameters = asked.conditions("e", ranges, named)
    if after is not None:
        where += " AND (e.object_id, e.originator, e.source) > ($after_object, $after_originator, $after_source)"
        parameters |= dict(zip(("after_object", "after_originator", "after_source"), after, strict=True))
    epoch, order_id = asked.showing.instant("e.epoch_tai_ns"), asked.showing.order_id("e.record_id")
    sql = f"""WITH newest AS (
          SELECT e.object_id, e.originator, e.source,
            max(({epoch}, e.received_tai_ns, {order_id}, e.epoch_tai_ns, e.record_id)) AS best
          {VISIBLE} {where}
          GROUP BY ALL ORDER BY e.object_id, e.originator, e.source LIMIT $limit)
        SELECT {columns_sql("e", ELEMENTS)}, r.mask_id{asked.order_column("e.record_id")}
        FROM newest n JOIN {FILES} e ON e.object_id = n.object_id AND e.originator = n.originator
          AND e.source = n.source AND e.record_id = n.best[5] AND e.epoch_tai_ns = n.best[4]
        JOIN release r ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id
        WHERE e.received_tai_ns = n.best[2]
        ORDER BY e.object_id, e.originator, e.source"""
    parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": checked_limit(limit)}
    return Question(ELEMENTS, sql, parameters, ranges, named, asked, ("mask_id",))
