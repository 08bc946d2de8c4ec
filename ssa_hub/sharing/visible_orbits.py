"""Which orbits take part in what a partner has derived on demand: decided before anything is computed.

Only orbits whose originators release derived conjunctions to him with their whole geometry and its instant, exactly. Of
one that is withheld in part, or coarsened, he could find the rest by asking with many hypothetical orbits, and seeing
where the answer changes, so it takes no part at all. A delay of derived
conjunctions is one of the orbits here: he is answered from what the hub had received so long ago.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import CONJUNCTION_GEOMETRY, ELEMENT_SET_SCHEMA, DataMode, Kind
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.release.table import ReleaseTable
from ssa_hub.state.combinations import Combination
from ssa_hub.state.store import State

_EVERY_ROW = 2**31 - 1


def orbits_taking_part(
    state: State,
    queries: HistoryQueries,
    table: ReleaseTable,
    data_mode: DataMode,
    now_tai_ns: int,
    withdrawn: pa.Table | None,
) -> pa.Table:
    """The newest orbit of each object from each originator under each label that takes part, as of now.

    ``withdrawn`` as in `HistoryQueries`; state has put the orbits before those in their places. Columns of ELEMENT_SET
    and ``mask_id`` (of derived conjunctions), by object id, originator, label id. Raises StateUnavailableError,
    HistoryUnavailableError.
    """
    allowed = table.to_arrow(Kind.DERIVED_CONJUNCTIONS, showing=(*CONJUNCTION_GEOMETRY, "tca_tai_ns"), exactly=True)
    allowed = allowed.filter(pc.equal(allowed.column("data_mode"), data_mode.value)).combine_chunks()
    delayed = pc.greater(allowed.column("delay_ns"), 0)
    schema = ELEMENT_SET_SCHEMA.append(allowed.schema.field("mask_id"))
    parts = [state.newest.released(allowed.filter(pc.invert(delayed)), data_mode=data_mode.value)]
    for one in _each_that_is_known(allowed.filter(delayed), state):
        found = queries.elements_newest(
            one, now_tai_ns=now_tai_ns, data_mode=data_mode.value, limit=_EVERY_ROW, withdrawn=withdrawn
        )
        parts.append(found.select(schema.names))
    # Arrow's types of one thing differ between the two stores in nullability alone.
    together = pa.concat_tables([part.cast(schema) for part in parts])
    order = [(name, "ascending") for name in ("object_id", "originator", "label_id", "record_id")]
    indices = pc.sort_indices(together.select([name for name, _ in order]), sort_keys=order)
    return together.take(indices).combine_chunks()


def _each_that_is_known(delayed: pa.Table, state: State) -> list[pa.Table]:
    """The rows of a release table one by one, of combinations that any orbit has had, as of element sets."""
    known = state.newest.combinations()
    keys = zip(*(delayed.column(name).to_pylist() for name in ("data_mode", "originator", "label_id")), strict=True)
    rows = np.flatnonzero([Combination(*key) in known for key in keys])
    kind = delayed.schema.get_field_index("kind")
    as_elements = delayed.set_column(
        kind, delayed.schema.field(kind), pa.repeat(pa.scalar(Kind.ELEMENTS.value, pa.string()), delayed.num_rows)
    )
    return [as_elements.slice(int(row), 1) for row in rows]
