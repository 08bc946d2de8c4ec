"""Brute force for screening volumes, from the sgp4 library alone, with RTN axes of its own."""

from typing import NamedTuple

import numpy as np
from sgp4.api import Satrec

from conjunction.volumes import ScreeningVolume


class Inside(NamedTuple):
    """A maximal interval inside, seconds from epoch, and how well its ends are known."""

    entry_s: float
    exit_s: float
    tolerance_s: float


Owned = tuple[ScreeningVolume | None, ScreeningVolume | None]


class PairOfVolumes:
    """Two satellites, each with a volume or None; times are seconds since the (common) epoch."""

    def __init__(
        self, satellites: list[Satrec], volumes: tuple[ScreeningVolume | None, ScreeningVolume | None]
    ) -> None:
        self.satellites = satellites
        self.volumes = volumes

    def states(self, t_s: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]] | None:
        """Positions and velocities, (m, 3) each, of both; None where the library reports an error."""
        found = []
        for satellite in self.satellites:
            jd = np.full(len(t_s), satellite.jdsatepoch)
            code, position, velocity = satellite.sgp4_array(jd, satellite.jdsatepochF + t_s / 86_400.0)
            if code.any():
                return None
            found.append((position, velocity))
        return found

    def depth(self, t_s: np.ndarray) -> np.ndarray:
        """At most 1 where the pair is inside: the least of both volumes' measures, (m,)."""
        least = np.full(len(t_s), np.inf)
        for owner, volume in enumerate(self.volumes):
            if volume is None:
                continue
            place = self.in_rtn_km(owner, t_s) / np.array(volume[1:])
            measure = np.abs(place).max(axis=1) if volume.shape == "box" else np.sqrt((place**2).sum(axis=1))
            least = np.minimum(least, measure)
        return least

    def in_rtn_km(self, owner: int, t_s: np.ndarray) -> np.ndarray:
        """Where the other is in the owner's (0 or 1) RTN frame, (m, 3)."""
        both = self.states(t_s)
        assert both is not None
        (position, velocity), (other, _) = both[owner], both[1 - owner]
        radial = position / np.linalg.norm(position, axis=1)[:, None]
        normal = np.cross(position, velocity)
        normal = normal / np.linalg.norm(normal, axis=1)[:, None]
        axes = (radial, np.cross(normal, radial), normal)
        return np.stack([((other - position) * axis).sum(axis=1) for axis in axes], axis=1)

    def range_km(self, t_s: np.ndarray) -> np.ndarray:
        both = self.states(t_s)
        assert both is not None
        return np.asarray(np.linalg.norm(both[1][0] - both[0][0], axis=1))

    def intervals(self, start_s: float, stop_s: float, step_s: float) -> list[Inside]:
        """Maximal intervals inside that a step does not leap over, ends bisected; of noise as the crossing's speed."""
        times = np.linspace(start_s, stop_s, int((stop_s - start_s) / step_s) + 2)
        parts = np.array_split(times, max(len(times) // 50_000, 1))
        inside = np.concatenate([self.depth(part) <= 1.0 for part in parts])
        turns = np.flatnonzero(inside[1:] != inside[:-1])
        ends = [self._turn(float(times[k]), float(times[k + 1])) for k in turns]
        if inside[0]:
            ends.insert(0, (start_s, 0.0))
        if inside[-1]:
            ends.append((stop_s, 0.0))
        return [
            Inside(entry[0], leave[0], max(entry[1], leave[1]))
            for entry, leave in zip(ends[::2], ends[1::2], strict=True)
        ]

    def _turn(self, low_s: float, high_s: float) -> tuple[float, float]:
        side = self.depth(np.array([low_s]))[0] <= 1.0
        for _ in range(40):
            middle_s = 0.5 * (low_s + high_s)
            if (self.depth(np.array([middle_s]))[0] <= 1.0) == side:
                low_s = middle_s
            else:
                high_s = middle_s
        around = self.depth(np.array([low_s - 0.01, low_s + 0.01]))
        return low_s, self.noise() / max(abs(around[1] - around[0]) / 0.02, 1e-12)

    def noise(self) -> float:
        """4e-8 km of position, as a part of the smallest size."""
        return 4e-8 / min(min(volume[1:]) for volume in self.volumes if volume is not None)
