"""States and covariances from one reference frame to another, in bulk.

Position and velocity turn together; a velocity in the ITRF is relative to the rotating Earth, so omega x r is added or
taken away (IERS Conventions 2010, chapter 5; Vallado, Fundamentals of Astrodynamics, 3.7). The slow turning of TEME
against the GCRF (8e-12 rad/s, 0.3 mm/s at the geostationary radius) is in no velocity: SGP4 takes TEME as inertial.
"""

from functools import lru_cache

import erfa
import numpy as np
from numpy.typing import NDArray

from conjunction.frames.names import Frame, frame_named
from conjunction.frames.orientation_grid import orientation_grid
from conjunction.frames.rotation_kernel import fill_rotations, transform_states
from schemas.earth_orientation import EarthOrientation, iers_table

_WITHOUT_EARTH = (Frame.GCRF, Frame.EME2000)


def transform(
    position_km: NDArray[np.float64],
    velocity_km_s: NDArray[np.float64] | None,
    epoch_tai_ns: NDArray[np.int64],
    frame_from: str,
    frame_to: str,
    earth_orientation: EarthOrientation | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Positions (km) and velocities (km/s), (n, 3), of Earth-centred states in ``frame_to`` at TAI instants (n,).

    Frames are REF_FRAME values (`conjunction.frames.names.frame_named`). Without velocities the second result is None.
    Earth orientation is the IERS table unless given; between GCRF and EME2000 none is needed. What is not finite stays
    so in its own row. Raises FrameError for a frame that is not converted, EarthOrientationSpanError for instants less
    than 12 h inside the data's span, ValueError for shapes that do not fit.
    """
    source, target = frame_named(frame_from), frame_named(frame_to)
    epoch = np.ascontiguousarray(epoch_tai_ns, dtype=np.int64)
    position = _vectors(position_km, epoch, "positions")
    velocity = None if velocity_km_s is None else _vectors(velocity_km_s, epoch, "velocities")
    if source == target or not epoch.size:
        return position.copy(), None if velocity is None else velocity.copy()
    if source in _WITHOUT_EARTH and target in _WITHOUT_EARTH:
        rotation = _constant_rotation(source, target)
        return position @ rotation.T, None if velocity is None else velocity @ rotation.T
    grid = orientation_grid(epoch, iers_table() if earth_orientation is None else earth_orientation)
    new_position = np.empty_like(position)
    given = np.empty((0, 3)) if velocity is None else velocity
    new_velocity = np.empty_like(given)
    transform_states(
        position,
        given,
        epoch,
        grid.first_block,
        grid.block_row,
        grid.nodes,
        (int(source), int(target)),
        _frame_bias(),
        new_position,
        new_velocity,
    )
    return new_position, None if velocity is None else new_velocity


def rotation_matrices(
    epoch_tai_ns: NDArray[np.int64],
    frame_from: str,
    frame_to: str,
    earth_orientation: EarthOrientation | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rotation, coupling), each (n, 3, 3), at TAI instants (n,).

    ``position' = rotation position`` and ``velocity' = rotation velocity + coupling position``; coupling (rad/s) is
    zero unless one of the frames turns with the Earth. Raises as `transform`.
    """
    source, target = frame_named(frame_from), frame_named(frame_to)
    epoch = np.ascontiguousarray(epoch_tai_ns, dtype=np.int64)
    if epoch.ndim != 1:
        raise ValueError(f"epochs must have shape (n,), not {epoch.shape}")
    rotation, coupling = np.zeros((len(epoch), 3, 3)), np.zeros((len(epoch), 3, 3))
    if not epoch.size:
        return rotation, coupling
    if source == target or (source in _WITHOUT_EARTH and target in _WITHOUT_EARTH):
        rotation[:] = _constant_rotation(source, target)
        return rotation, coupling
    grid = orientation_grid(epoch, iers_table() if earth_orientation is None else earth_orientation)
    frames = (int(source), int(target))
    fill_rotations(epoch, grid.first_block, grid.block_row, grid.nodes, frames, _frame_bias(), rotation, coupling)
    return rotation, coupling


def transform_covariance(
    covariance: NDArray[np.float64],
    epoch_tai_ns: NDArray[np.int64],
    frame_from: str,
    frame_to: str,
    earth_orientation: EarthOrientation | None = None,
) -> NDArray[np.float64]:
    """Covariances of states (n, 6, 6), or of positions (n, 3, 3), in ``frame_to``; units stay as they come.

    To and from the ITRF the velocity's errors take up omega x (the position's errors), as the velocity itself does. The
    time unit of the velocity must be the second. Raises as `transform`.
    """
    given = np.asarray(covariance, dtype=np.float64)
    epoch = np.asarray(epoch_tai_ns, dtype=np.int64)
    if given.shape not in ((len(epoch), 3, 3), (len(epoch), 6, 6)):
        raise ValueError(f"covariances must have shape (n, 6, 6) or (n, 3, 3) with n = {len(epoch)}, not {given.shape}")
    rotation, coupling = rotation_matrices(epoch, frame_from, frame_to, earth_orientation)
    if given.shape[1] == 3:
        return _congruent(rotation, given)
    jacobian = np.zeros((len(epoch), 6, 6))
    jacobian[:, :3, :3] = jacobian[:, 3:, 3:] = rotation
    jacobian[:, 3:, :3] = coupling
    return _congruent(jacobian, given)


def _congruent(jacobian: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """J C J^T, (n, k, k), symmetric to the last bit."""
    product = jacobian @ covariance @ np.swapaxes(jacobian, -1, -2)
    return np.asarray((product + np.swapaxes(product, -1, -2)) / 2.0, dtype=np.float64)


def _vectors(values: NDArray[np.float64], epoch: NDArray[np.int64], what: str) -> NDArray[np.float64]:
    vectors = np.ascontiguousarray(values, dtype=np.float64)
    if epoch.ndim != 1 or vectors.shape != (len(epoch), 3):
        raise ValueError(f"{what} must have shape (n, 3) and epochs (n,), not {vectors.shape} and {epoch.shape}")
    return vectors


@lru_cache(maxsize=1)
def _frame_bias() -> NDArray[np.float64]:
    """GCRF to EME2000, (3, 3): a constant (IAU 2006, some 23 mas: 5 m at the geostationary radius)."""
    bias, _, _ = erfa.bp06(2_451_545.0, 0.0)
    return np.ascontiguousarray(bias, dtype=np.float64)


def _constant_rotation(source: Frame, target: Frame) -> NDArray[np.float64]:
    if source == target:
        return np.eye(3)
    return _frame_bias() if target is Frame.EME2000 else _frame_bias().T
