"""The questions about element sets that DuckDB answers from the rows themselves, as SQL."""

from collections.abc import Sequence
from typing import Any

from ssa_hub.history.asked import Asked
from ssa_hub.history.planning import Range
from ssa_hub.history.question import FILES, Question, checked_limit, columns_sql, earlier
from ssa_hub.history.shown_values import Bound
from ssa_hub.history.tables import ELEMENTS

ElementsCursor = tuple[str, int, int, str]

VISIBLE = f"""
    FROM {FILES} e JOIN release r
      ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id
    WHERE e.data_mode = $data_mode AND e.received_tai_ns <= $now_tai_ns - r.delay_ns"""
_MASKS = ("mask_id",)


def history_question(
    asked: Asked,
    named: dict[str, Sequence[Any]],
    *,
    now_tai_ns: int,
    data_mode: str,
    limit: int,
    epochs: Range,
    known_at_tai_ns: int | None,
    after: ElementsCursor | None,
) -> Question:
    """Visible element sets, ordered by (object_id, epoch as shown, received_tai_ns, record id or order id)."""
    epoch, order_id = asked.showing.instant("e.epoch_tai_ns"), asked.showing.order_id("e.record_id")
    ranges = {
        "epoch_tai_ns": asked.showing.widened_instants(epochs),
        "received_tai_ns": Range(None, earlier(now_tai_ns, known_at_tai_ns)),
        "object_id": Range(after[0] if after else None, None),
    }
    where, parameters = asked.conditions("e", ranges, named, [Bound("epoch_tai_ns", epoch, epochs)])
    if after is not None:
        where += (
            f" AND (e.object_id, {epoch}, e.received_tai_ns, {order_id})"
            " > ($after_object, $after_epoch, $after_received, $after_record)"
        )
        names = ("after_object", "after_epoch", "after_received", "after_record")
        parameters |= dict(zip(names, after, strict=True))
    sql = f"""SELECT {columns_sql("e", ELEMENTS)}, r.mask_id{asked.order_column("e.record_id")}
        {VISIBLE} {where}
        ORDER BY e.object_id, {epoch}, e.received_tai_ns, {order_id} LIMIT $limit"""
    parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": checked_limit(limit)}
    return Question(ELEMENTS, sql, parameters, ranges, named, asked, _MASKS)


def newest_question(
    asked: Asked,
    named: dict[str, Sequence[Any]],
    *,
    now_tai_ns: int,
    data_mode: str,
    limit: int,
    known_at_tai_ns: int | None,
    after: str | None,
) -> Question:
    """Per object the visible element set of the newest epoch as shown, ordered by object_id.

    Between equal epochs the later received wins, then the greater record id (or order id).
    """
    ranges = {
        "received_tai_ns": Range(None, earlier(now_tai_ns, known_at_tai_ns)),
        "object_id": Range(after, None),
    }
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
          {VISIBLE} {where}
          GROUP BY e.object_id ORDER BY e.object_id LIMIT $limit)
        SELECT {columns_sql("e", ELEMENTS)}, r.mask_id{asked.order_column("e.record_id")}
        FROM newest n JOIN {FILES} e ON e.object_id = n.object_id
          AND e.record_id = n.best[{id_place}] AND e.epoch_tai_ns = n.best[{epoch_place}]
        JOIN release r ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id
        WHERE e.received_tai_ns = n.best[2]
        ORDER BY e.object_id"""
    parameters |= {"now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": checked_limit(limit)}
    return Question(ELEMENTS, sql, parameters, ranges, named, asked, _MASKS)
