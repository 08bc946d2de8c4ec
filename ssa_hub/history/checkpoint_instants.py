"""When checkpoints are due: instants about equally many received rows apart, from bounds of files alone."""

from collections.abc import Sequence

import numpy as np

from ssa_hub.history.planning import PlannedFile


def due_instants(
    files: Sequence[PlannedFile], after_tai_ns: int | None, before_tai_ns: int, rows_between: int
) -> list[int]:
    """Instants in (``after_tai_ns``, ``before_tai_ns``], about ``rows_between`` received rows apart, ascending.

    Rows of a file are taken to be spread evenly over the instants of reception in its bounds: any instant is a right
    one for a checkpoint, this only chooses how many rows lie between two. Where a file's last reception is near, that
    is taken, so that the file's rows lie on one side. ``after_tai_ns`` None: from the first on.
    """
    spans = [
        (bound.lowest, bound.highest, file.rows) for file in files if (bound := file.bounds.get("received_tai_ns"))
    ]
    if not spans:
        return []
    edges = np.unique(
        np.concatenate([[bound for span in spans for bound in span[:2]], [before_tai_ns]]).astype(np.int64)
    )
    # Relative to the first edge: nanoseconds of centuries are more than a double says exactly.
    origin = int(edges[0])
    at = (edges - origin).astype(np.float64)
    counted = np.zeros(len(at))
    for lowest, highest, rows in spans:
        # All of a file that was received at one instant is there from that instant on.
        begin_ns, length_ns = float(lowest - origin), float(max(highest - lowest, 1))
        counted += np.clip((at - begin_ns + (highest == lowest)) / length_ns, 0.0, 1.0) * rows
    base = 0.0 if after_tai_ns is None else float(np.interp(after_tai_ns - origin, at, counted))
    top = float(np.interp(before_tai_ns - origin, at, counted))
    wanted = np.arange(base + rows_between, top + 1e-6, rows_between)
    # The last reception of a file that ends within a fifth of the way to the next instant.
    ends = (
        np.unique(np.array([highest for _, highest, _ in spans if highest <= before_tai_ns], dtype=np.int64)) - origin
    )
    found = set()
    for instant, latest in zip(
        np.interp(wanted, counted, at), np.interp(wanted + rows_between / 5, counted, at), strict=True
    ):
        near = ends[(ends >= instant) & (ends <= latest)]
        found.add(origin + (int(near[0]) if near.size else int(np.ceil(instant))))
    begin = edges[0] - 1 if after_tai_ns is None else after_tai_ns
    return sorted(instant for instant in found if begin < instant <= before_tai_ns)
