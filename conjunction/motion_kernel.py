"""The relative motion of two objects over a piece of time as a polynomial: kernels.

A piece is an interval of time in which the relative position is a polynomial of degree 8 through its values at nine
Chebyshev-Lobatto points; x in [-1, 1] is time in the piece.

Everything that these kernels call is in this file: numba's disk cache keys on the file's modification time.
"""

import numba as nb
import numpy as np
from numpy.typing import NDArray

NODE_COUNT = 9
NODES: NDArray[np.float64] = -np.cos(np.pi * np.arange(NODE_COUNT) / (NODE_COUNT - 1))
CHECK_POINT = 0.2  # between nodes: where a piece is checked against the orbit
SMOOTH_KM = 1e-6  # how well the polynomial meets the orbit at CHECK_POINT
SMOOTH_RELATIVE = 1e-11  # of the radius, beside it
APART_KM = 1e-3  # a piece is passed over only if the pair stays outside by this much more


def _chebyshev_matrix() -> NDArray[np.float64]:
    """(9, 9): values at NODES to Chebyshev coefficients."""
    vandermonde = np.polynomial.chebyshev.chebvander(NODES, NODE_COUNT - 1)
    matrix: NDArray[np.float64] = np.linalg.inv(vandermonde).astype(np.float64)
    return matrix


def _power_matrix() -> NDArray[np.float64]:
    """(9, 9): Chebyshev coefficients to those of the powers of x; whole numbers."""
    matrix = np.zeros((NODE_COUNT, NODE_COUNT))
    for k in range(NODE_COUNT):
        powers = np.polynomial.chebyshev.cheb2poly(np.eye(NODE_COUNT)[k])
        matrix[: len(powers), k] = powers
    return matrix


_TO_CHEBYSHEV = _chebyshev_matrix()
_TO_POWERS = _power_matrix()


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _at(c, x):  # type: ignore[no-untyped-def]
    """(d . d, d . d', d' . d', d . d'') at x, derivatives by x, of powers' coefficients c (3, NODE_COUNT)."""
    d2 = 0.0
    dot = 0.0
    rate2 = 0.0
    bend = 0.0
    for axis in range(3):
        value = c[axis, NODE_COUNT - 1]
        rate = 0.0
        half = 0.0
        for k in range(NODE_COUNT - 2, -1, -1):
            half = half * x + rate
            rate = rate * x + value
            value = value * x + c[axis, k]
        d2 += value * value
        dot += value * rate
        rate2 += rate * rate
        bend += value * 2.0 * half
    return d2, dot, rate2, bend


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _value(c, axis, x):  # type: ignore[no-untyped-def]
    value = c[axis, NODE_COUNT - 1]
    for k in range(NODE_COUNT - 2, -1, -1):
        value = value * x + c[axis, k]
    return value


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _least_possible(c):  # type: ignore[no-untyped-def]
    """A lower bound of |d| over the piece.

    For a fixed direction u, |d| >= u . d = f, and f(x) >= f(x0) + f'(x0) (x - x0) - max |f''| (x - x0)**2 / 2. Any u
    gives a bound; a good one points from the origin to the path near its closest point, square to the motion there.
    """
    d0 = np.empty(3)
    w0 = np.empty(3)
    toward = 0.0
    length2 = 0.0
    for axis in range(3):
        toward -= c[axis, 0] * c[axis, 1]
        length2 += c[axis, 1] * c[axis, 1]
    x0 = min(max(toward / length2, -1.0), 1.0) if length2 > 0.0 else 0.0
    for _ in range(2):
        _, dot, rate2, bend = _at(c, x0)
        if rate2 + bend > 0.0:
            x0 = min(max(x0 - dot / (rate2 + bend), -1.0), 1.0)
    dot = 0.0
    rate2 = 0.0
    for axis in range(3):
        value = c[axis, NODE_COUNT - 1]
        rate = 0.0
        for k in range(NODE_COUNT - 2, -1, -1):
            rate = rate * x0 + value
            value = value * x0 + c[axis, k]
        d0[axis] = value
        w0[axis] = rate
        dot += value * rate
        rate2 += rate * rate
    if abs(x0) < 1.0 and rate2 > 0.0:
        for axis in range(3):
            d0[axis] -= dot / rate2 * w0[axis]
    length = np.sqrt(d0[0] * d0[0] + d0[1] * d0[1] + d0[2] * d0[2])
    if not length > 0.0:
        return 0.0
    slope = (d0[0] * w0[0] + d0[1] * w0[1] + d0[2] * w0[2]) / length
    at_x0 = 0.0
    power = 1.0
    bend = 0.0
    for k in range(NODE_COUNT):
        along = (d0[0] * c[0, k] + d0[1] * c[1, k] + d0[2] * c[2, k]) / length
        at_x0 += along * power
        power *= x0
        bend += k * (k - 1) * abs(along)
    reach = 1.0 + abs(x0)
    return at_x0 + min(-slope * (1.0 + x0), slope * (1.0 - x0)) - 0.5 * bend * reach * reach


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def describe(one_km, two_km, reach_km, coefficients, smooth, near):  # type: ignore[no-untyped-def]
    """Polynomials of second minus first: coefficients (m, 3, NODE_COUNT), of the powers of x, from the lowest.

    one_km and two_km (m, NODE_COUNT + 1, 3): positions at NODES, then at CHECK_POINT. smooth (m,) bool: the polynomial
    meets the orbits at CHECK_POINT. near (m,) bool: false where a smooth piece's range stays beyond reach_km (m,).
    """
    chebyshev = np.empty(NODE_COUNT)
    for m in range(one_km.shape[0]):
        error2 = 0.0
        radius2 = 0.0
        c = coefficients[m]
        for axis in range(3):
            for k in range(NODE_COUNT):
                total = 0.0
                for node in range(NODE_COUNT):
                    total += _TO_CHEBYSHEV[k, node] * (two_km[m, node, axis] - one_km[m, node, axis])
                chebyshev[k] = total
            for k in range(NODE_COUNT):
                total = 0.0
                for j in range(k, NODE_COUNT, 2):
                    total += _TO_POWERS[k, j] * chebyshev[j]
                c[axis, k] = total
            error = _value(c, axis, CHECK_POINT) - (two_km[m, NODE_COUNT, axis] - one_km[m, NODE_COUNT, axis])
            error2 += error * error
            radius2 += one_km[m, NODE_COUNT, axis] ** 2
        smooth[m] = np.sqrt(error2) <= SMOOTH_KM + SMOOTH_RELATIVE * np.sqrt(radius2)
        near[m] = not (smooth[m] and _least_possible(c) > reach_km[m] + APART_KM)
