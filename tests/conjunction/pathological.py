"""Strategies for the pairs that are hardest to screen: where two orbits meet is chosen, not left to chance.

The second orbit is corrected until SGP4 itself takes it through the drawn place, so they meet at the drawn distance,
within a fraction of a kilometre.
"""

from typing import NamedTuple, cast

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from sgp4.api import Satrec

from tests.conjunction.meetings import elements_through
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import Elements, rev_per_day, table_of

_MU_KM3_S2 = 398600.8
_EARTH_RADIUS_KM = 6378.135
_LARGEST_E = 0.9
_angle_deg = st.floats(0.0, 360.0, exclude_max=True)


class Meeting(NamedTuple):
    """Two orbits, and when after epoch they meet, s."""

    first: Elements
    second: Elements
    at_s: float


def satellite_of(elements: Elements) -> Satrec:
    return satellites_of(table_of([elements]))[0]


def orbit_through(
    position_km: np.ndarray, velocity_km_s: np.ndarray, at_s: float, least_perigee_km: float
) -> Elements | None:
    """Elements at epoch of an orbit that SGP4 takes through (about) a state at_s later; None if there is none."""
    best = None
    wanted_km, wanted_km_s = position_km.copy(), velocity_km_s.copy()
    for _ in range(5):
        elements = elements_through(wanted_km, wanted_km_s, at_s / 60.0, _LARGEST_E, least_perigee_km)
        if elements is None:
            return best
        code, position, velocity = satellite_of(elements).sgp4_tsince(at_s / 60.0)
        if code:
            return best
        best = elements
        wanted_km += position_km - np.array(position)
        wanted_km_s += velocity_km_s - np.array(velocity)
    return best


@st.composite
def _directions(draw: st.DrawFn) -> np.ndarray:
    z, angle = draw(st.floats(-1.0, 1.0)), np.radians(draw(_angle_deg))
    across = np.sqrt(1.0 - z * z)
    return np.array([across * np.cos(angle), across * np.sin(angle), z])


@st.composite
def _crossing_velocities(draw: st.DrawFn, place_km: np.ndarray, motion_km_s: np.ndarray) -> np.ndarray:
    """A horizontal velocity at a place: a perigee there, at any angle to a motion, alongside and head on as well."""
    up = place_km / np.linalg.norm(place_km)
    along = motion_km_s - up * (up @ motion_km_s)
    along /= np.linalg.norm(along)
    angle = draw(st.one_of(st.just(np.pi), st.floats(0.0, np.pi), st.floats(0.0, 0.01)))
    # at most e = 0.88: the correction to SGP4's mean elements needs room below 0.9
    speed_km_s = np.sqrt(_MU_KM3_S2 / np.linalg.norm(place_km) * (1.0 + draw(st.floats(0.0, 0.88))))
    return np.asarray(speed_km_s * (np.cos(angle) * along + np.sin(angle) * np.cross(up, along)))


@st.composite
def perigee_meetings(draw: st.DrawFn, widest_km: float) -> Meeting:
    """A fast pass of an eccentric orbit (e 0.3 to 0.9) about its perigee, met by another orbit at its own perigee.

    Closing speeds go from a crawl alongside to 21 km/s head on.
    """
    perigee_km = draw(st.floats(6590.0, 7500.0))
    e = draw(st.one_of(st.floats(0.3, 0.9), st.floats(0.85, 0.9)))
    motion = rev_per_day(perigee_km / (1.0 - e))
    at_s = draw(st.floats(600.0, 3000.0))
    true_rad = np.radians(draw(st.one_of(st.floats(-40.0, 40.0), st.floats(-1.0, 1.0))))
    eccentric_rad = 2.0 * np.arctan(np.sqrt((1.0 - e) / (1.0 + e)) * np.tan(true_rad / 2.0))
    mean_deg = np.degrees(eccentric_rad - e * np.sin(eccentric_rad)) - motion * 360.0 * at_s / 86_400.0
    first: Elements = (
        motion, e, draw(st.floats(0.1, 179.0)), draw(_angle_deg), draw(_angle_deg), float(mean_deg % 360.0), 0.0,
    )  # fmt: skip
    code, place, velocity = satellite_of(first).sgp4_tsince(at_s / 60.0)
    assume(code == 0)  # moon and sun may take the perigee of so eccentric an orbit into the ground
    place_km = np.array(place) + draw(_directions()) * draw(st.floats(0.0, widest_km))
    second_km_s = draw(_crossing_velocities(place_km, np.array(velocity)))
    second = orbit_through(place_km, second_km_s, at_s, 6560.0)
    assume(second is not None)
    return Meeting(first, cast(Elements, second), at_s)


@st.composite
def meetings_of_failing_objects(draw: st.DrawFn, widest_km: float) -> Meeting:
    """An object that SGP4 loses in the first 50 minutes (it hits the ground, or drag takes it), met just before."""
    if draw(st.booleans()):
        perigee_km, e = draw(st.floats(6250.0, 6370.0)), draw(st.floats(0.02, 0.8))
        axis_km = perigee_km / (1.0 - e)
        motion = rev_per_day(axis_km)
        fails_s = draw(st.floats(300.0, 2900.0))
        eccentric_rad = -np.arccos(np.clip((1.0 - _EARTH_RADIUS_KM / axis_km) / e, -1.0, 1.0))
        mean_deg = np.degrees(eccentric_rad - e * np.sin(eccentric_rad)) - motion * 360.0 * fails_s / 86_400.0
        falling: Elements = (
            motion, e, draw(st.floats(0.1, 179.0)), draw(_angle_deg), draw(_angle_deg), float(mean_deg % 360.0), 0.0,
        )  # fmt: skip
    else:
        falling = (
            draw(st.floats(16.3, 16.6)), draw(st.floats(1e-4, 5e-3)), draw(st.floats(0.1, 179.0)),
            draw(_angle_deg), draw(_angle_deg), draw(_angle_deg), draw(st.floats(0.02, 0.2)),
        )  # fmt: skip
    satellite = satellite_of(falling)
    codes = [satellite.sgp4_tsince(second / 60.0)[0] for second in range(3000)]
    living_s = float(next((second for second, code in enumerate(codes) if code), 3000) - 1)
    if living_s < 10.0:
        return Meeting(falling, (15.0, 1e-3, 50.0, 0.0, 0.0, 0.0, 0.0), 0.0)
    before_s = draw(st.one_of(st.floats(0.0, 5.0), st.floats(0.0, min(400.0, living_s)), st.floats(-3.0, 0.0)))
    code, place, velocity = satellite.sgp4_tsince((living_s - max(before_s, 0.0)) / 60.0)
    assert code == 0
    # a meeting that would come after the end: on a straight line from the last place, and above it
    place_km = np.array(place) + np.array(velocity) * max(-before_s, 0.0)
    place_km *= max(1.0, (_EARTH_RADIUS_KM + 4.0) / float(np.linalg.norm(place_km)))
    place_km += draw(_directions()) * draw(st.floats(0.0, widest_km))
    other_km_s = draw(_crossing_velocities(place_km, np.array(velocity)))
    other = orbit_through(place_km, other_km_s, living_s - before_s, 6300.0)
    return Meeting(falling, other or (15.0, 1e-3, 50.0, 0.0, 0.0, 0.0, 0.0), living_s - before_s)


@st.composite
def geo_neighbours(draw: st.DrawFn) -> list[Elements]:
    """Three to five objects kept in one longitude slot, and one that drifts through it or crosses it, inclined."""
    longitude_deg = draw(_angle_deg)
    kept = [
        (
            1.0027 + draw(st.floats(-3e-6, 3e-6)),
            draw(st.floats(1e-6, 4e-4)),
            draw(st.floats(1e-3, 0.05)),
            *_at_longitude(draw, longitude_deg + draw(st.floats(-0.05, 0.05))),
            0.0,
        )
        for _ in range(draw(st.integers(2, 4)))
    ]
    crossing = (
        1.0027 + draw(st.floats(-0.02, 0.02)),
        draw(st.floats(1e-6, 2e-3)),
        draw(st.sampled_from([0.02, 5.0, 15.0])),
        *_at_longitude(draw, longitude_deg + draw(st.floats(-0.5, 0.5))),
        0.0,
    )
    return [*kept, crossing]


def _at_longitude(draw: st.DrawFn, longitude_deg: float) -> tuple[float, float, float]:
    """Node, argument and mean anomaly (degrees) that put an object at a longitude, the first two drawn."""
    node_deg, argument_deg = draw(_angle_deg), draw(_angle_deg)
    return node_deg, argument_deg, (longitude_deg - node_deg - argument_deg) % 360.0


@st.composite
def docked_neighbours(draw: st.DrawFn) -> tuple[Elements, Elements]:
    """Two orbits metres to some hundred metres apart all the time, in LEO, MEO or a geostationary slot.

    In GEO not below some hundred metres: closer, the brute force's own differences are noise about a flat minimum.
    """
    axis_km = draw(st.one_of(st.floats(6700.0, 8000.0), st.sampled_from([26_560.0, 42_164.0])))
    first: Elements = (
        rev_per_day(axis_km), draw(st.floats(1e-4, 5e-3)), draw(st.floats(1.0, 170.0)),
        draw(_angle_deg), draw(_angle_deg), draw(_angle_deg), 0.0,
    )  # fmt: skip
    size = draw(st.sampled_from([1e-6, 1e-5])) if axis_km < 20_000.0 else 1e-5
    step = st.floats(0.4 * size, size).flatmap(lambda value: st.sampled_from([value, -value]))
    degrees = 180.0 / np.pi
    second: Elements = (
        first[0],
        first[1] + draw(step),
        first[2] + degrees * draw(step),
        first[3] + degrees * draw(step),
        first[4],
        first[5] + degrees * draw(step),
        0.0,
    )
    return first, second
