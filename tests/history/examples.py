"""Element sets and conjunctions for tests: every column filled, the ones that matter given by name."""

from typing import Any

import pyarrow as pa

from schemas.records import CONJUNCTION, CONJUNCTION_SCHEMA, ELEMENT_SET, ELEMENT_SET_SCHEMA, Field
from schemas.timescales import parse_utc

START_TAI_NS = parse_utc("2026-07-30T00:00:00")
HOUR_NS = 3600 * 1_000_000_000
_FILLERS: dict[pa.DataType, Any] = {
    pa.string(): "x",
    pa.int64(): 1,
    pa.int32(): 1,
    pa.float64(): 0.1,
    pa.bool_(): False,
    pa.list_(pa.string()): ["a deviation"],
}


def _row(fields: tuple[Field, ...], given: dict[str, Any]) -> dict[str, Any]:
    row = {field.name: None if field.nullable else _FILLERS[field.type] for field in fields}
    unknown = given.keys() - row.keys()
    assert not unknown, unknown
    return row | {"data_mode": "TEST", "received_tai_ns": START_TAI_NS} | given


def element_row(record_id: str, object_id: str = "cat-1", **given: Any) -> dict[str, Any]:
    """One element set: epoch and reception at START_TAI_NS, originator alpha, label plain, unless given."""
    defaults = {"originator": "alpha", "label_id": "plain", "epoch_tai_ns": START_TAI_NS}
    number = {"catalogue_number": int(object_id.removeprefix("cat-"))} if object_id.startswith("cat-") else {}
    return _row(ELEMENT_SET, defaults | number | {"record_id": record_id, "object_id": object_id} | given)


def conjunction_row(record_id: str, **given: Any) -> dict[str, Any]:
    """One conjunction of cat-1 with cat-2 at START_TAI_NS, both parents alpha's with label plain, unless given."""
    defaults = {"object_id_1": "cat-1", "object_id_2": "cat-2", "catalogue_number_2": 2, "tca_tai_ns": START_TAI_NS}
    for side in (1, 2):
        defaults |= {f"parent_originator_{side}": "alpha", f"parent_label_id_{side}": "plain"}
    return _row(CONJUNCTION, defaults | {"record_id": record_id} | given)


def elements(*rows: dict[str, Any]) -> pa.Table:
    """Rows as a table."""
    return pa.Table.from_pylist(list(rows), schema=ELEMENT_SET_SCHEMA)


def conjunctions(*rows: dict[str, Any]) -> pa.Table:
    """Rows as a table."""
    return pa.Table.from_pylist(list(rows), schema=CONJUNCTION_SCHEMA)


def release(
    *rows: tuple[str, str, str, int, int], data_mode: str = "TEST", time_step_ns: int = 1, distance_step_m: float = 0.0
) -> pa.Table:
    """A release table of (kind, originator, label id, delay in ns, mask id); everything is shown with these steps."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    return pa.table(
        {
            "kind": pa.array(columns[0], pa.string()),
            "data_mode": pa.array([data_mode] * len(rows), pa.string()),
            "originator": pa.array(columns[1], pa.string()),
            "label_id": pa.array(columns[2], pa.string()),
            "delay_ns": pa.array(columns[3], pa.int64()),
            "mask_id": pa.array(columns[4], pa.int32()),
            "time_step_ns": pa.array([time_step_ns] * len(rows), pa.int64()),
            "distance_step_m": pa.array([distance_step_m] * len(rows), pa.float64()),
        }
    )


def ids(table: pa.Table) -> list[str]:
    """Record ids in the table's order."""
    return [str(value) for value in table.column("record_id").to_pylist()]
