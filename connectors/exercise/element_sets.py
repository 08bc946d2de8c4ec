"""Element sets as columns, their sgp4 satellites, and moving them to another epoch along the same orbit."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sgp4.api import WGS72, Satrec

from schemas.timescales import NS_PER_DAY, utc_julian_date

_SGP4_EPOCH_JD = 2_433_281.5  # 1949-12-31, from which sgp4init counts days
_REV_PER_DAY_TO_RAD_PER_MIN = 2 * np.pi / 1_440
_J2_WGS72 = 0.001_082_616
_XKE_WGS72 = 0.074_366_916_133_17  # (Earth radii)**1.5 a minute

# Decimals that the exercise's messages carry: each step is below 10 mm of position, up to GEO.
DECIMALS = {
    "mean_motion_rev_per_day": 11,
    "eccentricity": 10,
    "inclination_deg": 8,
    "ra_of_asc_node_deg": 8,
    "arg_of_pericenter_deg": 8,
    "mean_anomaly_deg": 8,
    "bstar_per_earth_radius": 10,
    "mean_motion_dot_rev_per_day2": 10,
}
EPOCH_STEP_NS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementSets:
    """One element set a row; all columns of shape (n,). Angles are TEME, mean motion is Kozai's, as in a TLE."""

    catalogue_number: NDArray[np.int64]
    epoch_tai_ns: NDArray[np.int64]
    mean_motion_rev_per_day: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    inclination_deg: NDArray[np.float64]
    ra_of_asc_node_deg: NDArray[np.float64]
    arg_of_pericenter_deg: NDArray[np.float64]
    mean_anomaly_deg: NDArray[np.float64]
    bstar_per_earth_radius: NDArray[np.float64]
    mean_motion_dot_rev_per_day2: NDArray[np.float64]
    element_set_number: NDArray[np.int64]
    revolution_at_epoch: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.catalogue_number)

    def take(self, rows: NDArray[np.int64]) -> Self:
        """The given rows, in the given order."""
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def with_rows(self, rows: NDArray[np.int64], other: Self) -> Self:
        """A copy in which ``rows`` are those of ``other``."""
        columns: dict[str, NDArray[Any]] = {}
        for f in fields(self):
            columns[f.name] = getattr(self, f.name).copy()
            columns[f.name][rows] = getattr(other, f.name)
        return type(self)(**columns)


def quantised(sets: ElementSets) -> ElementSets:
    """The element sets as they stand in a message: angles in [0, 360), every number rounded to its decimals.

    Truth is computed from these, so that a reader of the message has exactly the same numbers.
    """
    columns: dict[str, NDArray[Any]] = {}
    for name, decimals in DECIMALS.items():
        values = getattr(sets, name)
        if name in ("ra_of_asc_node_deg", "arg_of_pericenter_deg", "mean_anomaly_deg"):
            values = np.mod(values, 360.0)
        texts = [f"{value:.{decimals}f}" for value in values.tolist()]
        columns[name] = np.array([float(text) for text in texts])
    for name in ("ra_of_asc_node_deg", "arg_of_pericenter_deg", "mean_anomaly_deg"):
        columns[name][columns[name] == 360.0] = 0.0
    columns["epoch_tai_ns"] = sets.epoch_tai_ns // EPOCH_STEP_NS * EPOCH_STEP_NS
    return replace(sets, **columns)


def satellites(sets: ElementSets) -> list[Satrec]:
    """The sgp4 library's satellites (WGS72, improved mode), in order."""
    jd, fraction = utc_julian_date(sets.epoch_tai_ns)
    radians = np.pi / 180
    columns = zip(
        sets.catalogue_number.tolist(),
        ((jd - _SGP4_EPOCH_JD) + fraction).tolist(),
        sets.bstar_per_earth_radius.tolist(),
        sets.eccentricity.tolist(),
        (sets.arg_of_pericenter_deg * radians).tolist(),
        (sets.inclination_deg * radians).tolist(),
        (sets.mean_anomaly_deg * radians).tolist(),
        (sets.mean_motion_rev_per_day * _REV_PER_DAY_TO_RAD_PER_MIN).tolist(),
        (sets.ra_of_asc_node_deg * radians).tolist(),
        strict=True,
    )
    made = []
    for number, epoch, bstar, ecco, argpo, inclo, mo, no_kozai, nodeo in columns:
        satellite = Satrec()
        satellite.sgp4init(WGS72, "i", number, epoch, bstar, 0.0, 0.0, ecco, argpo, inclo, mo, no_kozai, nodeo)
        made.append(satellite)
    return made


def kozai_mean_motion(
    brouwer_rad_min: NDArray[np.float64], eccentricity: NDArray[np.float64], inclination_rad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Kozai's mean motion, rad/min, of Brouwer's: the inverse of what sgp4init begins with, shape (n,).

    Source: Hoots and Roehrich, Spacetrack Report No. 3 (1980), the equations for n0'' and a0''; solved by iteration,
    which gains three digits a turn.
    """
    beta2 = 1 - eccentricity**2
    d1 = 0.75 * _J2_WGS72 * (3 * np.cos(inclination_rad) ** 2 - 1) / (np.sqrt(beta2) * beta2)
    kozai = brouwer_rad_min.copy()
    for _ in range(6):
        a1 = (_XKE_WGS72 / kozai) ** (2 / 3)
        delta1 = d1 / a1**2
        a0 = a1 * (1 - delta1 * (1 / 3 + delta1 * (1 + delta1 * 134 / 81)))
        kozai = brouwer_rad_min * (1 + d1 / a0**2)
    return kozai


def moved(
    sets: ElementSets, epoch_tai_ns: NDArray[np.int64], known: Sequence[Satrec] | None = None
) -> tuple[ElementSets, NDArray[np.bool_]]:
    """The same orbits as element sets of other epochs, and which rows could be moved (not: decayed by then).

    The mean elements are those that SGP4 itself has reached at the new epoch (secular gravity and drag, deep-space
    secular and resonance terms). In low orbits the orbit goes on to the millimetre; deep-space orbits step by up to
    kilometres, as SGP4 sets up its lunar and solar terms at the epoch (`orbit_fit.fitted` mends that). The derivative
    of the mean motion is what drag did in between. Revolutions are counted on. ``known``: the satellites of ``sets``,
    if made.
    """
    jd, fraction = utc_julian_date(epoch_tai_ns)
    reached = np.zeros((len(sets), 6))
    start_n = np.zeros(len(sets))
    usable = np.zeros(len(sets), dtype=np.bool_)
    for row, satellite in enumerate(satellites(sets) if known is None else known):
        satellite.sgp4(satellite.jdsatepoch, satellite.jdsatepochF)
        start_n[row] = satellite.nm
        error, _, _ = satellite.sgp4(jd[row], fraction[row])
        usable[row] = error == 0
        reached[row] = satellite.nm, satellite.em, satellite.im, satellite.Om, satellite.om, satellite.mm
    reached[~usable] = (start_n[0] if len(sets) else 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    n, ecc, inclination, node, argument, anomaly = reached.T
    # A tilt through zero is a positive tilt with the node on the other side.
    flipped = inclination < 0
    node, argument = node + np.pi * flipped, argument + np.pi * flipped
    inclination = np.abs(inclination)
    kozai = kozai_mean_motion(n, ecc, inclination) / _REV_PER_DAY_TO_RAD_PER_MIN
    days = (epoch_tai_ns - sets.epoch_tai_ns) / NS_PER_DAY
    moving = usable & (days != 0)
    change = np.divide(n - start_n, days, out=np.zeros(len(sets)), where=moving) / _REV_PER_DAY_TO_RAD_PER_MIN
    revolutions = sets.revolution_at_epoch + np.floor(days * sets.mean_motion_rev_per_day).astype(np.int64)
    result = replace(
        sets,
        epoch_tai_ns=epoch_tai_ns,
        mean_motion_rev_per_day=np.where(usable, kozai, sets.mean_motion_rev_per_day),
        eccentricity=np.where(usable, ecc, sets.eccentricity),
        inclination_deg=np.where(usable, np.degrees(inclination), sets.inclination_deg),
        ra_of_asc_node_deg=np.where(usable, np.degrees(node), sets.ra_of_asc_node_deg),
        arg_of_pericenter_deg=np.where(usable, np.degrees(argument), sets.arg_of_pericenter_deg),
        mean_anomaly_deg=np.where(usable, np.degrees(anomaly), sets.mean_anomaly_deg),
        mean_motion_dot_rev_per_day2=np.where(moving, change / 2, sets.mean_motion_dot_rev_per_day2),
        revolution_at_epoch=np.mod(revolutions, 100_000),
    )
    return result, usable
