"""Element sets on their way out: columns with everything that a message must say, or a clear refusal."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from schemas.records import ELEMENT_FIELDS
from schemas.refusals import CannotRenderError

# What a message can leave out, or say in another way, where it is null or its column is missing.
_MAY_BE_MISSING = {
    *(field.name for field in ELEMENT_FIELDS if field.nullable),
    *("epoch_utc", "classification_type", "deviations", "payload_record"),
}
_FIELDS = [field for field in ELEMENT_FIELDS if field.name not in {"epoch_utc", "deviations", "payload_record"}]

Elements: TypeAlias = "pa.Table | pa.RecordBatch"


def table_to_render(elements: Elements) -> pa.Table:
    """The columns of ``ELEMENT_FIELDS`` that messages are made of, each there, null where it is missing.

    Raises CannotRenderError, naming the object and the field, where a field is missing that a message must have, and
    where a number is not finite.
    """
    columns = {}
    for field in _FIELDS:
        index = elements.schema.get_field_index(field.name)
        column = elements.column(index) if index >= 0 else pa.nulls(elements.num_rows, field.type)
        columns[field.name] = column
    table = pa.table(columns)
    for name, column in columns.items():
        if column.null_count and name not in _MAY_BE_MISSING:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            raise CannotRenderError(f"{_called(table, row)}: {name} is not there, and the format must state it")
        if pa.types.is_floating(column.type):
            finite = np.isfinite(column.to_numpy(zero_copy_only=False))
            if not finite.all():
                row = int(np.flatnonzero(~finite)[0])
                raise CannotRenderError(f"{_called(table, row)}: {name} = {column[row].as_py()} is no finite number")
    return table


def rows_to_render(elements: Elements) -> Iterator[dict[str, Any]]:
    """The rows of `table_to_render` as dictionaries."""
    yield from table_to_render(elements).to_pylist()


def object_called(row: dict[str, Any]) -> str:
    """How an error calls the object of a row."""
    number, name = row.get("catalogue_number"), row.get("object_name")
    called = "an object" if number is None else f"object {number}"
    return called if name is None else f"{called} ({name})"


def _called(table: pa.Table, row: int) -> str:
    return object_called({name: table[name][row].as_py() for name in ("catalogue_number", "object_name")})
