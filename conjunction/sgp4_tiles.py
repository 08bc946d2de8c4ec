"""States of many catalogue rows on a grid of times: near-earth objects in tiles, the others one by one.

Near-earth objects with eccentricities below 0.3 go through `sgp4_tile_kernel`, in packed arithmetic; deep-space and
eccentric ones, and every single state that the tiles do not vouch for (an error, or near one), through the scalar
`sgp4_kernel`, which alone decides on error codes. Positions of the two differ by rounding: below 3e-8 km within 30
days from epoch, and below 1e-5 km to 20,000 days, as tiles keep to mean anomalies below 1e6 rad
(tests/conjunction/test_sgp4_tiles.py).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.sgp4_kernel import NEAR_EARTH_COEFFICIENTS, grid_one_by_one
from conjunction.sgp4_tile_kernel import ECCENTRICITY_LIMIT, LEFT_TO_SCALAR, TILE_SOURCES, grid_in_tiles

_SOURCE = np.array([NEAR_EARTH_COEFFICIENTS.index(name) for name in TILE_SOURCES])
_ECCENTRICITY = NEAR_EARTH_COEFFICIENTS.index("ecco")


class GridStates(NamedTuple):
    """States of m objects at k times, TEME: position_km and velocity_km_s (k, 3, m) float64, code (k, m) int8.

    code is 0 or a key of `catalogue.SGP4_REASONS`; positions and velocities mean nothing where it is not 0.
    velocity_km_s has shape (0, 3, m) where velocities were not asked for.
    """

    position_km: NDArray[np.float64]
    velocity_km_s: NDArray[np.float64]
    code: NDArray[np.int8]


def grid_states(
    catalogue: Catalogue, rows: NDArray[np.int32], tai_ns: NDArray[np.int64], *, with_velocity: bool = False
) -> GridStates:
    """States of catalogue rows `rows` (m,) at all instants tai_ns (k,), TAI ns; each row at most once.

    Memory is that of the result: a caller streams through a long window by taking some times at a time.
    """
    rows = np.ascontiguousarray(rows, dtype=np.int32)
    tai_ns = np.ascontiguousarray(tai_ns, dtype=np.int64)
    velocity_times = len(tai_ns) if with_velocity else 0
    states = GridStates(
        np.empty((len(tai_ns), 3, len(rows))),
        np.empty((velocity_times, 3, len(rows))),
        np.empty((len(tai_ns), len(rows)), dtype=np.int8),
    )
    # a row that could not be initialised holds NaN, and so is no object for the tiles
    in_tiles = ~catalogue.deep_space[rows] & (catalogue.coefficients[rows, _ECCENTRICITY] < ECCENTRICITY_LIMIT)
    tiled, single = np.flatnonzero(in_tiles), np.flatnonzero(~in_tiles)
    source = (catalogue.coefficients, catalogue.epoch_tai_ns)
    grid_one_by_one(*source, rows[single], single, tai_ns, *states)
    grid_in_tiles(source[0], _SOURCE, source[1], rows[tiled], tiled, tai_ns, *states)
    moment, column = np.nonzero(states.code == LEFT_TO_SCALAR)
    if len(column):
        scalar = catalogue.states(rows[column], tai_ns[moment])
        states.position_km[moment, :, column] = scalar.position_km
        states.code[moment, column] = scalar.code
        if with_velocity:
            states.velocity_km_s[moment, :, column] = scalar.velocity_km_s
    return states
