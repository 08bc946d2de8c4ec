"""From what screening found to conjunction records: identity, lineage, the words that go with them."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import record_id_of
from schemas.records import CONJUNCTION_GEOMETRY, CONJUNCTION_SCHEMA
from schemas.timescales import NS_PER_SECOND

HUB = "SSA-HUB"
METHOD = "SGP4 screening, not advice to manoeuvre"

_FROM_SCREENING = (
    "tca_tai_ns",
    *CONJUNCTION_GEOMETRY,
    "at_window_edge",
)
_IF_SCREENED_FOR = ("approach_angle_deg", "entry_tai_ns", "exit_tai_ns")
_FROM_PARENTS = {
    "object_id": "object_id",
    "catalogue_number": "catalogue_number",
    "object_name": "object_name",
    "parent": "record_id",
    "parent_originator": "originator",
    "parent_label_id": "label_id",
}


def conjunction_records(found: pa.Table, elements: pa.Table, *, data_mode: str, received_tai_ns: int) -> pa.Table:
    """Records (columns of `CONJUNCTION_SCHEMA`) of what screening ``elements`` has found.

    ``found`` has the columns of `conjunction.ScreeningResult.conjunctions`; its indices are rows of ``elements``,
    which must be sorted by object id so that object 1 is the smaller. A record's identity is its two parents and the
    second in which the approach falls: the same approach, found again from the same orbits, is the same record.
    """
    columns: dict[str, pa.Array | pa.ChunkedArray] = {name: found.column(name) for name in _FROM_SCREENING}
    for name in _IF_SCREENED_FOR:
        said = name in found.column_names
        columns[name] = found.column(name) if said else pa.nulls(found.num_rows, CONJUNCTION_SCHEMA.field(name).type)
    for side in (1, 2):
        parents = elements.take(found.column(f"index_{side}"))
        for name, parent_name in _FROM_PARENTS.items():
            columns[f"{name}_{side}"] = parents.column(parent_name)
    encode = msgspec.json.Encoder().encode
    seconds = np.rint(found.column("tca_tai_ns").to_numpy() / NS_PER_SECOND).astype(np.int64).tolist()
    pairs = zip(columns["parent_1"].to_pylist(), columns["parent_2"].to_pylist(), seconds, strict=True)
    columns["record_id"] = pa.array([record_id_of(encode([HUB, *pair])) for pair in pairs], pa.string())
    constants = {"source": HUB, "originator": HUB, "data_mode": data_mode, "method": METHOD}
    for name, text in constants.items():
        columns[name] = pa.repeat(pa.scalar(text, pa.string()), found.num_rows)
    columns["received_tai_ns"] = pa.repeat(pa.scalar(received_tai_ns, pa.int64()), found.num_rows)
    return pa.table([columns[name] for name in CONJUNCTION_SCHEMA.names], schema=CONJUNCTION_SCHEMA)


def without_repeated_edges(found: pa.Table, told: pa.Array, *, start_tai_ns: int) -> pa.Table:
    """``found`` without approaches of two told orbits whose range was smallest at the window's start.

    ``told`` (bool, a row an orbit) says which orbits took part in an earlier run that covered that start: it told the
    true closest approach before it. An orbit that is new since then has told nothing yet.
    """
    both_told = pc.and_(told.take(found.column("index_1")), told.take(found.column("index_2")))
    at_start = pc.and_(found.column("at_window_edge"), pc.equal(found.column("tca_tai_ns"), start_tai_ns))
    return found.filter(pc.invert(pc.and_(at_start, both_told)))
