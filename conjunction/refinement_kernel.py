"""The refinement's kernel: from sampled relative positions to every local minimum of the range.

A piece is an interval of time in which the relative position is a polynomial of degree 8 through its values at nine
Chebyshev-Lobatto points. A run is a chain of pieces of one pair without a gap. The range's derivative has the sign of
d . d'; a minimum is where it turns from negative to positive. Signs within the noise count as no sign: a range that
rests within the noise has one minimum at most.

Everything that this kernel calls is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

NODE_COUNT = 9
NODES: NDArray[np.float64] = -np.cos(np.pi * np.arange(NODE_COUNT) / (NODE_COUNT - 1))
CHECK_POINT = 0.2  # between nodes: where a piece is checked against the orbit
SAMPLE_COUNT = 17  # where the sign of d . d' is taken, both ends included

POSITION_NOISE_KM = 1e-8  # of an SGP4 position: rounding of its angles and of the time since epoch
JUMP_KM = 1e-6


def _chebyshev_matrix() -> NDArray[np.float64]:
    """(9, 9): values at NODES to Chebyshev coefficients."""
    vandermonde = np.polynomial.chebyshev.chebvander(NODES, NODE_COUNT - 1)
    matrix: NDArray[np.float64] = np.linalg.inv(vandermonde).astype(np.float64)
    return matrix


_TO_COEFFICIENTS = _chebyshev_matrix()
_AT_CHECK_POINT = np.ascontiguousarray(
    np.polynomial.chebyshev.chebvander(np.array([CHECK_POINT]), NODE_COUNT - 1)[0] @ _TO_COEFFICIENTS
)


def check_values(relative_km: NDArray[np.float64]) -> NDArray[np.float64]:
    """The polynomials' values at CHECK_POINT, (m, 3), of relative positions at NODES, (m, NODE_COUNT, 3)."""
    values: NDArray[np.float64] = np.einsum("k,mkc->mc", _AT_CHECK_POINT, relative_km)
    return values


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _coefficients(relative_km, out):  # type: ignore[no-untyped-def]
    for axis in range(3):
        for k in range(NODE_COUNT):
            total = 0.0
            for m in range(NODE_COUNT):
                total += _TO_COEFFICIENTS[k, m] * relative_km[m, axis]
            out[axis, k] = total


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _at(coefficients, x):  # type: ignore[no-untyped-def]
    """(d . d', |d|, |d'|) at x in [-1, 1], the derivative by x, from the series by its recurrence."""
    dot = 0.0
    d2 = 0.0
    rate2 = 0.0
    for axis in range(3):
        t0, t1 = 1.0, x
        u0, u1 = 0.0, 1.0
        value = coefficients[axis, 0] + coefficients[axis, 1] * x
        rate = coefficients[axis, 1]
        for k in range(2, NODE_COUNT):
            t2 = 2.0 * x * t1 - t0
            u2 = 2.0 * t1 + 2.0 * x * u1 - u0
            value += coefficients[axis, k] * t2
            rate += coefficients[axis, k] * u2
            t0, t1 = t1, t2
            u0, u1 = u1, u2
        dot += value * rate
        d2 += value * value
        rate2 += rate * rate
    return dot, np.sqrt(d2), np.sqrt(rate2)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _root(coefficients, low, high):  # type: ignore[no-untyped-def]
    """Where d . d' turns from negative at low to positive at high: bisection to the last bit that matters."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        if _at(coefficients, middle)[0] < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _length(relative_km, node):  # type: ignore[no-untyped-def]
    return np.sqrt(relative_km[node, 0] ** 2 + relative_km[node, 1] ** 2 + relative_km[node, 2] ** 2)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _time(start_ns, stop_ns, x):  # type: ignore[no-untyped-def]
    return start_ns + np.int64(np.rint(0.5 * (x + 1.0) * (stop_ns - start_ns)))


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _keep(times, runs, edges, count, time_ns, run, edge):  # type: ignore[no-untyped-def]
    if count == times.shape[0]:
        more_times = np.empty(2 * count, dtype=np.int64)
        more_runs = np.empty(2 * count, dtype=np.int64)
        more_edges = np.empty(2 * count, dtype=np.bool_)
        more_times[:count] = times
        more_runs[:count] = runs
        more_edges[:count] = edges
        times, runs, edges = more_times, more_runs, more_edges
    times[count] = time_ns
    runs[count] = run
    edges[count] = edge
    return times, runs, edges


@nb.njit(nogil=True, cache=True, error_model="numpy")
def minima(relative_km, start_ns, stop_ns, smooth, run, starts_at_edge, stops_at_edge):  # type: ignore[no-untyped-def]
    """Every local minimum of the range: (times TAI ns int64, run int64, at_edge bool).

    relative_km (m, NODE_COUNT, 3), start_ns and stop_ns (m,) of pieces in order of run and time, smooth (m,) (false:
    too short to cut further, and still no polynomial: a jump), run (m,) from 0. starts_at_edge and stops_at_edge, by
    run: whether it begins or ends where the pair's window does, so that a range that rises from there, or falls to
    there, has a minimum there.
    """
    times = np.empty(256, dtype=np.int64)
    runs = np.empty(256, dtype=np.int64)
    edges = np.empty(256, dtype=np.bool_)
    count = 0
    current = np.empty((3, NODE_COUNT))
    previous = np.empty((3, NODE_COUNT))
    sign = 0  # the last that was not within the noise
    falling_piece = -1  # where it was last negative
    falling_x = 0.0
    least_km = np.inf  # of the samples within the noise since then, and of borders
    least_ns = np.int64(0)
    for piece in range(run.shape[0]):
        opens = piece == 0 or run[piece - 1] != run[piece]
        if opens:
            sign = 0
            falling_piece = -1
            least_km = np.inf
        half_s = 0.5e-9 * (stop_ns[piece] - start_ns[piece])
        if smooth[piece]:
            current, previous = previous, current
            _coefficients(relative_km[piece], current)
        for sample in range(0 if opens else 1, SAMPLE_COUNT if smooth[piece] else 2):
            if smooth[piece]:
                x = 2.0 * sample / (SAMPLE_COUNT - 1) - 1.0
                dot, d, rate = _at(current, x)
                # differentiating amplifies the noise of the nodes by up to 2 * 8**2 at the ends, by x
                noise = POSITION_NOISE_KM * (20.0 * d + rate)
                now = 1 if dot > noise else (-1 if dot < -noise else 0)
            else:
                x = 1.0
                d = _length(relative_km[piece], NODE_COUNT - 1)
                step = d - _length(relative_km[piece], 0)
                now = 1 if step > JUMP_KM else (-1 if step < -JUMP_KM else 0)
            if now == 0:
                if d < least_km:
                    least_km = d
                    least_ns = _time(start_ns[piece], stop_ns[piece], x)
                continue
            if now < 0:
                falling_piece = piece
                falling_x = x
                least_km = np.inf
            elif sign < 0:
                if not smooth[piece]:
                    at_ns = start_ns[piece]
                elif falling_piece == piece:
                    at_ns = _time(start_ns[piece], stop_ns[piece], _root(current, falling_x, x))
                elif _at(current, -1.0)[0] < 0.0:
                    at_ns = _time(start_ns[piece], stop_ns[piece], _root(current, -1.0, x))
                elif falling_piece == piece - 1 and smooth[piece - 1]:
                    # bisection ends at the border where the polynomial of the piece before has no root
                    at_ns = _time(start_ns[piece - 1], stop_ns[piece - 1], _root(previous, falling_x, 1.0))
                elif least_km < np.inf:
                    at_ns = least_ns
                else:
                    at_ns = start_ns[piece]
                times, runs, edges = _keep(times, runs, edges, count, at_ns, run[piece], False)
                count += 1
            elif sign == 0 and starts_at_edge[run[piece]]:
                first = piece
                while first > 0 and run[first - 1] == run[piece]:
                    first -= 1
                times, runs, edges = _keep(times, runs, edges, count, start_ns[first], run[piece], True)
                count += 1
            sign = now
        closes = piece + 1 == run.shape[0] or run[piece + 1] != run[piece]
        if closes and half_s >= 0.0:
            if sign < 0 and stops_at_edge[run[piece]]:
                times, runs, edges = _keep(times, runs, edges, count, stop_ns[piece], run[piece], True)
                count += 1
            elif sign == 0 and starts_at_edge[run[piece]]:
                first = piece
                while first > 0 and run[first - 1] == run[piece]:
                    first -= 1
                times, runs, edges = _keep(times, runs, edges, count, start_ns[first], run[piece], True)
                count += 1
            elif sign == 0 and least_km < np.inf:
                times, runs, edges = _keep(times, runs, edges, count, least_ns, run[piece], False)
                count += 1
    return times[:count], runs[:count], edges[:count]
