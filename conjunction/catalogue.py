"""The catalogue that is screened: element sets and ephemerides, and their states at any time.

The sgp4 library initialises every element set (its Python model, which shows its coefficients; `sgp4init`, WGS-72,
mode 'i'); their states come from `sgp4_kernel`. Ephemerides are interpolated by the rules of their standard
(`interpolation_kernel`), in their own frame, and turned. Frame of all states: TEME. Time: TAI nanoseconds, so that
minutes since epoch are true minutes across leap seconds.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sgp4.api import WGS72
from sgp4.model import Satrec

from conjunction.ephemeris_rows import rows_of_ephemerides
from conjunction.ephemeris_tracks import EphemerisTracks, States
from conjunction.interpolation_kernel import OUTSIDE_SPAN
from conjunction.sgp4_kernel import (
    COEFFICIENT_COUNT,
    DEEP_SPACE_COEFFICIENTS,
    DEEP_SPACE_COLUMN,
    NEAR_EARTH_COEFFICIENTS,
    NON_FINITE,
    states,
)
from schemas.ephemeris import EphemerisSegment
from schemas.timescales import utc_julian_date

SGP4_XP = 4  # ephemeris type of SGP4-XP, whose theory is not public

STATE_REASONS = {
    OUTSIDE_SPAN: "the ephemeris has no state at this instant",
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


@dataclass(frozen=True)
class Catalogue:
    """Orbits ready to screen; a row is a track: an element set, or a gap-free stretch of an ephemeris.

    coefficients (n, COEFFICIENT_COUNT) float64, NaN for ephemerides, and epoch_tai_ns (n,) int64, where an ephemeris
    begins; rows in `unusable` (row -> reason) hold NaN. orbit (n,) int32: which input orbit a row belongs to.
    valid_from_tai_ns and valid_until_tai_ns (n,) int64: the span in which the row has states, both included, the ends
    of int64 for element sets; of an unusable segment, the span that it would have. is_ephemeris (n,) bool. tracks: the
    ephemerides' states. Only NumPy arrays and text inside: it travels between threads, processes and machines as it is.
    """

    coefficients: NDArray[np.float64]
    epoch_tai_ns: NDArray[np.int64]
    unusable: dict[int, str]
    orbit: NDArray[np.int32]
    valid_from_tai_ns: NDArray[np.int64]
    valid_until_tai_ns: NDArray[np.int64]
    is_ephemeris: NDArray[np.bool_]
    tracks: EphemerisTracks

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
        n = elements.num_rows
        bounds = np.iinfo(np.int64)
        return cls(
            coefficients,
            epoch_tai_ns,
            unusable,
            orbit=np.arange(n, dtype=np.int32),
            valid_from_tai_ns=np.full(n, bounds.min),
            valid_until_tai_ns=np.full(n, bounds.max),
            is_ephemeris=np.zeros(n, dtype=np.bool_),
            tracks=EphemerisTracks.none(n),
        )

    @classmethod
    def from_ephemerides(cls, ephemerides: Sequence[Sequence[EphemerisSegment]]) -> "Catalogue":
        """Ephemerides as sequences of their segments, of OEM, OCM or MEME; `orbit` is the ephemeris' number from 0.

        A row is a gap-free stretch: usable spans (CCSDS 502.0-B-3, 5.2.3) that touch or overlap, the later segment
        speaking where two do. States are interpolated inside one segment, by its method and degree (Lagrange of
        degree 7 where it recommends none; a segment with fewer states than that takes uses those that it has), in its
        own frame (GCRF, EME2000, ITRF or TEME), and turned to TEME. A segment that cannot be used (another frame or
        centre, another method, fewer than two states, outside the Earth orientation data) is a row of its own, kept
        as `unusable` with the reason. TRAJ_BASIS is not looked at. A row's epoch is its first instant.
        """
        rows = rows_of_ephemerides(ephemerides)
        n = len(rows.orbit)
        return cls(
            np.full((n, COEFFICIENT_COUNT), np.nan),
            rows.valid_from_tai_ns,
            rows.unusable,
            orbit=rows.orbit,
            valid_from_tai_ns=rows.valid_from_tai_ns,
            valid_until_tai_ns=rows.valid_until_tai_ns,
            is_ephemeris=np.ones(n, dtype=np.bool_),
            tracks=rows.tracks,
        )

    @classmethod
    def joined(cls, parts: Sequence["Catalogue"]) -> "Catalogue":
        """All rows of the parts, in order; `orbit` counts on from part to part. Raises ValueError without any part."""
        if not parts:
            raise ValueError("there is no catalogue to join")
        unusable: dict[int, str] = {}
        orbits: list[NDArray[np.int32]] = []
        first_row = first_orbit = 0
        for part in parts:
            unusable |= {first_row + row: reason for row, reason in part.unusable.items()}
            orbits.append(part.orbit + np.int32(first_orbit))
            first_row += part.n
            first_orbit += part.orbit_count
        return cls(
            np.concatenate([part.coefficients for part in parts]),
            np.concatenate([part.epoch_tai_ns for part in parts]),
            unusable,
            orbit=np.concatenate(orbits),
            valid_from_tai_ns=np.concatenate([part.valid_from_tai_ns for part in parts]),
            valid_until_tai_ns=np.concatenate([part.valid_until_tai_ns for part in parts]),
            is_ephemeris=np.concatenate([part.is_ephemeris for part in parts]),
            tracks=EphemerisTracks.joined([part.tracks for part in parts]),
        )

    def take(self, rows: NDArray[np.integer[Any]]) -> "Catalogue":
        """The rows `rows` (m,), in that order; `orbit` numbers are given anew, in order of first appearance."""
        rows = np.asarray(rows, dtype=np.int64)
        known, first, inverse = np.unique(self.orbit[rows], return_index=True, return_inverse=True)
        number = np.empty(len(known), dtype=np.int32)
        number[np.argsort(first)] = np.arange(len(known), dtype=np.int32)
        return Catalogue(
            self.coefficients[rows],
            self.epoch_tai_ns[rows],
            {k: self.unusable[row] for k, row in enumerate(rows.tolist()) if row in self.unusable},
            orbit=number[inverse],
            valid_from_tai_ns=self.valid_from_tai_ns[rows],
            valid_until_tai_ns=self.valid_until_tai_ns[rows],
            is_ephemeris=self.is_ephemeris[rows],
            tracks=self.tracks.take(rows),
        )

    @property
    def n(self) -> int:
        """How many rows, usable or not."""
        return len(self.epoch_tai_ns)

    @property
    def orbit_count(self) -> int:
        """How many input orbits the rows belong to."""
        return int(self.orbit.max()) + 1 if self.n else 0

    @property
    def deep_space(self) -> NDArray[np.bool_]:
        """Which rows have a period of 225 min or more and so SGP4's deep-space part, (n,)."""
        deep: NDArray[np.bool_] = self.coefficients[:, DEEP_SPACE_COLUMN] == 1.0
        return deep

    def breaks(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Rows (b,) and TAI ns (b,), by row and time: instants inside a row's span where its states are not smooth.

        Where another segment begins to speak (positions may jump by metres, velocities by a manoeuvre), and the ends of
        the interpolating polynomials where these are more than 0.25 m off: with linear interpolation, or states too far
        apart, that is every state. Up to the nanosecond before a break the states are one branch, from it the next.
        """
        return self.tracks.breaks()

    def states(self, index: NDArray[np.int32], tai_ns: NDArray[np.int64]) -> States:
        """States of rows `index` (m,) at instants tai_ns (m,), each its own; NaN where there is none.

        Outside an ephemeris row's span the code is OUTSIDE_SPAN.
        """
        index = np.ascontiguousarray(index, dtype=np.int32)
        tai_ns = np.ascontiguousarray(tai_ns, dtype=np.int64)
        tracked = self.is_ephemeris[index]
        if not tracked.any():
            return self._propagated(index, tai_ns)
        if tracked.all():
            return self.tracks.states_at(index, tai_ns)
        m = len(index)
        result = States(np.empty((m, 3)), np.empty((m, 3)), np.empty(m, dtype=np.int8))
        parts = (
            (~tracked, self._propagated(index[~tracked], tai_ns[~tracked])),
            (tracked, self.tracks.states_at(index[tracked], tai_ns[tracked])),
        )
        for of, part in parts:
            result.position_km[of], result.velocity_km_s[of], result.code[of] = part
        return result

    def _propagated(self, index: NDArray[np.int32], tai_ns: NDArray[np.int64]) -> States:
        m = len(index)
        result = States(np.empty((m, 3)), np.empty((m, 3)), np.empty(m, dtype=np.int8))
        states(self.coefficients, self.epoch_tai_ns, index, tai_ns, *result)
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
