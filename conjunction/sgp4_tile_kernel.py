"""Near-earth SGP4 in tiles of objects, which the compiler turns into packed arithmetic; WGS-72.

The equations are those of `sgp4_kernel` (Vallado and others, AIAA 2006-6753, near-earth part), for LANES objects at
once, with no call and no branch in the loops:

- sine and cosine by polynomials (Chebyshev interpolation over half a turn, errors below 8e-16 and 8e-15);
- Kepler's equation for the difference d = E - u, so that sine and cosine of u are taken once: a start of fifth order
  and one step of third order leave 2e-15 rad up to an eccentricity of 0.3 (the scalar kernel iterates to 1e-12);
- no arc tangent: sine and cosine of the argument of latitude and of the inclination are turned by their short-period
  corrections, which are below 1e-3 rad for any orbit above the ground.

A lane's state is to be used only where its mark is 1: eccentricity within bounds, radius above the earth's, everything
finite. All others (errors among them) are left to the scalar kernel.

What keeps it packed: `fastmath={"contract"}` and no more; flat one-dimensional arrays, few of them; a loop over a
constant range. tests/conjunction/test_sgp4_tiles.py reads the assembly. Keep everything that these kernels call in this
file: numba's disk cache keys on the file's modification time.
"""

from math import pi, sqrt

import numba as nb
import numpy as np

RADIUS_EARTH_KM = 6378.135  # WGS-72, as in sgp4_kernel
_MU_KM3_S2 = 398600.8
_XKE = 60.0 / sqrt(RADIUS_EARTH_KM**3 / _MU_KM3_S2)
_J2 = 0.001082616
_VKMPERSEC = RADIUS_EARTH_KM * _XKE / 60.0

LANES = 256
ECCENTRICITY_LIMIT = 0.3  # beyond it Kepler's equation would need another step
_SMALLEST_ECCENTRICITY = -0.001 + 1e-9  # below -0.001 is SGP4's error 1
_LARGEST_ANOMALY = 1e6  # rad: beyond some 30 years, or where drag terms in t**5 run wild, rounding would show
_RADIUS_LIMIT = 10.0  # earth radii: no near-earth object gets there but one that SGP4 has carried off

LEFT_TO_SCALAR = 127  # a code that no state has

# Where a tile's rows come from: attributes of the sgp4 library's record. Some are changed in `_fill_tile`: products
# with bstar or the mean motion are taken there, and _A0, _COSI, _SINI made from the mean motion and the inclination.
TILE_SOURCES = (
    "mo", "mdot", "argpo", "argpdot", "nodeo", "nodedot", "nodecf", "cc1", "cc4", "cc5", "t2cof", "t3cof", "t4cof",
    "t5cof", "d2", "d3", "d4", "omgcof", "xmcof", "eta", "delmo", "sinmao", "ecco", "xlcof", "aycof", "no_unkozai",
    "inclo", "bstar", "isimp",
)  # fmt: skip
_MO, _MDOT, _ARGPO, _ARGPDOT, _NODEO, _NODEDOT, _NODECF, _CC1, _BCC4, _BCC5 = range(10)
_NT2, _NT3, _NT4, _NT5, _D2, _D3, _D4, _OMGCOF, _XMCOF, _ETA, _DELMO, _SINMAO = range(10, 22)
_ECCO, _XLCOF, _AYCOF, _A0, _COSI, _SINI = range(22, 28)
_NO, _INCLO, _BSTAR, _ISIMP = range(25, 29)  # in TILE_SOURCES
TILE_ROWS = 28
# rows of a tile's states, then of what one loop leaves to the next; a row is used again once nothing more reads it
_X, _Y, _Z, _GOOD, _VX, _VY, _VZ = range(7)
_EM, _ARGPM, _MM, _NODEM, _AM = range(7, 12)
_AXNL, _AYNL, _SINU, _COSU, _ECOSE, _ESINE = 7, 8, 9, 12, 13, 14
STATE_ROWS = 15


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _sine_cosine(x):  # type: ignore[no-untyped-def]
    """Sine and cosine of x rad, |x| < 1e9, turned into half a turn by the double nearest pi, as the library's fmod."""
    half_turns = np.rint(x * (1.0 / pi))
    r = x - half_turns * pi
    half = 0.5 * half_turns
    sign = 1.0 - 4.0 * (half - np.floor(half))
    z = r * r
    s = -7.408007795516067e-13
    s = s * z + 1.60509690477946e-10
    s = s * z - 2.505197284086259e-08
    s = s * z + 2.755731805475644e-06
    s = s * z - 0.00019841269836464245
    s = s * z + 0.008333333333325924
    s = s * z - 0.1666666666666665
    c = -1.1064910747100625e-11
    c = c * z + 2.0863062631733997e-09
    c = c * z - 2.755708941399029e-07
    c = c * z + 2.4801585319521206e-05
    c = c * z - 0.001388888888074322
    c = c * z + 0.04166666666654108
    c = c * z - 0.49999999999999684
    return sign * (r + r * z * s), sign * (1.0 + z * c)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _turned(s, c, angle):  # type: ignore[no-untyped-def]
    """Sine and cosine of an angle with sine s and cosine c, increased by a small angle (1e-2 rad: error 1e-17)."""
    z = angle * angle
    sd = angle * (1.0 + z * (z * (1.0 / 120.0) - 1.0 / 6.0))
    cd = 1.0 + z * (z * (1.0 / 24.0 - z * (1.0 / 720.0)) - 0.5)
    return s * cd + c * sd, c * cd - s * sd


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _kepler(s, c, axnl, aynl):  # type: ignore[no-untyped-def]
    """(sine and cosine of E, e cos E, e sin E) of E - axnl sin E + aynl cos E = u, from sine and cosine of u.

    For d = E - u the equation is d = g cos d + p sin d. The start is the inverse series about d = 0 up to the fifth
    order, then one step of the inverse series of third order.
    """
    p = axnl * c + aynl * s
    g = axnl * s - aynl * c
    inverse = 1.0 / (1.0 - p)
    w = g * inverse
    a2 = 0.5 * w
    a3 = (1.0 / 6.0) * p * inverse
    a4 = (-1.0 / 24.0) * w
    d = w + w * w * (w * (2.0 * a2 * a2 - a3 - w * (5.0 * a2 * (a2 * a2 - a3) + a4)) - a2)
    z = d * d
    sd = z * (-1.0 / 39916800.0) + 1.0 / 362880.0
    sd = sd * z - 1.0 / 5040.0
    sd = sd * z + 1.0 / 120.0
    sd = sd * z - 1.0 / 6.0
    sd = d + d * z * sd
    cd = z * (1.0 / 479001600.0) - 1.0 / 3628800.0
    cd = cd * z + 1.0 / 40320.0
    cd = cd * z - 1.0 / 720.0
    cd = cd * z + 1.0 / 24.0
    cd = cd * z - 0.5
    cd = 1.0 + z * cd
    esine = g * cd + p * sd
    inverse = 1.0 / (1.0 - (p * cd - g * sd))
    step = (esine - d) * inverse
    step = step * (1.0 - 0.5 * esine * inverse * step)
    sd, cd = sd + step * (cd - 0.5 * step * sd), cd - step * (sd + 0.5 * step * cd)
    return s * cd + c * sd, c * cd - s * sd, p * cd - g * sd, g * cd + p * sd


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _secular(c, j, t, out):  # type: ignore[no-untyped-def]
    """Gravity's secular terms and drag for lane j, t minutes from epoch."""
    t2 = t * t
    xmdf = c[_MO * LANES + j] + c[_MDOT * LANES + j] * t
    argpdf = c[_ARGPO * LANES + j] + c[_ARGPDOT * LANES + j] * t
    _, cosm = _sine_cosine(xmdf)
    delm = 1.0 + c[_ETA * LANES + j] * cosm
    drag = c[_OMGCOF * LANES + j] * t + c[_XMCOF * LANES + j] * (delm * delm * delm - c[_DELMO * LANES + j])
    mm = xmdf + drag
    sinm, _ = _sine_cosine(mm)
    d2, d3, d4 = c[_D2 * LANES + j], c[_D3 * LANES + j], c[_D4 * LANES + j]
    tempa = 1.0 - t * (c[_CC1 * LANES + j] + t * (d2 + t * (d3 + t * d4)))
    em = c[_ECCO * LANES + j] - c[_BCC4 * LANES + j] * t - c[_BCC5 * LANES + j] * (sinm - c[_SINMAO * LANES + j])
    nt3, nt4, nt5 = c[_NT3 * LANES + j], c[_NT4 * LANES + j], c[_NT5 * LANES + j]
    mm += t2 * (c[_NT2 * LANES + j] + t * (nt3 + t * (nt4 + t * nt5)))
    good = (em > _SMALLEST_ECCENTRICITY) & (em < ECCENTRICITY_LIMIT) & (tempa > 0.0) & (abs(mm) < _LARGEST_ANOMALY)
    out[_GOOD * LANES + j] = 1.0 if good else 0.0
    out[_EM * LANES + j] = max(em, 1.0e-6)
    out[_ARGPM * LANES + j] = argpdf - drag
    out[_MM * LANES + j] = mm
    out[_NODEM * LANES + j] = c[_NODEO * LANES + j] + c[_NODEDOT * LANES + j] * t + c[_NODECF * LANES + j] * t2
    out[_AM * LANES + j] = c[_A0 * LANES + j] * tempa * tempa


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _long_period(c, j, out):  # type: ignore[no-untyped-def]
    """Long-period terms for lane j, as far as sine and cosine of u."""
    em = out[_EM * LANES + j]
    argpm = out[_ARGPM * LANES + j]
    sinargp, cosargp = _sine_cosine(argpm)
    temp = 1.0 / (out[_AM * LANES + j] * (1.0 - em * em))
    axnl = em * cosargp
    sinu, cosu = _sine_cosine(out[_MM * LANES + j] + argpm + temp * c[_XLCOF * LANES + j] * axnl)
    out[_AXNL * LANES + j] = axnl
    out[_AYNL * LANES + j] = em * sinargp + temp * c[_AYCOF * LANES + j]
    out[_SINU * LANES + j] = sinu
    out[_COSU * LANES + j] = cosu


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _in_orbit(j, out):  # type: ignore[no-untyped-def]
    """Kepler's equation for lane j: sine and cosine of the argument of latitude, e cos E and e sin E."""
    axnl = out[_AXNL * LANES + j]
    aynl = out[_AYNL * LANES + j]
    sineo1, coseo1, ecose, esine = _kepler(out[_SINU * LANES + j], out[_COSU * LANES + j], axnl, aynl)
    temp = esine / (1.0 + np.sqrt(1.0 - axnl * axnl - aynl * aynl))
    inverse = 1.0 / (1.0 - ecose)
    out[_SINU * LANES + j] = inverse * (sineo1 - aynl - axnl * temp)
    out[_COSU * LANES + j] = inverse * (coseo1 - axnl + aynl * temp)
    out[_ECOSE * LANES + j] = ecose
    out[_ESINE * LANES + j] = esine


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _short_period(c, j, out):  # type: ignore[no-untyped-def]
    """Short-period terms for lane j: (x, y, z in km, 1.0 where to be used or 0.0, vx, vy, vz in km/s)."""
    axnl = out[_AXNL * LANES + j]
    aynl = out[_AYNL * LANES + j]
    sinu = out[_SINU * LANES + j]
    cosu = out[_COSU * LANES + j]
    am = out[_AM * LANES + j]
    cosip = c[_COSI * LANES + j]
    sinip = c[_SINI * LANES + j]
    el2 = axnl * axnl + aynl * aynl
    pl = am * (1.0 - el2)
    cos2i = cosip * cosip
    con41 = 3.0 * cos2i - 1.0
    x1mth2 = 1.0 - cos2i
    x7thm1 = 7.0 * cos2i - 1.0
    sin2u = (cosu + cosu) * sinu
    cos2u = 1.0 - 2.0 * sinu * sinu
    inverse_pl = 1.0 / pl
    temp1 = 0.5 * _J2 * inverse_pl
    temp2 = temp1 * inverse_pl
    rl = am * (1.0 - out[_ECOSE * LANES + j])
    mrt = rl * (1.0 - 1.5 * temp2 * np.sqrt(1.0 - el2) * con41) + 0.5 * temp1 * x1mth2 * cos2u
    sinsu, cossu = _turned(sinu, cosu, -0.25 * temp2 * x7thm1 * sin2u)
    sini, cosi = _turned(sinip, cosip, 1.5 * temp2 * cosip * sinip * cos2u)
    snod, cnod = _sine_cosine(out[_NODEM * LANES + j] + 1.5 * temp2 * cosip * sin2u)
    xmx = -snod * cosi
    xmy = cnod * cosi
    ux = xmx * sinsu + cnod * cossu
    uy = xmy * sinsu + snod * cossu
    uz = sini * sinsu
    mr = mrt * RADIUS_EARTH_KM
    good = (el2 < ECCENTRICITY_LIMIT**2) & (mrt > 1.0 + 1e-9) & (mrt < _RADIUS_LIMIT)

    root_am = np.sqrt(am)
    nm_temp1 = temp1 / (am * root_am)
    mvt = root_am * out[_ESINE * LANES + j] / rl - nm_temp1 * x1mth2 * sin2u
    rvdot = np.sqrt(pl) / rl + nm_temp1 * (x1mth2 * cos2u + 1.5 * con41)
    vx = (mvt * ux + rvdot * (xmx * cossu - cnod * sinsu)) * _VKMPERSEC
    vy = (mvt * uy + rvdot * (xmy * cossu - snod * sinsu)) * _VKMPERSEC
    vz = (mvt * uz + rvdot * sini * cossu) * _VKMPERSEC
    return mr * ux, mr * uy, mr * uz, out[_GOOD * LANES + j] if good else 0.0, vx, vy, vz


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def tile_positions(tile, epoch_tai_ns, tai_ns, out):  # type: ignore[no-untyped-def]
    """x, y, z (km, TEME) and the mark of a tile's objects at one instant, in rows 0 to 3 of out.

    tile (TILE_ROWS * LANES,) float64, epoch_tai_ns (LANES,) int64, tai_ns an integer, out (STATE_ROWS * LANES,)
    float64, of which the other rows are working space. Four loops, not one: an iteration is short enough for the
    processor to work on some of them at a time, and so the latency of one chain of operations does not count.
    """
    for j in range(LANES):
        _secular(tile, j, (tai_ns - epoch_tai_ns[j]) / 60.0e9, out)
    for j in range(LANES):
        _long_period(tile, j, out)
    for j in range(LANES):
        _in_orbit(j, out)
    for j in range(LANES):
        x, y, z, good, _, _, _ = _short_period(tile, j, out)
        out[_X * LANES + j] = x
        out[_Y * LANES + j] = y
        out[_Z * LANES + j] = z
        out[_GOOD * LANES + j] = good


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def tile_states(tile, epoch_tai_ns, tai_ns, out):  # type: ignore[no-untyped-def]
    """As `tile_positions`, and vx, vy, vz (km/s) in rows 4 to 6."""
    for j in range(LANES):
        _secular(tile, j, (tai_ns - epoch_tai_ns[j]) / 60.0e9, out)
    for j in range(LANES):
        _long_period(tile, j, out)
    for j in range(LANES):
        _in_orbit(j, out)
    for j in range(LANES):
        x, y, z, good, vx, vy, vz = _short_period(tile, j, out)
        out[_X * LANES + j] = x
        out[_Y * LANES + j] = y
        out[_Z * LANES + j] = z
        out[_GOOD * LANES + j] = good
        out[_VX * LANES + j] = vx
        out[_VY * LANES + j] = vy
        out[_VZ * LANES + j] = vz


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _fill_tile(coefficients, source, rows, first, tile, epoch_tai_ns, epoch):  # type: ignore[no-untyped-def]
    """Fill a tile and its epochs with rows[first:first + LANES]; the last row is repeated where there are fewer."""
    for j in range(LANES):
        i = rows[min(first + j, rows.shape[0] - 1)]
        c = coefficients[i]
        epoch[j] = epoch_tai_ns[i]
        no = c[source[_NO]]
        inclination = c[source[_INCLO]]
        bstar = c[source[_BSTAR]]
        with_drag = 0.0 if c[source[_ISIMP]] == 1.0 else 1.0  # the theory leaves these terms out for low perigees
        for k in range(_A0):
            tile[k * LANES + j] = c[source[k]]
        tile[_BCC4 * LANES + j] *= bstar
        tile[_BCC5 * LANES + j] *= bstar * with_drag
        tile[_NT2 * LANES + j] *= no
        for k in range(_NT3, _NT5 + 1):
            tile[k * LANES + j] *= no * with_drag
        for k in range(_D2, _XMCOF + 1):
            tile[k * LANES + j] *= with_drag
        tile[_A0 * LANES + j] = (_XKE / no) ** (2.0 / 3.0)
        tile[_COSI * LANES + j] = np.cos(inclination)
        tile[_SINI * LANES + j] = np.sin(inclination)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def grid_in_tiles(  # type: ignore[no-untyped-def]
    coefficients, source, epoch_tai_ns, rows, columns, tai_ns, position_km, velocity_km_s, code
):
    """States of the near-earth catalogue rows `rows` (m,) at all times tai_ns (k,), into the given columns (m,).

    coefficients (n, COEFFICIENT_COUNT) float64 with TILE_SOURCES in its columns `source`; epoch_tai_ns (n,) int64;
    position_km (k, 3, ...) and code (k, ...) int8 are filled at `columns`: 0, or LEFT_TO_SCALAR where the state is not
    to be used. velocity_km_s is filled likewise unless its first dimension is 0.
    """
    with_velocity = velocity_km_s.shape[0] > 0
    tile = np.empty(TILE_ROWS * LANES)
    epoch = np.empty(LANES, dtype=np.int64)
    out = np.empty(STATE_ROWS * LANES)
    for first in range(0, rows.shape[0], LANES):
        _fill_tile(coefficients, source, rows, first, tile, epoch_tai_ns, epoch)
        count = min(LANES, rows.shape[0] - first)
        for k in range(tai_ns.shape[0]):
            if with_velocity:
                tile_states(tile, epoch, tai_ns[k], out)
                for axis in range(3):
                    for j in range(count):
                        velocity_km_s[k, axis, columns[first + j]] = out[(_VX + axis) * LANES + j]
            else:
                tile_positions(tile, epoch, tai_ns[k], out)
            for axis in range(3):
                for j in range(count):
                    position_km[k, axis, columns[first + j]] = out[(_X + axis) * LANES + j]
            for j in range(count):
                code[k, columns[first + j]] = 0 if out[_GOOD * LANES + j] == 1.0 else LEFT_TO_SCALAR


@nb.njit(nogil=True, cache=True, error_model="numpy")
def each_at_its_times(  # type: ignore[no-untyped-def]
    coefficients, source, epoch_tai_ns, rows, columns, tai_ns, position_km, velocity_km_s, code
):
    """States of the near-earth catalogue rows `rows` (m,), of which some may be the same, each at times of its own.

    As `grid_in_tiles`, but rows[i] at tai_ns[columns[i]] (..., k) into position_km (..., k, 3), velocity_km_s likewise
    unless its first dimension is 0, and code (..., k), all at columns[i].
    """
    with_velocity = velocity_km_s.shape[0] > 0
    tile = np.empty(TILE_ROWS * LANES)
    epoch = np.empty(LANES, dtype=np.int64)
    since = np.empty(LANES, dtype=np.int64)
    out = np.empty(STATE_ROWS * LANES)
    for first in range(0, rows.shape[0], LANES):
        _fill_tile(coefficients, source, rows, first, tile, epoch_tai_ns, epoch)
        count = min(LANES, rows.shape[0] - first)
        for k in range(tai_ns.shape[1]):
            for j in range(LANES):
                since[j] = epoch[j] - tai_ns[columns[first + min(j, count - 1)], k]
            if with_velocity:
                tile_states(tile, since, np.int64(0), out)
                for j in range(count):
                    for axis in range(3):
                        velocity_km_s[columns[first + j], k, axis] = out[(_VX + axis) * LANES + j]
            else:
                tile_positions(tile, since, np.int64(0), out)
            for j in range(count):
                for axis in range(3):
                    position_km[columns[first + j], k, axis] = out[(_X + axis) * LANES + j]
                code[columns[first + j], k] = 0 if out[_GOOD * LANES + j] == 1.0 else LEFT_TO_SCALAR
