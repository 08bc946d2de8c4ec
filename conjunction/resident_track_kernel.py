"""The resident catalogue's kernels of an update: from positions every 120 s to a row's nodes and their bounds.

Grid time g is the border g - 2 * BEFORE of the resident catalogue's slabs; slab k lies between grid times k + 6 and
k + 7, segment s between 2 s + 6 and 2 s + 8, and grid time 2 n is node n. The grid times between nodes show how far the
eight-point polynomials through the nodes are from the orbit: measured, in every segment.

Everything that these kernels call is in this file but for weights and layout: numba's disk cache keys on the file's
modification time.
"""

from fractions import Fraction

import numba as nb
import numpy as np

from conjunction.resident_kernel import AX, PX, REMAINDER_KM, SLAB_S, START_S, STOP_S, VX, lagrange_weights
from conjunction.sgp4_kernel import RADIUS_EARTH_KM

JUMP_FACTOR = 3.0  # of the error in a segment's middle: see `measure`
ERROR_LIMIT_KM = 1.0  # a row is not described by its nodes where JUMP_FACTOR times its error is above this
THIRD_DIFFERENCE_LIMIT_KM = 200.0  # of positions 120 s apart: beyond it a slab's remainder may be above 5 km
SAGITTA_LIMIT_KM = 100.0  # gravity makes it 70 km at most: what is beyond would widen the row's reach for nothing
LOW_KM = RADIUS_EARTH_KM + 60.0  # below it an orbit may dip under the earth's radius between two grid times
REMAINDER_LIMIT_KM = 10.0  # these two as in `sieve`: what is beyond is followed with SGP4 itself
GRAZING_KM = RADIUS_EARTH_KM + 1.0

SAGITTA_KM, ERROR_KM, CHORD_KM, R_LOW_KM, R_HIGH_KM = range(5)
BOUNDS_WIDTH = 5

_MIDDLE = lagrange_weights(Fraction(0), 0)
_EARLY = lagrange_weights(Fraction(-1, 4), 0)
_LATE = lagrange_weights(Fraction(1, 4), 0)
_P = lagrange_weights(Fraction(0), 0)
_V = lagrange_weights(Fraction(0), 1) / SLAB_S
_A = lagrange_weights(Fraction(0), 2) / SLAB_S**2
_P6 = np.array([0.0, 3.0, -25.0, 150.0, 150.0, -25.0, 3.0, 0.0]) / 256.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _third_difference2(x, g):  # type: ignore[no-untyped-def]
    total = 0.0
    for axis in range(3):
        total += (x[axis, g + 3] - x[axis, g] + 3.0 * (x[axis, g + 1] - x[axis, g + 2])) ** 2
    return total


@nb.njit(nogil=True, cache=True, error_model="numpy")
def measure(x, radius, bad_until, described, bounds):  # type: ignore[no-untyped-def]
    """Which segments a row's nodes describe, described (segments,) bool, and bounds over these, (BOUNDS_WIDTH,).

    x (3, K) km and radius (K,) on the grid; bad_until (K,) int64: the last grid time up to this one at which there is
    no position, or after which the orbit is not smooth; -1 for none.

    SAGITTA_KM: how far the orbit is from the chord between two nodes: sampled at a segment's middle and quarters, and
    enlarged by 10 % (between samples a parabola gains 6 %) and the error. ERROR_KM: three times the largest error of
    the eight-point polynomial at a segment's middle, where a smooth orbit's is largest; a jump in the stencil is at
    most twice what shows in the middle, as it is half there, or in full if it is in another interval. CHORD_KM: the
    longest chord. R_LOW_KM, R_HIGH_KM: the radius, by samples every 120 s and a quarter of their second difference.
    """
    sagitta2 = 0.0
    error2 = 0.0
    chord2 = 0.0
    low = np.inf
    high = 0.0
    turn = 0.0
    for s in range(described.shape[0]):
        c = 2 * s + 6
        described[s] = False
        if bad_until[c + 8] >= c - 6 or min(radius[c], radius[c + 1], radius[c + 2]) < LOW_KM:
            continue
        third2 = max(_third_difference2(x, c - 1), _third_difference2(x, c))
        if not third2 <= THIRD_DIFFERENCE_LIMIT_KM**2:
            continue
        here2 = 0.0
        early2 = 0.0
        middle2 = 0.0
        late2 = 0.0
        length2 = 0.0
        for axis in range(3):
            start, end = x[axis, c], x[axis, c + 2]
            at_middle = 0.0
            at_early = 0.0
            at_late = 0.0
            for k in range(8):
                value = x[axis, c - 6 + 2 * k]
                at_middle += _MIDDLE[k] * value
                at_early += _EARLY[k] * value
                at_late += _LATE[k] * value
            here2 += (at_middle - x[axis, c + 1]) ** 2
            early2 += (at_early - 0.75 * start - 0.25 * end) ** 2
            middle2 += (x[axis, c + 1] - 0.5 * (start + end)) ** 2
            late2 += (at_late - 0.25 * start - 0.75 * end) ** 2
            length2 += (end - start) ** 2
        bent2 = max(early2, middle2, late2)
        if not (here2 <= (ERROR_LIMIT_KM / JUMP_FACTOR) ** 2 and bent2 <= SAGITTA_LIMIT_KM**2):
            continue
        described[s] = True
        error2 = max(error2, here2)
        sagitta2 = max(sagitta2, bent2)
        chord2 = max(chord2, length2)
        low = min(low, radius[c], radius[c + 1], radius[c + 2])
        high = max(high, radius[c], radius[c + 1], radius[c + 2])
        for g in range(c - 1, c + 2):
            turn = max(turn, abs(radius[g] - 2.0 * radius[g + 1] + radius[g + 2]))
    error = JUMP_FACTOR * np.sqrt(error2)
    bounds[SAGITTA_KM] = 1.1 * np.sqrt(sagitta2) + error
    bounds[ERROR_KM] = error
    bounds[CHORD_KM] = np.sqrt(chord2)
    bounds[R_LOW_KM] = low - 0.25 * turn - error - 1.0
    bounds[R_HIGH_KM] = high + 0.25 * turn + error + 1.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def track(position_km, code, column, x, radius, bad_until):  # type: ignore[no-untyped-def]
    """One column of positions (K, 3, m) and codes (K, m) as `measure` and `describe_slabs` take it."""
    bad = -1
    for g in range(position_km.shape[0]):
        r2 = 0.0
        for axis in range(3):
            x[axis, g] = position_km[g, axis, column]
            r2 += x[axis, g] ** 2
        radius[g] = np.sqrt(r2)
        if code[g, column] != 0:
            bad = g
        bad_until[g] = bad


@nb.njit(nogil=True, cache=True, error_model="numpy")
def measure_rows(position_km, code, no_orbit, nodes, described, bounds):  # type: ignore[no-untyped-def]
    """`measure` for every column; nodes (m, 3, width) float32 get the positions at even grid times, and NaN elsewhere.

    no_orbit (K, m) bool: where there is no position, whatever else the code says.
    """
    grid_count = position_km.shape[0]
    x = np.empty((3, grid_count))
    radius = np.empty(grid_count)
    bad_until = np.empty(grid_count, dtype=np.int64)
    for column in range(position_km.shape[2]):
        track(position_km, code, column, x, radius, bad_until)
        measure(x, radius, bad_until, described[column], bounds[column])
        for axis in range(3):
            for n in range(nodes.shape[2]):
                if 2 * n < grid_count and not no_orbit[2 * n, column]:
                    nodes[column, axis, n] = np.float32(x[axis, 2 * n])
                else:
                    nodes[column, axis, n] = np.float32(np.nan)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_slabs(  # type: ignore[no-untyped-def]
    x, radius, bad_until, slabs, check_km, check_code, motion, r_low, r_high
):
    """A row's motion in slabs (s,) int64, from eight positions 120 s apart: motion (s, MOTION_WIDTH), regular (s,).

    As in the sieve (`slab_kernel`); check_km (s, 3) and check_code (s,): the orbit's own positions at the slabs'
    middles, as in its `widen_by_check`, or (0, 3) and (0,) for an orbit that does not jump. r_low and r_high (s,) bound
    the radius. Where the result is false, the slab is one to follow with the orbit itself, by the sieve's own limits.
    """
    regular = np.zeros(slabs.shape[0], dtype=np.bool_)
    h = 0.5 * SLAB_S
    for i in range(slabs.shape[0]):
        g = slabs[i] + 6
        if bad_until[g + 4] >= g - 3:
            continue
        start2 = 0.0
        end2 = 0.0
        interpolation2 = 0.0
        r2 = 0.0
        error2 = 0.0
        for axis in range(3):
            p = 0.0
            v = 0.0
            a = 0.0
            p6 = 0.0
            for k in range(8):
                value = x[axis, g - 3 + k]
                p += _P[k] * value
                v += _V[k] * value
                a += _A[k] * value
                p6 += _P6[k] * value
            bend = 0.5 * a * h * h
            start2 += (x[axis, g] - (p - v * h + bend)) ** 2
            end2 += (x[axis, g + 1] - (p + v * h + bend)) ** 2
            interpolation2 += (p - p6) ** 2
            r2 += p * p
            if check_code.shape[0]:
                error2 += (p - check_km[i, axis]) ** 2
            motion[i, PX + axis] = p
            motion[i, VX + axis] = v
            motion[i, AX + axis] = a
        if check_code.shape[0] and check_code[i] != 0:
            continue
        remainder = 1.1 * np.sqrt(max(start2, end2)) + 2.0 * np.sqrt(interpolation2) + 0.001
        remainder += JUMP_FACTOR * np.sqrt(error2)
        middle = np.sqrt(r2)
        margin = 0.25 * abs(radius[g] - 2.0 * middle + radius[g + 1]) + remainder
        r_low[i] = min(radius[g], middle, radius[g + 1]) - margin
        r_high[i] = max(radius[g], middle, radius[g + 1]) + margin
        motion[i, REMAINDER_KM] = remainder
        motion[i, START_S] = -h
        motion[i, STOP_S] = h
        regular[i] = remainder <= REMAINDER_LIMIT_KM and r_low[i] > GRAZING_KM
    return regular


@nb.njit(nogil=True, cache=True, error_model="numpy")
def chord_reach(x, radius, motion, regular, reach, unchorded):  # type: ignore[no-untyped-def]
    """How far a query is from its chord in each segment, km: reach (segments,), NaN where it is not to be looked for.

    motion (2 * segments, MOTION_WIDTH) and regular (2 * segments,) of all its slabs. unchorded (segments,) bool:
    whether a slab of the segment is not regular.
    """
    for s in range(unchorded.shape[0]):
        c = 2 * s + 6
        unchorded[s] = not (regular[2 * s] and regular[2 * s + 1])
        reach[s] = np.nan
        if unchorded[s]:
            continue
        early2 = 0.0
        middle2 = 0.0
        late2 = 0.0
        length2 = 0.0
        for axis in range(3):
            start, end = x[axis, c], x[axis, c + 2]
            early2 += (motion[2 * s, PX + axis] - 0.75 * start - 0.25 * end) ** 2
            middle2 += (x[axis, c + 1] - 0.5 * (start + end)) ** 2
            late2 += (motion[2 * s + 1, PX + axis] - 0.25 * start - 0.75 * end) ** 2
            length2 += (end - start) ** 2
        sagitta = 1.1 * np.sqrt(max(early2, middle2, late2))
        sagitta += max(motion[2 * s, REMAINDER_KM], motion[2 * s + 1, REMAINDER_KM])
        # rounding of two nodes and of the arithmetic: docs/screening.md
        reach[s] = sagitta + 6e-8 * max(radius[c], radius[c + 1], radius[c + 2]) + 2e-6 * np.sqrt(length2)
