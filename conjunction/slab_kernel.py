"""How objects move in a slab of time, from positions on a time grid: quadratics with measured bounds, in packed form.

A slab is one step of the grid. Each object's motion in it is a quadratic about the slab's middle, with a remainder
bound worked out from the positions themselves; docs/screening.md derives the bounds. No largest speed or eccentricity
is assumed.

What keeps it packed: `fastmath={"contract"}`, flat one-dimensional tiles with constant offsets, a loop over a constant
range; tests/conjunction/test_slab_kernel.py reads the assembly. Everything that these kernels call is in this file:
numba's disk cache keys on the file's modification time.
"""

from fractions import Fraction

import numba as nb
import numpy as np

STENCIL = 8  # grid positions that describe one slab: three before it, its two ends, three after it

# Columns of an object's description: one contiguous row an object, two cache lines.
PX, PY, PZ, VX, VY, VZ, AX, AY, AZ, REMAINDER_KM, BEND_KM, R_MIN_KM, R_MAX_KM, SWING, HALF_KM, SLACK_KM = range(16)
DESCRIPTION_WIDTH = 16

_LANES = 128


def _derivative_weights(points: int, order: int) -> tuple[float, ...]:
    """Weights of the order-th derivative at the middle of `points` positions one unit apart, exact in rationals.

    Of the later half of the points, from the middle outwards: the earlier half has the same, with the sign of
    (-1)**order.
    """
    x = [Fraction(2 * k - points + 1, 2) for k in range(points)]
    weights = []
    for k in range(points):
        # Lagrange's basis polynomial through 1 at x[k], coefficients from the constant term up
        basis = [Fraction(1)]
        for m in range(points):
            if m != k:
                scale = x[k] - x[m]
                raised = [Fraction(0), *basis]
                for power, value in enumerate(basis):
                    raised[power] -= x[m] * value
                basis = [value / scale for value in raised]
        weights.append(float(basis[order] * (2 if order == 2 else 1)))
    return tuple(weights[points // 2 :])


_P0, _P1, _P2, _P3 = _derivative_weights(8, 0)
_V0, _V1, _V2, _V3 = _derivative_weights(8, 1)
_A0, _A1, _A2, _A3 = _derivative_weights(8, 2)
_Q0, _Q1, _Q2 = _derivative_weights(6, 0)

# Working tiles: positions of the stencil in, descriptions out, `_LANES` objects side by side.
_IN, _OUT = 3 * STENCIL * _LANES, DESCRIPTION_WIDTH * _LANES


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _axis(x, j, axis, step_s, out):  # type: ignore[no-untyped-def]
    """Position, velocity, acceleration at the middle along one axis, and how far six points differ from eight."""
    at = 3 * _LANES
    base = axis * _LANES + j
    s0, d0 = x[4 * at + base] + x[3 * at + base], x[4 * at + base] - x[3 * at + base]
    s1, d1 = x[5 * at + base] + x[2 * at + base], x[5 * at + base] - x[2 * at + base]
    s2, d2 = x[6 * at + base] + x[1 * at + base], x[6 * at + base] - x[1 * at + base]
    s3, d3 = x[7 * at + base] + x[base], x[7 * at + base] - x[base]
    p = _P0 * s0 + _P1 * s1 + _P2 * s2 + _P3 * s3
    v = (_V0 * d0 + _V1 * d1 + _V2 * d2 + _V3 * d3) / step_s
    a = (_A0 * s0 + _A1 * s1 + _A2 * s2 + _A3 * s3) / (step_s * step_s)
    out[(PX + axis) * _LANES + j] = p
    out[(VX + axis) * _LANES + j] = v
    out[(AX + axis) * _LANES + j] = a
    return p, v, a, p - (_Q0 * s0 + _Q1 * s1 + _Q2 * s2)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _describe(x, j, step_s, half_s, early, late, trust, out):  # type: ignore[no-untyped-def]
    """Describe lane j of a tile: positions x (8, 3, _LANES) flat, step_s apart, km; fills the lane of out.

    The slab spans half_s about the middle and its ends are points `early` and `late` of the stencil. REMAINDER_KM
    bounds the distance between the quadratic and the orbit anywhere in the slab: measured at both ends, 10 % more for
    higher terms, and `trust` times the difference between eight-point and six-point interpolation at the middle.
    BEND_KM is |a| h**2 / 2; R_MIN_KM and R_MAX_KM bound the radius; SWING bounds how far the direction turns from the
    middle, as a chord, with HALF_KM, the object's part of the threshold. HALF_KM is read from out, and so is SLACK_KM,
    what the remainder may be beyond what is measured.
    """
    at = 3 * _LANES
    px, vx, ax, ex = _axis(x, j, 0, step_s, out)
    py, vy, ay, ey = _axis(x, j, 1, step_s, out)
    pz, vz, az, ez = _axis(x, j, 2, step_s, out)
    half2 = 0.5 * half_s * half_s
    x0, y0, z0 = x[early * at + j], x[early * at + _LANES + j], x[early * at + 2 * _LANES + j]
    x1, y1, z1 = x[late * at + j], x[late * at + _LANES + j], x[late * at + 2 * _LANES + j]
    bx, by, bz = x0 - (px - vx * half_s + ax * half2), y0 - (py - vy * half_s + ay * half2), z0 - pz
    bz += vz * half_s - az * half2
    cx, cy, cz = x1 - (px + vx * half_s + ax * half2), y1 - (py + vy * half_s + ay * half2), z1 - pz
    cz -= vz * half_s + az * half2
    ends2 = max(bx * bx + by * by + bz * bz, cx * cx + cy * cy + cz * cz)
    remainder = 1.1 * np.sqrt(ends2) + trust * np.sqrt(ex * ex + ey * ey + ez * ez) + 0.001
    remainder += out[SLACK_KM * _LANES + j]
    bend = half2 * np.sqrt(ax * ax + ay * ay + az * az)
    r0 = np.sqrt(x0 * x0 + y0 * y0 + z0 * z0)
    rm = np.sqrt(px * px + py * py + pz * pz)
    r1 = np.sqrt(x1 * x1 + y1 * y1 + z1 * z1)
    # a parabola passes its three samples by an eighth of its second difference at most
    margin = 0.25 * abs(r0 - 2.0 * rm + r1) + remainder
    r_min = max(min(min(r0, rm), r1) - margin, 1.0)
    run = half_s * np.sqrt(vx * vx + vy * vy + vz * vz)
    out[REMAINDER_KM * _LANES + j] = remainder
    out[BEND_KM * _LANES + j] = bend
    out[R_MIN_KM * _LANES + j] = r_min
    out[R_MAX_KM * _LANES + j] = max(max(r0, rm), r1) + margin
    out[SWING * _LANES + j] = (run + bend + remainder + out[HALF_KM * _LANES + j]) / r_min


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def describe_tile(x, step_s, out):  # type: ignore[no-untyped-def]
    """Describe a tile of objects in a slab that lies between points 3 and 4 of their stencils."""
    for j in range(_LANES):
        _describe(x, j, step_s, 0.5 * step_s, 3, 4, 2.0, out)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_slab(  # type: ignore[no-untyped-def]
    position_km, code, k, step_s, half_km, slack_km, remainder_max_km, r_min_km, rows, regular
):
    """Describe every object in slab k of a grid: position_km (K, 3, n) km, code (K, n); fills rows and regular (n,).

    The slab lies between grid times k + 3 and k + 4, step_s apart. half_km (n,): each object's part of the threshold;
    slack_km (n,): what its remainder may be beyond what is measured. Not regular are objects with an error code other
    than 0 among the eight positions, a larger remainder than remainder_max_km, and those that may be below r_min_km.
    """
    n = position_km.shape[2]
    x = np.zeros(_IN)
    out = np.zeros(_OUT)
    bad = np.zeros(_LANES, dtype=np.int8)
    for first in range(0, n, _LANES):
        count = min(_LANES, n - first)
        bad[:] = 0
        for m in range(STENCIL):
            for axis in range(3):
                source = position_km[k + m, axis, first : first + count]
                target = x[(3 * m + axis) * _LANES : (3 * m + axis) * _LANES + count]
                for j in range(count):
                    target[j] = source[j]
            codes = code[k + m, first : first + count]
            for j in range(count):
                bad[j] |= codes[j]
        for j in range(count):
            out[HALF_KM * _LANES + j] = half_km[first + j]
            out[SLACK_KM * _LANES + j] = slack_km[first + j]
        describe_tile(x, step_s, out)
        for j in range(count):
            within = (out[REMAINDER_KM * _LANES + j] <= remainder_max_km) & (out[R_MIN_KM * _LANES + j] > r_min_km)
            regular[first + j] = (bad[j] == 0) & within
            row = rows[first + j]
            for column in range(DESCRIPTION_WIDTH):
                row[column] = out[column * _LANES + j]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def describe_each(stencils, step_s, half_km, slack_km, rows):  # type: ignore[no-untyped-def]
    """Describe intervals by stencils (m, 8, 3) km, each with its own step_s (m,), whose eight points span the interval.

    half_km and slack_km (m,) as in `describe_slab`. The interval is seven steps long, so the bounds are taken at the
    outermost points, where Lagrange errs most: hence 100 instead of 2 times the difference of eight and six points.
    """
    x = np.zeros(_IN)
    out = np.zeros(_OUT)
    for i in range(stencils.shape[0]):
        for m in range(STENCIL):
            for axis in range(3):
                x[(3 * m + axis) * _LANES] = stencils[i, m, axis]
        out[HALF_KM * _LANES] = half_km[i]
        out[SLACK_KM * _LANES] = slack_km[i]
        _describe(x, 0, step_s[i], 3.5 * step_s[i], 0, 7, 100.0, out)
        for column in range(DESCRIPTION_WIDTH):
            rows[i, column] = out[column * _LANES]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def widen_by_check(  # type: ignore[no-untyped-def]
    checked_km, checked_code, slack_km, columns, remainder_max_km, r_min_km, rows, regular
):
    """Widen the bounds of the objects `columns` (m,) by three times their error at the slab's middle, and by slack_km.

    checked_km (3, m) are the orbit's own positions there, checked_code (m,) its codes. This is for orbits that may
    jump: a jump inside the slab shows here as half of it at least, one elsewhere in the stencil in full as far as it
    matters. slack_km (m,) is what else the description may be off by. The limits are as in `describe_slab`.
    """
    for k in range(columns.shape[0]):
        i = columns[k]
        if not regular[i]:
            continue
        if checked_code[k] != 0:
            regular[i] = False
            continue
        row = rows[i]
        error2 = 0.0
        for axis in range(3):
            error2 += (checked_km[axis, k] - row[PX + axis]) ** 2
        extra = 3.0 * np.sqrt(error2) + slack_km[k]
        row[REMAINDER_KM] += extra
        row[SWING] = row[SWING] * row[R_MIN_KM] / max(row[R_MIN_KM] - extra, 1.0)
        row[R_MIN_KM] = max(row[R_MIN_KM] - extra, 1.0)
        row[R_MAX_KM] += extra
        row[SWING] += extra / row[R_MIN_KM]
        regular[i] = (row[REMAINDER_KM] <= remainder_max_km) & (row[R_MIN_KM] > r_min_km)
