"""Records on the log: JSON bodies, one record a message, and back to Arrow.

The body is the record's columns by name, readable in any Kafka tool. Headers carry the schema's name and version, and
for element sets the label in full, so that who reads the log needs no other place to learn what a label id means.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import json

from ingest.json_bodies import json_bodies
from ingest.log import Entry, LogRecord
from schemas.labels import Label, label_from_json
from schemas.message_records import CONJUNCTION_MESSAGE_RECORD_SCHEMA, EPHEMERIS_RECORD_SCHEMA
from schemas.records import CONJUNCTION_SCHEMA, ELEMENT_SET_SCHEMA
from schemas.refusals import Refusal

ELEMENTS_SCHEMA_NAME = b"ssa-hub/elements/1"
CONJUNCTIONS_SCHEMA_NAME = b"ssa-hub/conjunctions/1"
CONJUNCTION_MESSAGES_SCHEMA_NAME = b"ssa-hub/conjunction-messages/1"
EPHEMERIDES_SCHEMA_NAME = b"ssa-hub/ephemerides/1"
QUARANTINE_SCHEMA_NAME = b"ssa-hub/quarantine/1"

# From here on Arrow's JSON reader is worth its start.
_MANY = 256
_encode = msgspec.json.Encoder().encode


class _Object(msgspec.Struct):
    """Any JSON object: what is in it is checked and not kept."""


_one_object = msgspec.json.Decoder(_Object).decode


class QuarantinedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal on the log: what was refused, where it stood, and whose payload it was in."""

    payload_sha256: str
    source: str
    received_tai_ns: int
    refusal: Refusal


def element_entries(records: pa.RecordBatch, label: Label) -> list[Entry]:
    """One log entry a record, key = object id. All records must carry ``label``."""
    headers = {"schema": ELEMENTS_SCHEMA_NAME, "label": label.to_json()}
    keys = records.column("object_id").cast(pa.binary()).to_pylist()
    bodies = json_bodies(pa.Table.from_batches([records]))
    return [Entry(key=key, value=body, headers=headers) for key, body in zip(keys, bodies, strict=True)]


def conjunction_entries(records: pa.Table) -> list[Entry]:
    """One log entry a conjunction, key = first object's id."""
    headers = {"schema": CONJUNCTIONS_SCHEMA_NAME}
    return [Entry(key=row["object_id_1"].encode(), value=_encode(row), headers=headers) for row in records.to_pylist()]


def conjunction_message_entries(rows: Iterable[dict[str, Any]], label: Label) -> list[Entry]:
    """One log entry a conjunction message, key = first object's id. All must carry ``label``."""
    headers = {"schema": CONJUNCTION_MESSAGES_SCHEMA_NAME, "label": label.to_json()}
    return [Entry(key=row["object_id_1"].encode(), value=_encode(row), headers=headers) for row in rows]


def ephemeris_entries(rows: Iterable[dict[str, Any]], label: Label) -> list[Entry]:
    """One log entry an ephemeris, key = the objects as the message designates them. All must carry ``label``."""
    headers = {"schema": EPHEMERIDES_SCHEMA_NAME, "label": label.to_json()}
    return [
        Entry(key=" ".join(row["object_designators"]).encode(), value=_encode(row), headers=headers) for row in rows
    ]


def quarantine_entry(quarantined: QuarantinedRecord) -> Entry:
    """The log entry of a refusal, key = the payload's SHA-256."""
    return Entry(
        key=quarantined.payload_sha256.encode(),
        value=_encode(quarantined),
        headers={"schema": QUARANTINE_SCHEMA_NAME},
    )


def read_records(messages: list[LogRecord], schema: pa.Schema) -> pa.Table:
    """The records of log messages as a table, in their order.

    ``schema`` is one of `RECORD_SCHEMAS`. What a conjunction message does not state is left out of its body, lists of
    texts too: those come back empty. Raises msgspec.DecodeError or pyarrow.ArrowInvalid for a body that is not such a
    record.
    """
    if len(messages) >= _MANY and schema is not CONJUNCTION_MESSAGE_RECORD_SCHEMA:
        return _read_many(messages, schema)
    decode = msgspec.json.Decoder(dict).decode
    rows = [decode(message.value) for message in messages]
    if schema is CONJUNCTION_MESSAGE_RECORD_SCHEMA:
        rows = [{**_NOTHING_STATED, **row} for row in rows]
    return pa.Table.from_pylist(rows, schema=schema)


def _read_many(messages: list[LogRecord], schema: pa.Schema) -> pa.Table:
    """`read_records` by Arrow's reader, which works without Python's lock. Lines are its records.

    A body with line ends of its own is refused here, and read with the few (`ssa_hub.services.log_reading` halves).
    """
    for message in messages:
        _one_object(message.value)
    lines = pa.BufferReader(b"\n".join(message.value for message in messages))
    parsing = json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    rows = json.read_json(lines, parse_options=parsing).select(schema.names)
    if rows.num_rows != len(messages):
        raise ValueError(f"{len(messages)} messages hold {rows.num_rows} records")
    return pa.table(rows.columns, schema=schema)


def read_labels(messages: list[LogRecord]) -> dict[str, Label]:
    """The labels that these messages carry, by label id."""
    distinct = {message.headers["label"] for message in messages}
    labels = [label_from_json(data) for data in distinct]
    return {label.label_id: label for label in labels}


def read_quarantined(message: LogRecord) -> QuarantinedRecord:
    """The refusal that a quarantine message holds. Raises msgspec.DecodeError."""
    return msgspec.json.decode(message.value, type=QuarantinedRecord)


RECORD_SCHEMAS = {
    "elements": ELEMENT_SET_SCHEMA,
    "conjunctions": CONJUNCTION_SCHEMA,
    "conjunction_messages": CONJUNCTION_MESSAGE_RECORD_SCHEMA,
    "ephemerides": EPHEMERIS_RECORD_SCHEMA,
}
_NOTHING_STATED: dict[str, list[str]] = {
    field.name: [] for field in CONJUNCTION_MESSAGE_RECORD_SCHEMA if pa.types.is_list(field.type)
}
