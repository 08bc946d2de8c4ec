"""The catalogue that is screened: element sets initialised for SGP4, and their states at any time.

The sgp4 library initialises every element set (its Python model, which shows its coefficients; `sgp4init`, WGS-72,
mode 'i'); the states come from `sgp4_kernel`. Frame: TEME. Time: TAI nanoseconds, so that minutes since epoch are true
minutes across leap seconds.
"""

import warnings
from dataclasses import dataclass
from math import pi
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sgp4.api import WGS72
from sgp4.model import Satrec

from conjunction.sgp4_kernel import (
    COEFFICIENT_COUNT,
    DEEP_SPACE_COEFFICIENTS,
    DEEP_SPACE_COLUMN,
    NEAR_EARTH_COEFFICIENTS,
    NON_FINITE,
    states,
)
from schemas.timescales import utc_julian_date

SGP4_XP = 4  # ephemeris type of SGP4-XP, whose theory is not public

SGP4_REASONS = {
    NON_FINITE: "SGP4 gives a state that is not a number",
    1: "SGP4 error 1: mean eccentricity not within 0 <= e < 1",
    2: "SGP4 error 2: mean motion is not positive",
    3: "SGP4 error 3: perturbed eccentricity not within 0 <= e <= 1",
    4: "SGP4 error 4: semilatus rectum is negative",
    6: "SGP4 error 6: below the earth's radius, decayed",
}

_JD_1949_12_31 = 2433281.5
_NUMBERS = (
    "mean_motion_rev_per_day",
    "eccentricity",
    "inclination_deg",
    "ra_of_asc_node_deg",
    "arg_of_pericenter_deg",
    "mean_anomaly_deg",
    "bstar_per_earth_radius",
    "mean_motion_dot_rev_per_day2",
    "mean_motion_ddot_rev_per_day3",
)
_NDOT_UNITS = 1036800.0 / pi  # as in sgp4.omm: rev/day**2 to rad/min**2
_NDDOT_UNITS = 2985984000.0 / 2.0 / pi
_near_earth_of = attrgetter(*NEAR_EARTH_COEFFICIENTS)
_deep_space_of = attrgetter(*DEEP_SPACE_COEFFICIENTS)


class States(NamedTuple):
    """States in TEME: position_km and velocity_km_s (m, 3); code (m,) int8, 0 or a key of SGP4_REASONS."""

    position_km: NDArray[np.float64]
    velocity_km_s: NDArray[np.float64]
    code: NDArray[np.int8]


@dataclass(frozen=True)
class Catalogue:
    """Element sets ready to propagate; rows are those of the table that it was built from.

    coefficients (n, COEFFICIENT_COUNT) float64 and epoch_tai_ns (n,) int64; rows in `unusable` (row -> reason) hold
    NaN. Only NumPy arrays and text inside: it travels between threads, processes and machines as it is.
    """

    coefficients: NDArray[np.float64]
    epoch_tai_ns: NDArray[np.int64]
    unusable: dict[int, str]

    @classmethod
    def from_elements(cls, elements: pa.Table | pa.RecordBatch) -> "Catalogue":
        """Initialise every row of a table with the columns of `schemas.records.ELEMENT_FIELDS_SCHEMA`, or more.

        Rows that SGP4 cannot be initialised for, and SGP4-XP element sets, are kept as `unusable` with the reason.
        Raises KeyError where a column is missing.
        """
        numbers = np.column_stack([_float_column(elements, name) for name in _NUMBERS])
        epoch_tai_ns = elements.column("epoch_tai_ns").to_numpy(zero_copy_only=False).astype(np.int64)
        theory = elements.column("ephemeris_type").to_numpy(zero_copy_only=False)
        jd, fraction = utc_julian_date(epoch_tai_ns)
        epoch_days = (jd - _JD_1949_12_31) + fraction
        coefficients = np.full((elements.num_rows, COEFFICIENT_COUNT), np.nan)
        unusable: dict[int, str] = {}
        for row in range(elements.num_rows):
            if theory[row] == SGP4_XP:
                unusable[row] = "SGP4-XP element set (ephemeris type 4): its theory is not public"
                continue
            try:
                coefficients[row] = _coefficients(numbers[row], float(epoch_days[row]))
            except (ArithmeticError, ValueError, TypeError) as error:
                unusable[row] = f"SGP4 cannot be initialised: {error}"
                coefficients[row] = np.nan
        return cls(coefficients, epoch_tai_ns, unusable)

    @property
    def n(self) -> int:
        """How many rows, usable or not."""
        return len(self.epoch_tai_ns)

    @property
    def deep_space(self) -> NDArray[np.bool_]:
        """Which rows have a period of 225 min or more and so SGP4's deep-space part, (n,)."""
        deep: NDArray[np.bool_] = self.coefficients[:, DEEP_SPACE_COLUMN] == 1.0
        return deep

    def states(self, index: NDArray[np.int32], tai_ns: NDArray[np.int64]) -> States:
        """States of rows `index` (m,) at instants tai_ns (m,), each its own; NaN where SGP4 gives none."""
        m = len(index)
        result = States(np.empty((m, 3)), np.empty((m, 3)), np.empty(m, dtype=np.int8))
        states(
            self.coefficients,
            self.epoch_tai_ns,
            np.ascontiguousarray(index, dtype=np.int32),
            np.ascontiguousarray(tai_ns, dtype=np.int64),
            *result,
        )
        return result


def _float_column(elements: pa.Table | pa.RecordBatch, name: str) -> NDArray[np.float64]:
    column: NDArray[np.float64] = elements.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return column


def _coefficients(numbers: NDArray[np.float64], epoch_days: float) -> NDArray[np.float64]:
    """One row of the coefficient matrix, from the message's numbers, by the sgp4 library's own initialisation.

    Units are converted with the library's own expressions (`sgp4.omm.initialize`), so that the bits agree. Raises
    ValueError or ArithmeticError where the initialisation has no real result.
    """
    if not np.isfinite(numbers).all():
        raise ValueError("an element is not a finite number")
    mean_motion, eccentricity, inclination, node, argument, anomaly, bstar, ndot, nddot = numbers.tolist()
    if mean_motion <= 0.0:
        raise ValueError(f"mean motion {mean_motion} rev/day is not positive")
    if not 0.0 <= eccentricity < 1.0:
        raise ValueError(f"eccentricity {eccentricity} is not within 0 <= e < 1")
    to_radians = pi / 180.0
    satellite = Satrec()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        satellite.sgp4init(
            WGS72,
            "i",
            0,  # the number plays no part in the theory, and the library refuses those beyond 339,999
            epoch_days,
            bstar,
            ndot / _NDOT_UNITS,
            nddot / _NDDOT_UNITS,
            eccentricity,
            argument * to_radians,
            inclination * to_radians,
            anomaly * to_radians,
            mean_motion / 720.0 * pi,
            node * to_radians,
        )
    row = np.zeros(COEFFICIENT_COUNT)
    row[:DEEP_SPACE_COLUMN] = _near_earth_of(satellite)
    if satellite.method == "d":
        row[DEEP_SPACE_COLUMN] = 1.0
        row[DEEP_SPACE_COLUMN + 1 :] = _deep_space_of(satellite)
    if not np.isfinite(row).all():
        raise ValueError("a coefficient is not a finite number")
    return row
