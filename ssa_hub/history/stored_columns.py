"""Columns that are stored otherwise than they are answered: what takes less space, and gives back exactly the same.

A UTC text that its instant gives back is stored as null. A double that stands for few decimals, as those of element
sets do, is stored as an integer in a column of its own (``mean_anomaly_deg_e4``: in units of 1e-4) and is null itself:
integers of few bits are packed by their encoding, without a compressor, which is most of what reading doubles costs
(docs/history.md). Both are checked row by row when they are written: whatever would not come back bit by bit is stored
as it is.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.timescales import format_utc_array, parse_utc

if TYPE_CHECKING:
    from ssa_hub.history.tables import TableDefinition

# Up to here every integer is a double, and its quotient by a power of ten is the double nearest to the decimal.
_WHOLE_MAX: Final = 2**53
_FIRST_UTC_TAI_NS: Final = parse_utc("1972-01-01T00:00:00")


def whole_column(name: str, digits: int) -> str:
    """The column that holds a double as an integer, in units of its last decimal.

    >>> whole_column("mean_anomaly_deg", 4)
    'mean_anomaly_deg_e4'
    """
    return f"{name}_e{digits}"


def packed(rows: pa.Table, definition: "TableDefinition") -> pa.Table:
    """Rows with the record's columns as they are stored: texts and doubles that others give back are null.

    Rows that are packed already stay as they are. Columns that the rows do not have are passed over.
    """
    for text, instant in definition.utc_texts:
        if text in rows.column_names and rows.column(text).null_count < rows.num_rows:
            same = pc.equal(rows.column(text), _text_of(rows.column(instant)))
            left = pc.if_else(same, pa.scalar(None, pa.string()), rows.column(text))
            rows = _replaced(rows, text, left)
    for name, digits in definition.decimals:
        whole = whole_column(name, digits)
        if name not in rows.column_names:
            continue
        kept = rows.column(whole) if whole in rows.column_names else pa.nulls(rows.num_rows, pa.int64())
        if rows.column(name).null_count < rows.num_rows:
            left, units = _in_units(rows.column(name).combine_chunks(), digits)
            rows = _replaced(rows, name, left)
            kept = pc.coalesce(units, kept)
        rows = _replaced(rows, whole, kept)
    return rows


def unpacked(rows: pa.Table, definition: "TableDefinition") -> pa.Table:
    """Stored rows with the record's columns as they were appended; columns that they do not have are passed over."""
    return with_texts(with_doubles(rows, definition), definition)


def with_doubles(rows: pa.Table, definition: "TableDefinition") -> pa.Table:
    """The rows with every null of ``definition.decimals`` computed from its integer, and without the integers."""
    for name, digits in definition.decimals:
        whole = whole_column(name, digits)
        if whole not in rows.column_names:
            continue
        if name in rows.column_names and rows.column(whole).null_count < rows.num_rows:
            of_units = pc.divide(rows.column(whole).cast(pa.float64()), 10.0**digits)
            rows = _replaced(rows, name, pc.coalesce(rows.column(name), of_units))
        rows = rows.drop_columns(whole)
    return rows


def with_texts(rows: pa.Table, definition: "TableDefinition") -> pa.Table:
    """The rows with every null of ``definition.utc_texts`` written from its instant, TAI ns, with nine decimals."""
    for text, instant in definition.utc_texts:
        if text in rows.column_names and rows.column(text).null_count:
            derived = _text_of(rows.column(instant))
            filled = pa.chunked_array([pc.coalesce(rows.column(text).combine_chunks(), derived)])
            rows = rows.set_column(rows.column_names.index(text), pa.field(text, pa.string(), False), filled)
    return rows


def _in_units(column: pa.Array, digits: int) -> tuple[pa.Array, pa.Array]:
    """Doubles (null where an integer gives them back) and the integers (null where they would not)."""
    values: NDArray[np.float64] = column.fill_null(np.nan).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values * 10.0**digits
        units = np.where(np.abs(scaled) < _WHOLE_MAX, np.rint(scaled), 0.0).astype(np.int64)
    # Bit by bit: 0.0 equals -0.0, and no integer is that.
    same = (units / 10.0**digits).view(np.int64) == values.view(np.int64)
    return pc.if_else(pa.array(same), pa.scalar(None, pa.float64()), column), pa.array(units, mask=~same)


def _text_of(instants: pa.ChunkedArray) -> pa.Array:
    """What the text of an instant (TAI ns) is taken to be where none is stored: UTC with nine decimals.

    There is no UTC before 1972; an earlier instant is taken for the first one, so that its text, which is another, is
    stored.
    """
    return format_utc_array(np.maximum(instants.to_numpy(), _FIRST_UTC_TAI_NS))


def _replaced(rows: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The rows with a column set, or added at the end."""
    if name in rows.column_names:
        return rows.set_column(rows.column_names.index(name), name, column)
    return rows.append_column(name, column)
