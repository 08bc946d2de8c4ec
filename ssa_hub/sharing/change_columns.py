"""What a change of an object's newest element set says of the one before, in columns behind those of the new one."""

import numpy as np
import pyarrow as pa

from schemas.records import Field

APPEARED, REPLACED = "appeared", "replaced"

CHANGE_FIELDS = (
    Field("change", pa.string(), False, f"{APPEARED}: there was none of the object before; {REPLACED}: there was"),
    Field("previous_record_id", pa.string(), True, "record id of the newest element set as of `from`, as shown"),
    Field("previous_epoch_tai_ns", pa.int64(), True, "its epoch, TAI ns, as shown"),
    Field("previous_received_tai_ns", pa.int64(), True, "when the hub received it, TAI ns"),
)
_PREVIOUS = ("record_id", "epoch_tai_ns", "received_tai_ns")


def with_previous(newest: pa.Table, previous: pa.Table, replaced: pa.Array) -> pa.Table:
    """Rows as shown of the newest sets, with `CHANGE_FIELDS` behind; null of an object that appeared.

    ``replaced`` (bool, one for each row of ``newest``) says which have a row in ``previous``, which are in the same
    order.
    """
    said = np.asarray(replaced.to_numpy(zero_copy_only=False), dtype=np.bool_)
    # Taken by index, nulls where there is none: nothing else lies in their slots.
    indices = pa.array(np.cumsum(said) - 1, pa.int64(), mask=~said)
    columns = [pa.array(np.where(said, REPLACED, APPEARED).tolist(), pa.string())]
    columns += [previous.column(name).combine_chunks().take(indices) for name in _PREVIOUS]
    for field, column in zip(CHANGE_FIELDS, columns, strict=True):
        newest = newest.append_column(pa.field(field.name, field.type, field.nullable), column)
    return newest
