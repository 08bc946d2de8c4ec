"""Whether what a conjunction message states of the encounter agrees with the states of its two objects.

Every tolerance follows from how the values are written. Let one unit of the last digit be d of a stated value, p of the
positions, u of the velocities, t of the TCA (`schemas.cdm.digits`: one unit, not half, because producers also cut off).
States and relative values may belong to instants that differ by t, and objects move by v t along the relative velocity
v in that time:

* relative position: sqrt(3) d + sqrt(6) p, and v t more along the relative velocity;
* miss distance m: d + sqrt(6) p + sqrt(m**2 + (v t)**2) - m;
* relative velocity: sqrt(3) d + sqrt(6) u; relative speed: d + sqrt(6) u;
* RTN axes are off by p / r + u / v1 and turn by t v1 / r, times the length of the vector; the pull of the Earth on two
  places m apart differs by at most 3 m (v1 / r)**2, times t.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.cdm.geometry import RelativeGeometry, States, in_frame_of_first, relative_geometry

Column = NDArray[np.float64]

MISS_DISTANCE_DISAGREES = "miss-distance-disagrees"
RELATIVE_SPEED_DISAGREES = "relative-speed-disagrees"
RELATIVE_POSITION_DISAGREES = "relative-position-disagrees"
RELATIVE_VELOCITY_DISAGREES = "relative-velocity-disagrees"
RELATIVE_VECTOR_OPPOSITE = "relative-vector-opposite"
FRAME_LABEL_DOUBTFUL = "frame-label-doubtful"
FRAMES_DIFFER = "frames-differ"
NOT_COMPUTABLE = "encounter-not-computable"

_FLOAT_ROUNDING = 8 * np.finfo(np.float64).eps  # of the largest number that is subtracted


class Stated(NamedTuple):
    """What n messages state of their encounters; NaN where they state nothing. Vectors (n, 3), else (n,)."""

    miss_distance_m: Column
    relative_speed_m_s: Column
    position_rtn_m: Column
    velocity_rtn_m_s: Column


class LastDigits(NamedTuple):
    """One unit of the last digit of what is stated, shape (n,) each; NaN where nothing is."""

    tca_s: Column
    miss_distance_m: Column
    relative_speed_m_s: Column
    relative_position_m: Column
    relative_velocity_m_s: Column
    position_m: Column
    velocity_m_s: Column


class Tolerances(NamedTuple):
    """What stated and computed values may differ by, shape (n,) each: lengths m, speeds m/s."""

    miss_distance_m: Column
    relative_speed_m_s: Column
    across_m: Column
    along_m: Column
    relative_velocity_m_s: Column


class Agreement(NamedTuple):
    """``computed`` from the states in the frame that is stated; ``flags`` by name, shape (n,) of bool each."""

    computed: RelativeGeometry
    tolerances: Tolerances
    flags: dict[str, NDArray[np.bool_]]


def tolerances_of(computed: RelativeGeometry, digits: LastDigits) -> Tolerances:
    """The tolerances of the module's text."""
    distance, speed = computed.miss_distance_m, computed.relative_speed_m_s
    with np.errstate(invalid="ignore", divide="ignore"):
        turning = computed.speed_m_s / computed.radius_m
        position = np.sqrt(6) * digits.position_m + _FLOAT_ROUNDING * computed.radius_m
        velocity = np.sqrt(6) * digits.velocity_m_s + _FLOAT_ROUNDING * computed.speed_m_s
        axes = position / computed.radius_m + velocity / computed.speed_m_s + digits.tca_s * turning
    drift = 3 * distance * turning**2 * digits.tca_s
    moved = speed * digits.tca_s
    across = np.sqrt(3) * digits.relative_position_m + position + axes * distance
    return Tolerances(
        digits.miss_distance_m + position + np.hypot(distance, moved) - distance,
        digits.relative_speed_m_s + velocity + drift,
        across,
        across + moved,
        np.sqrt(3) * digits.relative_velocity_m_s + velocity + axes * speed + drift,
    )


def agreement(
    first: States,
    second: States,
    frame_1: NDArray[np.str_],
    frame_2: NDArray[np.str_],
    stated: Stated,
    digits: LastDigits,
) -> Agreement:
    """Recompute the encounter at the stated TCA and compare. Frames are GCRF, EME2000 or ITRF, "" where not stated.

    Where the stated vectors do not agree as they stand, but do with the opposite sign, or with the states read as if
    they were (or were not) Earth-fixed, the flags say that, instead of which vector disagrees.
    States without axes (no velocity, or along the radius) or beyond the range of float64 are flagged as not computable.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return _agreement(first, second, (frame_1, frame_2), stated, digits)


def _agreement(
    first: States,
    second: States,
    frames: tuple[NDArray[np.str_], NDArray[np.str_]],
    stated: Stated,
    digits: LastDigits,
) -> Agreement:
    frame_1, frame_2 = frames
    known = ~np.isnan(first.position_km).any(axis=1) & ~np.isnan(second.position_km).any(axis=1)
    second = in_frame_of_first(second, frame_1, frame_2)
    earth_fixed = frame_1 == "ITRF"
    computed = relative_geometry(first, second, earth_fixed=earth_fixed)
    relabelled = relative_geometry(first, second, earth_fixed=~earth_fixed)
    tolerances = tolerances_of(computed, digits)
    readings = {
        (opposite, doubtful): _vectors_agree(geometry, stated, tolerances, -1.0 if opposite else 1.0)
        for doubtful, geometry in ((False, computed), (True, relabelled))
        for opposite in (False, True)
    }
    both = {key: position & velocity for key, (position, velocity) in readings.items()}
    plain, opposite = both[False, False], ~both[False, False] & both[True, False]
    rest = ~plain & ~opposite
    relabelled_plain, relabelled_opposite = rest & both[False, True], rest & ~both[False, True] & both[True, True]
    unexplained = rest & ~relabelled_plain & ~relabelled_opposite
    position_agrees, velocity_agrees = readings[False, False]
    miss = np.abs(stated.miss_distance_m - computed.miss_distance_m)
    speed = np.abs(stated.relative_speed_m_s - computed.relative_speed_m_s)
    differ = (frame_1 == "ITRF") != (frame_2 == "ITRF")
    flags = {
        MISS_DISTANCE_DISAGREES: miss > tolerances.miss_distance_m,
        RELATIVE_SPEED_DISAGREES: speed > tolerances.relative_speed_m_s,
        RELATIVE_POSITION_DISAGREES: unexplained & ~position_agrees,
        RELATIVE_VELOCITY_DISAGREES: unexplained & ~velocity_agrees,
        RELATIVE_VECTOR_OPPOSITE: opposite | relabelled_opposite,
        FRAME_LABEL_DOUBTFUL: relabelled_plain | relabelled_opposite,
        FRAMES_DIFFER: known & differ,
        NOT_COMPUTABLE: known & ~differ & ~_is_computed(computed),
    }
    return Agreement(computed, tolerances, flags)


def _is_computed(computed: RelativeGeometry) -> NDArray[np.bool_]:
    """True where every number of the geometry is finite."""
    columns = (computed.position_rtn_m, computed.velocity_rtn_m_s)
    finite = np.isfinite(computed.miss_distance_m) & np.isfinite(computed.relative_speed_m_s)
    return np.asarray(finite & np.isfinite(columns[0]).all(axis=1) & np.isfinite(columns[1]).all(axis=1))


def _vectors_agree(
    computed: RelativeGeometry, stated: Stated, tolerances: Tolerances, sign: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(position agrees, velocity agrees) of the stated vectors times ``sign``; what is not stated agrees."""
    direction = computed.velocity_rtn_m_s / computed.relative_speed_m_s[:, np.newaxis]
    direction = np.where(np.isfinite(direction), direction, 0.0)
    position = sign * stated.position_rtn_m - computed.position_rtn_m
    along = np.einsum("ni,ni->n", position, direction)
    across = np.linalg.norm(position - along[:, np.newaxis] * direction, axis=1)
    velocity = np.linalg.norm(sign * stated.velocity_rtn_m_s - computed.velocity_rtn_m_s, axis=1)
    # Comparisons with NaN are false, so that nothing disagrees where something is unknown.
    position_off = (np.abs(along) > tolerances.along_m) | (across > tolerances.across_m)
    velocity_off = velocity > tolerances.relative_velocity_m_s
    return ~position_off, ~velocity_off
