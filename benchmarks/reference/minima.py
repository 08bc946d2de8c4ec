"""All local minima of a pair's range inside given steps of time, from positions of the sgp4 library alone.

The range's derivative is a difference of positions (SGP4's velocity is not the derivative of its position), taken at
every second of a step; changes from negative to positive are bisected. At the window's start a range that rises is a
minimum, at its end one that falls, and so is the last instant of an object that fails.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

DIFFERENCE_S = 0.5
LAST_SECONDS = 15.0  # of an object that fails: drag may change its motion within a fraction of a second
LAST_DIFFERENCE_S = 0.01
RATE_NOISE_KM_S = 4e-8  # 1e-8 km of position noise, differenced over 1 s, with room
FINE_PER_STEP = 4
BISECTIONS = 36  # of 1 s: 1.5e-11 s
PROMINENCE_KM = 4e-8  # 1e-8 km of noise in each of four positions: what dips less is noise of a flat range
FLAT_TOLERANCE_S = 0.1  # minima known worse than this are looked at for noise
BETWEEN = 257
_SECONDS_PER_DAY = 86_400.0


class Minimum(NamedTuple):
    """A minimum of the range: s from the window's start, km, km/s; how well its flatness lets TCA be known, s."""

    tca_s: float
    miss_km: float
    speed_km_s: float
    at_edge: bool
    tolerance_s: float


class Pair:
    """Two satellites, followed from a window's start (Julian date, UTC) to `until_s`, where the first of them ends."""

    def __init__(self, one: Satrec, two: Satrec, start_jd: float, until_s: float) -> None:
        self.one, self.two, self.start_jd, self.until_s = one, two, start_jd, until_s

    def relative_km(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Second minus first, km, TEME (k, 3)."""
        jd, fraction = np.full(len(t_s), self.start_jd), t_s / _SECONDS_PER_DAY
        code_one, one, _ = self.one.sgp4_array(jd, fraction)
        code_two, two, _ = self.two.sgp4_array(jd, fraction)
        if code_one.any() or code_two.any():
            raise RuntimeError(f"an SGP4 error inside the followed time: {self.one.satnum}, {self.two.satnum}")
        return np.asarray(two - one)

    def rate_km_s(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """The range's derivative: central differences, or backward ones of second order near `until_s`."""
        h = np.where(t_s > self.until_s - LAST_SECONDS, LAST_DIFFERENCE_S, DIFFERENCE_S)
        here = self.relative_km(t_s)
        last = t_s + h > self.until_s
        before = self.relative_km(t_s - h)
        slope = np.empty_like(here)
        slope[~last] = self.relative_km((t_s + h)[~last]) - before[~last]
        slope[last] = 3.0 * here[last] - 4.0 * before[last] + self.relative_km((t_s - 2.0 * h)[last])
        slope /= (2.0 * h)[:, None]
        length = np.maximum(np.linalg.norm(here, axis=1), 1e-12)
        rate = np.einsum("ij,ij->i", here, slope) / length
        rate[np.abs(rate) < 1e-15] = 0.0
        return np.asarray(rate)

    def minimum_at(self, t_s: float, *, at_edge: bool) -> Minimum:
        """Range, relative speed and flatness at an instant."""
        fraction = t_s / _SECONDS_PER_DAY
        _, r1, v1 = self.one.sgp4(self.start_jd, fraction)
        _, r2, v2 = self.two.sgp4(self.start_jd, fraction)
        miss_km = float(np.linalg.norm(np.subtract(r2, r1)))
        speed_km_s = float(np.linalg.norm(np.subtract(v2, v1)))
        tolerance_s = 1e-3
        if not at_edge:
            rates = self.rate_km_s(np.array([t_s - 1.0, min(t_s + 1.0, self.until_s)]))
            tolerance_s = max(tolerance_s, 2.0 * RATE_NOISE_KM_S / max((rates[1] - rates[0]) / 2.0, 1e-30))
        return Minimum(t_s, miss_km, speed_km_s, at_edge, float(tolerance_s))


def minima_in_steps(pair: Pair, start_s: NDArray[np.float64], end_s: NDArray[np.float64]) -> list[Minimum]:
    """Minima inside the steps [start_s, end_s] (k,), ordered; neither edges of the window nor ends of objects."""
    fine = np.arange(FINE_PER_STEP + 1) / FINE_PER_STEP
    grid = start_s[:, None] + (end_s - start_s)[:, None] * fine
    rate = pair.rate_km_s(grid.ravel()).reshape(grid.shape)
    found = []
    for row, column in np.argwhere((rate[:, :-1] < 0.0) & (rate[:, 1:] >= 0.0)):
        low, high = float(grid[row, column]), float(grid[row, column + 1])
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            if _rate_sign(pair, middle) < 0.0:
                low = middle
            else:
                high = middle
        found.append(pair.minimum_at(high, at_edge=False))
    return found


def without_noise(pair: Pair, minima: list[Minimum]) -> list[Minimum]:
    """A pair's minima, in order of time, without those that are only noise of a flat range.

    Of two neighbours between which the range does not rise by PROMINENCE_KM above the higher one, that one is dropped.
    Noise at a flat maximum or on a slope always has a true or an edge minimum for a neighbour, so it cannot stay; of
    several at the bottom of one flat minimum the lowest stays.
    """
    kept: list[Minimum] = []
    for minimum in minima:
        kept.append(minimum)
        while len(kept) > 1 and not _apart(pair, kept[-2], kept[-1]):
            kept.pop(-1 if kept[-1].miss_km >= kept[-2].miss_km else -2)
    return kept


def _apart(pair: Pair, one: Minimum, two: Minimum) -> bool:
    if max(one.tolerance_s, two.tolerance_s) < FLAT_TOLERANCE_S:
        return True
    between_km = np.linalg.norm(pair.relative_km(np.linspace(one.tca_s, two.tca_s, BETWEEN)), axis=1)
    return bool(between_km.max() - max(one.miss_km, two.miss_km) > PROMINENCE_KM)


def rises_from(pair: Pair, t_s: float) -> bool:
    return bool(pair.rate_km_s(np.array([t_s]))[0] >= 0.0)


def _rate_sign(pair: Pair, t_s: float) -> float:
    """What `rate_km_s` gives at one instant, without its arrays: only the sign is used."""
    h = DIFFERENCE_S
    if t_s > pair.until_s - LAST_SECONDS:
        return float(pair.rate_km_s(np.array([t_s]))[0])
    x0, y0, z0 = _relative(pair, t_s)
    x1, y1, z1 = _relative(pair, t_s - h)
    x2, y2, z2 = _relative(pair, t_s + h)
    return x0 * (x2 - x1) + y0 * (y2 - y1) + z0 * (z2 - z1)


def _relative(pair: Pair, t_s: float) -> tuple[float, float, float]:
    fraction = t_s / _SECONDS_PER_DAY
    _, one, _ = pair.one.sgp4(pair.start_jd, fraction)
    _, two, _ = pair.two.sgp4(pair.start_jd, fraction)
    return two[0] - one[0], two[1] - one[1], two[2] - one[2]
