"""Doubts about a covariance: no position in it, not positive semidefinite, a default one."""

import numpy as np
from numpy.typing import NDArray

DIMENSION = 6
TERMS = DIMENSION * (DIMENSION + 1) // 2
_ROWS, _COLUMNS = np.tril_indices(DIMENSION)
_POSITION_TERMS = 6  # the first three rows
_ROUNDING = 64 * np.finfo(np.float64).eps


def symmetric(lower_triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shape (n, 6, 6) of lower triangles row by row, shape (n, 21)."""
    matrices = np.zeros((lower_triangles.shape[0], DIMENSION, DIMENSION))
    matrices[:, _ROWS, _COLUMNS] = lower_triangles
    matrices[:, _COLUMNS, _ROWS] = lower_triangles
    return matrices


def is_zero(lower_triangles: NDArray[np.float64]) -> NDArray[np.bool_]:
    """True where all position terms are zero, shape (n,): such a covariance says nothing. False where it is unknown."""
    return np.asarray((lower_triangles[:, :_POSITION_TERMS] == 0.0).all(axis=1))


def is_not_positive_semidefinite(
    lower_triangles: NDArray[np.float64], last_digits: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """True where no covariance that is written with these digits is positive semidefinite, shape (n,).

    Arguments are lower triangles and one unit of each term's last digit, shape (n, 21); rows with NaN give False. The
    eigenvalues are those of the correlation matrix; by Weyl's inequality rounding moves them by at most the Frobenius
    norm of what it does to the matrix. Rows without variance are left out there; no covariance may be larger than the
    two sigmas allow in any case.
    """
    known: NDArray[np.bool_] = np.logical_not(np.isnan(lower_triangles).any(axis=1))
    matrices = symmetric(np.where(known[:, np.newaxis], lower_triangles, 0.0))
    errors = symmetric(np.where(known[:, np.newaxis], last_digits, 0.0))
    variances: NDArray[np.float64] = np.diagonal(matrices, axis1=1, axis2=2)
    room: NDArray[np.float64] = np.diagonal(errors, axis1=1, axis2=2)
    negative: NDArray[np.bool_] = np.any(variances < -room, axis=1)
    # Divided by one sigma after the other, since the product of two may leave the range of float64.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        largest = np.sqrt(np.maximum(variances + room, 0.0)) * (1.0 + _ROUNDING)
        above_one = (np.abs(matrices) - errors) / largest[:, :, np.newaxis] > largest[:, np.newaxis, :]
        estimated: NDArray[np.bool_] = np.greater(variances, 0.0)
        keep = estimated[:, :, np.newaxis] & estimated[:, np.newaxis, :]
        sigma = np.sqrt(np.where(estimated, variances, 1.0))
        correlations = np.where(keep, matrices / sigma[:, :, np.newaxis] / sigma[:, np.newaxis, :], 0.0)
        moves = np.where(keep, errors / sigma[:, :, np.newaxis] / sigma[:, np.newaxis, :], 0.0)
        moved = np.linalg.norm(moves, axis=(1, 2)) + _ROUNDING
    smallest = np.linalg.eigvalsh(np.clip(np.nan_to_num(correlations), -2.0, 2.0))[:, 0]
    return np.asarray(known & (negative | above_one.any(axis=(1, 2)) | (smallest < -moved)))
