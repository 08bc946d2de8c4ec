"""How sharply near-earth SGP4 may bend: it holds the mean eccentricity at 1e-6, and with strong drag that shows.

Drag takes the eccentricity down steadily and with a small oscillation. Where it would pass below 1e-6 the theory holds
it there ("if (em < 1.0e-6) em = 1.0e-6" in `sgp4`, AIAA 2006-6753), so its rate stops at once, and the velocity bends.
Eight positions on a grid need not show it.
"""

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.sgp4_kernel import NEAR_EARTH_COEFFICIENTS, RADIUS_EARTH_KM

_MU_KM3_S2 = 398600.8  # WGS-72
_COLUMN = {name: column for column, name in enumerate(NEAR_EARTH_COEFFICIENTS)}
# A sudden change of velocity, wherever in the stencil it is, puts the polynomial through eight positions, and its
# quadratic, off by its size for this part of half a step at most, anywhere in the middle interval: the worst of all
# instants, found by trying them (a change of 1 in a piecewise straight line).
BENT_PART_OF_HALF_STEP = 0.342

# Position changes with the eccentricity by 2 a at most (along the track; a radially).
_SENSITIVITY = 2.0


def kink_km_s(catalogue: Catalogue, rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """The largest sudden change of velocity of catalogue rows (m,), km/s, (m,); 0 for ephemerides.

    From the coefficients of the eccentricity's rate: d em / dt = -B* cc4 - B* cc5 cos(mm) d mm / dt, with the mean
    anomaly's rate as far as its own drag terms let it be.
    """

    def coefficient(name: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = catalogue.coefficients[rows, _COLUMN[name]]
        return values

    n, eta = coefficient("no_unkozai"), coefficient("eta")
    with np.errstate(invalid="ignore"):
        axis_km = RADIUS_EARTH_KM * (60.0 * np.sqrt(_MU_KM3_S2 / RADIUS_EARTH_KM**3) / n) ** (2.0 / 3.0)
        drag = 3.0 * np.abs(coefficient("xmcof")) * eta * (1.0 + eta) ** 2
        anomaly = n * (1.0 + drag) + np.abs(coefficient("omgcof"))
        periodic = np.where(coefficient("isimp") == 1.0, 0.0, np.abs(coefficient("cc5")) * anomaly)
        rate = np.abs(coefficient("bstar")) * (np.abs(coefficient("cc4")) + periodic) / 60.0
        kink: NDArray[np.float64] = np.nan_to_num(_SENSITIVITY * axis_km * rate, nan=0.0)
    return kink
