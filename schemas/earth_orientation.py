"""Earth orientation: UT1, polar motion and the celestial pole's offsets, from the IERS file finals2000A. No network.

The file comes with the wheel astropy-iers-data, of which a new one appears each week; a newer wheel is the way to newer
values. Where Bulletin B gives a value it is taken, else Bulletin A's, as the IERS advises for data after the fact.

Conventions: UT1 - UTC jumps with each leap second, UT1 - TAI does not, so the latter is what is kept and interpolated.
Between the daily values (0h UTC) goes the cubic through the four nearest, at their true TAI times: with the fortnightly
tide in UT1 a straight line is up to 20 us off (1 cm in low orbit). The diurnal and semidiurnal tides (IERS Conventions
2010, chapter 8: some 0.03 ms and 0.5 mas, 2 cm in low orbit) are in no daily table and are not added.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import astropy_iers_data  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, UNIX_EPOCH_MJD, format_utc, tai_minus_utc_s

RADIANS_PER_ARCSECOND = np.pi / 648_000.0
_RADIANS_PER_MILLIARCSECOND = RADIANS_PER_ARCSECOND / 1000.0
# finals2000A, "Byte-by-byte Description": zero-based slices of (Bulletin B, Bulletin A), and what turns them into ours.
_MJD, _POLAR_FLAG, _UT1_FLAG = slice(7, 15), 16, 57
_COLUMNS = (
    (slice(154, 165), slice(58, 68), 1.0),  # UT1 - UTC, s
    (slice(134, 144), slice(18, 27), RADIANS_PER_ARCSECOND),  # xp
    (slice(144, 154), slice(37, 46), RADIANS_PER_ARCSECOND),  # yp
    (slice(165, 175), slice(97, 106), _RADIANS_PER_MILLIARCSECOND),  # dX
    (slice(175, 185), slice(116, 125), _RADIANS_PER_MILLIARCSECOND),  # dY
)
_STENCIL = 4


class EarthOrientationSpanError(ValueError):
    """Earth orientation was asked for at an instant that the data do not cover."""


@dataclass(frozen=True)
class EarthOrientationValues:
    """Earth orientation at n instants, each array shape (n,) float64.

    ``ut1_minus_tai_s``; the pole's coordinates ``xp_rad``, ``yp_rad`` (ITRF); the celestial pole's offsets ``dx_rad``,
    ``dy_rad`` from IAU 2006/2000A.
    """

    ut1_minus_tai_s: NDArray[np.float64]
    xp_rad: NDArray[np.float64]
    yp_rad: NDArray[np.float64]
    dx_rad: NDArray[np.float64]
    dy_rad: NDArray[np.float64]


class EarthOrientation(Protocol):
    """Where values come from: the IERS table, or values stated with a case."""

    @property
    def source(self) -> str:
        """What to name in a product: file, version, last measured day."""
        ...

    def at(self, tai_ns: NDArray[np.int64]) -> EarthOrientationValues:
        """Values at TAI instants, shape (n,). Raises EarthOrientationSpanError outside the span."""
        ...


@dataclass(frozen=True)
class FixedEarthOrientation:
    """The same values at all instants, for a case that states its own: UT1 - TAI in s, angles in arcseconds."""

    ut1_minus_tai_s: float
    xp_arcsec: float = 0.0
    yp_arcsec: float = 0.0
    dx_arcsec: float = 0.0
    dy_arcsec: float = 0.0
    source: str = "values given"

    @classmethod
    def on_utc_day(
        cls, mjd_utc: int, ut1_minus_utc_s: float, xp_arcsec: float, yp_arcsec: float
    ) -> "FixedEarthOrientation":
        """With UT1 - UTC as it is stated for one UTC day (MJD). Raises ValueError before 1972."""
        tai_utc_s = int(tai_minus_utc_s(np.array([mjd_utc], dtype=np.int64))[0])
        return cls(ut1_minus_utc_s - tai_utc_s, xp_arcsec, yp_arcsec)

    def at(self, tai_ns: NDArray[np.int64]) -> EarthOrientationValues:
        """The values, shape (n,) of ``tai_ns``."""
        angles = (self.xp_arcsec, self.yp_arcsec, self.dx_arcsec, self.dy_arcsec)
        return EarthOrientationValues(
            np.full(tai_ns.shape, self.ut1_minus_tai_s),
            *(np.full(tai_ns.shape, angle * RADIANS_PER_ARCSECOND) for angle in angles),
        )


@dataclass(frozen=True, eq=False)
class EarthOrientationTable:
    """Daily values at 0h UTC, m rows: ``node_tai_ns`` (m,) int64, ``values`` (5, m) float64.

    Rows of ``values``: UT1 - TAI (s), xp, yp, dX, dY (rad). dX and dY are 0 after ``last_pole_offset_mjd``, where the
    file gives none (they stay below 1 mas, 0.2 m at the geostationary radius).
    """

    source: str
    node_tai_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    first_mjd: int
    last_measured_mjd: int
    last_pole_offset_mjd: int
    last_predicted_mjd: int

    @property
    def span_tai_ns(self) -> tuple[int, int]:
        """First and last instant covered, TAI ns."""
        return int(self.node_tai_ns[0]), int(self.node_tai_ns[-1])

    @property
    def last_measured_date(self) -> str:
        """Last UTC day with measured values, ``YYYY-MM-DD``; later ones are predicted."""
        return self._date(self.last_measured_mjd)

    @property
    def last_predicted_date(self) -> str:
        """Last UTC day with values at all, ``YYYY-MM-DD``."""
        return self._date(self.last_predicted_mjd)

    def _date(self, mjd: int) -> str:
        return format_utc(int(self.node_tai_ns[mjd - self.first_mjd]), 0)[:10]

    def at(self, tai_ns: NDArray[np.int64]) -> EarthOrientationValues:
        """Values at TAI instants, shape (n,). Raises EarthOrientationSpanError outside the span."""
        first, weights = self._stencil(tai_ns)
        return EarthOrientationValues(*(self._interpolated(row, first, weights) for row in self.values))

    def ut1_minus_tai_s(self, tai_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """UT1 - TAI in s at TAI instants, shape (n,). Raises EarthOrientationSpanError outside the span."""
        return self._interpolated(self.values[0], *self._stencil(tai_ns))

    def _stencil(self, tai_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """First of the four nodes about each instant (n,), and Lagrange's weights of the four, each (n,)."""
        begin, end = self.span_tai_ns
        if tai_ns.size and (int(tai_ns.min()) < begin or int(tai_ns.max()) > end):
            raise EarthOrientationSpanError(
                f"Earth orientation asked for from {_shown(int(tai_ns.min()))} to {_shown(int(tai_ns.max()))} UTC, but "
                f"{self.source} covers {_shown(begin)} to {_shown(end)}"
            )
        interval = np.searchsorted(self.node_tai_ns, tai_ns, side="right") - 1
        first = np.clip(interval - 1, 0, len(self.node_tai_ns) - _STENCIL)
        away = [(tai_ns - self.node_tai_ns[first + node]) / NS_PER_DAY for node in range(_STENCIL)]
        weights = []
        for node in range(_STENCIL):
            weight = np.ones(tai_ns.shape)
            for other in range(_STENCIL):
                if other != node:
                    # The days between two nodes: one, but for a leap second.
                    weight *= away[other] / (away[other] - away[node])
            weights.append(weight)
        return first, weights

    def _interpolated(
        self, row: NDArray[np.float64], first: NDArray[np.int64], weights: list[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        total = np.zeros(first.shape)
        for node, weight in enumerate(weights):
            total += weight * row[first + node]
        return total


def _shown(tai_ns: int) -> str:
    try:
        return format_utc(tai_ns, 0)
    except ValueError:
        return f"{tai_ns} TAI ns"


def read_finals2000a(text: str, name: str) -> EarthOrientationTable:
    """The table of a finals2000A file's text; ``name`` is what ``source`` calls it.

    Ends before the first row without UT1 or polar motion. Raises ValueError where a row is malformed, days do not
    follow one another, or fewer than four rows are there. Source: IERS, readme.finals2000A.
    """
    days: list[int] = []
    rows: list[list[float]] = []
    last_measured = last_pole_offset = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line[_COLUMNS[0][1]].strip() or not line[_COLUMNS[1][1]].strip():
            break
        try:
            mjd = float(line[_MJD])
            numbers = [_number(line, bulletin_b, bulletin_a) for bulletin_b, bulletin_a, _ in _COLUMNS]
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: not a row of finals2000A: {error}") from None
        if mjd != int(mjd) or (days and mjd != days[-1] + 1):
            raise ValueError(f"{name}, line {number}: MJD {mjd} does not follow {days[-1] if days else 'anything'}")
        days.append(int(mjd))
        rows.append([0.0 if value is None else value for value in numbers])
        if line[_POLAR_FLAG] == "I" and line[_UT1_FLAG] == "I":
            last_measured = int(mjd)
        if None not in numbers:
            last_pole_offset = int(mjd)
    if len(days) < _STENCIL or not last_measured:
        raise ValueError(f"{name}: {len(days)} usable rows, none measured or too few to interpolate")
    mjds = np.array(days, dtype=np.int64)
    offset_s = tai_minus_utc_s(mjds)
    values = np.array(rows).T * np.array([[scale] for _, _, scale in _COLUMNS])
    values[0] -= offset_s
    nodes = (mjds - UNIX_EPOCH_MJD) * NS_PER_DAY + offset_s * NS_PER_SECOND
    values.setflags(write=False)
    nodes.setflags(write=False)
    return EarthOrientationTable(name, nodes, values, days[0], last_measured, last_pole_offset, days[-1])


def _number(line: str, bulletin_b: slice, bulletin_a: slice) -> float | None:
    """Bulletin B's value if there, else A's, else None. Raises ValueError for what is no finite number."""
    field = line[bulletin_b].strip() or line[bulletin_a].strip()
    if not field:
        return None
    value = float(field)
    if not np.isfinite(value):
        raise ValueError(f"{field!r} is not finite")
    return value


@lru_cache(maxsize=1)
def iers_table() -> EarthOrientationTable:
    """The table of the installed astropy-iers-data wheel, read once a process (some 0.2 s)."""
    name = f"finals2000A of astropy-iers-data {astropy_iers_data.__version__}"
    return read_finals2000a(Path(astropy_iers_data.IERS_A_FILE).read_text(encoding="ascii"), name)
