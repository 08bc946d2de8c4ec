"""Until when each object counts: SGP4 errors, between samples as well, bisected to 1 ns."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

FOR_EVER_S = 1e30
NEVER_S = -1.0
EARTH_RADIUS_KM = 6378.135  # WGS-72; SGP4 reports error 6 below it
DIP_MARGIN_KM = 0.1
DIP_STEP_S = 0.01
_RESOLUTION_S = 1e-9
_SECONDS_PER_DAY = 86_400.0


class Ends(NamedTuple):
    """Last instant at which an object counts, s from the start (n,), and whether SGP4 carried it off then (n,).

    FOR_EVER_S where none is known, NEVER_S where there is an error at the start.
    """

    last_good_s: NDArray[np.float64]
    wild: NDArray[np.bool_]

    @classmethod
    def unknown(cls, n: int) -> "Ends":
        return cls(np.full(n, FOR_EVER_S), np.zeros(n, dtype=np.bool_))


def with_failures(
    ends: Ends,
    satellites: list[Satrec],
    start_jd: float,
    times_s: NDArray[np.float64],
    code: NDArray[np.uint8],
    position_km: NDArray[np.float64],
) -> Ends:
    """`ends` and what the samples of one slice show: code (n, m), position_km (m, n, 3) at times_s (m,)."""
    last_good_s = ends.last_good_s.copy()
    living = last_good_s >= times_s[-1]
    failing = np.flatnonzero((code != 0).any(axis=1) & living)
    for row in failing.tolist():
        bad = int(np.argmax(code[row] != 0))
        if bad == 0:
            last_good_s[row] = NEVER_S if times_s[0] == 0.0 else times_s[0]
        else:
            last_good_s[row] = _last_good(satellites[row], start_jd, times_s[bad - 1], times_s[bad])
    radius_km = np.sqrt(np.einsum("mnk,mnk->nm", position_km, position_km))
    lowest_km = np.where(code == 0, radius_km, np.inf).min(axis=1)
    for row in np.flatnonzero((lowest_km < EARTH_RADIUS_KM + DIP_MARGIN_KM) & living).tolist():
        dip_s = _dip(satellites[row], start_jd, times_s, radius_km[row])
        if dip_s is not None and dip_s < last_good_s[row]:
            last_good_s[row] = _last_good(satellites[row], start_jd, dip_s - DIP_STEP_S, dip_s)
    return Ends(last_good_s, ends.wild.copy())


def alive_samples(ends: Ends, times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many of a slice's samples, from its first, an object has (n,)."""
    return np.searchsorted(times_s, ends.last_good_s, side="right").astype(np.int64)


def _dip(
    satellite: Satrec, start_jd: float, times_s: NDArray[np.float64], radius_km: NDArray[np.float64]
) -> float | None:
    """The first instant with an error about the low samples of one object, looked for every DIP_STEP_S."""
    step_s = times_s[1] - times_s[0]
    for sample in np.flatnonzero(radius_km < EARTH_RADIUS_KM + DIP_MARGIN_KM).tolist():
        fine_s = np.arange(max(times_s[sample] - step_s, 0.0), times_s[sample] + step_s, DIP_STEP_S)
        code, _, _ = satellite.sgp4_array(np.full(len(fine_s), start_jd), fine_s / _SECONDS_PER_DAY)
        if code.any():
            return float(fine_s[np.argmax(code != 0)])
    return None


def _last_good(satellite: Satrec, start_jd: float, good_s: float, bad_s: float) -> float:
    while bad_s - good_s > _RESOLUTION_S:
        middle_s = 0.5 * (good_s + bad_s)
        code, _, _ = satellite.sgp4(start_jd, middle_s / _SECONDS_PER_DAY)
        if code:
            bad_s = middle_s
        else:
            good_s = middle_s
    return float(good_s)
