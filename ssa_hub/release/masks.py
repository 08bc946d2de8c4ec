"""Masks, in columns: nulls where a mask does not show, coarser values where it has a step, and what was withheld."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ssa_hub.release.coarsening import coarsened, coarsens, steps_by_mask
from ssa_hub.release.mask import Mask

WITHHELD = "withheld"
WITHHELD_TYPE = pa.list_(pa.dictionary(pa.int32(), pa.string()))


def apply_masks(table: pa.Table, mask_column: str, masks: Sequence[Mask], always: Sequence[str]) -> pa.Table:
    """``table`` with nulls in the columns that each row's mask does not show, and the rest at its resolution.

    ``mask_column`` (integers, an index into ``masks``) is dropped. ``withheld`` is appended: a list of
    dictionary-encoded strings, the table's columns that were withheld in that row, in the table's order. Columns
    named in ``always`` are never withheld. All others come out nullable whatever the masks say, so that the schema
    tells nothing. A column that no mask names is withheld everywhere. A column that is shown, also one in
    ``always``, is rounded down to the step that the row's mask has for its quantity (`mask.QUANTITIES`), and
    ``epoch_utc`` is written anew from the coarsened epoch. What is withheld or coarsened does not stand in the buffers.
    Raises ValueError for a mask id that is null or not an index into ``masks``, for a table that has a column
    ``withheld`` already, and for ``epoch_utc`` that is to be coarsened without ``epoch_tai_ns``.
    """
    if WITHHELD in table.column_names:
        raise ValueError(f"the table has a column {WITHHELD!r} already")
    mask_ids = _checked_mask_ids(table.column(mask_column), len(masks))
    used = np.bincount(mask_ids, minlength=len(masks)) > 0
    maskable = [name for name in table.column_names if name != mask_column and name not in always]
    shown_by_mask = [frozenset(mask.fields) for mask in masks]
    fields, columns = [], []
    for name in table.column_names:
        if name == mask_column:
            continue
        field, column = table.schema.field(name), table.column(name)
        shown = np.array([name in always or name in fields_shown for fields_shown in shown_by_mask], dtype=np.bool_)
        steps = steps_by_mask(name, masks)
        if name in maskable:
            field = field.with_nullable(True)
        if steps is not None and (coarsens(steps) & shown & used).any():
            column = coarsened(table, name, mask_ids, shown[mask_ids], steps)
        elif name in maskable:
            column = _masked(column, mask_ids, shown, used)
        fields.append(field)
        columns.append(column)
    fields.append(pa.field(WITHHELD, WITHHELD_TYPE, False, {"meaning": "fields withheld by the agreement"}))
    columns.append(_withheld(maskable, shown_by_mask).take(pa.array(mask_ids)))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _withheld(maskable: Sequence[str], masks: Sequence[frozenset[str]]) -> pa.ListArray:
    """For each mask the names that it withholds. The dictionary has all maskable names, whatever the masks are: its
    bytes travel with an Arrow answer, and other masks tell of rules for records that are not in it.
    """
    number = {name: index for index, name in enumerate(maskable)}
    numbers = [[number[name] for name in maskable if name not in mask] for mask in masks]
    offsets = np.cumsum([0, *map(len, numbers)], dtype=np.int32)
    indices = pa.array([index for mask in numbers for index in mask], pa.int32())
    names = pa.DictionaryArray.from_arrays(indices, pa.array(maskable, pa.string()))
    return pa.ListArray.from_arrays(pa.array(offsets), names)


def _checked_mask_ids(column: pa.ChunkedArray, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The mask ids as int64, each an index into the masks. A row without a valid mask must not slip through."""
    if not pa.types.is_integer(column.type):
        raise ValueError(f"mask ids are integers, not {column.type}")
    if column.null_count:
        raise ValueError(f"{column.null_count} rows have no mask id")
    mask_ids = np.asarray(column.to_numpy(), dtype=np.int64)
    if mask_ids.size and not (int(mask_ids.min()) >= 0 and int(mask_ids.max()) < count):
        raise ValueError(f"a mask id lies outside 0 to {count - 1}")
    return mask_ids


def _masked(
    column: pa.ChunkedArray,
    mask_ids: np.ndarray[tuple[int], np.dtype[np.int64]],
    shown_by_mask: np.ndarray[tuple[int], np.dtype[np.bool_]],
    used: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> pa.ChunkedArray:
    """The column with nulls for the masks that do not show it.

    Taken by indices, because then a withheld value is never copied. Arrow's ``if_else`` copies all values and lays a
    validity bitmap over them: they would stand in the bytes of an Arrow answer.
    """
    if shown_by_mask[used].all():
        return column
    if not shown_by_mask[used].any():
        return pa.chunked_array([pa.nulls(len(column), column.type)])
    return column.take(pa.array(np.arange(len(mask_ids)), mask=~shown_by_mask[mask_ids]))
