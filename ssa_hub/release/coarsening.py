"""Showing values less finely, in columns: rounded down to whole steps, each row by its own mask's resolution.

An exact value that is coarsened does not stand in the result's buffers: they are made anew.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.timescales import format_utc_column, parse_utc
from ssa_hub.release.mask import QUANTITIES, Mask

# A text that says what an instant says is written anew from the coarsened instant.
TEXTS = {"epoch_utc": "epoch_tai_ns", "tca_utc": "tca_tai_ns"}
_EARLIEST_UTC_TAI_NS = parse_utc("1972-01-01T00:00:00")
_TEXT_DIGITS = 9  # as in the records
Instants = NDArray[np.int64]  # TAI ns, or steps of them in ns
Quantities = NDArray[np.float64]


def steps_by_mask(name: str, masks: Sequence[Mask]) -> Instants | Quantities | None:
    """The step of a column under each mask: ns as int64 for instants (1: exact), else float64 in the column's unit
    (0: exact). None for a column that is never coarsened.
    """
    quantity = QUANTITIES.get(TEXTS.get(name, name))
    if quantity is None:
        return None
    if quantity == "time_s":
        return np.array([mask.resolution.time_step_ns for mask in masks], dtype=np.int64)
    return np.array([getattr(mask.resolution, quantity) for mask in masks], dtype=np.float64)


def coarsens(steps: Instants | Quantities) -> NDArray[np.bool_]:
    """Where a step coarsens: above 1 ns of instants, above 0 of quantities."""
    return np.asarray(steps > (1 if steps.dtype == np.int64 else 0))


def floor_to_steps(values: Instants, steps: Instants) -> Instants:
    """Instants, TAI ns, rounded down to whole steps, ns (1 and above). Elementwise, shape (n,)."""
    return np.asarray(values - np.remainder(values, steps), dtype=np.int64)


def floor_quantities(values: Quantities, steps: Quantities) -> Quantities:
    """``floor(value / step) * step`` in float64, as queries compute it too; where the step is 0, the value.

    Minus zero becomes zero: its sign would tell it from the small values that come out as zero too.
    """
    exact = steps == 0
    with np.errstate(over="ignore", invalid="ignore"):  # beyond 1e308 the answer is infinite, and says less
        coarse = np.floor(values / np.where(exact, 1.0, steps)) * steps + 0.0
    return np.where(exact, values, coarse)


def coarsened(
    table: pa.Table,
    name: str,
    mask_ids: NDArray[np.int64],
    shown: NDArray[np.bool_],
    steps: Instants | Quantities,
) -> pa.ChunkedArray:
    """The column ``name``, null where ``shown`` (n,) is false, else rounded down to its mask's step.

    Raises ValueError for a text without the column of instants that it is written from.
    """
    of_row = steps[mask_ids]
    if name in TEXTS:
        return _texts(table, name, cast(Instants, of_row), shown)
    column = table.column(name)
    values, valid = _values(column)
    kept = valid & shown
    values = np.where(kept, values, 0)
    rounded: Instants | Quantities
    if of_row.dtype == np.int64:
        rounded = floor_to_steps(cast(Instants, values), cast(Instants, of_row))
    else:
        rounded = floor_quantities(cast(Quantities, values), cast(Quantities, of_row))
    return pa.chunked_array([pa.array(rounded, column.type, mask=~kept)])


def _values(column: pa.ChunkedArray) -> tuple[Instants | Quantities, NDArray[np.bool_]]:
    """The values, 0 for null, and which are no nulls."""
    zero = pa.scalar(0, column.type)
    return np.asarray(pc.fill_null(column, zero).to_numpy()), np.asarray(pc.is_valid(column).to_numpy(), dtype=np.bool_)


def _texts(table: pa.Table, name: str, steps: NDArray[np.int64], shown: NDArray[np.bool_]) -> pa.ChunkedArray:
    """UTC texts: those of coarsened instants anew with nine digits, the others as they are.

    An instant whose step begins before 1972 is written as 1972-01-01T00:00:00: there is no UTC text before.
    """
    if TEXTS[name] not in table.column_names:
        raise ValueError(f"{name} cannot be coarsened without {TEXTS[name]}")
    column = table.column(name)
    coarse = coarsens(steps) & shown
    instants, _ = _values(table.column(TEXTS[name]))
    floor = floor_to_steps(instants[coarse].astype(np.int64), steps[coarse])
    anew = pa.array(format_utc_column(np.maximum(floor, _EARLIEST_UTC_TAI_NS), _TEXT_DIGITS), column.type)
    # Taken by indices, so that no exact text comes along.
    places = np.arange(len(column))
    places[coarse] = len(column) + np.arange(len(anew))
    return pa.chunked_array([*column.chunks, anew], column.type).take(pa.array(places, mask=~shown))
