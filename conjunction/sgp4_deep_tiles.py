"""Which rows of a catalogue go in which tiles of `sgp4_deep_tile_kernel`, and their states on a grid of times."""

import numpy as np
from numpy.typing import NDArray

from conjunction.sgp4_deep_tile_kernel import (
    DEEP_SOURCES,
    DRAG_SOURCES,
    ECCENTRICITY_LIMIT,
    KIND_NEAR_EARTH,
    KINDS,
    TILE_SOURCES,
    grid_in_deep_tiles,
)
from conjunction.sgp4_kernel import DEEP_SPACE_COEFFICIENTS, DEEP_SPACE_COLUMN, NEAR_EARTH_COEFFICIENTS

LYDDANE_RAD = 0.22  # below this mean inclination at epoch a tile is ready for Lyddane's form, which is due below 0.2
NOT_IN_TILES = -1

_COLUMN = {name: column for column, name in enumerate(NEAR_EARTH_COEFFICIENTS)} | {
    name: DEEP_SPACE_COLUMN + 1 + column for column, name in enumerate(DEEP_SPACE_COEFFICIENTS)
}
_SOURCE = np.array([_COLUMN[name] for name in TILE_SOURCES + DEEP_SOURCES + DRAG_SOURCES])


def tile_kind(coefficients: NDArray[np.float64], rows: NDArray[np.int32]) -> NDArray[np.int8]:
    """The kind of tile that each of the rows (m,) of a catalogue's coefficients (n, COEFFICIENT_COUNT) goes in, (m,).

    NOT_IN_TILES for rows that could not be initialised, which hold NaN, and for eccentricities that few instants would
    be good at. The kind depends on the row alone, and so do the bits of its states.
    """
    kind = np.full(len(rows), NOT_IN_TILES, dtype=np.int8)
    usable = coefficients[rows, _COLUMN["ecco"]] < ECCENTRICITY_LIMIT
    deep = usable & (coefficients[rows, DEEP_SPACE_COLUMN] == 1.0)
    low = coefficients[rows, _COLUMN["inclo"]] < LYDDANE_RAD
    kind[deep] = (2 * coefficients[rows, _COLUMN["irez"]] + low)[deep].astype(np.int8)
    kind[usable & ~deep] = KIND_NEAR_EARTH
    return kind


def grid_of_kinds(
    coefficients: NDArray[np.float64],
    epoch_tai_ns: NDArray[np.int64],
    rows: NDArray[np.int32],
    columns: NDArray[np.int64],
    kind: NDArray[np.int8],
    tai_ns: NDArray[np.int64],
    position_km: NDArray[np.float64],
    velocity_km_s: NDArray[np.float64],
    code: NDArray[np.int8],
) -> None:
    """Fill in the states of catalogue rows `rows` (m,) of the kinds (m,) at all times tai_ns (k,) at `columns` (m,).

    TEME; position_km (k, 3, ...) float64 and code (k, ...) int8: 0, or LEFT_TO_SCALAR where the state is not to be
    used; velocity_km_s likewise unless its first dimension is 0. Rows that are NOT_IN_TILES are left out.
    """
    for number in range(KINDS):
        of_kind = np.flatnonzero(kind == number)
        if len(of_kind):
            grid_in_deep_tiles(
                coefficients,
                _SOURCE,
                epoch_tai_ns,
                rows[of_kind],
                columns[of_kind],
                number,
                tai_ns,
                position_km,
                velocity_km_s,
                code,
            )
