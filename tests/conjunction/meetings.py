"""Pairs of orbits made to meet, for the hypothesis tests."""

import numpy as np
from hypothesis import strategies as st
from sgp4.api import Satrec

from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import Elements, rev_per_day, table_of

_MU_KM3_S2 = 398600.8
_LEAST_PERIGEE_KM = 6578.0


def elements_through(
    position_km: np.ndarray,
    velocity_km_s: np.ndarray,
    before_min: float,
    largest_e: float = 0.8,
    least_perigee_km: float = _LEAST_PERIGEE_KM,
) -> Elements | None:
    """Keplerian elements, before_min earlier, of the orbit through a state; None below 200 km or beyond e = 0.8.

    Taken as mean elements for SGP4 this misses the state by some kilometres, which is what a meeting wants.
    """
    r = float(np.linalg.norm(position_km))
    speed2 = float(velocity_km_s @ velocity_km_s)
    axis = 1.0 / (2.0 / r - speed2 / _MU_KM3_S2)
    momentum = np.cross(position_km, velocity_km_s)
    pointing = np.cross(velocity_km_s, momentum) / _MU_KM3_S2 - position_km / r
    e = float(np.linalg.norm(pointing))
    if axis <= 0.0 or e > largest_e or axis * (1.0 - e) < least_perigee_km:
        return None
    w = momentum / np.linalg.norm(momentum)
    inclination = np.arccos(np.clip(w[2], -1.0, 1.0))
    node = np.arctan2(w[0], -w[1])
    to_node = np.array([np.cos(node), np.sin(node), 0.0])
    across = np.cross(w, to_node)
    argument = np.arctan2(pointing @ across, pointing @ to_node) if e > 1e-9 else 0.0
    true_anomaly = np.arctan2(position_km @ across, position_km @ to_node) - argument
    eccentric = 2.0 * np.arctan2(
        np.sqrt(1.0 - e) * np.sin(true_anomaly / 2.0), np.sqrt(1.0 + e) * np.cos(true_anomaly / 2.0)
    )
    n = rev_per_day(axis)
    mean = np.degrees(eccentric - e * np.sin(eccentric)) - n * 360.0 * before_min / 1440.0
    return (
        n,
        max(e, 1e-7),
        float(np.degrees(inclination)),
        float(np.degrees(node) % 360.0),
        float(np.degrees(argument) % 360.0),
        float(mean % 360.0),
        0.0,
    )


def _turned(vector: np.ndarray, axis: np.ndarray, angle_rad: float) -> np.ndarray:
    unit = axis / np.linalg.norm(axis)
    return (
        vector * np.cos(angle_rad)
        + np.cross(unit, vector) * np.sin(angle_rad)
        + unit * (unit @ vector) * (1.0 - np.cos(angle_rad))
    )


_angle = st.floats(0.0, 360.0, exclude_max=True)


@st.composite
def orbits(draw: st.DrawFn) -> Elements:
    """An orbit of any regime from 220 km up to e = 0.75."""
    perigee_km = draw(st.one_of(st.floats(6600.0, 8000.0), st.floats(8000.0, 42164.0)))
    eccentricity = draw(st.one_of(st.floats(1e-6, 0.02), st.floats(0.02, 0.75)))
    return (
        rev_per_day(perigee_km / (1.0 - eccentricity)),
        eccentricity,
        draw(st.floats(0.01, 179.9)),
        draw(_angle),
        draw(_angle),
        draw(_angle),
        draw(st.sampled_from([0.0, 1e-5, 3e-4])),
    )


@st.composite
def meeting_pairs(draw: st.DrawFn, meeting_min: float) -> tuple[Elements, Elements]:
    """Two orbits that come within some kilometres to tens of kilometres of each other meeting_min after epoch.

    The second goes through the first's place at any angle, from alongside to head-on (16 km/s in LEO), faster or
    slower; where the drawn one would hit the earth, at the first's own speed.
    """
    first = draw(orbits())
    satellite: Satrec = satellites_of(table_of([first]))[0]
    code, position, velocity = satellite.sgp4_tsince(meeting_min)
    if code:
        first = (*first[:6], 0.0)
        code, position, velocity = satellites_of(table_of([first]))[0].sgp4_tsince(meeting_min)
    place, motion = np.array(position), np.array(velocity)
    angle = draw(st.one_of(st.floats(0.0, 0.02), st.floats(0.02, np.pi), st.just(np.pi)))
    turned = _turned(motion, place, angle)
    second = elements_through(place, turned * draw(st.floats(0.9, 1.25)), meeting_min)
    if second is None:
        second = elements_through(place, turned, meeting_min) or (*first[:3], (first[3] + 1e-3) % 360.0, *first[4:])
    return first, second


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Elements, Elements]:
    """Two nearly identical orbits: formation flyers and co-orbital pairs, some with several minima a revolution."""
    first = draw(orbits())
    step = st.floats(1e-6, 3e-4).flatmap(lambda size: st.sampled_from([size, -size]))
    second = (
        first[0] * (1.0 + draw(st.sampled_from([0.0, 1e-7, -1e-6, 1e-5]))),
        max(first[1] + draw(step), 1e-7),
        first[2] + draw(st.floats(-0.05, 0.05)),
        first[3] + draw(st.floats(-0.05, 0.05)),
        first[4] + draw(st.floats(-0.1, 0.1)),
        first[5] + draw(st.floats(-0.1, 0.1)),
        first[6],
    )
    return first, second
