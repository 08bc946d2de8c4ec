"""SGP4 states of many objects at many times, compiled by numba; near-earth and deep space, WGS-72, mode 'i'.

The equations and their order are those of Vallado, Crawford, Hujsak and Kelso, "Revisiting Spacetrack Report #3"
(AIAA 2006-6753), in the form of the sgp4 library (MIT licence), which also initialises the coefficients; names are the
report's own, so that the code can be laid beside it. The library is the oracle of the tests: positions agree to
below 1e-6 km over the whole catalogue.

Two differences in form, none in meaning: the resonance integrator of deep-space objects takes its 720 min steps from
epoch whatever was asked before, or as if it had (`_dspace`), so a state depends on its time only (the library goes on
from where its last call ended, and turns back); and nothing here touches Python objects, so threads run side by side.

Keep everything that these kernels call in this file: numba's disk cache keys on the file's modification time.
"""

from math import atan2, cos, floor, isfinite, pi, sin, sqrt

import numba as nb
import numpy as np

RADIUS_EARTH_KM = 6378.135  # WGS-72, as in the sgp4 library
_MU_KM3_S2 = 398600.8
_XKE = 60.0 / sqrt(RADIUS_EARTH_KM**3 / _MU_KM3_S2)
_J2 = 0.001082616
_J3OJ2 = -0.00000253881 / _J2
_VKMPERSEC = RADIUS_EARTH_KM * _XKE / 60.0
_TWOPI = 2.0 * pi

NON_FINITE = -1  # our own code beside the library's 1 to 6: the state is not a number though the code is 0

# Columns of the coefficient matrix, one row an object: attributes of the sgp4 library's own record by their names.
NEAR_EARTH_COEFFICIENTS = (
    "no_unkozai", "ecco", "inclo", "nodeo", "argpo", "mo", "mdot", "argpdot", "nodedot", "nodecf", "bstar",
    "cc1", "cc4", "cc5", "t2cof", "t3cof", "t4cof", "t5cof", "d2", "d3", "d4", "omgcof", "xmcof", "eta", "delmo",
    "sinmao", "con41", "x1mth2", "x7thm1", "xlcof", "aycof", "isimp",
)  # fmt: skip
DEEP_SPACE_COEFFICIENTS = (
    "irez", "d2201", "d2211", "d3210", "d3222", "d4410", "d4422", "d5220", "d5232", "d5421", "d5433", "dedt", "del1",
    "del2", "del3", "didt", "dmdt", "dnodt", "domdt", "gsto", "xfact", "xlamo", "e3", "ee2", "peo", "pgho", "pho",
    "pinco", "plo", "se2", "se3", "sgh2", "sgh3", "sgh4", "sh2", "sh3", "si2", "si3", "sl2", "sl3", "sl4", "xgh2",
    "xgh3", "xgh4", "xh2", "xh3", "xi2", "xi3", "xl2", "xl3", "xl4", "zmol", "zmos",
)  # fmt: skip
DEEP_SPACE_COLUMN = len(NEAR_EARTH_COEFFICIENTS)  # 1.0 for a deep-space object, then its own coefficients
COEFFICIENT_COUNT = DEEP_SPACE_COLUMN + 1 + len(DEEP_SPACE_COEFFICIENTS)
_D = DEEP_SPACE_COLUMN + 1


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _dspace(c, t, em, argpm, inclm, mm, nodem, resonance):  # type: ignore[no-untyped-def]
    """Deep-space secular effects and resonances: (em, argpm, inclm, mm, nodem, nm) at t minutes.

    resonance (3,) is where the integrator stood: time in minutes, 0 at epoch, and its two variables. It goes on from
    there if t lies beyond, else from epoch: the steps, and so the bits, are the same.
    """
    no = c[0]
    irez = c[_D]
    theta = np.fmod(c[_D + 19] + t * 4.37526908801129966e-3, _TWOPI)
    em += c[_D + 11] * t
    inclm += c[_D + 15] * t
    argpm += c[_D + 18] * t
    nodem += c[_D + 17] * t
    mm += c[_D + 16] * t
    if irez == 0.0:
        return em, argpm, inclm, mm, nodem, no
    del1, del2, del3 = c[_D + 12], c[_D + 13], c[_D + 14]
    argpo, argpdot = c[4], c[7]
    g22, g32, g44, g52, g54 = 5.7686396, 0.95240898, 1.8014998, 1.0508330, 4.4108898
    fasx2, fasx4, fasx6 = 0.13130908, 2.8843198, 0.37448087
    stepp, step2 = 720.0, 259200.0
    atime = 0.0
    xni = no
    xli = c[_D + 21]
    if resonance[0] * t > 0.0 and abs(t) >= abs(resonance[0]):
        atime, xli, xni = resonance[0], resonance[1], resonance[2]
    delt = stepp if t > 0.0 else -stepp
    while True:
        if irez != 2.0:
            xndt = del1 * sin(xli - fasx2) + del2 * sin(2.0 * (xli - fasx4)) + del3 * sin(3.0 * (xli - fasx6))
            xldot = xni + c[_D + 20]
            xnddt = (
                del1 * cos(xli - fasx2) + 2.0 * del2 * cos(2.0 * (xli - fasx4)) + 3.0 * del3 * cos(3.0 * (xli - fasx6))
            )
            xnddt *= xldot
        else:
            d2201, d2211, d3210, d3222, d4410 = c[_D + 1], c[_D + 2], c[_D + 3], c[_D + 4], c[_D + 5]
            d4422, d5220, d5232, d5421, d5433 = c[_D + 6], c[_D + 7], c[_D + 8], c[_D + 9], c[_D + 10]
            xomi = argpo + argpdot * atime
            x2omi = xomi + xomi
            x2li = xli + xli
            xndt = (
                d2201 * sin(x2omi + xli - g22)
                + d2211 * sin(xli - g22)
                + d3210 * sin(xomi + xli - g32)
                + d3222 * sin(-xomi + xli - g32)
                + d4410 * sin(x2omi + x2li - g44)
                + d4422 * sin(x2li - g44)
                + d5220 * sin(xomi + xli - g52)
                + d5232 * sin(-xomi + xli - g52)
                + d5421 * sin(xomi + x2li - g54)
                + d5433 * sin(-xomi + x2li - g54)
            )
            xldot = xni + c[_D + 20]
            xnddt = (
                d2201 * cos(x2omi + xli - g22)
                + d2211 * cos(xli - g22)
                + d3210 * cos(xomi + xli - g32)
                + d3222 * cos(-xomi + xli - g32)
                + d5220 * cos(xomi + xli - g52)
                + d5232 * cos(-xomi + xli - g52)
                + 2.0
                * (
                    d4410 * cos(x2omi + x2li - g44)
                    + d4422 * cos(x2li - g44)
                    + d5421 * cos(xomi + x2li - g54)
                    + d5433 * cos(-xomi + x2li - g54)
                )
            )
            xnddt *= xldot
        ft = t - atime
        if not abs(ft) >= stepp:
            break
        xli += xldot * delt + xndt * step2
        xni += xndt * delt + xnddt * step2
        atime += delt
    resonance[0], resonance[1], resonance[2] = atime, xli, xni
    nm = xni + xndt * ft + xnddt * ft * ft * 0.5
    xl = xli + xldot * ft + xndt * ft * ft * 0.5
    mm = xl - 2.0 * nodem + 2.0 * theta if irez != 1.0 else xl - nodem - argpm + theta
    return em, argpm, inclm, mm, nodem, no + (nm - no)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _dpper(c, t, ep, inclp, nodep, argpp, mp):  # type: ignore[no-untyped-def]
    """Lunar and solar periodics: (ep, inclp, nodep, argpp, mp) at t minutes."""
    zf = c[_D + 52] + 1.19459e-5 * t
    zf += 2.0 * 0.01675 * sin(zf)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe = c[_D + 29] * f2 + c[_D + 30] * f3
    pinc = c[_D + 36] * f2 + c[_D + 37] * f3
    pl = c[_D + 38] * f2 + c[_D + 39] * f3 + c[_D + 40] * sinzf
    pgh = c[_D + 31] * f2 + c[_D + 32] * f3 + c[_D + 33] * sinzf
    ph = c[_D + 34] * f2 + c[_D + 35] * f3
    zf = c[_D + 51] + 1.5835218e-4 * t
    zf += 2.0 * 0.05490 * sin(zf)
    sinzf = sin(zf)
    f2 = 0.5 * sinzf * sinzf - 0.25
    f3 = -0.5 * sinzf * cos(zf)
    pe += c[_D + 23] * f2 + c[_D + 22] * f3
    pinc += c[_D + 46] * f2 + c[_D + 47] * f3
    pl += c[_D + 48] * f2 + c[_D + 49] * f3 + c[_D + 50] * sinzf
    pgh += c[_D + 41] * f2 + c[_D + 42] * f3 + c[_D + 43] * sinzf
    ph += c[_D + 44] * f2 + c[_D + 45] * f3
    pe -= c[_D + 24]
    pinc -= c[_D + 27]
    pl -= c[_D + 28]
    pgh -= c[_D + 25]
    ph -= c[_D + 26]
    inclp += pinc
    ep += pe
    sinip = sin(inclp)
    cosip = cos(inclp)
    if inclp >= 0.2:
        ph /= sinip
        pgh -= cosip * ph
        return ep, inclp, nodep + ph, argpp + pgh, mp + pl
    # Lyddane's modification for low inclinations
    sinop = sin(nodep)
    cosop = cos(nodep)
    alfdp = sinip * sinop + ph * cosop + pinc * cosip * sinop
    betdp = sinip * cosop - ph * sinop + pinc * cosip * cosop
    nodep = np.fmod(nodep, _TWOPI)
    xls = mp + argpp + pl + pgh + (cosip - pinc * sinip) * nodep
    xnoh = nodep
    nodep = atan2(alfdp, betdp)
    if abs(xnoh - nodep) > pi:
        nodep += _TWOPI if nodep < xnoh else -_TWOPI
    mp += pl
    argpp = xls - mp - cosip * nodep
    return ep, inclp, nodep, argpp, mp


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _state(c, t, out, resonance):  # type: ignore[no-untyped-def]
    """Write x, y, z (km) and vx, vy, vz (km/s), TEME, t minutes from epoch, into out[0:6]; the error code.

    On codes 1 to 4 the state is NaN; on code 6 (below the earth's radius) it is finite, as in the library.
    resonance is `_dspace`'s, of the same object.
    """
    no, inclm = c[0], c[2]
    xmdf = c[5] + c[6] * t
    argpdf = c[4] + c[7] * t
    t2 = t * t
    nodem = c[3] + c[8] * t + c[9] * t2
    argpm = argpdf
    mm = xmdf
    tempa = 1.0 - c[11] * t
    tempe = c[10] * c[12] * t
    templ = c[14] * t2
    deep = c[DEEP_SPACE_COLUMN] == 1.0
    if c[31] != 1.0:
        delmtemp = 1.0 + c[23] * cos(xmdf)
        temp = c[21] * t + c[22] * (delmtemp * delmtemp * delmtemp - c[24])
        mm = xmdf + temp
        argpm = argpdf - temp
        t3 = t2 * t
        t4 = t3 * t
        tempa = tempa - c[18] * t2 - c[19] * t3 - c[20] * t4
        tempe = tempe + c[10] * c[13] * (sin(mm) - c[25])
        templ = templ + c[15] * t3 + t4 * (c[16] + t * c[17])
    nm = no
    em = c[1]
    for k in range(6):
        out[k] = np.nan
    if deep:
        em, argpm, inclm, mm, nodem, nm = _dspace(c, t, em, argpm, inclm, mm, nodem, resonance)
    if nm <= 0.0:
        return 2
    am = (_XKE / nm) ** (2.0 / 3.0) * tempa * tempa
    nm = _XKE / (am * sqrt(am))
    em -= tempe
    if em >= 1.0 or em < -0.001:
        return 1
    em = max(em, 1.0e-6)
    mm += no * templ
    sinip = 0.0
    cosip = 0.0
    if deep:
        # the library's own reductions: Lyddane's formula uses the node itself, not only its sine and cosine
        xlm = np.fmod(mm + argpm + nodem, _TWOPI)
        nodem = np.fmod(nodem, _TWOPI)
        argpm = np.fmod(argpm, _TWOPI)
        mm = np.fmod(xlm - argpm - nodem, _TWOPI)
        em, inclm, nodem, argpm, mm = _dpper(c, t, em, inclm, nodem, argpm, mm)
        if inclm < 0.0:
            inclm = -inclm
            nodem += pi
            argpm -= pi
        if em < 0.0 or em > 1.0:
            return 3
        sinip = sin(inclm)
        cosip = cos(inclm)
        aycof = -0.5 * _J3OJ2 * sinip
        divisor = 1.0 + cosip if abs(cosip + 1.0) > 1.5e-12 else 1.5e-12
        xlcof = -0.25 * _J3OJ2 * sinip * (3.0 + 5.0 * cosip) / divisor
        con41 = 3.0 * cosip * cosip - 1.0
        x1mth2 = 1.0 - cosip * cosip
        x7thm1 = 7.0 * cosip * cosip - 1.0
    else:
        sinip = sin(inclm)
        cosip = cos(inclm)
        xlcof, aycof, con41, x1mth2, x7thm1 = c[29], c[30], c[26], c[27], c[28]
    axnl = em * cos(argpm)
    temp = 1.0 / (am * (1.0 - em * em))
    aynl = em * sin(argpm) + temp * aycof
    u = mm + argpm + temp * xlcof * axnl
    u -= _TWOPI * floor(u / _TWOPI)
    eo1 = u
    sineo1 = 0.0
    coseo1 = 1.0
    for _ in range(10):
        sineo1 = sin(eo1)
        coseo1 = cos(eo1)
        tem5 = (u - aynl * coseo1 + axnl * sineo1 - eo1) / (1.0 - coseo1 * axnl - sineo1 * aynl)
        tem5 = min(max(tem5, -0.95), 0.95)
        eo1 += tem5
        if abs(tem5) < 1.0e-12:
            break
    ecose = axnl * coseo1 + aynl * sineo1
    esine = axnl * sineo1 - aynl * coseo1
    el2 = axnl * axnl + aynl * aynl
    pl = am * (1.0 - el2)
    if pl < 0.0:
        return 4
    rl = am * (1.0 - ecose)
    rdotl = sqrt(am) * esine / rl
    rvdotl = sqrt(pl) / rl
    betal = sqrt(1.0 - el2)
    temp = esine / (1.0 + betal)
    sinu = am / rl * (sineo1 - aynl - axnl * temp)
    cosu = am / rl * (coseo1 - axnl + aynl * temp)
    su = atan2(sinu, cosu)
    sin2u = (cosu + cosu) * sinu
    cos2u = 1.0 - 2.0 * sinu * sinu
    temp1 = 0.5 * _J2 / pl
    temp2 = temp1 / pl
    mrt = rl * (1.0 - 1.5 * temp2 * betal * con41) + 0.5 * temp1 * x1mth2 * cos2u
    su -= 0.25 * temp2 * x7thm1 * sin2u
    xnode = nodem + 1.5 * temp2 * cosip * sin2u
    xinc = inclm + 1.5 * temp2 * cosip * sinip * cos2u
    mvt = rdotl - nm * temp1 * x1mth2 * sin2u / _XKE
    rvdot = rvdotl + nm * temp1 * (x1mth2 * cos2u + 1.5 * con41) / _XKE
    sinsu, cossu = sin(su), cos(su)
    snod, cnod = sin(xnode), cos(xnode)
    sini, cosi = sin(xinc), cos(xinc)
    xmx = -snod * cosi
    xmy = cnod * cosi
    ux = xmx * sinsu + cnod * cossu
    uy = xmy * sinsu + snod * cossu
    uz = sini * sinsu
    mr = mrt * RADIUS_EARTH_KM
    out[0] = mr * ux
    out[1] = mr * uy
    out[2] = mr * uz
    out[3] = (mvt * ux + rvdot * (xmx * cossu - cnod * sinsu)) * _VKMPERSEC
    out[4] = (mvt * uy + rvdot * (xmy * cossu - snod * sinsu)) * _VKMPERSEC
    out[5] = (mvt * uz + rvdot * sini * cossu) * _VKMPERSEC
    if mrt < 1.0:
        return 6
    if not isfinite(out[0] + out[1] + out[2] + out[3] + out[4] + out[5]):
        return NON_FINITE
    return 0


@nb.njit(nogil=True, cache=True, error_model="numpy")
def states(coefficients, epoch_tai_ns, index, tai_ns, position_km, velocity_km_s, code):  # type: ignore[no-untyped-def]
    """States of object index[k] at tai_ns[k]: position_km and velocity_km_s (m, 3) float64, code (m,) int8.

    coefficients (n, COEFFICIENT_COUNT) float64, epoch_tai_ns (n,) int64, index (m,) int32, tai_ns (m,) int64.
    """
    out = np.empty(6)
    resonance = np.zeros(3)
    for k in range(index.shape[0]):
        i = index[k]
        if k > 0 and index[k - 1] != i:
            resonance[0] = 0.0
        code[k] = _state(coefficients[i], (tai_ns[k] - epoch_tai_ns[i]) / 60.0e9, out, resonance)
        for axis in range(3):
            position_km[k, axis] = out[axis]
            velocity_km_s[k, axis] = out[3 + axis]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def grid_one_by_one(  # type: ignore[no-untyped-def]
    coefficients, epoch_tai_ns, rows, columns, tai_ns, position_km, velocity_km_s, code
):
    """States of the catalogue rows `rows` (m,) at all times tai_ns (k,), into the given columns (m,).

    position_km (k, 3, ...) and code (k, ...) int8 are filled at `columns`; velocity_km_s likewise, unless its first
    dimension is 0. Object after object, so that its coefficients stay in the first-level cache.
    """
    out = np.empty(6)
    resonance = np.zeros(3)
    with_velocity = velocity_km_s.shape[0] > 0
    for m in range(rows.shape[0]):
        i = rows[m]
        column = columns[m]
        resonance[0] = 0.0
        for k in range(tai_ns.shape[0]):
            code[k, column] = _state(coefficients[i], (tai_ns[k] - epoch_tai_ns[i]) / 60.0e9, out, resonance)
            for axis in range(3):
                position_km[k, axis, column] = out[axis]
                if with_velocity:
                    velocity_km_s[k, axis, column] = out[3 + axis]
