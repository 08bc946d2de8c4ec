"""The geometry of a conjunction from the states of its two objects: pure functions over many at once.

Shapes: n conjunctions, vectors (n, 3) float64. Positions km and velocities km/s in, metres and m/s out, as the CDM has
them. RTN axes are those of object 1: R = r / |r|, N = r x v / |r x v|, T = N x R, with the *inertial* velocity (CCSDS
508.0-B-1, annex on RTN); relative vectors are object 2 minus object 1 (table 3-2).
"""

from typing import NamedTuple

import erfa
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

# IERS Conventions (2010), nominal mean angular velocity of the Earth at the epoch's length of day, rad/s.
EARTH_ROTATION_RAD_S = 7.292115146706979e-5
INERTIAL_FRAMES = ("GCRF", "EME2000")
_J2000_JD = 2_451_545.0
_M_PER_KM = 1000.0


class States(NamedTuple):
    """States of one object in each of n conjunctions: shape (n, 3) each, km and km/s."""

    position_km: Vectors
    velocity_km_s: Vectors


class RelativeGeometry(NamedTuple):
    """``position_rtn_m`` and ``velocity_rtn_m_s`` shape (n, 3), distance and speed shape (n,).

    ``radius_m`` and ``speed_m_s`` are object 1's own, inertial, shape (n,). NaN where unknown.
    """

    position_rtn_m: Vectors
    velocity_rtn_m_s: Vectors
    miss_distance_m: NDArray[np.float64]
    relative_speed_m_s: NDArray[np.float64]
    radius_m: NDArray[np.float64]
    speed_m_s: NDArray[np.float64]


def inertial_velocity(states: States) -> Vectors:
    """Inertial velocity of states given in the Earth-fixed frame, in its axes at that instant: v + omega x r, km/s."""
    x, y = states.position_km[:, 0], states.position_km[:, 1]
    turned = np.stack([-EARTH_ROTATION_RAD_S * y, EARTH_ROTATION_RAD_S * x, np.zeros_like(x)], axis=1)
    return states.velocity_km_s + turned


def rtn_axes(states: States) -> Vectors:
    """Rows R, T, N of shape (n, 3, 3), in the frame of the inertial states. NaN for a radial orbit or no state."""
    with np.errstate(invalid="ignore", divide="ignore"):
        radial = states.position_km / np.linalg.norm(states.position_km, axis=1, keepdims=True)
        momentum = np.cross(states.position_km, states.velocity_km_s)
        normal = momentum / np.linalg.norm(momentum, axis=1, keepdims=True)
    return np.stack([radial, np.cross(normal, radial), normal], axis=1)


def relative_geometry(first: States, second: States, *, earth_fixed: NDArray[np.bool_]) -> RelativeGeometry:
    """Object 2 minus object 1, both in one frame; where ``earth_fixed`` (shape (n,)) the velocities are Earth-fixed.

    Relative speed and velocity are inertial in either case. Rows with NaN in a state give NaN.
    """
    fixed = earth_fixed[:, np.newaxis]
    velocity_1 = np.where(fixed, inertial_velocity(first), first.velocity_km_s)
    velocity_2 = np.where(fixed, inertial_velocity(second), second.velocity_km_s)
    axes = rtn_axes(States(first.position_km, velocity_1))
    position_m = (second.position_km - first.position_km) * _M_PER_KM
    velocity_m_s = (velocity_2 - velocity_1) * _M_PER_KM
    return RelativeGeometry(
        np.einsum("nij,nj->ni", axes, position_m),
        np.einsum("nij,nj->ni", axes, velocity_m_s),
        np.linalg.norm(position_m, axis=1),
        np.linalg.norm(velocity_m_s, axis=1),
        np.linalg.norm(first.position_km, axis=1) * _M_PER_KM,
        np.linalg.norm(velocity_1, axis=1) * _M_PER_KM,
    )


def gcrf_to_eme2000() -> NDArray[np.float64]:
    """The constant frame bias, shape (3, 3): some 23 mas, 5 m at GEO. Source: IAU 2006, erfa ``bp06``."""
    bias, _, _ = erfa.bp06(_J2000_JD, 0.0)
    return np.asarray(bias, dtype=np.float64)


def in_frame_of_first(second: States, frame_1: NDArray[np.str_], frame_2: NDArray[np.str_]) -> States:
    """States of object 2 in the frame of object 1; frames are GCRF, EME2000 or ITRF, shape (n,).

    GCRF and EME2000 differ by the frame bias. Between ITRF and the others lies the Earth's orientation, which is not
    known here: such rows become NaN.
    """
    bias = gcrf_to_eme2000()
    position, velocity = second.position_km.copy(), second.velocity_km_s.copy()
    for source, target, matrix in (("GCRF", "EME2000", bias), ("EME2000", "GCRF", bias.T)):
        rows = (frame_2 == source) & (frame_1 == target)
        position[rows] = position[rows] @ matrix.T
        velocity[rows] = velocity[rows] @ matrix.T
    unknown = (frame_1 == "ITRF") != (frame_2 == "ITRF")
    position[unknown], velocity[unknown] = np.nan, np.nan
    return States(position, velocity)
