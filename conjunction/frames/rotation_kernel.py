"""Rotations between frames, instant by instant, compiled by numba.

Every frame is reached from the GCRF: with M the rotation that takes the celestial pole to the z axis (IERS Conventions
2010, 5.10; s the CIO locator) and R3 a rotation about it,

    ITRF    = W(xp, yp) R3(ERA(UT1) - s + s') M^T      ERA: Earth rotation angle (IAU 2000)
    TEME    = R3(ERA(UT1) - s - GMST82(UT1)) M^T       so that R3(GMST82) leads from TEME to the rotating Earth
    EME2000 = B                                        constant frame bias (IAU 2006)

TEME has no official definition; this is Vallado's (Revisiting Spacetrack Report #3, appendix C), with the modern pole.
Everything that the kernel calls is in this file: numba's disk cache keys on the file's modification time.
"""

from math import cos, floor, pi, sin, sqrt

import numba as nb

STEP_NS = 21_600_000_000_000  # between nodes: six hours
STEPS_PER_BLOCK = 32  # 8 days
GCRF, EME2000, TEME, ITRF = 0, 1, 2, 3  # conjunction.frames.names.Frame
EARTH_RATE_RAD_S = 7.292115146706979e-5  # of UT1: IERS Conventions 2010, 5.15
_NS_PER_DAY = 86_400_000_000_000
_SECONDS_PER_DAY = 86_400.0
_STEP_S = STEP_NS * 1e-9
_DAYS_1970_TO_2000 = 10_957  # 1970-01-01 to 2000-01-01, both 0h
_TWO_PI = 2.0 * pi
# Turns at J2000.0 and, beyond one a day, turns a day (IERS Conventions 2010, 5.15).
_ERA_AT_J2000, _ERA_DRIFT = 0.7790572732640, 0.00273781191135448
# GMST 1982 in seconds at 12h UT1 by Julian centuries of UT1 (Aoki et al. 1982), without the day's own turn.
_GMST_0, _GMST_1, _GMST_2, _GMST_3 = 24_110.54841 - 43_200.0, 8_640_184.812866, 0.093104, -6.2e-6
_DAYS_PER_CENTURY = 36_525.0
_TIO_LOCATOR_RAD_PER_CENTURY = -47e-6 * pi / 648_000.0  # s', IERS Conventions 2010, 5.13


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _weights(u):  # type: ignore[no-untyped-def]
    """Of the four nodes about the interval in which u runs from 0 to 1: Lagrange's cubic."""
    a, b, c = u + 1.0, u - 1.0, u - 2.0
    return -u * b * c / 6.0, a * b * c / 2.0, -a * u * c / 2.0, a * u * b / 6.0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _rate_weights(u):  # type: ignore[no-untyped-def]
    """Derivatives of `_weights`, a second."""
    square = 3.0 * u * u
    return (
        -(square - 6.0 * u + 2.0) / (6.0 * _STEP_S),
        (square - 4.0 * u - 1.0) / (2.0 * _STEP_S),
        -(square - 2.0 * u - 2.0) / (2.0 * _STEP_S),
        (square - 1.0) / (6.0 * _STEP_S),
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _at(nodes, row, step, column, weights):  # type: ignore[no-untyped-def]
    """One column of the nodes, weighted: nodes (blocks, nodes, 6)."""
    return (
        weights[0] * nodes[row, step, column]
        + weights[1] * nodes[row, step + 1, column]
        + weights[2] * nodes[row, step + 2, column]
        + weights[3] * nodes[row, step + 3, column]
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _axes(frame, pole, spin, bias):  # type: ignore[no-untyped-def]
    """GCRF to frame, nine numbers by rows.

    pole: X, Y, s, xp, yp (rad). spin: UT1 - TAI (s), and the instant as days since 1970-01-01 TAI and a fraction.
    """
    if frame == GCRF:
        return 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0
    if frame == EME2000:
        b = bias
        return b[0, 0], b[0, 1], b[0, 2], b[1, 0], b[1, 1], b[1, 2], b[2, 0], b[2, 1], b[2, 2]
    x, y, s, xp, yp = pole
    ut1_minus_tai_s, day, tai_fraction = spin
    fraction = tai_fraction + ut1_minus_tai_s / _SECONDS_PER_DAY
    days = (day - _DAYS_1970_TO_2000) + (fraction - 0.5)  # of UT1 since J2000.0, which is a noon
    slow_turns = _ERA_AT_J2000 + _ERA_DRIFT * days
    centuries = days / _DAYS_PER_CENTURY
    if frame == TEME:
        polynomial = _GMST_0 + (_GMST_1 + (_GMST_2 + _GMST_3 * centuries) * centuries) * centuries
        # The day's own turn is in both angles and cancels.
        angle = _TWO_PI * (slow_turns - polynomial / _SECONDS_PER_DAY) - s
    else:
        turns = slow_turns + fraction + 0.5
        # s' asks for TT; UT1 in its place is 1e-15 rad away.
        angle = _TWO_PI * (turns - floor(turns)) - s + _TIO_LOCATOR_RAD_PER_CENTURY * centuries
    z = sqrt(1.0 - x * x - y * y)
    g = 1.0 / (1.0 + z)
    c, d = cos(angle), sin(angle)
    # Rows of M^T, then R3(angle) on the first two.
    m00, m01, m11 = 1.0 - g * x * x, -g * x * y, 1.0 - g * y * y
    a00, a01, a02 = c * m00 + d * m01, c * m01 + d * m11, -c * x - d * y
    a10, a11, a12 = c * m01 - d * m00, c * m11 - d * m01, d * x - c * y
    if frame == TEME:
        return a00, a01, a02, a10, a11, a12, x, y, z
    cx, sx, cy, sy = cos(xp), sin(xp), cos(yp), sin(yp)
    t0, t1, t2 = cx * x - sx * a00, cx * y - sx * a01, cx * z - sx * a02
    return (
        cx * a00 + sx * x,
        cx * a01 + sx * y,
        cx * a02 + sx * z,
        cy * a10 - sy * t0,
        cy * a11 - sy * t1,
        cy * a12 - sy * t2,
        sy * a10 + cy * t0,
        sy * a11 + cy * t1,
        sy * a12 + cy * t2,
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _earth_rate(nodes, row, step, u, x, y):  # type: ignore[no-untyped-def]
    """The rotating Earth's angular velocity against the GCRF, in it, rad/s of TAI; X and Y as interpolated."""
    weights = _rate_weights(u)
    dx, dy = _at(nodes, row, step, 0, weights), _at(nodes, row, step, 1, weights)
    # UT1's own rate is the length of the day; the pole's motion adds p x dp/dt, and nothing about the pole itself.
    spin = EARTH_RATE_RAD_S * (1.0 + _at(nodes, row, step, 3, weights))
    z = sqrt(1.0 - x * x - y * y)
    dz = -(x * dx + y * dy) / z
    return spin * x + y * dz - z * dy, spin * y + z * dx - x * dz, spin * z + x * dy - y * dx


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _times_transposed(a, b):  # type: ignore[no-untyped-def]
    """A B^T, nine numbers by rows each."""
    return (
        a[0] * b[0] + a[1] * b[1] + a[2] * b[2],
        a[0] * b[3] + a[1] * b[4] + a[2] * b[5],
        a[0] * b[6] + a[1] * b[7] + a[2] * b[8],
        a[3] * b[0] + a[4] * b[1] + a[5] * b[2],
        a[3] * b[3] + a[4] * b[4] + a[5] * b[5],
        a[3] * b[6] + a[4] * b[7] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[1] + a[8] * b[2],
        a[6] * b[3] + a[7] * b[4] + a[8] * b[5],
        a[6] * b[6] + a[7] * b[7] + a[8] * b[8],
    )


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _pair(tai_ns, first_block, block_row, nodes, frames, bias):  # type: ignore[no-untyped-def]
    """Rotation R and coupling K, nine numbers by rows each: r' = R r, v' = R v + K r."""
    source, target = frames
    all_steps = tai_ns // STEP_NS
    block = all_steps // STEPS_PER_BLOCK
    row, step = block_row[block - first_block], all_steps - block * STEPS_PER_BLOCK
    u = (tai_ns - all_steps * STEP_NS) / STEP_NS
    weights = _weights(u)
    x, y = _at(nodes, row, step, 0, weights), _at(nodes, row, step, 1, weights)
    xp, yp = _at(nodes, row, step, 4, weights), _at(nodes, row, step, 5, weights)
    day = tai_ns // _NS_PER_DAY
    pole = x, y, _at(nodes, row, step, 2, weights), xp, yp
    spin = _at(nodes, row, step, 3, weights), day, (tai_ns - day * _NS_PER_DAY) / _NS_PER_DAY
    f, t = _axes(source, pole, spin, bias), _axes(target, pole, spin, bias)
    r = _times_transposed(t, f)
    if (source == ITRF) == (target == ITRF):
        return r, (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    w0, w1, w2 = _earth_rate(nodes, row, step, u, x, y)
    # v_inertial = v_fixed + omega x r: added when leaving the ITRF, taken off when entering; omega in target axes.
    sign = 1.0 if source == ITRF else -1.0
    o0 = sign * (t[0] * w0 + t[1] * w1 + t[2] * w2)
    o1 = sign * (t[3] * w0 + t[4] * w1 + t[5] * w2)
    o2 = sign * (t[6] * w0 + t[7] * w1 + t[8] * w2)
    coupling = (
        o1 * r[6] - o2 * r[3],
        o1 * r[7] - o2 * r[4],
        o1 * r[8] - o2 * r[5],
        o2 * r[0] - o0 * r[6],
        o2 * r[1] - o0 * r[7],
        o2 * r[2] - o0 * r[8],
        o0 * r[3] - o1 * r[0],
        o0 * r[4] - o1 * r[1],
        o0 * r[5] - o1 * r[2],
    )
    return r, coupling


@nb.njit(nogil=True, cache=True, error_model="numpy")
def fill_rotations(tai_ns, first_block, block_row, nodes, frames, bias, rotation, coupling):  # type: ignore[no-untyped-def]
    """Fill rotation and coupling, (n, 3, 3) float64, for TAI instants (n,) int64; frames (from, to); see `_pair`."""
    for i in range(tai_ns.shape[0]):
        r, k = _pair(tai_ns[i], first_block, block_row, nodes, frames, bias)
        for j in range(9):
            rotation[i, j // 3, j % 3] = r[j]
            coupling[i, j // 3, j % 3] = k[j]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def transform_states(  # type: ignore[no-untyped-def]
    position, velocity, tai_ns, first_block, block_row, nodes, frames, bias, new_position, new_velocity
):
    """Fill new_position and new_velocity (n, 3) from position and velocity (n, 3); velocities may be (0, 3): none."""
    moves = velocity.shape[0] > 0
    for i in range(tai_ns.shape[0]):
        r, k = _pair(tai_ns[i], first_block, block_row, nodes, frames, bias)
        x, y, z = position[i, 0], position[i, 1], position[i, 2]
        new_position[i, 0] = r[0] * x + r[1] * y + r[2] * z
        new_position[i, 1] = r[3] * x + r[4] * y + r[5] * z
        new_position[i, 2] = r[6] * x + r[7] * y + r[8] * z
        if moves:
            u, v, w = velocity[i, 0], velocity[i, 1], velocity[i, 2]
            new_velocity[i, 0] = r[0] * u + r[1] * v + r[2] * w + (k[0] * x + k[1] * y + k[2] * z)
            new_velocity[i, 1] = r[3] * u + r[4] * v + r[5] * w + (k[3] * x + k[4] * y + k[5] * z)
            new_velocity[i, 2] = r[6] * u + r[7] * v + r[8] * w + (k[6] * x + k[7] * y + k[8] * z)
