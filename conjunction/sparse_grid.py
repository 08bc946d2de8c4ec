"""Positions of slow objects on a grid of times, from an eighth of the SGP4 states that the grid has.

Most deep-space objects move little in the sieve's step of 120 s: far from perigee, eight-point Lagrange over nodes
960 s apart stays within a metre. Each interval of 960 s is checked against SGP4 at its middle; where interpolation is
off by more than ERROR_LIMIT_KM (near perigee, or where SGP4 jumps), all its states are SGP4's own. Intervals lie at
multiples of 960 s of TAI, so a position does not depend on which part of the grid is asked for.

At the middle of an interval the error of a smooth motion is largest (the product of the distances to the nodes is), so
three times the error measured there bounds it; of a jump at least half shows there (docs/screening.md, "SGP4 that
jumps"). The difference of six and eight points is limited as well, lest an error change its sign just there.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.orbit_grid import grid_states
from conjunction.sparse_kernel import check_intervals, fill_between

STEPS = 8  # of the grid, between two nodes
ERROR_LIMIT_KM = 0.01
SPREAD_LIMIT_KM = 0.2
_MARGIN = 3.0  # of the error at the middle, anywhere in the interval


class SparseStates(NamedTuple):
    """Positions of m objects at h half steps of the grid, TEME.

    position_km (h, 3, m); code (h, m) int8, 0 or a key of `catalogue.STATE_REASONS`; slack_km (h, m): how far
    interpolation may be off there. state_count: how many states were propagated.
    """

    position_km: NDArray[np.float64]
    code: NDArray[np.int8]
    slack_km: NDArray[np.float64]
    state_count: int


def _lagrange_weights(at: Fraction, points: int) -> list[float]:
    """Weights at `at` of nodes 1 - points / 2 to points / 2, in steps from the interval's start; exact rationals."""
    nodes = range(1 - points // 2, points // 2 + 1)
    weights = []
    for k in nodes:
        weight = Fraction(1)
        for m in nodes:
            if m != k:
                weight *= (at - m) / (k - m)
        weights.append(float(weight))
    return weights


# of each half step of the grid from the interval's start, (2 * STEPS, 8)
_WEIGHTS = [tuple(_lagrange_weights(Fraction(half, 2 * STEPS), 8)) for half in range(2 * STEPS)]
_MIDDLE = np.array(_WEIGHTS[STEPS])
_SIX = np.array([0.0, *_lagrange_weights(Fraction(1, 2), 6), 0.0])


def sparse_states(catalogue: Catalogue, rows: NDArray[np.int32], first: int, last: int, step_ns: int) -> SparseStates:
    """Positions of catalogue rows `rows` (m,) at grid times first to last and at the middles between them.

    Grid time g is g * step_ns TAI ns, so half step h of the result is at (2 * first + h) * step_ns / 2.
    """
    interval = range(first // STEPS, last // STEPS + 1)
    node_ns = np.arange(interval.start - 3, interval.stop + 4, dtype=np.int64) * (STEPS * step_ns)
    middle_ns = np.arange(interval.start, interval.stop, dtype=np.int64) * (STEPS * step_ns) + STEPS * step_ns // 2
    nodes, middles = grid_states(catalogue, rows, node_ns), grid_states(catalogue, rows, middle_ns)
    error_km, spread_km = np.empty((2, len(middle_ns), len(rows)))
    check_intervals(
        nodes.position_km, nodes.code, middles.position_km, middles.code, _MIDDLE, _SIX, error_km, spread_km
    )
    own = ~((error_km <= ERROR_LIMIT_KM) & (spread_km <= SPREAD_LIMIT_KM))
    halves = 2 * (last - first) + 1
    result = SparseStates(
        np.empty((halves, 3, len(rows))),
        np.zeros((halves, len(rows)), dtype=np.int8),
        np.empty((halves, len(rows))),
        (len(node_ns) + len(middle_ns)) * len(rows),
    )
    own_count = 0
    for c in range(len(interval)):
        start = 2 * ((interval.start + c) * STEPS - first)  # half step of the result at which the interval begins
        inside = range(max(start, 0), min(start + 2 * STEPS, halves))
        result.slack_km[inside.start : inside.stop] = np.where(own[c], 0.0, _MARGIN * error_km[c])
        for half in inside:
            fill_between(nodes.position_km, c, _WEIGHTS[half - start], result.position_km[half])
        columns = np.flatnonzero(own[c])
        if len(columns) and len(inside):
            times_ns = (2 * first + np.arange(inside.start, inside.stop, dtype=np.int64)) * (step_ns // 2)
            exact = grid_states(catalogue, rows[columns], times_ns)
            result.position_km[inside.start : inside.stop, :, columns] = exact.position_km
            result.code[inside.start : inside.stop, columns] = exact.code
            own_count += exact.code.size
    return result._replace(state_count=result.state_count + own_count)
