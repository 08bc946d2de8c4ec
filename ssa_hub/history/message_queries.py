"""Questions to the history about conjunction messages and ephemerides, each through a release table.

As `ssa_hub.history.queries`: the release table joins first, instants that are coarsened take part as they are shown,
and the terms mean the same.
"""

from collections.abc import Sequence
from typing import Any, Unpack

import pyarrow as pa

from schemas.records import Kind
from ssa_hub.history.planning import Range
from ssa_hub.history.question import FILES, Question, checked_limit, columns_sql, earlier
from ssa_hub.history.reading import Reader
from ssa_hub.history.shown_values import Bound
from ssa_hub.history.tables import CONJUNCTION_MESSAGES, EPHEMERIDES
from ssa_hub.history.terms import KnownTerms, Terms, asked_on

_VISIBLE = f"""
    FROM {FILES} m
    JOIN release r ON r.data_mode = m.data_mode AND r.originator = m.originator AND r.label_id = m.label_id
    WHERE m.data_mode = $data_mode AND m.received_tai_ns <= $now_tai_ns - r.delay_ns"""


class MessageQueries:
    """The read side of messages. Threads may share one.

    All methods raise ValueError for bad arguments and HistoryUnavailableError where files or catalogue fail.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def conjunction_messages(
        self,
        release: pa.Table,
        *,
        tca_from_tai_ns: int | None = None,
        tca_to_tai_ns: int | None = None,
        after: tuple[int, str] | None = None,
        **terms: Unpack[KnownTerms],
    ) -> pa.Table:
        """Conjunction messages with TCA within [from, to], ordered by (TCA as shown, record id or ``order_id``).

        Objects and numbers named: one of the two objects is meant. Columns: CONJUNCTION_MESSAGE and ``mask_id``.
        """
        asked = asked_on(release, Kind.CONJUNCTION_MESSAGES, terms)
        showing = asked.showing
        tca, order_id = showing.instant("m.tca_tai_ns"), showing.order_id("m.record_id")
        tcas = Range(tca_from_tai_ns, tca_to_tai_ns)
        earliest = max((t for t in (tcas.lowest, after[0] if after else None) if t is not None), default=None)
        ranges = {
            "tca_tai_ns": showing.widened_instants(Range(earliest, tcas.highest)),
            "received_tai_ns": Range(None, earlier(terms["now_tai_ns"], terms.get("known_at_tai_ns"))),
        }
        numbers = terms.get("catalogue_numbers")
        named: dict[str, Sequence[Any]] = {}
        for column, values in (("object_id_{}", terms.get("object_ids")), ("object{}_catalogue_number", numbers)):
            if values is not None:
                named |= {column.format(side): values for side in (1, 2)}
        where, parameters = asked.conditions("m", ranges, named, [Bound("tca_tai_ns", tca, tcas)])
        if after is not None:
            where += f" AND ({tca}, {order_id}) > ($after_tca, $after_record)"
            parameters |= {"after_tca": after[0], "after_record": after[1]}
        sql = f"""SELECT {columns_sql("m", CONJUNCTION_MESSAGES)}, r.mask_id AS mask_id
            {asked.order_column("m.record_id")} {_VISIBLE} {where} ORDER BY {tca}, {order_id} LIMIT $limit"""
        parameters |= _of_every_question(terms)
        return self._reader.ask(Question(CONJUNCTION_MESSAGES, sql, parameters, ranges, named, asked, ("mask_id",)))

    def ephemerides(
        self,
        release: pa.Table,
        *,
        designators: Sequence[str] | None = None,
        usable_from_tai_ns: int | None = None,
        usable_to_tai_ns: int | None = None,
        known_at_tai_ns: int | None = None,
        after: tuple[int, str] | None = None,
        **terms: Unpack[Terms],
    ) -> pa.Table:
        """The index of ephemerides, ordered by (reception, record id or ``order_id``).

        Meant are those whose usable span, as it is shown, meets [from, to], and that are of any of the objects named,
        by the hub's id or as the message designates it. Columns: EPHEMERIS and ``mask_id``.
        """
        asked = asked_on(release, Kind.EPHEMERIDES, terms, of=Terms)
        showing = asked.showing
        order_id = showing.order_id("m.record_id")
        stops, starts = Range(usable_from_tai_ns, None), Range(None, usable_to_tai_ns)
        ranges = {
            "usable_stop_tai_ns": showing.widened_instants(stops),
            "usable_start_tai_ns": showing.widened_instants(starts),
            "received_tai_ns": Range(after[0] if after else None, earlier(terms["now_tai_ns"], known_at_tai_ns)),
        }
        bounds = [
            Bound("usable_stop_tai_ns", showing.instant("m.usable_stop_tai_ns"), stops),
            Bound("usable_start_tai_ns", showing.instant("m.usable_start_tai_ns"), starts),
        ]
        where, parameters = asked.conditions("m", ranges, {}, bounds)
        named = {"object_ids": terms.get("object_ids"), "object_designators": designators}
        matches = []
        for column, values in named.items():
            if values is not None:
                matches.append(f"list_has_any(m.{column}, $named_{column}::VARCHAR[])")
                parameters[f"named_{column}"] = sorted(set(values))
        if matches:
            where += f" AND ({' OR '.join(matches)})"
        if after is not None:
            where += f" AND (m.received_tai_ns, {order_id}) > ($after_received, $after_record)"
            parameters |= {"after_received": after[0], "after_record": after[1]}
        sql = f"""SELECT {columns_sql("m", EPHEMERIDES)}, r.mask_id AS mask_id
            {asked.order_column("m.record_id")} {_VISIBLE} {where}
            ORDER BY m.received_tai_ns, {order_id} LIMIT $limit"""
        parameters |= _of_every_question(terms)
        return self._reader.ask(Question(EPHEMERIDES, sql, parameters, ranges, {}, asked, ("mask_id",)))


def _of_every_question(terms: Terms) -> dict[str, Any]:
    return {
        "now_tai_ns": terms["now_tai_ns"], "data_mode": terms["data_mode"], "limit": checked_limit(terms["limit"])
    }  # fmt: skip
