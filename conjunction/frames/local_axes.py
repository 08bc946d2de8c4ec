"""Axes that a state carries with it (RTN, TNW), and covariances turned into and out of them.

The axes are those of the instant, taken as not turning: that is how CDM, OEM and OMM covariances are meant (CCSDS
508.0-B-1, 502.0-B-3). They come from an inertial state: a state in the ITRF is transformed first, as the velocity
relative to the rotating Earth gives other axes.
"""

import numpy as np
from numpy.typing import NDArray

from conjunction.frames.names import FrameError
from schemas.ccsds.values import word_of

# One frame under several names: RSW is Vallado's, UVW Starlink's, QSW the French one.
_RTN_NAMES = ("RTN", "RSW", "RIC", "UVW", "QSW")
_TNW_NAMES = ("TNW",)


def rtn_axes(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations (n, 3, 3) from the states' inertial frame to RTN; rows are the unit vectors R, T, N.

    R along the position, N along position x velocity, T = N x R. ``position`` and ``velocity`` (n, 3), any unit of
    length, inertial. Also called RSW, RIC, UVW (Starlink), QSW. Rows are NaN where position and velocity are parallel
    or not finite. Raises ValueError for other shapes.
    """
    _require_states(position, velocity)
    radial = _unit(position)
    normal = _unit(np.cross(position, velocity))
    return np.stack([radial, np.cross(normal, radial), normal], axis=1)


def tnw_axes(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotations (n, 3, 3) from the states' inertial frame to TNW; rows are the unit vectors T, N, W.

    T along the velocity, W along position x velocity, N = W x T. Everything else as in `rtn_axes`.
    """
    _require_states(position, velocity)
    tangential = _unit(velocity)
    angular = _unit(np.cross(position, velocity))
    return np.stack([tangential, np.cross(angular, tangential), angular], axis=1)


def local_axes(name: str, position: NDArray[np.float64], velocity: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rtn_axes` or `tnw_axes` by the name in a message, in any case, with or without ``_INERTIAL``.

    Raises FrameError for another name, rotating variants among them.
    """
    plain = word_of(name).removesuffix(" INERTIAL")
    if plain in _RTN_NAMES:
        return rtn_axes(position, velocity)
    if plain in _TNW_NAMES:
        return tnw_axes(position, velocity)
    raise FrameError(f"local frame {name!r} is not one of {', '.join((*_RTN_NAMES, 'TNW'))}")


def rotate_covariance(covariance: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariances turned by rotations, units as they come: (n, 3, 3) of positions or (n, 6, 6) of states.

    ``rotation`` (n, 3, 3) leads from the covariances' frame to the new one and turns position and velocity alike, with
    no coupling: for axes that do not turn. Between the ITRF and others use `conjunction.frames.transform_covariance`.
    From RTN to inertial: ``rotate_covariance(c, np.swapaxes(rtn_axes(r, v), 1, 2))``. Raises ValueError for other
    shapes.
    """
    count = len(rotation)
    if rotation.shape != (count, 3, 3) or covariance.shape not in ((count, 3, 3), (count, 6, 6)):
        raise ValueError(
            f"covariances (n, 6, 6) or (n, 3, 3) and rotations (n, 3, 3), not {covariance.shape} and {rotation.shape}"
        )
    size = covariance.shape[1]
    turned = np.empty(covariance.shape)
    transposed = np.swapaxes(rotation, 1, 2)
    for i in range(0, size, 3):
        for j in range(0, size, 3):
            turned[:, i : i + 3, j : j + 3] = rotation @ covariance[:, i : i + 3, j : j + 3] @ transposed
    return np.asarray((turned + np.swapaxes(turned, 1, 2)) / 2.0, dtype=np.float64)


def _require_states(position: NDArray[np.float64], velocity: NDArray[np.float64]) -> None:
    if position.ndim != 2 or position.shape[1] != 3 or velocity.shape != position.shape:
        raise ValueError(
            f"states must be positions (n, 3) and velocities (n, 3), not {position.shape}, {velocity.shape}"
        )


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(length > 0.0, vectors / length, np.nan), dtype=np.float64)
