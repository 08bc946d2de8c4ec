"""Mean elements that make SGP4 reach a given state at a given instant: differential correction.

Unknowns are equinoctial (Broucke and Cefola 1972), which are regular for circular and equatorial orbits:
n (rev/day), h = e sin(w + W), k = e cos(w + W), p = tan(i/2) sin W, q = tan(i/2) cos W, l = M + w + W.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from connectors.exercise.element_sets import ElementSets, moved, satellites
from schemas.timescales import utc_julian_date

_MU_KM3_S2 = 398_600.8
_TOLERANCE_KM = 1e-7
_ITERATIONS_MAX = 25


class FitFailedError(RuntimeError):
    """No element set of that epoch reaches the state."""


def state_at(satellite: Satrec, tai_ns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(position km, velocity km/s), TEME, shape (3,) each, by the sgp4 library. Raises FitFailedError on its errors."""
    jd, fraction = utc_julian_date(np.array([tai_ns]))
    error, position, velocity = satellite.sgp4(float(jd[0]), float(fraction[0]))
    if error != 0:
        raise FitFailedError(f"SGP4 error {error}")
    return np.array(position), np.array(velocity)


def fitted(
    template: ElementSets, tai_ns: int, position_km: NDArray[np.float64], velocity_km_s: NDArray[np.float64]
) -> ElementSets:
    """``template`` (one row: identity, epoch, drag) with the mean elements that reach the TEME state at ``tai_ns``.

    Fits at the instant itself first, where the osculating elements are a near guess, moves that orbit back to the
    template's epoch and corrects again. Raises FitFailedError where either does not converge to 0.1 mm.
    """
    there = replace(template, epoch_tai_ns=np.array([tai_ns]))
    unknowns = _osculating(position_km, velocity_km_s)
    unknowns = _corrected(there, unknowns, tai_ns, position_km, velocity_km_s)
    back, usable = moved(_with(there, unknowns), template.epoch_tai_ns)
    if not usable[0]:
        raise FitFailedError("the orbit does not reach back to the epoch")
    unknowns = _corrected(template, _equinoctial(back), tai_ns, position_km, velocity_km_s)
    return _with(template, unknowns)


def _corrected(
    template: ElementSets,
    unknowns: NDArray[np.float64],
    tai_ns: int,
    position_km: NDArray[np.float64],
    velocity_km_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Newton's method with a Jacobian by central differences; velocity weighs as much as position does."""
    weight_s = 86_400 / (2 * np.pi * unknowns[0])
    target = np.concatenate([position_km, velocity_km_s * weight_s])

    def reached(values: NDArray[np.float64]) -> NDArray[np.float64]:
        position, velocity = state_at(satellites(_with(template, values))[0], tai_ns)
        return np.concatenate([position, velocity * weight_s])

    for _ in range(_ITERATIONS_MAX):
        residual = target - reached(unknowns)
        if np.linalg.norm(residual) < _TOLERANCE_KM:
            return unknowns
        steps = np.array([1e-7 * unknowns[0], 1e-7, 1e-7, 1e-7, 1e-7, 1e-7])
        jacobian = np.empty((6, 6))
        for column, step in enumerate(steps):
            change = np.zeros(6)
            change[column] = step
            jacobian[:, column] = (reached(unknowns + change) - reached(unknowns - change)) / (2 * step)
        try:
            unknowns = unknowns + np.linalg.solve(jacobian, residual)
        except np.linalg.LinAlgError as error:
            raise FitFailedError("the Jacobian is singular") from error
        if not (0 < unknowns[0] < 20) or np.hypot(unknowns[1], unknowns[2]) >= 1:
            raise FitFailedError("the correction left the range of bound orbits")
    raise FitFailedError(f"{np.linalg.norm(residual):.3g} km away after {_ITERATIONS_MAX} corrections")


def _with(template: ElementSets, unknowns: NDArray[np.float64]) -> ElementSets:
    """The template with classical elements of the equinoctial ones."""
    n, h, k, p, q, mean_longitude = unknowns
    node = np.arctan2(p, q)
    pericentre = np.arctan2(h, k)
    return replace(
        template,
        mean_motion_rev_per_day=np.array([n]),
        eccentricity=np.array([np.hypot(h, k)]),
        inclination_deg=np.array([np.degrees(2 * np.arctan(np.hypot(p, q)))]),
        ra_of_asc_node_deg=np.array([np.degrees(node) % 360]),
        arg_of_pericenter_deg=np.array([np.degrees(pericentre - node) % 360]),
        mean_anomaly_deg=np.array([np.degrees(mean_longitude - pericentre) % 360]),
    )


def _equinoctial(sets: ElementSets) -> NDArray[np.float64]:
    node, argument, anomaly = (
        np.radians(column[0]) for column in (sets.ra_of_asc_node_deg, sets.arg_of_pericenter_deg, sets.mean_anomaly_deg)
    )
    ecc, tilt = sets.eccentricity[0], np.tan(np.radians(sets.inclination_deg[0]) / 2)
    return np.array(
        [
            sets.mean_motion_rev_per_day[0],
            ecc * np.sin(argument + node),
            ecc * np.cos(argument + node),
            tilt * np.sin(node),
            tilt * np.cos(node),
            anomaly + argument + node,
        ]
    )


def _osculating(r: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two-body equinoctial elements of a state (km, km/s)."""
    momentum = np.cross(r, v)
    normal = momentum / np.linalg.norm(momentum)
    p, q = normal[0] / (1 + normal[2]), -normal[1] / (1 + normal[2])
    scale = 1 + p * p + q * q
    f = np.array([1 - p * p + q * q, 2 * p * q, -2 * p]) / scale
    g = np.array([2 * p * q, 1 + p * p - q * q, 2 * q]) / scale
    distance = float(np.linalg.norm(r))
    axis = 1 / (2 / distance - float(v @ v) / _MU_KM3_S2)
    if axis <= 0:
        raise FitFailedError("the state is not bound")
    apsis = np.cross(v, momentum) / _MU_KM3_S2 - r / distance
    k, h = float(apsis @ f), float(apsis @ g)
    root = np.sqrt(1 - h * h - k * k)
    b = 1 / (1 + root)
    x, y = float(r @ f), float(r @ g)
    cos_f = k + ((1 - k * k * b) * x - h * k * b * y) / (axis * root)
    sin_f = h + ((1 - h * h * b) * y - h * k * b * x) / (axis * root)
    longitude = np.arctan2(sin_f, cos_f) + h * cos_f - k * sin_f
    return np.array([np.sqrt(_MU_KM3_S2 / axis**3) * 86_400 / (2 * np.pi), h, k, p, q, longitude])
