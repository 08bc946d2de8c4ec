"""Changes of the catalogue between two instants: objects whose newest visible element set is another one.

An object has **changed** between ``from`` and ``to`` (both instants of knowledge, ``from`` not after ``to``) where the
newest of its element sets that are visible now and had been received by ``to`` is not the newest of those that had been
received by ``from``. It **appeared** where there was none by ``from``, else it was **replaced**. Newest is what
`HistoryQueries.elements_newest` answers with, delays, coarsening and withdrawals as of now. What had been received by
``from`` had been received by ``to``, so no object disappears.
"""

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ssa_hub.history.question import checked_limit

# At least so many objects are compared at a time: most questions about a catalogue need no more than one round.
_OBJECTS = 20_000


class Changes(NamedTuple):
    """The newest as of ``to`` of each object that has changed, by object id; and row for row the one as of ``from``, of
    those that were replaced (``replaced``, bool, one for each row of ``newest``).
    """

    newest: pa.Table
    previous: pa.Table
    replaced: pa.Array


def changes(
    newest_as_of: Callable[[int, str | None, int], pa.Table],
    from_tai_ns: int,
    to_tai_ns: int,
    after: str | None,
    limit: int,
) -> Changes:
    """The first ``limit`` objects behind ``after`` that have changed.

    ``newest_as_of`` (instant, after, limit) is `elements_newest` of everything else that was asked. Raises ValueError
    where ``from`` is after ``to``, for a limit below 1, and what it raises.
    """
    if from_tai_ns > to_tai_ns:
        raise ValueError("changes are asked for from an instant to a later one")
    found: list[tuple[pa.Table, pa.Table, pa.Array]] = []
    count, size = 0, max(_OBJECTS, checked_limit(limit))
    while True:
        # The earlier first: what is recorded between the two can only make the later one newer.
        before, later = newest_as_of(from_tai_ns, after, size), newest_as_of(to_tai_ns, after, size)
        found.append(_changed(before, later))
        count += found[-1][0].num_rows
        if later.num_rows < size or count >= limit:
            break
        after = later.column("object_id")[-1].as_py()
    newest = pa.concat_tables([one[0] for one in found])
    replaced = pa.concat_arrays([one[2] for one in found])
    previous = pa.concat_tables([one[1] for one in found])
    shown = replaced.slice(0, limit)
    kept = pc.sum(shown.cast(pa.int64()), min_count=0).as_py()
    return Changes(newest.slice(0, limit), previous.slice(0, kept), shown)


def _changed(before: pa.Table, later: pa.Table) -> tuple[pa.Table, pa.Table, pa.Array]:
    """Rows of ``later`` that are not in ``before``, the rows of ``before`` of the same objects, and which have one."""
    same = pc.is_in(later.column("record_id"), value_set=before.column("record_id").combine_chunks())
    newest = later.filter(pc.invert(same))
    objects = newest.column("object_id").combine_chunks()
    previous = before.filter(pc.is_in(before.column("object_id"), value_set=objects))
    replaced = pc.is_in(objects, value_set=previous.column("object_id").combine_chunks())
    return newest, previous, replaced
