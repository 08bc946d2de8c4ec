"""Rows as a partner is shown them: masked, coarsened, with his ids, and flagged where a parent has been withdrawn."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.records import CONJUNCTION, Field, Kind
from ssa_hub.release.columns import ALWAYS_COLUMNS
from ssa_hub.release.masks import apply_masks
from ssa_hub.sharing.policies import Released
from ssa_hub.sharing.shown_ids import with_shown_ids

PARENT_WITHDRAWN = Field(
    "parent_withdrawn", pa.bool_(), False, "an orbit that it was found with has been withdrawn by its originator"
)
SHOWN_CONJUNCTION = (*CONJUNCTION, PARENT_WITHDRAWN)
SHOWN_ALWAYS = {
    Kind.ELEMENTS: ALWAYS_COLUMNS[Kind.ELEMENTS],
    Kind.DERIVED_CONJUNCTIONS: (*ALWAYS_COLUMNS[Kind.DERIVED_CONJUNCTIONS], PARENT_WITHDRAWN.name),
    Kind.CONJUNCTION_MESSAGES: ALWAYS_COLUMNS[Kind.CONJUNCTION_MESSAGES],
    Kind.EPHEMERIDES: ALWAYS_COLUMNS[Kind.EPHEMERIDES],
}


def shown_rows(rows: pa.Table, kind: Kind, released: Released) -> pa.Table:
    """Rows of a kind's record schema with true ids and ``mask_id`` (of a conjunction: the combined one) as shown.

    Columns as in the listings: those of `apply_masks`, and of a conjunction ``parent_withdrawn``.
    """
    in_part = released.in_part(kind, rows.column("mask_id").to_numpy())
    if kind is Kind.DERIVED_CONJUNCTIONS:
        flags = pa.array(parents_withdrawn(rows, released.withdrawn), pa.bool_())
        place = rows.column_names.index("mask_id")
        rows = rows.add_column(place, pa.field(PARENT_WITHDRAWN.name, pa.bool_(), False), flags)
        for side in (1, 2):
            rows = _with_ids(rows, f"parent_{side}", parents_in_part(rows, side, released), released)
    rows = _with_ids(rows, "record_id", in_part, released)
    return apply_masks(rows, "mask_id", released.table.masks, SHOWN_ALWAYS[kind])


def parents_withdrawn(rows: pa.Table, withdrawn: pa.Table | None) -> NDArray[np.bool_]:
    """Which conjunctions have a parent that has been withdrawn."""
    if withdrawn is None or rows.num_rows == 0:
        return np.zeros(rows.num_rows, dtype=np.bool_)
    return _among(rows, "parent_1", withdrawn) | _among(rows, "parent_2", withdrawn)


def without_withdrawn(rows: pa.Table, kind: Kind, withdrawn: pa.Table | None) -> pa.Table:
    """The rows (true ids) that are still served, as `HistoryQueries` decides it."""
    if withdrawn is None or rows.num_rows == 0:
        return rows
    gone = _among(rows, "record_id", withdrawn)
    if kind is Kind.DERIVED_CONJUNCTIONS:
        with_derived = withdrawn.filter(withdrawn.column("derived"))
        gone |= _among(rows, "parent_1", with_derived) | _among(rows, "parent_2", with_derived)
    return rows.filter(pa.array(~gone))


def parents_in_part(rows: pa.Table, side: int, released: Released) -> NDArray[np.bool_]:
    """Of which conjunctions the parent's id is a pseudonym: the partner does not see such element sets as they are."""
    names = ("data_mode", f"parent_originator_{side}", f"parent_label_id_{side}")
    keys = list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
    in_part = {key: not released.shows_whole_elements(*key) for key in set(keys)}
    return np.array([in_part[key] for key in keys], dtype=np.bool_)


def _among(rows: pa.Table, column: str, withdrawn: pa.Table) -> NDArray[np.bool_]:
    wanted = withdrawn.column("record_id").combine_chunks()
    return np.asarray(pc.is_in(rows.column(column), value_set=wanted).to_numpy(), dtype=np.bool_)


def _with_ids(rows: pa.Table, column: str, hidden: NDArray[np.bool_], released: Released) -> pa.Table:
    place = rows.column_names.index(column)
    shown = with_shown_ids(rows.column(column), hidden, released.ids)
    return rows.set_column(place, rows.schema.field(place), shown)
