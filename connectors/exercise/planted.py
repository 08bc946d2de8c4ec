"""Planted close approaches: pairs that pass each other at a chosen distance and instant, by the sgp4 library.

The second object of a pair keeps its identity, epoch, drag, shape and tilt as far as the meeting allows; its element
set is fitted so that it passes the first object. The truth is then refined from the numbers as messages carry them.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from connectors.exercise.element_sets import ElementSets, quantised, satellites
from connectors.exercise.meeting import Meeting, crossing_velocities, neighbour_velocity
from connectors.exercise.orbit_fit import FitFailedError, fitted, state_at
from connectors.exercise.population import ExerciseError, Population, invalid_rows
from connectors.exercise.regimes import REGIMES
from schemas.timescales import NS_PER_SECOND

MISS_M = (10.0, 3_000.0)
WINDOW_S = (1_800, 20 * 3_600)
_ATTEMPTS_MAX = 400
_LOWEST_KM = 6_378.135 + 200

# Which regimes the first and the second object come from, and how they meet; twenty in turn.
_LEO_FIRST = tuple(r.name for r in REGIMES if r.class_ == "LEO")
_LEO_SECOND = tuple(r.name for r in REGIMES if r.class_ == "LEO" and not r.planes)
_LEO = Meeting("leo-crossing", _LEO_FIRST, _LEO_SECOND, 3.0)
_GEO_SLOW = Meeting("geo-neighbour", ("geo-kept",), ("geo-kept",), 0.0)
_GEO_CROSSING = Meeting("geo-crossing", ("geo-kept",), ("geo-drifting",), 0.05)
_HEO = Meeting("heo-leo", _LEO_FIRST, ("molniya", "gto-7", "gto-27", "gto-49"), 3.0)
_MEO = Meeting("meo-crossing", ("navigation-55", "navigation-65", "meo-stage"), ("meo-stage",), 1.0)
_TURN = (_LEO, _GEO_SLOW, _LEO, _HEO, _LEO, _GEO_CROSSING, _LEO, _MEO, _LEO, _LEO,
         _LEO, _GEO_SLOW, _LEO, _HEO, _LEO, _GEO_CROSSING, _LEO, _GEO_SLOW, _LEO, _GEO_SLOW)  # fmt: skip


class PlantedApproach(NamedTuple):
    """One truth: the two objects are nearest to each other, at ``miss_distance_m``, at ``tca_tai_ns``."""

    catalogue_number_1: int
    catalogue_number_2: int
    tca_tai_ns: int
    miss_distance_m: float
    relative_speed_m_s: float
    meeting: str


def closest_approach(first: Satrec, second: Satrec, near_tai_ns: int) -> tuple[int, float, float]:
    """(TCA TAI ns, distance m, relative speed m/s) of the local minimum near an instant, by the sgp4 library.

    Positions only, as SGP4's velocity is not their derivative: the relative velocity is a central difference over
    two seconds, and each step goes to where straight relative motion is nearest.
    Raises FitFailedError where this does not settle or SGP4 reports an error.
    """
    tca = near_tai_ns
    for _ in range(60):
        offset, velocity = _relative(first, second, tca)
        step_s = -float(offset @ velocity) / float(velocity @ velocity)
        tca += round(np.clip(step_s, -600, 600) * NS_PER_SECOND)
        if abs(step_s) < 1e-7:
            offset, velocity = _relative(first, second, tca)
            return tca, float(np.linalg.norm(offset)) * 1e3, float(np.linalg.norm(velocity)) * 1e3
    raise FitFailedError("the closest approach does not settle")


def plant(
    population: Population, seed: int, count: int, start_tai_ns: int
) -> tuple[Population, tuple[PlantedApproach, ...]]:
    """The population with ``count`` planted approaches between ``WINDOW_S`` after the start, and the truth.

    Every object takes part in one at most. Raises ExerciseError where the population offers no fitting pair.
    """
    rng = np.random.default_rng([seed, 2])
    sets = population.element_sets
    regimes = np.array(population.regimes)
    free = np.ones(len(population), dtype=np.bool_)
    truth = []
    for number in range(count):
        # A small population runs out of objects of the rarer kinds; the crowded low orbits take their turn.
        for meeting in (_TURN[number % len(_TURN)], _LEO):
            tries = (_attempt(rng, sets, regimes, free, meeting, start_tai_ns) for _ in range(_ATTEMPTS_MAX))
            if (found := next((pair for pair in tries if pair is not None), None)) is not None:
                break
        else:
            raise ExerciseError(f"{len(sets)} objects have no pair for planted approach {number + 1}")
        rows, planted, approach = found
        free[rows] = False
        sets = sets.with_rows(rows[1:], planted)
        truth.append(approach)
    return replace(population, element_sets=sets), tuple(truth)


def _attempt(
    rng: np.random.Generator,
    sets: ElementSets,
    regimes: NDArray[np.str_],
    free: NDArray[np.bool_],
    meeting: Meeting,
    start_tai_ns: int,
) -> tuple[NDArray[np.int64], ElementSets, PlantedApproach] | None:
    """One draw of a pair, an instant and a distance; None where they do not go together."""
    firsts = np.flatnonzero(free & np.isin(regimes, meeting.first))
    if firsts.size < 2:
        return None
    row = int(rng.choice(firsts))
    instant = start_tai_ns + int(rng.integers(WINDOW_S[0] * 10**6, WINDOW_S[1] * 10**6)) * 1_000
    miss_km = float(np.exp(rng.uniform(*np.log(MISS_M)))) / 1e3
    first = satellites(sets.take(np.array([row])))[0]
    angle = float(rng.uniform(0, 2 * np.pi))
    free_second = free & np.isin(regimes, meeting.second)
    free_second[row] = False
    try:
        position, velocity = state_at(first, instant)
        if meeting.least_speed_km_s == 0:
            seconds = np.flatnonzero(free_second)
            wanted = [neighbour_velocity(rng, position, velocity)]
        else:
            seconds = _within_reach(sets, np.flatnonzero(free_second), position)
            wanted = []
        if not seconds.size:
            return None
        template = sets.take(np.array([other := int(rng.choice(seconds))]))
        wanted = wanted or crossing_velocities(template, position)
        fast = [v for v in wanted if np.linalg.norm(v - velocity) >= meeting.least_speed_km_s]
        if not fast:
            return None
        planted = _fitted_to_pass(first, template, instant, miss_km, angle, fast[int(rng.integers(len(fast)))])
        return np.array([row, other]), planted, _checked(first, planted, instant, meeting, sets, row, start_tai_ns)
    except FitFailedError:
        return None


def _within_reach(sets: ElementSets, rows: NDArray[np.int64], position_km: NDArray[np.float64]) -> NDArray[np.int64]:
    """Those rows whose orbits come by the radius of a place (to 40 km) and reach its latitude."""
    radius = np.linalg.norm(position_km)
    latitude_deg = np.degrees(np.arcsin(abs(position_km[2]) / radius))
    axis = (398_600.8 * (86_400 / (2 * np.pi * sets.mean_motion_rev_per_day[rows])) ** 2) ** (1 / 3)
    ecc, tilt = sets.eccentricity[rows], sets.inclination_deg[rows]
    at_radius = (axis * (1 - ecc) - 40 <= radius) & (radius <= axis * (1 + ecc) + 40)
    reaching: NDArray[np.int64] = rows[at_radius & (np.minimum(tilt, 180 - tilt) > latitude_deg + 0.5)]
    return reaching


def _fitted_to_pass(
    first: Satrec,
    template: ElementSets,
    instant: int,
    miss_km: float,
    angle: float,
    velocity_km_s: NDArray[np.float64],
) -> ElementSets:
    """The template's orbit, passing the first at the instant, the offset square to the relative velocity."""
    position, first_velocity = state_at(first, instant)
    relative = velocity_km_s - first_velocity
    planted = template
    for _ in range(3):
        along = relative / np.linalg.norm(relative)
        across = np.cross(along, position)
        across /= np.linalg.norm(across)
        offset = miss_km * (np.cos(angle) * across + np.sin(angle) * np.cross(along, across))
        planted = fitted(template, instant, position + offset, velocity_km_s)
        _, relative = _relative(first, satellites(planted)[0], instant)
    return quantised(planted)


def _checked(
    first: Satrec,
    planted: ElementSets,
    instant: int,
    meeting: Meeting,
    sets: ElementSets,
    row: int,
    start_tai_ns: int,
) -> PlantedApproach:
    """The truth of a planted pair, by the numbers of the message. Raises FitFailedError where it is none."""
    second = satellites(planted)[0]
    if (second.altp + 1) * second.radiusearthkm < _LOWEST_KM or invalid_rows(planted, start_tai_ns, 1_800).size:
        raise FitFailedError("the planted orbit does not last")
    tca, distance_m, speed_m_s = closest_approach(first, second, instant)
    if abs(tca - instant) > 120 * NS_PER_SECOND or not 0.5 * MISS_M[0] <= distance_m <= MISS_M[1] * 1.01:
        raise FitFailedError("the closest approach is not where it was planted")
    numbers = int(sets.catalogue_number[row]), int(planted.catalogue_number[0])
    return PlantedApproach(*numbers, tca, distance_m, speed_m_s, meeting.name)


def _relative(first: Satrec, second: Satrec, tai_ns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Second minus first: position (km) and velocity (km/s, central difference over two seconds)."""
    before, at, after = (
        state_at(second, tai_ns + shift)[0] - state_at(first, tai_ns + shift)[0]
        for shift in (-NS_PER_SECOND, 0, NS_PER_SECOND)
    )
    return at, (after - before) / 2
