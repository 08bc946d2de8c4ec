"""States between the states of an ephemeris, by the rules of the standard, at many instants at once.

CCSDS 502.0-B-3, 5.2.3 and 5.2.4: only inside one segment, only within its usable span, by the method and degree that
its originator recommends. Where a segment recommends none, Lagrange of degree 7: with a state a minute it gives a LEO
orbit within 0.1 mm (tests/conjunction/test_interpolation.py, truth pairs), and it trusts no velocity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.interpolation_kernel import (
    FEWER_NODES,
    HERMITE,
    INSIDE,
    LAGRANGE,
    NODES_MAX,
    OUTSIDE,
    states_in_segment,
)
from schemas.ephemeris import EphemerisSegment

__all__ = [
    "FEWER_NODES",
    "INSIDE",
    "OUTSIDE",
    "InterpolatedStates",
    "InterpolationError",
    "interpolate",
    "interpolated_span_tai_ns",
    "nodes_of",
    "recommended",
]

_DEFAULT_DEGREE = 7
_COLUMNS = ("x_km", "y_km", "z_km", "x_dot_km_s", "y_dot_km_s", "z_dot_km_s")


class InterpolationError(ValueError):
    """A segment whose recommended interpolation is not one that we have."""


class InterpolatedStates(NamedTuple):
    """``position_km`` and ``velocity_km_s`` (m, 3) float64 in the segments' own frame, NaN where ``status`` is OUTSIDE.

    ``status`` (m,) int8: INSIDE; FEWER_NODES, where a segment has fewer states than the degree needs, so that a lower
    degree was used; OUTSIDE every usable span. ``segment`` (m,) int64 is the segment that was used, -1 for none.
    """

    position_km: NDArray[np.float64]
    velocity_km_s: NDArray[np.float64]
    status: NDArray[np.int8]
    segment: NDArray[np.int64]


def interpolate(segments: Sequence[EphemerisSegment], epoch_tai_ns: NDArray[np.int64]) -> InterpolatedStates:
    """States at ``epoch_tai_ns`` (m,) of the segments of one ephemeris. Frames and centres are the caller's to align.

    Where the usable spans of two segments share an instant, the later segment speaks: a manoeuvre may stand between.
    Lagrange treats positions and velocities as six columns; Hermite uses both, and its velocity is the derivative of
    its position. Raises InterpolationError for a method other than Lagrange, Hermite or linear, and for a degree that
    is not 1 to 31.
    """
    count = epoch_tai_ns.shape[0]
    position = np.full((count, 3), np.nan)
    velocity = np.full((count, 3), np.nan)
    status = np.full(count, OUTSIDE, np.int8)
    used = np.full(count, -1, np.int64)
    for number, segment in enumerate(segments):
        if segment.states.num_rows == 0:
            continue
        start, stop = interpolated_span_tai_ns(segment)
        chosen = np.flatnonzero((epoch_tai_ns >= start) & (epoch_tai_ns <= stop))
        if chosen.size == 0:
            continue
        method, wanted = recommended(segment)
        node_ns, state = nodes_of(segment)
        nodes = min(wanted, len(node_ns))
        found = np.empty((chosen.size, 6))
        states_in_segment(node_ns, state, method, nodes, np.ascontiguousarray(epoch_tai_ns[chosen]), found)
        position[chosen], velocity[chosen] = found[:, :3], found[:, 3:]
        status[chosen] = INSIDE if nodes == wanted else FEWER_NODES
        used[chosen] = number
    return InterpolatedStates(position, velocity, status, used)


def interpolated_span_tai_ns(segment: EphemerisSegment) -> tuple[int, int]:
    """First and last instant at which a segment that has states speaks: its usable span, as far as its states reach."""
    epochs = segment.states.column("epoch_tai_ns")
    start, stop = segment.usable_tai_ns()
    return max(start, epochs[0].as_py()), min(stop, epochs[-1].as_py())


def nodes_of(segment: EphemerisSegment) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Instants (n,) TAI ns and states (n, 6), km and km/s, of a segment."""
    state = np.column_stack([segment.states.column(name).to_numpy() for name in _COLUMNS])
    return np.array(segment.states.column("epoch_tai_ns").to_numpy()), np.ascontiguousarray(state)


def recommended(segment: EphemerisSegment) -> tuple[int, int]:
    """(LAGRANGE or HERMITE of `interpolation_kernel`, how many states it takes at once).

    Raises InterpolationError for another method and for a degree that is not 1 to 31.
    """
    if segment.interpolation is None:
        return LAGRANGE, _DEFAULT_DEGREE + 1
    method, degree = segment.interpolation.method.upper(), segment.interpolation.degree
    if method == "LINEAR":
        return LAGRANGE, 2
    if method not in ("LAGRANGE", "HERMITE"):
        raise InterpolationError(f"INTERPOLATION = {segment.interpolation.method!r}: Lagrange, Hermite or linear")
    if degree is None:
        degree = _DEFAULT_DEGREE
    if not 1 <= degree < NODES_MAX:
        raise InterpolationError(f"INTERPOLATION_DEGREE = {degree}: 1 to {NODES_MAX - 1}")
    return (LAGRANGE, degree + 1) if method == "LAGRANGE" else (HERMITE, degree // 2 + 1)
