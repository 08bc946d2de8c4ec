"""When an object is inside another's screening volume: kernels on polynomials of its place in the owner's RTN frame.

Over a piece of time each RTN component, divided by the volume's half-width or semi-axis, is a polynomial y of degree 8
in x in [-1, 1] through nine Chebyshev-Lobatto points. Inside is |y| <= 1: the largest component for a box, the
Euclidean length for an ellipsoid. All maximal intervals inside are found by interval bounds: Taylor's expansion about
the middle of an interval, with a bound of the remainder, shows that all of it is inside, or all outside, or else it is
cut in two. What is cut no further, and so decided by its middle, is shorter than SHORTEST_S, or moves by less than
SHALLOW_KM from its middle in the components that are undecided.

Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

SHORTEST_S = 1e-4  # a dip into or out of a volume may be lost if it is shorter than this
SHALLOW_KM = 1e-5  # or shallower than this

_NODE_COUNT = 9  # nodes, check point and tolerances: those of motion_kernel
_CHECK_POINT = 0.2
_SMOOTH_KM = 1e-6
_SMOOTH_RELATIVE = 1e-11
_ROOT_X = 1e-13


def _power_matrix() -> NDArray[np.float64]:
    """(9, 9): values at the nodes to coefficients of the powers of x."""
    nodes = -np.cos(np.pi * np.arange(_NODE_COUNT) / (_NODE_COUNT - 1))
    to_chebyshev = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, _NODE_COUNT - 1))
    to_powers = np.zeros((_NODE_COUNT, _NODE_COUNT))
    for k in range(_NODE_COUNT):
        powers = np.polynomial.chebyshev.cheb2poly(np.eye(_NODE_COUNT)[k])
        to_powers[: len(powers), k] = powers
    matrix: NDArray[np.float64] = np.ascontiguousarray(to_powers @ to_chebyshev)
    return matrix


_TO_POWERS = _power_matrix()


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _in_rtn(place, motion, other, out):  # type: ignore[no-untyped-def]
    """Radial, transverse and normal components of other minus place into out (3,), by the state (place, motion)."""
    nx = place[1] * motion[2] - place[2] * motion[1]
    ny = place[2] * motion[0] - place[0] * motion[2]
    nz = place[0] * motion[1] - place[1] * motion[0]
    n = np.sqrt(nx * nx + ny * ny + nz * nz)
    r = np.sqrt(place[0] * place[0] + place[1] * place[1] + place[2] * place[2])
    nx, ny, nz = nx / n, ny / n, nz / n
    rx, ry, rz = place[0] / r, place[1] / r, place[2] / r
    dx, dy, dz = other[0] - place[0], other[1] - place[1], other[2] - place[2]
    out[0] = dx * rx + dy * ry + dz * rz
    out[1] = dx * (ny * rz - nz * ry) + dy * (nz * rx - nx * rz) + dz * (nx * ry - ny * rx)
    out[2] = dx * nx + dy * ny + dz * nz


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _value(c, axis, x):  # type: ignore[no-untyped-def]
    value = c[axis, _NODE_COUNT - 1]
    for k in range(_NODE_COUNT - 2, -1, -1):
        value = value * x + c[axis, k]
    return value


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_in_rtn(owner_km, owner_km_s, other_km, size_km, coefficients, smooth):  # type: ignore[no-untyped-def]
    """Polynomials of the other's place in the owner's RTN frame, over size_km (m, 3): coefficients (m, 3, 9).

    owner_km, owner_km_s, other_km (m, 10, 3): at the nodes and then the check point. smooth (m,) bool: the polynomial
    meets the orbits at the check point.
    """
    rtn = np.empty((_NODE_COUNT + 1, 3))
    for m in range(owner_km.shape[0]):
        for node in range(_NODE_COUNT + 1):
            _in_rtn(owner_km[m, node], owner_km_s[m, node], other_km[m, node], rtn[node])
        error2 = 0.0
        radius2 = 0.0
        c = coefficients[m]
        for axis in range(3):
            for k in range(_NODE_COUNT):
                total = 0.0
                for node in range(_NODE_COUNT):
                    total += _TO_POWERS[k, node] * rtn[node, axis]
                c[axis, k] = total
            error = _value(c, axis, _CHECK_POINT) - rtn[_NODE_COUNT, axis]
            error2 += error * error
            radius2 += owner_km[m, _NODE_COUNT, axis] ** 2
            for k in range(_NODE_COUNT):
                c[axis, k] /= size_km[m, axis]
        smooth[m] = np.sqrt(error2) <= _SMOOTH_KM + _SMOOTH_RELATIVE * np.sqrt(radius2)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _is_inside(c, box, x):  # type: ignore[no-untyped-def]
    y0, y1, y2 = _value(c, 0, x), _value(c, 1, x), _value(c, 2, x)
    if box:
        return max(abs(y0), abs(y1), abs(y2)) <= 1.0
    return y0 * y0 + y1 * y1 + y2 * y2 <= 1.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _all_one_side(c, third, size_km, box, x, half):  # type: ignore[no-untyped-def]
    """Of [x - half, x + half]: 1 if all inside, -1 if all outside, 2 if decided by its middle, 0 if to be cut.

    third (3,) bounds |y'''| over the piece. About x, y = v + r s + e with |e| <= (|y''| + third half) half**2 / 2.
    """
    far2 = 0.0  # squared length of the bound of |e|
    v2 = vr = r2 = 0.0
    farthest = 0.0  # the largest |y_i| possible
    moved2 = 0.0  # squared km from the middle, of the components that are undecided
    outside = False
    for axis in range(3):
        v = c[axis, _NODE_COUNT - 1]
        r = 0.0
        b = 0.0
        for k in range(_NODE_COUNT - 2, -1, -1):
            b = b * x + r
            r = r * x + v
            v = v * x + c[axis, k]
        e = (2.0 * abs(b) + third[axis] * half) * half * half * 0.5
        spread = abs(r) * half + e
        v2 += v * v
        vr += v * r
        r2 += r * r
        far2 += e * e
        outside = outside or abs(v) - spread > 1.0
        farthest = max(farthest, abs(v) + spread)
        if not box or abs(v) + spread > 1.0:
            moved2 += (spread * size_km[axis]) ** 2
    if outside:
        return -1
    if box and farthest <= 1.0:
        return 1
    if not box:
        far = np.sqrt(far2)
        if np.sqrt(v2 + 2.0 * abs(vr) * half + r2 * half * half) + far <= 1.0:
            return 1
        s = min(max(-vr / r2, -half), half) if r2 > 0.0 else 0.0
        if np.sqrt(max(v2 + 2.0 * vr * s + r2 * s * s, 0.0)) - far > 1.0:
            return -1
    return 2 if moved2 < SHALLOW_KM * SHALLOW_KM else 0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _time(start_ns, stop_ns, x):  # type: ignore[no-untyped-def]
    return start_ns + np.int64(np.rint(0.5 * (x + 1.0) * (stop_ns - start_ns)))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _turn(c, box, known, x):  # type: ignore[no-untyped-def]
    """Where inside turns to outside or back between known and x, which lie on two sides: bisection."""
    side = _is_inside(c, box, known)
    while x - known > _ROOT_X:
        middle = 0.5 * (known + x)
        if _is_inside(c, box, middle) == side:
            known = middle
        else:
            x = middle
    return 0.5 * (known + x)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _turns(c, size_km, box, shortest, turns):  # type: ignore[no-untyped-def]
    """(how many, turns): all x in [-1, 1], rising, at which inside turns to outside or back; turns is grown."""
    third = np.zeros(3)
    for axis in range(3):
        for k in range(3, _NODE_COUNT):
            third[axis] += k * (k - 1) * (k - 2) * abs(c[axis, k])
    middles = np.empty(80)
    halves = np.empty(80)
    middles[0], halves[0] = 0.0, 1.0
    waiting = 1
    count = 0
    known = -1.0
    side = _is_inside(c, box, known)
    while waiting >= 0:
        if waiting == 0:
            left = right = 1.0
            now = _is_inside(c, box, 1.0)
            waiting = -1
        else:
            waiting -= 1
            x, half = middles[waiting], halves[waiting]
            decided = _all_one_side(c, third, size_km, box, x, half)
            if decided == 0 and half > shortest:
                halves[waiting] = halves[waiting + 1] = 0.5 * half
                middles[waiting], middles[waiting + 1] = x + 0.5 * half, x - 0.5 * half
                waiting += 2
                continue
            left, right = x - half, x + half
            now = decided == 1
            if decided == 0 or decided == 2:
                left = right = x
                now = _is_inside(c, box, x)
        if now != side:
            if count == turns.shape[0]:
                more = np.empty(2 * count)
                more[:count] = turns
                turns = more
            turns[count] = _turn(c, box, known, left)
            count += 1
            side = now
        known = right
    return count, turns


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _kept(found, count, run, entry_ns, exit_ns):  # type: ignore[no-untyped-def]
    if count == found.shape[0]:
        more = np.empty((2 * count, 3), dtype=np.int64)
        more[:count] = found
        found = more
    found[count, 0] = run
    found[count, 1] = entry_ns
    found[count, 2] = exit_ns
    return found


@nb.njit(nogil=True, cache=True, error_model="numpy")
def intervals_inside(coefficients, size_km, box, start_ns, stop_ns, smooth, run):  # type: ignore[no-untyped-def]
    """Intervals inside, piece by piece, (k, 3) int64: run, entry and exit (TAI ns); they end where the piece does.

    coefficients (m, 3, 9) and size_km (m, 3) as of `describe_in_rtn`, box (m,) bool, start_ns and stop_ns (m,), smooth
    (m,) (false: a jump, of which each half is taken to be on the side of its end), run (m,).
    """
    found = np.empty((256, 3), dtype=np.int64)
    turns = np.empty(16)
    count = 0
    for piece in range(run.shape[0]):
        c = coefficients[piece]
        start, stop = start_ns[piece], stop_ns[piece]
        side = _is_inside(c, box[piece], -1.0)
        if smooth[piece]:
            shortest = SHORTEST_S / (1e-9 * (stop - start))
            turn_count, turns = _turns(c, size_km[piece], box[piece], shortest, turns)
        else:
            turn_count = 1 if _is_inside(c, box[piece], 1.0) != side else 0
            turns[0] = 0.0
        entry = start
        for k in range(turn_count):
            at_ns = _time(start, stop, turns[k])
            if side:
                found = _kept(found, count, run[piece], entry, at_ns)
                count += 1
            entry = at_ns
            side = not side
        if side:
            found = _kept(found, count, run[piece], entry, stop)
            count += 1
    return found[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def merged(found):  # type: ignore[no-untyped-def]
    """Maximal intervals, (k, 3), of intervals (m, 3) sorted by run and entry that may touch or overlap."""
    out = np.empty_like(found)
    count = 0
    for k in range(found.shape[0]):
        if count > 0 and out[count - 1, 0] == found[k, 0] and found[k, 1] <= out[count - 1, 2]:
            out[count - 1, 2] = max(out[count - 1, 2], found[k, 2])
        else:
            out[count] = found[k]
            count += 1
    return out[:count]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def interval_of(run, at_ns, intervals):  # type: ignore[no-untyped-def]
    """Which of the maximal intervals (k, 3) holds each instant at_ns (m,) of a run (m,), both sorted; -1: none."""
    which = np.full(run.shape[0], -1, dtype=np.int64)
    k = 0
    for m in range(run.shape[0]):
        while k < intervals.shape[0] and (
            intervals[k, 0] < run[m] or (intervals[k, 0] == run[m] and intervals[k, 2] < at_ns[m])
        ):
            k += 1
        if k < intervals.shape[0] and intervals[k, 0] == run[m] and intervals[k, 1] <= at_ns[m]:
            which[m] = k
    return which
