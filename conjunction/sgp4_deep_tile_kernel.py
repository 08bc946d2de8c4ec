"""Deep-space and eccentric SGP4 in tiles of objects, which the compiler turns into packed arithmetic; WGS-72, mode 'i'.

The equations are those of `sgp4_kernel` (Vallado and others, AIAA 2006-6753), for LANES objects of one kind at once,
with no call and no branch in the loops. The polynomials and the rules that keep it packed are those of
`sgp4_tile_kernel`; what near-earth orbits of small eccentricity do not need is done so:

- Kepler's equation for d = E - u up to an eccentricity of 0.95: Encke's start and two steps of fourth order leave
  2e-15 rad, but next to the perigee of extreme orbits, where the second step tells;
- resonances: the integrator's 720 min steps are taken in blocks of STEP_LANES lanes where one of them is due, and what
  the theory evaluates at the stand of the integrator is kept with it, so that between two steps a state costs two
  polynomials of time; all sines and cosines of a step are made from those of two angles;
- Lyddane's modification: the new node is the old one (its 2 pi branch the library's) plus
  D = atan2(ph, sin i + dinc cos i), and the argument of perigee changes by pgh - dinc sin(i) node - cos(i) D;
- lunar and solar periodics: the constants of the theory are taken into the coefficients when a tile is filled.

A lane's state is to be used only where its mark is 1: within LONGEST_MIN of epoch, eccentricity within bounds, no
branch of the theory within 1e-9, Kepler's equation solved, radius above the earth's, everything finite. All others
(errors among them) are left to the scalar kernel. A state depends on its orbit and its instant alone, bit for bit.

Keep everything that these kernels call in this file: numba's disk cache keys on the file's modification time.
"""

from math import cos, pi, sin, sqrt

import numba as nb
import numpy as np

RADIUS_EARTH_KM = 6378.135  # WGS-72, as in sgp4_kernel
_MU_KM3_S2 = 398600.8
_XKE = 60.0 / sqrt(RADIUS_EARTH_KM**3 / _MU_KM3_S2)
_J2 = 0.001082616
_J3OJ2 = -0.00000253881 / _J2
_VKMPERSEC = RADIUS_EARTH_KM * _XKE / 60.0
_EARTH_RAD_PER_MIN = 4.37526908801129966e-3
_STEP_MIN, _HALF_STEP_MIN2 = 720.0, 259200.0
_LYDDANE_RAD = 0.2

LANES = 64
STEP_LANES = 32  # of these some take a step of the integrator at once; a loop of 16 is unrolled before it is packed
LONGEST_MIN = 400.0 * 1440.0  # from epoch: beyond, the rounding of long angles would show
ECCENTRICITY_LIMIT = 0.97  # beyond it two steps for Kepler's equation seldom do
_SMALLEST_MEAN = -0.001 + 1e-9  # a mean eccentricity below -0.001 is SGP4's error 1
_SMALLEST_PERTURBED = 1e-9  # a negative perturbed eccentricity is its error 3
_LARGEST_STEP_RAD = 2e-4  # the second step for Kepler's equation: the error is its fourth power
_LARGEST_ANOMALY = 2e4  # rad, as LONGEST_MIN
_LARGEST_TURN_RAD = 0.1  # of the inclination since epoch
_LARGEST_MOTION_CHANGE = 0.05  # of a resonant orbit since epoch, relative
_RADIUS_LIMIT = 150.0  # earth radii
_NEAR_BRANCH = 1e-9

LEFT_TO_SCALAR = 127  # a code that no state has

# Kinds of tiles: 2 * irez for the direct form of the periodics alone, one more where Lyddane's may be needed.
KIND_NEAR_EARTH = 6
KINDS = 7

# Where a tile's rows come from: attributes of the sgp4 library's record, in the order of the numbers below.
TILE_SOURCES = (
    "mo", "mdot", "argpo", "argpdot", "nodeo", "nodedot", "nodecf", "cc1", "t2cof", "ecco", "cc4", "no_unkozai",
    "inclo", "bstar",
)  # fmt: skip
DEEP_SOURCES = (
    "zmos", "zmol", "se2", "se3", "si2", "si3", "sl2", "sl3", "sgh2", "sgh3", "sh2", "sh3", "sl4", "sgh4",
    "ee2", "e3", "xi2", "xi3", "xl2", "xl3", "xgh2", "xgh3", "xh2", "xh3", "xl4", "xgh4",
    "peo", "pinco", "plo", "pgho", "pho", "dmdt", "domdt", "dnodt", "dedt", "didt", "gsto", "xfact", "xlamo",
    "del1", "del2", "del3",
    "d2201", "d2211", "d3210", "d3222", "d4410", "d4422", "d5220", "d5232", "d5421", "d5433",
)  # fmt: skip
DRAG_SOURCES = (
    "cc5", "t3cof", "t4cof", "t5cof", "d2", "d3", "d4", "omgcof", "xmcof", "eta", "delmo", "sinmao", "isimp",
)  # fmt: skip
_DEEP_FIRST = len(TILE_SOURCES)
_DRAG_FIRST = _DEEP_FIRST + len(DEEP_SOURCES)
_FROM_DMDT, _FROM_DEL1, _FROM_D2201 = (DEEP_SOURCES.index(name) for name in ("dmdt", "del1", "d2201"))
# rows of a tile
_MO, _MDOT, _ARGPO, _ARGPDOT, _NODEO, _NODEDOT, _NODECF, _CC1, _NT2, _ECCO, _EDOT = range(11)
_NO, _INCLO, _A0, _COSI, _SINI, _IDOT = range(11, 17)
_ZMOS, _ZMOL = 17, 18
_SUN, _MOON = 19, 31  # twelve each: e, i, l, gh, h, of sin**2 and sin cos; l, gh, of sin
_PEO = 43  # then of i, l, gh, h
_GSTO, _XFACT, _XLAMO = 48, 49, 50
_D = 51  # del1 to del3, or d2201 to d5433
_ARGPDOT_J2 = 61
_ATIME, _XLI, _XNI, _XNDT, _XLDOT, _XNDDT, _XNDT0, _XLDOT0, _XNDDT0 = range(62, 71)
_BCC5, _NT3, _NT4, _NT5, _D2, _D3, _D4, _OMGCOF, _XMCOF, _ETA, _DELMO, _SINMAO = range(19, 31)  # near-earth tiles
TILE_ROWS = 71
# rows of a tile's states, then of what one loop leaves to the next
_X, _Y, _Z, _GOOD, _VX, _VY, _VZ = range(7)
_T, _EM, _ARGPM, _MM, _NODEM, _AM, _SINIP, _COSIP = range(7, 15)
_PINC, _PL, _PGH, _PH = range(15, 19)
_AXNL, _AYNL, _SINU, _COSU, _ECOSE, _ESINE = range(19, 25)
STATE_ROWS = 25

# phases of the resonances (fasx2, fasx4, fasx6; g22, g32, g44, g52, g54), as sine and cosine of the whole argument
_S2, _C2 = sin(0.13130908), cos(0.13130908)
_S4, _C4 = sin(2.0 * 2.8843198), cos(2.0 * 2.8843198)
_S6, _C6 = sin(3.0 * 0.37448087), cos(3.0 * 0.37448087)
_S22, _C22 = sin(5.7686396), cos(5.7686396)
_S32, _C32 = sin(0.95240898), cos(0.95240898)
_S44, _C44 = sin(1.8014998), cos(1.8014998)
_S52, _C52 = sin(1.0508330), cos(1.0508330)
_S54, _C54 = sin(4.4108898), cos(4.4108898)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _sine_cosine(x):  # type: ignore[no-untyped-def]
    """Sine and cosine of x rad, |x| < 1e9, turned into half a turn by the double nearest pi, as the library's fmod.

    Minimax polynomials on half a turn: errors below 8e-16 and 8e-15.
    """
    half_turns = np.rint(x * (1.0 / pi))
    r = x - half_turns * pi
    half = 0.5 * half_turns
    sign = 1.0 - 4.0 * (half - np.floor(half))
    z = r * r
    s = -7.408031343670488e-13
    s = s * z + 1.6050970646122487e-10
    s = s * z - 2.505197288121006e-08
    s = s * z + 2.7557318055221206e-06
    s = s * z - 0.00019841269836466636
    s = s * z + 0.008333333333325928
    s = s * z - 0.1666666666666665
    c = -1.106495063437273e-11
    c = c * z + 2.0863065339130052e-09
    c = c * z - 2.7557089482336175e-07
    c = c * z + 2.4801585320308506e-05
    c = c * z - 0.0013888888880747268
    c = c * z + 0.041666666666541154
    c = c * z - 0.49999999999999684
    return sign * (r + r * z * s), sign * (1.0 + z * c)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _turned(s, c, angle):  # type: ignore[no-untyped-def]
    """Sine and cosine of an angle with sine s and cosine c, increased by a small angle (0.12 rad: error 2e-18)."""
    z = angle * angle
    sd = angle * (1.0 + z * (z * (1.0 / 120.0 - z * (1.0 / 5040.0 - z * (1.0 / 362880.0))) - 1.0 / 6.0))
    cd = 1.0 + z * (z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40320.0 - z * (1.0 / 3628800.0)))) - 0.5)
    return s * cd + c * sd, c * cd - s * sd


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _arc_tangent(y, x):  # type: ignore[no-untyped-def]
    """The angle of (x, y), -pi to pi rad, error below 4e-16; 0/0 gives NaN."""
    ax, ay = abs(x), abs(y)
    most, least = max(ax, ay), min(ax, ay)
    beyond = least > 0.4142135623730951 * most  # tan(pi / 8): the tangent of what is left to 45 deg is taken
    q = (least - most if beyond else least) / (least + most if beyond else most)
    z = q * q
    p = -0.01917627151752634
    p = p * z + 0.0392311556198723
    p = p * z - 0.050854323376990765
    p = p * z + 0.05858145587628202
    p = p * z - 0.06664511064599371
    p = p * z + 0.07692183163650894
    p = p * z - 0.09090904576954117
    p = p * z + 0.11111111015227572
    p = p * z - 0.14285714284666184
    p = p * z + 0.19999999999995519
    p = p * z - 0.3333333333333333
    angle = (0.25 * pi if beyond else 0.0) + (q + q * z * p)
    angle = 0.5 * pi - angle if ay > ax else angle
    angle = pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _kepler(s, c, axnl, aynl):  # type: ignore[no-untyped-def]
    """(sine and cosine of E, e cos E, e sin E, last step) of E - axnl sin E + aynl cos E = u, from those of u.

    For d = E - u the equation is d = g cos d + p sin d, with g = e sin M and p = e cos M, M the mean anomaly.
    Encke's start for d is the sine of the angle of (1 - p, g), exact to the third order of e. Two steps follow.
    """
    p = axnl * c + aynl * s
    g = axnl * s - aynl * c
    d = g / np.sqrt((1.0 - p) * (1.0 - p) + g * g)
    z = d * d
    sd = d * (1.0 + z * (z * (1.0 / 120.0 - z * (1.0 / 5040.0 - z * (1.0 / 362880.0))) - 1.0 / 6.0))
    cd = 1.0 + z * (z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40320.0 - z * (1.0 / 3628800.0)))) - 0.5)
    d += _kepler_step(d, p * cd - g * sd, g * cd + p * sd)
    z = d * d
    sd = 1.5831203404204468e-10
    sd = sd * z - 2.5049550897750936e-08
    sd = sd * z + 2.7557305976811014e-06
    sd = sd * z - 0.00019841269810238774
    sd = sd * z + 0.008333333333306742
    sd = sd * z - 0.1666666666666663
    sd = d + d * z * sd
    cd = -1.1304620460700782e-11
    cd = cd * z + 2.0874477943664777e-09
    cd = cd * z - 2.755730370192223e-07
    cd = cd * z + 2.4801587247292686e-05
    cd = cd * z - 0.0013888888888798428
    cd = cd * z + 0.0416666666666661
    cd = cd * z - 0.5
    cd = 1.0 + z * cd
    step = _kepler_step(d, p * cd - g * sd, g * cd + p * sd)
    half = 0.5 * step
    sixth = step * step * (1.0 / 6.0)
    sd, cd = sd + step * (cd - half * sd - sixth * cd), cd - step * (sd + half * cd - sixth * sd)
    return s * cd + c * sd, c * cd - s * sd, p * cd - g * sd, g * cd + p * sd, step


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _kepler_step(d, ecose, esine):  # type: ignore[no-untyped-def]
    """Danby's step of fourth order for d - esine = 0, where esine and ecose are e sin E and e cos E at d."""
    f = esine - d
    slope = 1.0 - ecose
    step = f / slope
    step = f / (slope + 0.5 * step * esine)
    return f / (slope + step * (0.5 * esine + step * (1.0 / 6.0) * ecose))


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _minutes(j, since_epoch_ns, out):  # type: ignore[no-untyped-def]
    """Leave lane j's time from epoch, min, and its mark: 0.0 and unmarked where it is too long."""
    t = since_epoch_ns / 60.0e9
    near = abs(t) < LONGEST_MIN
    out[_T * LANES + j] = t if near else 0.0
    out[_GOOD * LANES + j] = 1.0 if near else 0.0


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _secular(c, j, out):  # type: ignore[no-untyped-def]
    """Secular terms of a deep-space orbit in lane j, and its drag; not the resonances."""
    t = out[_T * LANES + j]
    tempa = 1.0 - t * c[_CC1 * LANES + j]
    em = c[_ECCO * LANES + j] + c[_EDOT * LANES + j] * t
    mm = c[_MO * LANES + j] + t * (c[_MDOT * LANES + j] + t * c[_NT2 * LANES + j])
    good = (em > _SMALLEST_MEAN) & (em < ECCENTRICITY_LIMIT) & (tempa > 0.0) & (abs(mm) < _LARGEST_ANOMALY)
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if good else 0.0
    out[_EM * LANES + j] = max(em, 1.0e-6)
    out[_ARGPM * LANES + j] = c[_ARGPO * LANES + j] + c[_ARGPDOT * LANES + j] * t
    out[_MM * LANES + j] = mm
    out[_NODEM * LANES + j] = c[_NODEO * LANES + j] + t * (c[_NODEDOT * LANES + j] + t * c[_NODECF * LANES + j])
    out[_AM * LANES + j] = c[_A0 * LANES + j] * tempa * tempa


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _secular_near_earth(c, j, out):  # type: ignore[no-untyped-def]
    """Secular terms of a near-earth orbit in lane j, and its drag."""
    t = out[_T * LANES + j]
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
    em = c[_ECCO * LANES + j] + c[_EDOT * LANES + j] * t - c[_BCC5 * LANES + j] * (sinm - c[_SINMAO * LANES + j])
    nt3, nt4, nt5 = c[_NT3 * LANES + j], c[_NT4 * LANES + j], c[_NT5 * LANES + j]
    mm += t2 * (c[_NT2 * LANES + j] + t * (nt3 + t * (nt4 + t * nt5)))
    good = (em > _SMALLEST_MEAN) & (em < ECCENTRICITY_LIMIT) & (tempa > 0.0) & (abs(mm) < _LARGEST_ANOMALY)
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if good else 0.0
    out[_EM * LANES + j] = max(em, 1.0e-6)
    out[_ARGPM * LANES + j] = argpdf - drag
    out[_MM * LANES + j] = mm
    out[_NODEM * LANES + j] = c[_NODEO * LANES + j] + c[_NODEDOT * LANES + j] * t + c[_NODECF * LANES + j] * t2
    out[_AM * LANES + j] = c[_A0 * LANES + j] * tempa * tempa
    out[_SINIP * LANES + j] = c[_SINI * LANES + j]
    out[_COSIP * LANES + j] = c[_COSI * LANES + j]


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _resonant_rates_one_day(c, j, xli):  # type: ignore[no-untyped-def]
    """(xndt, xnddt / xldot) of a 24 h resonance (irez 1) at xli rad."""
    s1, c1 = _sine_cosine(xli)
    s2, c2 = 2.0 * s1 * c1, c1 * c1 - s1 * s1
    s3, c3 = s2 * c1 + c2 * s1, c2 * c1 - s2 * s1
    del1, del2, del3 = c[_D * LANES + j], c[(_D + 1) * LANES + j], c[(_D + 2) * LANES + j]
    xndt = del1 * (s1 * _C2 - c1 * _S2) + del2 * (s2 * _C4 - c2 * _S4) + del3 * (s3 * _C6 - c3 * _S6)
    return xndt, (
        del1 * (c1 * _C2 + s1 * _S2) + 2.0 * del2 * (c2 * _C4 + s2 * _S4) + 3.0 * del3 * (c3 * _C6 + s3 * _S6)
    )


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _resonant_rates_half_day(c, j, xli, atime):  # type: ignore[no-untyped-def]
    """(xndt, xnddt / xldot) of a 12 h resonance (irez 2) at xli rad and atime min.

    Ten terms d sin(k xomi + m xli - g), k = -1 to 2, m = 1 or 2: those of one m are summed as complex numbers.
    """
    so, co = _sine_cosine(c[_ARGPO * LANES + j] + c[_ARGPDOT_J2 * LANES + j] * atime)
    so2, co2 = 2.0 * so * co, co * co - so * so
    s1, c1 = _sine_cosine(xli)
    s2, c2 = 2.0 * s1 * c1, c1 * c1 - s1 * s1
    d2201, d2211, d3210 = c[_D * LANES + j], c[(_D + 1) * LANES + j], c[(_D + 2) * LANES + j]
    d3222, d4410, d4422 = c[(_D + 3) * LANES + j], c[(_D + 4) * LANES + j], c[(_D + 5) * LANES + j]
    d5220, d5232, d5421 = c[(_D + 6) * LANES + j], c[(_D + 7) * LANES + j], c[(_D + 8) * LANES + j]
    d5433 = c[(_D + 9) * LANES + j]
    # of e^(i xli): e^(-i g22) (d2201 e^(2 i xomi) + d2211) + e^(i xomi) (...) + e^(-i xomi) (...)
    re, im = d2201 * co2 + d2211, d2201 * so2
    plus_re, plus_im = d3210 * _C32 + d5220 * _C52, d3210 * _S32 + d5220 * _S52  # conjugates, as the phases are taken
    minus_re, minus_im = d3222 * _C32 + d5232 * _C52, d3222 * _S32 + d5232 * _S52
    one_re = re * _C22 + im * _S22 + co * (plus_re + minus_re) + so * (plus_im - minus_im)
    one_im = im * _C22 - re * _S22 + so * (plus_re - minus_re) - co * (plus_im + minus_im)
    # of e^(2 i xli): e^(-i g44) (d4410 e^(2 i xomi) + d4422) + e^(-i g54) (d5421 e^(i xomi) + d5433 e^(-i xomi))
    re, im = d4410 * co2 + d4422, d4410 * so2
    sum_re, sum_im = co * (d5421 + d5433), so * (d5421 - d5433)
    two_re = re * _C44 + im * _S44 + sum_re * _C54 + sum_im * _S54
    two_im = im * _C44 - re * _S44 + sum_im * _C54 - sum_re * _S54
    first_re, first_im = one_re * c1 - one_im * s1, one_re * s1 + one_im * c1
    second_re, second_im = two_re * c2 - two_im * s2, two_re * s2 + two_im * c2
    return first_im + second_im, first_re + 2.0 * second_re


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _is_back(c, j, t):  # type: ignore[no-untyped-def]
    """Whether the integrator of lane j stands beyond t, or on the other side of epoch."""
    atime = c[_ATIME * LANES + j]
    return (atime != 0.0) & ((atime * t <= 0.0) | (abs(t) < abs(atime)))


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _due(c, j, t):  # type: ignore[no-untyped-def]
    """1 where lane j's integrator is to be moved for time t, else 0."""
    return 1 if _is_back(c, j, t) | (abs(t - c[_ATIME * LANES + j]) >= _STEP_MIN) else 0


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _step(c, j, t, half_day):  # type: ignore[no-untyped-def]
    """Put lane j's integrator back to epoch, or on by a step, or leave it, as t asks.

    Everything is loaded first: a load that depends on a condition would keep the loop from being packed.
    """
    back = _is_back(c, j, t)
    atime, xli, xni = c[_ATIME * LANES + j], c[_XLI * LANES + j], c[_XNI * LANES + j]
    xndt, xldot, xnddt = c[_XNDT * LANES + j], c[_XLDOT * LANES + j], c[_XNDDT * LANES + j]
    xli_0, xni_0, xfact = c[_XLAMO * LANES + j], c[_NO * LANES + j], c[_XFACT * LANES + j]
    xndt_0, xldot_0, xnddt_0 = c[_XNDT0 * LANES + j], c[_XLDOT0 * LANES + j], c[_XNDDT0 * LANES + j]
    on = abs(t - atime) >= _STEP_MIN
    delt = _STEP_MIN if t > 0.0 else -_STEP_MIN
    new_xli = xli + (xldot * delt + xndt * _HALF_STEP_MIN2)
    new_xni = xni + (xndt * delt + xnddt * _HALF_STEP_MIN2)
    new_atime = atime + delt
    if half_day:
        new_xndt, new_xnddt = _resonant_rates_half_day(c, j, new_xli, new_atime)
    else:
        new_xndt, new_xnddt = _resonant_rates_one_day(c, j, new_xli)
    new_xldot = new_xni + xfact
    new_xnddt *= new_xldot
    c[_ATIME * LANES + j] = 0.0 if back else (new_atime if on else atime)
    c[_XLI * LANES + j] = xli_0 if back else (new_xli if on else xli)
    c[_XNI * LANES + j] = xni_0 if back else (new_xni if on else xni)
    c[_XNDT * LANES + j] = xndt_0 if back else (new_xndt if on else xndt)
    c[_XLDOT * LANES + j] = xldot_0 if back else (new_xldot if on else xldot)
    c[_XNDDT * LANES + j] = xnddt_0 if back else (new_xnddt if on else xnddt)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _resonant(c, j, out, half_day):  # type: ignore[no-untyped-def]
    """The mean anomaly and the axis of lane j from where its integrator stands."""
    t = out[_T * LANES + j]
    no = c[_NO * LANES + j]
    ft = t - c[_ATIME * LANES + j]
    xndt = c[_XNDT * LANES + j]
    change = ((c[_XNI * LANES + j] - no) + ft * (xndt + 0.5 * ft * c[_XNDDT * LANES + j])) / no
    xl = c[_XLI * LANES + j] + ft * (c[_XLDOT * LANES + j] + 0.5 * ft * xndt)
    theta = c[_GSTO * LANES + j] + t * _EARTH_RAD_PER_MIN
    nodem, argpm = out[_NODEM * LANES + j], out[_ARGPM * LANES + j]
    mm = xl + 2.0 * (theta - nodem) if half_day else xl - nodem - argpm + theta
    # (1 + change)**(-2/3): the series to the third order, then a step of third order
    y = 1.0 + change * (-2.0 / 3.0 + change * (5.0 / 9.0 - change * (40.0 / 81.0)))
    r = y * y * y * (1.0 + change) * (1.0 + change) - 1.0
    y *= 1.0 - r * (1.0 / 3.0 - r * (2.0 / 9.0))
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if abs(change) < _LARGEST_MOTION_CHANGE else 0.0
    out[_MM * LANES + j] = mm + t * t * c[_NT2 * LANES + j]
    out[_AM * LANES + j] *= y


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _periodics(c, j, out):  # type: ignore[no-untyped-def]
    """Lunar and solar periodics of lane j, up to their constants a quadratic form in sine and cosine of zf."""
    t = out[_T * LANES + j]
    s, co = _sine_cosine(c[_ZMOS * LANES + j] + 1.19459e-5 * t)
    s, co = _turned(s, co, (2.0 * 0.01675) * s)
    pe = s * (c[_SUN * LANES + j] * s + c[(_SUN + 1) * LANES + j] * co)
    pinc = s * (c[(_SUN + 2) * LANES + j] * s + c[(_SUN + 3) * LANES + j] * co)
    pl = s * (c[(_SUN + 4) * LANES + j] * s + c[(_SUN + 5) * LANES + j] * co + c[(_SUN + 10) * LANES + j])
    pgh = s * (c[(_SUN + 6) * LANES + j] * s + c[(_SUN + 7) * LANES + j] * co + c[(_SUN + 11) * LANES + j])
    ph = s * (c[(_SUN + 8) * LANES + j] * s + c[(_SUN + 9) * LANES + j] * co)
    s, co = _sine_cosine(c[_ZMOL * LANES + j] + 1.5835218e-4 * t)
    s, co = _turned(s, co, (2.0 * 0.05490) * s)
    pe += s * (c[_MOON * LANES + j] * s + c[(_MOON + 1) * LANES + j] * co)
    pinc += s * (c[(_MOON + 2) * LANES + j] * s + c[(_MOON + 3) * LANES + j] * co)
    pl += s * (c[(_MOON + 4) * LANES + j] * s + c[(_MOON + 5) * LANES + j] * co + c[(_MOON + 10) * LANES + j])
    pgh += s * (c[(_MOON + 6) * LANES + j] * s + c[(_MOON + 7) * LANES + j] * co + c[(_MOON + 11) * LANES + j])
    ph += s * (c[(_MOON + 8) * LANES + j] * s + c[(_MOON + 9) * LANES + j] * co)
    out[_EM * LANES + j] += pe + c[_PEO * LANES + j]
    out[_PINC * LANES + j] = pinc + c[(_PEO + 1) * LANES + j]
    out[_PL * LANES + j] = pl + c[(_PEO + 2) * LANES + j]
    out[_PGH * LANES + j] = pgh + c[(_PEO + 3) * LANES + j]
    out[_PH * LANES + j] = ph + c[(_PEO + 4) * LANES + j]


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _perturbed(c, j, out, lyddane):  # type: ignore[no-untyped-def]
    """Add the periodics to lane j's elements: in the direct form, or where `lyddane` in whichever is due."""
    pinc = out[_PINC * LANES + j]
    em = out[_EM * LANES + j]
    turn = c[_IDOT * LANES + j] * out[_T * LANES + j] + pinc
    inclp = c[_INCLO * LANES + j] + turn
    sinip, cosip = _turned(c[_SINI * LANES + j], c[_COSI * LANES + j], turn)
    good = (em > _SMALLEST_PERTURBED) & (em < ECCENTRICITY_LIMIT) & (abs(turn) < _LARGEST_TURN_RAD)
    good &= abs(inclp - _LYDDANE_RAD) > _NEAR_BRANCH
    ph, pgh = out[_PH * LANES + j], out[_PGH * LANES + j]
    nodem = out[_NODEM * LANES + j]
    node_change = ph / sinip
    argp_change = pgh - cosip * node_change
    direct = inclp >= _LYDDANE_RAD
    if lyddane:
        along = sinip + pinc * cosip
        angle = _arc_tangent(ph, along)
        turns = nodem * (0.5 / pi)
        whole = np.rint(turns)
        cut = np.floor(abs(turns))
        node = nodem - (cut if nodem >= 0.0 else -cut) * (2.0 * pi)
        definite = (abs(turns - whole) > _NEAR_BRANCH) | (whole == 0.0)
        definite &= (abs(angle) < pi - _NEAR_BRANCH) & (ph * ph + along * along > 1e-14) & (abs(inclp) > _NEAR_BRANCH)
        node_change = node_change if direct else angle
        argp_change = argp_change if direct else pgh - pinc * sinip * node - cosip * angle
        good &= definite | direct
        # an inclination below zero is turned round
        node_change += pi if inclp < 0.0 else 0.0
        argp_change -= pi if inclp < 0.0 else 0.0
        sinip = abs(sinip)
    else:
        good &= direct
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if good else 0.0
    out[_MM * LANES + j] += out[_PL * LANES + j]
    out[_ARGPM * LANES + j] += argp_change
    out[_NODEM * LANES + j] = nodem + node_change
    out[_SINIP * LANES + j] = sinip
    out[_COSIP * LANES + j] = cosip


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _long_period(c, j, out):  # type: ignore[no-untyped-def]
    """Long-period terms for lane j, as far as sine and cosine of u."""
    em = out[_EM * LANES + j]
    argpm = out[_ARGPM * LANES + j]
    sinip = out[_SINIP * LANES + j]
    cosip = out[_COSIP * LANES + j]
    sinargp, cosargp = _sine_cosine(argpm)
    temp = -0.25 * _J3OJ2 * sinip / (out[_AM * LANES + j] * (1.0 - em * em))
    axnl = em * cosargp
    sinu, cosu = _sine_cosine(out[_MM * LANES + j] + argpm + temp * (3.0 + 5.0 * cosip) / (1.0 + cosip) * axnl)
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if cosip > -0.99995 else 0.0
    out[_AXNL * LANES + j] = axnl
    out[_AYNL * LANES + j] = em * sinargp + 2.0 * temp
    out[_SINU * LANES + j] = sinu
    out[_COSU * LANES + j] = cosu


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _in_orbit(j, out):  # type: ignore[no-untyped-def]
    """Kepler's equation for lane j: sine and cosine of the argument of latitude, e cos E and e sin E."""
    axnl = out[_AXNL * LANES + j]
    aynl = out[_AYNL * LANES + j]
    sineo1, coseo1, ecose, esine, step = _kepler(out[_SINU * LANES + j], out[_COSU * LANES + j], axnl, aynl)
    temp = esine / (1.0 + np.sqrt(1.0 - axnl * axnl - aynl * aynl))
    inverse = 1.0 / (1.0 - ecose)
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if abs(step) < _LARGEST_STEP_RAD else 0.0
    out[_SINU * LANES + j] = inverse * (sineo1 - aynl - axnl * temp)
    out[_COSU * LANES + j] = inverse * (coseo1 - axnl + aynl * temp)
    out[_ECOSE * LANES + j] = ecose
    out[_ESINE * LANES + j] = esine


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"}, forceinline=True)
def _short_period(j, out):  # type: ignore[no-untyped-def]
    """Short-period terms for lane j: x, y, z in km, the mark, vx, vy, vz in km/s."""
    axnl = out[_AXNL * LANES + j]
    aynl = out[_AYNL * LANES + j]
    sinu = out[_SINU * LANES + j]
    cosu = out[_COSU * LANES + j]
    am = out[_AM * LANES + j]
    cosip = out[_COSIP * LANES + j]
    sinip = out[_SINIP * LANES + j]
    el2 = axnl * axnl + aynl * aynl
    pl = am * (1.0 - el2)
    cos2i = cosip * cosip
    con41 = 3.0 * cos2i - 1.0
    x1mth2 = 1.0 - cos2i
    sin2u = (cosu + cosu) * sinu
    cos2u = 1.0 - 2.0 * sinu * sinu
    inverse_pl = 1.0 / pl
    temp1 = 0.5 * _J2 * inverse_pl
    temp2 = temp1 * inverse_pl
    rl = am * (1.0 - out[_ECOSE * LANES + j])
    mrt = rl * (1.0 - 1.5 * temp2 * np.sqrt(1.0 - el2) * con41) + 0.5 * temp1 * x1mth2 * cos2u
    sinsu, cossu = _turned(sinu, cosu, -0.25 * temp2 * (7.0 * cos2i - 1.0) * sin2u)
    sini, cosi = _turned(sinip, cosip, 1.5 * temp2 * cosip * sinip * cos2u)
    snod, cnod = _sine_cosine(out[_NODEM * LANES + j] + 1.5 * temp2 * cosip * sin2u)
    xmx = -snod * cosi
    xmy = cnod * cosi
    ux = xmx * sinsu + cnod * cossu
    uy = xmy * sinsu + snod * cossu
    uz = sini * sinsu
    mr = mrt * RADIUS_EARTH_KM
    good = (el2 < ECCENTRICITY_LIMIT**2) & (mrt > 1.0 + 1e-9) & (mrt < _RADIUS_LIMIT)
    out[_GOOD * LANES + j] = out[_GOOD * LANES + j] if good else 0.0
    out[_X * LANES + j] = mr * ux
    out[_Y * LANES + j] = mr * uy
    out[_Z * LANES + j] = mr * uz

    root_am = np.sqrt(am)
    nm_temp1 = temp1 / (am * root_am)
    mvt = root_am * out[_ESINE * LANES + j] / rl - nm_temp1 * x1mth2 * sin2u
    rvdot = np.sqrt(pl) / rl + nm_temp1 * (x1mth2 * cos2u + 1.5 * con41)
    out[_VX * LANES + j] = (mvt * ux + rvdot * (xmx * cossu - cnod * sinsu)) * _VKMPERSEC
    out[_VY * LANES + j] = (mvt * uy + rvdot * (xmy * cossu - snod * sinsu)) * _VKMPERSEC
    out[_VZ * LANES + j] = (mvt * uz + rvdot * sini * cossu) * _VKMPERSEC


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _integrate(tile, out, half_day):  # type: ignore[no-untyped-def]
    """Bring the integrators of a tile to where the times in out ask for."""
    due = 0
    for j in range(LANES):
        due |= _due(tile, j, out[_T * LANES + j])
    if due == 0:
        return
    for block in range(LANES // STEP_LANES):
        while True:
            due = 0
            for lane in range(STEP_LANES):
                j = block * STEP_LANES + lane
                due |= _due(tile, j, out[_T * LANES + j])
            if due == 0:
                break
            if half_day:
                for lane in range(STEP_LANES):
                    j = block * STEP_LANES + lane
                    _step(tile, j, out[_T * LANES + j], True)
            else:
                for lane in range(STEP_LANES):
                    j = block * STEP_LANES + lane
                    _step(tile, j, out[_T * LANES + j], False)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def tile_states(tile, since_epoch_ns, out, kind):  # type: ignore[no-untyped-def]
    """x, y, z (km, TEME), the mark, vx, vy, vz (km/s) of each lane's object at its time, in rows 0 to 6 of out.

    tile (TILE_ROWS * LANES,) float64, whose integrators are moved; since_epoch_ns (LANES,) int64; out (STATE_ROWS *
    LANES,) float64, of which the other rows are working space; kind, that of all objects of the tile. Many short loops:
    an iteration is then short enough for the processor to work on some of them at a time.
    """
    for j in range(LANES):
        _minutes(j, since_epoch_ns[j], out)
    if kind == KIND_NEAR_EARTH:
        for j in range(LANES):
            _secular_near_earth(tile, j, out)
    else:
        for j in range(LANES):
            _secular(tile, j, out)
        if kind >= 4:
            _integrate(tile, out, True)
            for j in range(LANES):
                _resonant(tile, j, out, True)
        elif kind >= 2:
            _integrate(tile, out, False)
            for j in range(LANES):
                _resonant(tile, j, out, False)
        for j in range(LANES):
            _periodics(tile, j, out)
        if kind % 2 == 1:
            for j in range(LANES):
                _perturbed(tile, j, out, True)
        else:
            for j in range(LANES):
                _perturbed(tile, j, out, False)
    for j in range(LANES):
        _long_period(tile, j, out)
    for j in range(LANES):
        _in_orbit(j, out)
    for j in range(LANES):
        _short_period(j, out)


@nb.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _start_integrators(tile, half_day):  # type: ignore[no-untyped-def]
    """Put the integrators of a tile to epoch, and keep what the theory evaluates there."""
    for j in range(LANES):
        xli = tile[_XLAMO * LANES + j]
        if half_day:
            xndt, xnddt = _resonant_rates_half_day(tile, j, xli, 0.0)
        else:
            xndt, xnddt = _resonant_rates_one_day(tile, j, xli)
        xldot = tile[_NO * LANES + j] + tile[_XFACT * LANES + j]
        tile[_ATIME * LANES + j] = 0.0
        tile[_XLI * LANES + j] = xli
        tile[_XNI * LANES + j] = tile[_NO * LANES + j]
        for row in (_XNDT, _XNDT0):
            tile[row * LANES + j] = xndt
        for row in (_XLDOT, _XLDOT0):
            tile[row * LANES + j] = xldot
        for row in (_XNDDT, _XNDDT0):
            tile[row * LANES + j] = xnddt * xldot


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _fill_drag(c, source, bstar, no, tile, j):  # type: ignore[no-untyped-def]
    """Lane j's rows that only near-earth tiles have; source are the columns of DRAG_SOURCES in c."""
    with_drag = 0.0 if c[source[12]] == 1.0 else 1.0  # the theory leaves these terms out for low perigees
    for k in range(12):
        tile[(_BCC5 + k) * LANES + j] = c[source[k]]
    tile[_BCC5 * LANES + j] *= bstar * with_drag
    for row in range(_NT3, _NT5 + 1):
        tile[row * LANES + j] *= no * with_drag
    for row in range(_D2, _XMCOF + 1):
        tile[row * LANES + j] *= with_drag


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _fill_deep_space(c, source, tile, j, kind):  # type: ignore[no-untyped-def]
    """Lane j's rows that only deep-space tiles have; source are the columns of DEEP_SOURCES in c.

    A periodic term a f2 + b f3 = a (sin**2 / 2 - 1 / 4) - b sin cos / 2 becomes a quadratic form and a constant.
    """
    for k in range(_FROM_DMDT):
        tile[(_ZMOS + k) * LANES + j] = c[source[k]]
    for k in range(5):
        constant = -tile[(_PEO + k) * LANES + j]
        for body in (_SUN, _MOON):
            constant -= 0.25 * tile[(body + 2 * k) * LANES + j]
            tile[(body + 2 * k) * LANES + j] *= 0.5
            tile[(body + 2 * k + 1) * LANES + j] *= -0.5
        tile[(_PEO + k) * LANES + j] = constant
    tile[_ARGPDOT_J2 * LANES + j] = tile[_ARGPDOT * LANES + j]
    tile[_MDOT * LANES + j] += c[source[_FROM_DMDT]]
    tile[_ARGPDOT * LANES + j] += c[source[_FROM_DMDT + 1]]
    tile[_NODEDOT * LANES + j] += c[source[_FROM_DMDT + 2]]
    tile[_EDOT * LANES + j] += c[source[_FROM_DMDT + 3]]
    tile[_IDOT * LANES + j] = c[source[_FROM_DMDT + 4]]
    for k in range(3):
        tile[(_GSTO + k) * LANES + j] = c[source[_FROM_DMDT + 5 + k]]
    for k in range(10):
        tile[(_D + k) * LANES + j] = c[source[_FROM_D2201 + k if kind >= 4 else _FROM_DEL1 + min(k, 2)]]


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _fill_tile(coefficients, source, rows, tile, kind):  # type: ignore[no-untyped-def]
    """Fill the lanes of a tile with catalogue rows `rows` (m,), over and over."""
    for j in range(LANES):
        c = coefficients[rows[j % rows.shape[0]]]
        for k in range(_EDOT):
            tile[k * LANES + j] = c[source[k]]
        cc4, no, inclination, bstar = c[source[10]], c[source[11]], c[source[12]], c[source[13]]
        tile[_NT2 * LANES + j] *= no
        tile[_EDOT * LANES + j] = -bstar * cc4
        tile[_NO * LANES + j] = no
        tile[_INCLO * LANES + j] = inclination
        tile[_A0 * LANES + j] = (_XKE / no) ** (2.0 / 3.0)
        tile[_COSI * LANES + j] = np.cos(inclination)
        tile[_SINI * LANES + j] = np.sin(inclination)
        if kind == KIND_NEAR_EARTH:
            _fill_drag(c, source[_DRAG_FIRST:], bstar, no, tile, j)
        else:
            _fill_deep_space(c, source[_DEEP_FIRST:_DRAG_FIRST], tile, j, kind)
    if kind != KIND_NEAR_EARTH and kind >= 2:
        _start_integrators(tile, kind >= 4)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def grid_in_deep_tiles(  # type: ignore[no-untyped-def]
    coefficients, source, epoch_tai_ns, rows, columns, kind, tai_ns, position_km, velocity_km_s, code
):
    """States of the catalogue rows `rows` (m,), all of one kind, at all times tai_ns (k,), into the columns (m,).

    coefficients (n, COEFFICIENT_COUNT) float64 with TILE_SOURCES, DEEP_SOURCES and DRAG_SOURCES in its columns
    `source`; epoch_tai_ns (n,) int64; position_km (k, 3, ...) and code (k, ...) int8 are filled at `columns`: 0, or
    LEFT_TO_SCALAR where the state is not to be used. velocity_km_s is filled likewise unless its first dimension is 0.
    Where rows are fewer than half a tile's lanes, its lanes are the rows at some times at once.
    """
    tile = np.empty(TILE_ROWS * LANES)
    out = np.empty(STATE_ROWS * LANES)
    since_epoch_ns = np.empty(LANES, dtype=np.int64)
    moment = np.empty(LANES, dtype=np.int64)
    epoch = np.empty(LANES, dtype=np.int64)
    times = tai_ns.shape[0]
    for first in range(0, rows.shape[0], LANES):
        of_tile, to = rows[first : first + LANES], columns[first : first + LANES]
        count = of_tile.shape[0]
        copies = LANES // count
        _fill_tile(coefficients, source, of_tile, tile, kind)
        for j in range(LANES):
            epoch[j] = epoch_tai_ns[of_tile[j % count]]
            moment[j] = j // count
        for k in range(0, times, copies):
            for j in range(LANES):
                since_epoch_ns[j] = tai_ns[min(k + moment[j], times - 1)] - epoch[j]
            tile_states(tile, since_epoch_ns, out, kind)
            for copy in range(min(copies, times - k)):
                _hand_over(out, copy * count, to, k + copy, position_km, velocity_km_s, code)


@nb.njit(nogil=True, cache=True, error_model="numpy")
def _hand_over(out, lane, columns, k, position_km, velocity_km_s, code):  # type: ignore[no-untyped-def]
    """The states in lanes lane, lane + 1, ... go to time k and the columns (m,) of the grid."""
    for axis in range(3):
        for j in range(columns.shape[0]):
            position_km[k, axis, columns[j]] = out[(_X + axis) * LANES + lane + j]
        if velocity_km_s.shape[0] > 0:
            for j in range(columns.shape[0]):
                velocity_km_s[k, axis, columns[j]] = out[(_VX + axis) * LANES + lane + j]
    for j in range(columns.shape[0]):
        code[k, columns[j]] = 0 if out[_GOOD * LANES + lane + j] == 1.0 else LEFT_TO_SCALAR
