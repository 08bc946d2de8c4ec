"""Phasing a constellation so that its satellites keep clear of each other, as real ones are."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_TURN = 2 * np.pi


@lru_cache(maxsize=64)
def phasing(planes: int, slots: int, inclination_deg: float, span_deg: float) -> int:
    """Walker's phasing number F in [0, planes) with the largest least distance between satellites of two planes.

    Two circular orbits of equal radius and inclination whose nodes differ by a and whose phases differ by b pass at
    an angle r with ``sin(r/2) = |sin(c/2)| cos(g/2)``, ``c = b + 2 atan(cos(i) tan(a/2))``, g the angle between the
    planes. Source: Walker, "Continuous whole-Earth coverage by circular-orbit satellite patterns", RAE TR 77044.
    """
    if planes == 1:
        return 0
    tilt = np.radians(inclination_deg)
    nodes = np.radians(span_deg) / planes * np.arange(1, planes)
    cos_between = np.cos(tilt) ** 2 + np.sin(tilt) ** 2 * np.cos(nodes)
    half_between = np.arccos(np.clip(cos_between, -1, 1)) / 2
    at_node = 2 * np.arctan2(np.cos(tilt) * np.sin(nodes / 2), np.cos(nodes / 2))
    step = _TURN / (planes * slots)
    best = []
    for factor in range(planes):
        phases = at_node + factor * step * np.arange(1, planes)
        nearest = np.abs(np.mod(phases + _TURN / slots / 2, _TURN / slots) - _TURN / slots / 2)
        best.append(float(np.min(np.sin(nearest / 2) * np.cos(half_between))))
    return int(np.argmax(best))


def phased(count: int, planes: int, inclination_deg: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(node, argument of latitude), deg, shape (count,), of a constellation in ``planes`` planes.

    Planes are spread over 180 degrees for near-polar orbits (a Walker star) and over 360 otherwise (a Walker delta).
    """
    planes = min(planes, count)
    slots = -(-count // planes)
    span_deg = 180.0 if 80.0 < inclination_deg < 100.0 else 360.0
    factor = phasing(planes, slots, inclination_deg, span_deg)
    index = np.arange(count)
    plane, slot = index % planes, index // planes
    node: NDArray[np.float64] = np.float64(span_deg / planes) * plane
    latitude: NDArray[np.float64] = np.mod(360.0 / slots * slot + 360.0 / (planes * slots) * factor * plane, 360.0)
    return node, latitude
