"""States of many element sets on a grid of times, in tiles.

Near-earth objects with eccentricities below 0.3 go through `sgp4_tile_kernel`, in packed arithmetic; deep-space and
eccentric ones through `sgp4_deep_tile_kernel`; and every single state that the tiles do not vouch for (an error, or
near one) through the scalar `sgp4_kernel`, which alone decides on error codes. Positions of the two differ by rounding:
below 3e-8 km within 30 days from epoch, and below 1e-5 km to 20,000 days, as tiles keep to mean anomalies below 1e6 rad
(tests/conjunction/test_sgp4_tiles.py, test_sgp4_deep_tiles.py).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.sgp4_deep_tiles import NOT_IN_TILES, grid_of_kinds, tile_kind
from conjunction.sgp4_kernel import NEAR_EARTH_COEFFICIENTS, grid_one_by_one
from conjunction.sgp4_tile_kernel import ECCENTRICITY_LIMIT, LEFT_TO_SCALAR, TILE_SOURCES, grid_in_tiles

_SOURCE = np.array([NEAR_EARTH_COEFFICIENTS.index(name) for name in TILE_SOURCES])
_ECCENTRICITY = NEAR_EARTH_COEFFICIENTS.index("ecco")


class GridStates(NamedTuple):
    """States of m objects at k times, TEME: position_km and velocity_km_s (k, 3, m) float64, code (k, m) int8.

    code is 0 or a key of `catalogue.STATE_REASONS`; positions and velocities mean nothing where it is not 0.
    velocity_km_s has shape (0, 3, m) where velocities were not asked for.
    """

    position_km: NDArray[np.float64]
    velocity_km_s: NDArray[np.float64]
    code: NDArray[np.int8]


def empty_grid(times: int, objects: int, *, with_velocity: bool = False) -> GridStates:
    """Room for the states of so many objects at so many times."""
    return GridStates(
        np.empty((times, 3, objects)),
        np.empty((times if with_velocity else 0, 3, objects)),
        np.empty((times, objects), dtype=np.int8),
    )


def fill_grid(
    catalogue: Catalogue,
    rows: NDArray[np.int32],
    columns: NDArray[np.int64],
    tai_ns: NDArray[np.int64],
    states: GridStates,
) -> None:
    """States of catalogue rows `rows` (m,), element sets, each at most once, at all instants tai_ns (k,), TAI ns.

    Into the given columns (m,) of room that is there already, C-contiguous.
    """
    rows = np.ascontiguousarray(rows, dtype=np.int32)
    tai_ns = np.ascontiguousarray(tai_ns, dtype=np.int64)
    source = (catalogue.coefficients, catalogue.epoch_tai_ns)
    # a row that could not be initialised holds NaN, and so is no object for the tiles
    near_earth = ~catalogue.deep_space[rows] & (catalogue.coefficients[rows, _ECCENTRICITY] < ECCENTRICITY_LIMIT)
    grid_in_tiles(source[0], _SOURCE, source[1], rows[near_earth], columns[near_earth], tai_ns, *states)
    others, their_columns = rows[~near_earth], columns[~near_earth]
    kind = tile_kind(catalogue.coefficients, others)
    position_km, velocity_km_s, code = states
    grid_of_kinds(*source, others, their_columns, kind, tai_ns, position_km, velocity_km_s, code)
    single = kind == NOT_IN_TILES
    grid_one_by_one(*source, others[single], their_columns[single], tai_ns, *states)
    moment, place = np.nonzero(states.code[:, columns] == LEFT_TO_SCALAR)
    if len(place):
        order = np.argsort(place, kind="stable")  # object after object, as a resonant one goes on from its last step
        moment, place = moment[order], place[order]
        scalar = catalogue.states(rows[place], tai_ns[moment])
        states.position_km[moment, :, columns[place]] = scalar.position_km
        states.code[moment, columns[place]] = scalar.code
        if states.velocity_km_s.shape[0]:
            states.velocity_km_s[moment, :, columns[place]] = scalar.velocity_km_s
