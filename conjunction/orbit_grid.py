"""States of many catalogue rows on a grid of times, whatever their orbits come from."""

import numpy as np
from numpy.typing import NDArray

from conjunction import sgp4_tiles
from conjunction.catalogue import Catalogue
from conjunction.sgp4_tiles import GridStates

__all__ = ["GridStates", "fill_grid", "grid_states"]


def grid_states(
    catalogue: Catalogue, rows: NDArray[np.int32], tai_ns: NDArray[np.int64], *, with_velocity: bool = False
) -> GridStates:
    """States of catalogue rows `rows` (m,) at all instants tai_ns (k,), TAI ns; each row at most once.

    Element sets as in `conjunction.sgp4_tiles`; ephemerides interpolated, with OUTSIDE_SPAN outside a row's
    span. Memory is that of the result: a caller streams through a long window by taking some times at a time.
    """
    states = sgp4_tiles.empty_grid(len(tai_ns), len(rows), with_velocity=with_velocity)
    fill_grid(catalogue, rows, np.arange(len(rows)), tai_ns, states)
    return states


def fill_grid(
    catalogue: Catalogue,
    rows: NDArray[np.int32],
    columns: NDArray[np.int64],
    tai_ns: NDArray[np.int64],
    states: GridStates,
) -> None:
    """As `grid_states`, into the given columns (m,) of room that is there already, C-contiguous."""
    rows = np.ascontiguousarray(rows, dtype=np.int32)
    tai_ns = np.ascontiguousarray(tai_ns, dtype=np.int64)
    tracked = catalogue.is_ephemeris[rows]
    if tracked.any():
        catalogue.tracks.fill_grid(rows[tracked], columns[tracked], tai_ns, *states)
        rows, columns = rows[~tracked], columns[~tracked]
    if len(rows):
        sgp4_tiles.fill_grid(catalogue, rows, columns, tai_ns, states)
