"""States between the states of an ephemeris, by the rules of the standard, at many instants at once.

CCSDS 502.0-B-3, 5.2.3 and 5.2.4: only inside one segment, only within its usable span, by the method and degree that
its originator recommends. Where a segment recommends none, Lagrange of degree 7: with a state a minute it gives a LEO
orbit within 0.1 mm (tests/conjunction/test_interpolation.py, truth pairs), and it trusts no velocity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.interpolation_kernel import FEWER_NODES, INSIDE, NODES_MAX, OUTSIDE, hermite, lagrange
from schemas.ephemeris import EphemerisSegment

__all__ = ["FEWER_NODES", "INSIDE", "OUTSIDE", "InterpolatedStates", "InterpolationError", "interpolate"]

_DEFAULT_METHOD, _DEFAULT_DEGREE = "LAGRANGE", 7
_POSITION, _VELOCITY = ("x_km", "y_km", "z_km"), ("x_dot_km_s", "y_dot_km_s", "z_dot_km_s")


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
        node_ns = segment.states.column("epoch_tai_ns").to_numpy()
        start, stop = segment.usable_tai_ns()
        # Without extrapolation: a usable span may reach beyond the states that are given.
        start, stop = max(start, int(node_ns[0])), min(stop, int(node_ns[-1]))
        chosen = np.flatnonzero((epoch_tai_ns >= start) & (epoch_tai_ns <= stop))
        if chosen.size == 0:
            continue
        found = _in_segment(segment, node_ns, np.ascontiguousarray(epoch_tai_ns[chosen]))
        position[chosen], velocity[chosen], status[chosen] = found
        used[chosen] = number
    return InterpolatedStates(position, velocity, status, used)


def _in_segment(
    segment: EphemerisSegment, node_ns: NDArray[np.int64], query_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    method, degree = _method_of(segment)
    wanted = degree + 1 if method == "LAGRANGE" else degree // 2 + 1
    nodes = min(wanted, node_ns.shape[0])
    values, rates = _columns(segment, _POSITION), _columns(segment, _VELOCITY)
    if method == "LAGRANGE":
        six = np.empty((query_ns.shape[0], 6))
        lagrange(node_ns, np.hstack((values, rates)), query_ns, nodes, six)
        position, velocity = six[:, :3], six[:, 3:]
    else:
        position, velocity = np.empty((query_ns.shape[0], 3)), np.empty((query_ns.shape[0], 3))
        hermite(node_ns, values, rates, query_ns, nodes, position, velocity)
    return position, velocity, INSIDE if nodes == wanted else FEWER_NODES


def _method_of(segment: EphemerisSegment) -> tuple[str, int]:
    """(LAGRANGE or HERMITE, degree)."""
    if segment.interpolation is None:
        return _DEFAULT_METHOD, _DEFAULT_DEGREE
    method, degree = segment.interpolation.method.upper(), segment.interpolation.degree
    if method == "LINEAR":
        return "LAGRANGE", 1
    if method not in ("LAGRANGE", "HERMITE"):
        raise InterpolationError(f"INTERPOLATION = {segment.interpolation.method!r}: Lagrange, Hermite or linear")
    if degree is None:
        return method, _DEFAULT_DEGREE
    if not 1 <= degree < NODES_MAX:
        raise InterpolationError(f"INTERPOLATION_DEGREE = {degree}: 1 to {NODES_MAX - 1}")
    return method, degree


def _columns(segment: EphemerisSegment, names: tuple[str, ...]) -> NDArray[np.float64]:
    return np.column_stack([segment.states.column(name).to_numpy() for name in names])
