"""What a screening could not look at: which orbits, why, from when and until when."""

import numpy as np
import pyarrow as pa

from conjunction.catalogue import STATE_REASONS, Catalogue
from conjunction.interpolation_kernel import OUTSIDE_SPAN
from conjunction.irregular import TOO_WILD, TOO_WILD_REASON, Failure

LEFT_OUT_SCHEMA = pa.schema(
    [
        pa.field("index", pa.int32(), False),
        pa.field("reason", pa.string(), False),
        pa.field("from_tai_ns", pa.int64(), False),
        pa.field("until_tai_ns", pa.int64(), True),
    ]
)
_REASONS = {**STATE_REASONS, TOO_WILD: TOO_WILD_REASON}

_Entry = tuple[int, int, int | None, str]


def left_out_table(catalogue: Catalogue, failures: list[Failure], start_tai_ns: int, stop_tai_ns: int) -> pa.Table:
    """LEFT_OUT_SCHEMA, sorted by orbit and time, of a screening of the window from start to stop.

    An element set that fails is left out from then on, told once. An ephemeris is left out where it has no state:
    before it begins, in its gaps, and after it ends. until_tai_ns is null for the window's end.
    """
    entries: list[_Entry] = []
    failed: set[int] = set()
    for row, from_tai_ns, code in sorted(failures, key=lambda failure: failure.from_tai_ns):
        if row not in failed:
            failed.add(row)
            entries.append((int(catalogue.orbit[row]), from_tai_ns, None, _REASONS[code]))
    for row, reason in catalogue.unusable.items():
        begin = max(start_tai_ns, int(catalogue.valid_from_tai_ns[row]))
        end = int(catalogue.valid_until_tai_ns[row])
        if begin <= stop_tai_ns and end >= start_tai_ns:
            until = None if end >= stop_tai_ns else end
            entries.append((int(catalogue.orbit[row]), begin, until, reason))
    entries += _without_states(catalogue, start_tai_ns, stop_tai_ns)
    entries.sort(key=lambda entry: entry[:2])
    columns = list(zip(*entries, strict=True)) if entries else [(), (), (), ()]
    return pa.table(
        [
            pa.array(columns[0], pa.int32()),
            pa.array(columns[3], pa.string()),
            pa.array(columns[1], pa.int64()),
            pa.array(columns[2], pa.int64()),
        ],
        schema=LEFT_OUT_SCHEMA,
    )


def _without_states(catalogue: Catalogue, start_tai_ns: int, stop_tai_ns: int) -> list[_Entry]:
    """The times in the window that no row of an ephemeris speaks for, usable or not."""
    entries: list[_Entry] = []
    rows = np.flatnonzero(catalogue.is_ephemeris)
    order = rows[np.lexsort((catalogue.valid_from_tai_ns[rows], catalogue.orbit[rows]))]
    for orbit in np.unique(catalogue.orbit[order]).tolist():
        covered = start_tai_ns
        reason = _REASONS[OUTSIDE_SPAN]
        for row in order[catalogue.orbit[order] == orbit].tolist():
            begin, end = int(catalogue.valid_from_tai_ns[row]), int(catalogue.valid_until_tai_ns[row])
            if begin > covered and covered < stop_tai_ns:
                entries.append((orbit, covered, begin if begin < stop_tai_ns else None, reason))
            covered = max(covered, end)
        if covered < stop_tai_ns:
            entries.append((orbit, covered, None, reason))
    return entries
