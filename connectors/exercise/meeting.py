"""How two orbits can meet: the velocity of the second where it passes the first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from connectors.exercise.element_sets import ElementSets

_MU_KM3_S2 = 398_600.8
_NEIGHBOUR_KM_S = (2.0e-3, 1.0e-2)
_NEIGHBOUR_ALONG = 0.03  # more along the track would be a drift of degrees a day


class Meeting(NamedTuple):
    """Regimes of the first and the second object, and the least relative speed (0: neighbours on almost one orbit)."""

    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    least_speed_km_s: float


def neighbour_velocity(
    rng: np.random.Generator, position_km: NDArray[np.float64], velocity_km_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A velocity a few m/s from the first's, nearly all of it radial and normal."""
    radial = position_km / np.linalg.norm(position_km)
    along = velocity_km_s / np.linalg.norm(velocity_km_s)
    direction = rng.normal(size=3)
    direction[1] *= _NEIGHBOUR_ALONG
    direction /= np.linalg.norm(direction)
    speed = float(np.exp(rng.uniform(*np.log(_NEIGHBOUR_KM_S))))
    difference = direction[0] * radial + direction[1] * along + direction[2] * np.cross(radial, along)
    neighbour: NDArray[np.float64] = velocity_km_s + speed * difference
    return neighbour


def crossing_velocities(orbit: ElementSets, position_km: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The velocities (km/s) with which an orbit of the given shape and tilt (row 0) can pass a place, two-body.

    Four at most: northward or southward, coming down or going up. An orbit that stays just above or below the place
    is made to touch it with its perigee or apogee. Empty where the tilt does not reach the latitude.
    """
    radius = float(np.linalg.norm(position_km))
    unit = position_km / radius
    axis = (_MU_KM3_S2 * (86_400 / (2 * np.pi * orbit.mean_motion_rev_per_day[0])) ** 2) ** (1 / 3)
    ecc = max(float(orbit.eccentricity[0]), 1e-5)
    cos_anomaly = (axis * (1 - ecc**2) / radius - 1) / ecc
    if cos_anomaly > 1:
        axis, cos_anomaly = radius / (1 - ecc), 1.0
    elif cos_anomaly < -1:
        axis, cos_anomaly = radius / (1 + ecc), -1.0
    root = np.sqrt(_MU_KM3_S2 / (axis * (1 - ecc**2)))
    upward, forward = root * ecc * np.sqrt(1 - cos_anomaly**2), root * (1 + ecc * cos_anomaly)
    north = np.array([0.0, 0.0, 1.0]) - unit[2] * unit
    cos_latitude = float(np.linalg.norm(north))
    north /= cos_latitude
    sin_azimuth = np.cos(np.radians(orbit.inclination_deg[0])) / cos_latitude
    if abs(sin_azimuth) > 1:
        return []
    cos_azimuth = np.sqrt(1 - sin_azimuth**2)
    east = np.cross(north, unit)
    return [
        radial * upward * unit + forward * (sin_azimuth * east + northward * cos_azimuth * north)
        for radial in (1, -1)
        for northward in (1, -1)
    ]
