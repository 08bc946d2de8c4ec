"""The covariances of an OCM as lower triangles in km, whatever their ordering."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ccsds.tree import Block, Message
from schemas.ccsds.values import word_of
from schemas.ephemeris import COVARIANCE_SCHEMA
from schemas.ocm.rows import Clock, Rows, rows_of
from schemas.refusals import RecordRefusedError

_SIZE = 6
_LOWER = np.tril_indices(_SIZE)
_UPPER = np.triu_indices(_SIZE)
_CLAUSE = "CCSDS 502.0-B-3, 6.2.6"
_DEFAULT_ORDERING = "LTM"
# How many numbers a 6 x 6 matrix takes. With cross-correlations (WCC) the other triangle holds coefficients.
_TERMS = {"LTM": 21, "UTM": 21, "FULL": 36, "LTMWCC": 36, "UTMWCC": 36}
_UNITS_KM = ("KM", "KM", "KM", "KM/S", "KM/S", "KM/S")


def covariance_of(message: Message, block: Block, data: bytes, clock: Clock) -> pa.RecordBatch | None:
    """The batch (COVARIANCE_SCHEMA) of a cov block of ``message``, or None where its COV_TYPE is no Cartesian position
    and velocity in km.

    Raises RecordRefusedError for lines that break the rules of a block of that type and ordering.
    """
    if word_of(block.text("COV_TYPE") or "") != "CARTPV" or not _in_km(block):
        rows_of(message, block, data, clock, "covLine")
        return None
    ordering = word_of(block.text("COV_ORDERING") or _DEFAULT_ORDERING)
    rows = rows_of(message, block, data, clock, "covLine", (_TERMS[ordering],))
    if ordering == "FULL":
        _check_symmetry(rows)
    return covariance_batch(rows.epoch_tai_ns, block.text("COV_REF_FRAME") or "", _lower(rows.values, ordering))


def covariance_batch(epoch_tai_ns: NDArray[np.int64], ref_frame: str, lower: NDArray[np.float64]) -> pa.RecordBatch:
    """A batch of COVARIANCE_SCHEMA from epochs (n,) and lower triangles (n, 21)."""
    triangles = pa.FixedSizeListArray.from_arrays(
        pa.array(np.ascontiguousarray(lower).reshape(-1)), type=COVARIANCE_SCHEMA.field("lower_triangle").type
    )
    frames = pa.repeat(pa.scalar(ref_frame, pa.string()), epoch_tai_ns.shape[0])
    return pa.RecordBatch.from_arrays([pa.array(epoch_tai_ns), frames, triangles], schema=COVARIANCE_SCHEMA)


def _in_km(block: Block) -> bool:
    """True where COV_UNITS says km and km/s, or says nothing (km is what the standard then means)."""
    text = block.text("COV_UNITS")
    if text is None:
        return True
    units = tuple(unit.strip(" ").upper() for unit in text.strip("[] ").split(","))
    return units == _UNITS_KM


def _lower(values: NDArray[np.float64], ordering: str) -> NDArray[np.float64]:
    """Lower triangles (n, 21), row by row, from values in any ordering."""
    if ordering == "LTM":
        return values
    count = values.shape[0]
    matrix = np.zeros((count, _SIZE, _SIZE))
    if ordering == "UTM":
        matrix[:, _UPPER[0], _UPPER[1]] = values
    else:
        matrix = values.reshape(count, _SIZE, _SIZE)
    if ordering in ("UTM", "UTMWCC"):
        matrix = matrix.transpose(0, 2, 1)
    lower: NDArray[np.float64] = matrix[:, _LOWER[0], _LOWER[1]]
    return lower


def _check_symmetry(rows: Rows) -> None:
    """Raise RecordRefusedError for a full matrix whose halves differ by more than rounding: which of them is meant?"""
    matrices = rows.values.reshape(-1, _SIZE, _SIZE)
    mirrored = matrices.transpose(0, 2, 1)
    sigmas = np.sqrt(np.abs(np.diagonal(matrices, axis1=1, axis2=2)))
    rounding = 1e-3 * np.maximum(np.abs(matrices), np.abs(mirrored)) + 1e-6 * sigmas[:, :, None] * sigmas[:, None, :]
    places = np.argwhere(np.abs(matrices - mirrored) > rounding)
    if places.size:
        row, term, other = (int(place) for place in places[0])
        values = f"{float(matrices[row, term, other])} and {float(matrices[row, other, term])}"
        rule = f"a symmetric matrix: terms ({term + 1}, {other + 1}) and ({other + 1}, {term + 1}) are one"
        raise RecordRefusedError("covLine", values, rule, _CLAUSE, int(rows.lines[row]))
