"""Element sets on their way out: rows with everything that a message must say, or a clear refusal."""

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import pyarrow as pa

from schemas.records import ELEMENT_FIELDS
from schemas.refusals import CannotRenderError

# What a message can leave out, or say in another way, where it is null or its column is missing.
_MAY_BE_MISSING = {
    *(field.name for field in ELEMENT_FIELDS if field.nullable),
    *("epoch_utc", "classification_type", "deviations", "payload_record"),
}
_NAMES = [field.name for field in ELEMENT_FIELDS if field.name not in {"epoch_utc", "deviations", "payload_record"}]

Elements: TypeAlias = "pa.Table | pa.RecordBatch"


def rows_to_render(elements: Elements) -> Iterator[dict[str, Any]]:
    """The rows of a table with the columns of ``ELEMENT_FIELDS`` (others are passed over), as dictionaries.

    Raises CannotRenderError, naming the object and the field, where a field is missing that a message must have, and
    where a number is not finite.
    """
    present = [name for name in _NAMES if name in elements.schema.names]
    absent = dict.fromkeys(name for name in _NAMES if name not in present)
    for row in elements.select(present).to_pylist():
        row.update(absent)
        for name in _NAMES:
            if row[name] is None and name not in _MAY_BE_MISSING:
                raise CannotRenderError(f"{object_called(row)}: {name} is not there, and the format must state it")
            if isinstance(row[name], float) and not math.isfinite(row[name]):
                raise CannotRenderError(f"{object_called(row)}: {name} = {row[name]} is no finite number")
        yield row


def object_called(row: dict[str, Any]) -> str:
    """How an error calls the object of a row."""
    number, name = row.get("catalogue_number"), row.get("object_name")
    called = "an object" if number is None else f"object {number}"
    return called if name is None else f"{called} ({name})"
