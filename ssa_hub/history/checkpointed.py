"""The newest element sets as of an instant from a checkpoint and what was received after it: exactly as from all rows.

Of each combination of the release table the checkpoint that counts is the newest one before what is known of it, which
is ``known_at`` or now less its delay. Combinations whose epochs are coarsened are read from the beginning of time:
newest as shown may be another row. Objects go the long way, over all their rows, where a visible record of the
checkpoint has been withdrawn, and where the checkpoint left out older combinations and none that it has is visible.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssa_hub.history.asked import Asked
from ssa_hub.history.candidates import Search, sources_of
from ssa_hub.history.checkpoints import Checkpoint, checkpoints_of, covered_sequence_of
from ssa_hub.history.element_questions import newest_question
from ssa_hub.history.planning import Plan, Range
from ssa_hub.history.reading import Reader, answer_schema, named_tables, tables_asked
from ssa_hub.history.tables import ELEMENT_CHECKPOINTS, ELEMENTS

# What was received before any checkpoint.
_BEGINNING = -(2**63)
# More objects than these that must go the long way: all of them do.
_DOUBTFUL_MAX = 5_000
_TRIES = 5


class CheckpointedNewest:
    """Answers `newest_question` faster where there are checkpoints. Threads may share one."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def ask(
        self,
        asked: Asked,
        object_ids: Sequence[str] | None,
        *,
        now_tai_ns: int,
        data_mode: str,
        limit: int,
        known_at_tai_ns: int | None,
        after: str | None,
    ) -> pa.Table:
        """The answer; ``object_ids`` None: of every object. Raises HistoryUnavailableError, ValueError for a limit
        below 1.
        """
        named: dict[str, Sequence[Any]] = {} if object_ids is None else {"object_id": object_ids}
        given: dict[str, Any] = {
            "now_tai_ns": now_tai_ns, "data_mode": data_mode, "limit": limit, "known_at_tai_ns": known_at_tai_ns
        }  # fmt: skip
        whole = newest_question(asked, named, after=after, **given)
        checkpoints, covered, plan = self._planned()
        combinations = _with_cuts(asked.combinations, checkpoints, now_tai_ns, known_at_tai_ns)
        instants = set(combinations.column("checkpoint_tai_ns").to_pylist())
        if not instants - {_BEGINNING}:
            return self._reader.ask(whole, plan)
        ranges = {"object_id": Range(after, None)}
        where, parameters = asked.conditions("e", ranges, named)
        if after is not None:
            where += " AND e.object_id > $after"
            parameters["after"] = after
        used = [one for one in checkpoints if one.instant_tai_ns in instants]
        search = Search(
            self._reader,
            asked,
            {**tables_asked(asked), "release": combinations, **named_tables(ELEMENTS, named)},
            {**parameters, "data_mode": data_mode},
            where,
            sources_of(plan, used, covered, combinations, after),
        )
        doubtful = search.doubtful()
        if len(doubtful) > _DOUBTFUL_MAX:
            return self._reader.ask(whole, plan)
        best = search.best(doubtful, limit)
        found = [answer_schema(whole).empty_table()]
        if best.num_rows:
            found.append(self._reader.finished(whole, search.rows_of(best)))
        if best.num_rows == limit:
            doubtful = doubtful.filter(pc.less(doubtful, best.column("object_id")[limit - 1]))
        if len(doubtful):
            long_way = newest_question(asked, {"object_id": doubtful.to_pylist()}, after=None, **given)
            answer = self._reader.ask_of_objects(long_way, plan)
            found.append(self._reader.ask(long_way, plan) if answer is None else answer)
        return pa.concat_tables(found).sort_by("object_id").slice(0, limit)

    def _planned(self) -> tuple[list[Checkpoint], int, Plan]:
        """The checkpoints, up to which commit they are right, and the history's files, which belong together.

        Compaction takes only files that checkpoints cover: where these have not changed while the history's files were
        looked up, all that was compacted in those is in the checkpoints.
        """
        planner = self._reader.planner
        for _ in range(_TRIES):
            before = planner.plan(ELEMENT_CHECKPOINTS)
            plan = planner.plan(ELEMENTS)
            if planner.plan(ELEMENT_CHECKPOINTS) is before:
                # Those that lack a column that was added since are made anew by maintenance.
                return checkpoints_of(before) if before.whole else [], covered_sequence_of(before), plan
        # Someone commits checkpoints all the time: without them the answer is the same.
        return [], 0, planner.plan(ELEMENTS)


def _with_cuts(
    combinations: pa.Table, checkpoints: Sequence[Checkpoint], now_tai_ns: int, known_at_tai_ns: int | None
) -> pa.Table:
    """The release table with ``cut_tai_ns``, the last reception that counts, and ``checkpoint_tai_ns`` before that."""
    cuts = now_tai_ns - combinations.column("delay_ns").to_numpy()
    if known_at_tai_ns is not None:
        cuts = np.minimum(cuts, known_at_tai_ns)
    instants = np.array([_BEGINNING, *(one.instant_tai_ns for one in checkpoints)], dtype=np.int64)
    chosen = instants[np.searchsorted(instants, cuts, side="right") - 1]
    chosen = np.where(combinations.column("time_step_ns").to_numpy() == 1, chosen, _BEGINNING)
    columns = {"cut_tai_ns": cuts, "checkpoint_tai_ns": chosen}
    for name, values in columns.items():
        combinations = combinations.append_column(pa.field(name, pa.int64(), False), pa.array(values, pa.int64()))
    return combinations
