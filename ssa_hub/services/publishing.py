"""What screening found goes to the log: without what was told better before, as conjunction records."""

import asyncio

import numpy as np
import pyarrow as pa

from ingest.log import Log
from ingest.messages import conjunction_entries
from ingest.topics import CONJUNCTIONS
from schemas.records import DataMode
from schemas.timescales import now_tai_ns
from ssa_hub.services.conjunction_records import conjunction_records, without_repeated_edges
from ssa_hub.state.store import State

_PUBLISH_SIZE = 5_000


def news(
    state: State, found: pa.Table, orbits: pa.Table, data_mode: DataMode, *, start_tai_ns: int, threshold_km: float
) -> pa.Table:
    """What was found in a window that starts then, without what screening of an earlier window has told better.

    ``found`` has the columns of `conjunction.ScreeningResult.conjunctions`; its indices are rows of ``orbits``.
    Raises StateUnavailableError.
    """
    at_edge = found.filter(found.column("at_window_edge"))
    up_to = state.runs.covered_up_to(data_mode, start_tai_ns, threshold_km) if at_edge.num_rows else None
    if up_to is None:
        return found
    rows = np.unique(np.concatenate([at_edge.column(f"index_{side}").to_numpy() for side in (1, 2)]))
    ids = orbits.column("record_id").take(pa.array(rows)).to_pylist()
    numbers = state.recorded.seqs_of(ids)
    told = np.zeros(orbits.num_rows, dtype=np.bool_)
    told[rows] = [numbers[record_id] <= up_to for record_id in ids]
    return without_repeated_edges(found, pa.array(told), start_tai_ns=start_tai_ns)


async def publish(log: Log, found: pa.Table, orbits: pa.Table, data_mode: DataMode) -> None:
    """Append what was found to the log, as records. Raises LogUnavailableError."""
    records = await asyncio.to_thread(
        conjunction_records, found, orbits, data_mode=data_mode.value, received_tai_ns=now_tai_ns()
    )
    for first in range(0, records.num_rows, _PUBLISH_SIZE):
        entries = await asyncio.to_thread(conjunction_entries, records.slice(first, _PUBLISH_SIZE))
        await log.append(CONJUNCTIONS, entries)
