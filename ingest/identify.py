"""From what a message says to a record of the hub: identity, record id, provenance, lineage."""

import msgspec
import pyarrow as pa

from connectors.payload import Provenance
from schemas.identity import object_id_of, record_id_of
from schemas.records import ELEMENT_FIELDS, ELEMENT_SET_SCHEMA

# What makes two element sets the same statement. Left out: what follows from other fields (epoch_utc), where in the
# payload it stood, how the encoding deviated, and when or by whom the message around it was written. So the same
# elements sent as TLE today and again tomorrow are one record.
_NOT_CONTENT = frozenset({"epoch_utc", "payload_record", "deviations", "message_originator", "creation_date_utc"})
CONTENT_FIELDS = tuple(field.name for field in ELEMENT_FIELDS if field.name not in _NOT_CONTENT)


def identify(
    elements: pa.RecordBatch, provenance: Provenance, *, payload_sha256: str, received_tai_ns: int
) -> pa.RecordBatch:
    """The records (columns of ``ELEMENT_SET_SCHEMA``) that a source's element sets become.

    The record id is the hash of source, originator, data mode, label and content, so it does not depend on when or
    how often the record came.
    """
    label_id = provenance.label.label_id
    origin = [provenance.source, provenance.originator, provenance.data_mode.value, label_id]
    contents = zip(*(elements.column(name).to_pylist() for name in CONTENT_FIELDS), strict=True)
    encode = msgspec.json.Encoder().encode
    rows = elements.num_rows
    columns: dict[str, pa.Array] = {
        "record_id": pa.array([record_id_of(encode([*origin, *content])) for content in contents], pa.string()),
        "source": pa.repeat(pa.scalar(provenance.source, pa.string()), rows),
        "originator": pa.repeat(pa.scalar(provenance.originator, pa.string()), rows),
        "data_mode": pa.repeat(pa.scalar(provenance.data_mode.value, pa.string()), rows),
        "received_tai_ns": pa.repeat(pa.scalar(received_tai_ns, pa.int64()), rows),
        "label_id": pa.repeat(pa.scalar(label_id, pa.string()), rows),
        "payload_sha256": pa.repeat(pa.scalar(payload_sha256, pa.string()), rows),
        "object_id": pa.array(
            [object_id_of(number, provenance.source) for number in elements.column("catalogue_number").to_pylist()],
            pa.string(),
        ),
    }
    columns.update(zip(elements.schema.names, elements.columns, strict=True))
    return pa.RecordBatch.from_arrays([columns[name] for name in ELEMENT_SET_SCHEMA.names], schema=ELEMENT_SET_SCHEMA)
