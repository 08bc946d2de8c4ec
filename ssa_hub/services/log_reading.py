"""What the recorder reads from the log: records that state and history can hold, and refusals for all else.

A message that is no record must not stop the recorder for ever: whoever may write to the topic, or an older version
of the hub, could put one there. It goes to quarantine with its bytes and the place, and recording goes on behind it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest.log import LogRecord
from ingest.messages import RECORD_SCHEMAS, QuarantinedRecord, read_quarantined, read_records
from schemas.identity import payload_sha256
from schemas.labels import Label, label_from_json
from schemas.records import DataMode
from schemas.refusals import REFUSED_BYTES_MAX, Refusal
from schemas.timescales import now_tai_ns, parse_utc

# An index row of PostgreSQL takes 2,704 bytes; the largest ones hold three of these, or one refusal's key.
_IDENTIFIER_BYTES_MAX = 512
_REFUSAL_KEY_BYTES_MAX = 2_000
_RULE_LENGTH_MAX = 300
_INT32_MAX = 2**31 - 1
_EARLIEST_RECEIPT_TAI_NS = parse_utc("1972-01-01T00:00:00")
_IDENTIFIERS = {
    "elements": ("record_id", "source", "originator", "data_mode", "object_id", "label_id"),
    "conjunctions": (
        *("record_id", "source", "originator", "data_mode"),
        *(f"{name}_{side}" for side in (1, 2) for name in ("object_id", "parent", "parent_originator")),
        *("parent_label_id_1", "parent_label_id_2"),
    ),
    "conjunction_messages": (
        *("record_id", "source", "originator", "data_mode", "object_id_1", "object_id_2", "label_id"),
        "payload_sha256",
    ),
    "ephemerides": ("record_id", "source", "originator", "data_mode", "label_id", "payload_sha256", "states_sha256"),
}
# Kinds whose messages carry the label that their records name; conjunctions name their parents' labels.
_LABELLED = frozenset({"elements", "conjunction_messages", "ephemerides"})


class NotARecordError(ValueError):
    """Messages among which at least one is no record: the field, and what is demanded of it."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field, self.rule = field, rule


class Read(NamedTuple):
    """Records in their order with the labels that they name, and what was refused."""

    rows: pa.Table
    labels: dict[str, Label]
    refused: list[QuarantinedRecord]


def read_messages(messages: Sequence[LogRecord], kind: str) -> Read:
    """Read messages of one kind, a key of `RECORD_SCHEMAS`. Raises nothing for what they hold."""
    sound: list[tuple[pa.Table, dict[str, Label]]] = []
    refused: list[QuarantinedRecord] = []

    def read(part: list[LogRecord]) -> None:
        sound.append(_sound(part, kind))

    _each_readable_part(list(messages), read, refused)
    rows = pa.concat_tables([rows for rows, _ in sound]) if sound else RECORD_SCHEMAS[kind].empty_table()
    return Read(rows, {label_id: label for _, labels in sound for label_id, label in labels.items()}, refused)


def read_refusals(messages: Sequence[LogRecord]) -> list[QuarantinedRecord]:
    """The refusals that messages of the quarantine topic hold; one that holds none becomes a refusal itself."""
    found: list[QuarantinedRecord] = []

    def read(part: list[LogRecord]) -> None:
        found.extend(_sound_refusals(part))

    _each_readable_part(list(messages), read, found)
    return found


def _each_readable_part(
    messages: list[LogRecord], read: Callable[[list[LogRecord]], None], refused: list[QuarantinedRecord]
) -> None:
    """Read all at once, which is fast; where that fails halve until only what is wrong is left."""
    if not messages:
        return
    try:
        read(messages)
    except NotARecordError as error:
        if len(messages) == 1:
            refused.append(_refusal(messages[0], error))
            return
        middle = len(messages) // 2
        _each_readable_part(messages[:middle], read, refused)
        _each_readable_part(messages[middle:], read, refused)


def _sound(messages: list[LogRecord], kind: str) -> tuple[pa.Table, dict[str, Label]]:
    schema = RECORD_SCHEMAS[kind]
    try:
        rows = read_records(messages, schema)
    except (msgspec.MsgspecError, pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise NotARecordError("message", f"must be a record of {kind}: {error}") from error
    for field in schema:
        column = rows.column(field.name)
        if not field.nullable and column.null_count:
            raise NotARecordError(field.name, "must be there")
        if pa.types.is_floating(field.type) and not pc.all(pc.is_finite(column), min_count=0).as_py():
            raise NotARecordError(field.name, "must be a finite number")
    _check_identifiers(rows, kind)
    if kind == "ephemerides":
        _check_objects(rows)
    if pc.min(rows.column("received_tai_ns")).as_py() < _EARLIEST_RECEIPT_TAI_NS:
        raise NotARecordError("received_tai_ns", "must be an instant after 1971")
    return rows, _labels(messages, rows) if kind in _LABELLED else {}


def _check_identifiers(rows: pa.Table, kind: str) -> None:
    for name in _IDENTIFIERS[kind]:
        column = rows.column(name)
        if pc.max(pc.binary_length(column)).as_py() > _IDENTIFIER_BYTES_MAX:
            raise NotARecordError(name, f"must be at most {_IDENTIFIER_BYTES_MAX} bytes long")
        if pc.any(pc.match_substring(column, "\0")).as_py():
            raise NotARecordError(name, "must not hold a NUL character")
    unknown = set(pc.unique(rows.column("data_mode")).to_pylist()) - set(DataMode)
    if unknown:
        raise NotARecordError("data_mode", f"must be one of {', '.join(DataMode)}")


def _check_objects(rows: pa.Table) -> None:
    objects = pc.list_flatten(rows.column("object_ids"))
    if len(objects) and pc.max(pc.binary_length(objects)).as_py() > _IDENTIFIER_BYTES_MAX:
        raise NotARecordError("object_ids", f"must be at most {_IDENTIFIER_BYTES_MAX} bytes long, each")
    if objects.null_count or pc.any(pc.match_substring(objects, "\0")).as_py():
        raise NotARecordError("object_ids", "must not hold null or a NUL character")


def _labels(messages: list[LogRecord], rows: pa.Table) -> dict[str, Label]:
    """The labels of the messages' headers, each of which must be the one that its record names."""
    by_header: dict[bytes, tuple[str, Label]] = {}
    for message, label_id in zip(messages, rows.column("label_id").to_pylist(), strict=True):
        data = message.headers.get("label")
        if data is None:
            raise NotARecordError("header label", "must be there")
        if data not in by_header:
            try:
                label = label_from_json(data)
            except (msgspec.MsgspecError, ValueError) as error:
                raise NotARecordError("header label", f"must be a label: {error}") from error
            by_header[data] = label.label_id, label
        if by_header[data][0] != label_id:
            raise NotARecordError("header label", "must be the label that the record names")
    return dict(by_header.values())


def _sound_refusals(messages: list[LogRecord]) -> list[QuarantinedRecord]:
    try:
        found = [read_quarantined(message) for message in messages]
    except (msgspec.MsgspecError, ValueError) as error:
        raise NotARecordError("message", f"must be a refusal: {error}") from error
    for quarantined in found:
        refusal = quarantined.refusal
        key = (quarantined.payload_sha256, quarantined.source, refusal.field, refusal.rule)
        if sum(len(text.encode()) for text in key) > _REFUSAL_KEY_BYTES_MAX:
            raise NotARecordError("message", f"field, rule and source must be at most {_REFUSAL_KEY_BYTES_MAX} bytes")
        if not (0 <= refusal.record <= _INT32_MAX and 0 <= refusal.line <= _INT32_MAX):
            raise NotARecordError("message", "record and line must be numbers from 0 to 2147483647")
        if "\0" in quarantined.payload_sha256 + quarantined.source:
            raise NotARecordError("message", "must not hold a NUL character in payload_sha256 or source")
    return found


def _refusal(message: LogRecord, error: NotARecordError) -> QuarantinedRecord:
    """The refusal of a message; the same each time that it is read, so that quarantine keeps it once."""
    return QuarantinedRecord(
        payload_sha256=payload_sha256(message.value),
        source=f"log:{message.topic}",
        received_tai_ns=now_tai_ns(),
        refusal=Refusal(
            file=f"{message.topic}/{message.partition}, offset {message.offset}",
            record=1,
            line=0,
            field=error.field,
            value="",
            rule=error.rule[:_RULE_LENGTH_MAX],
            data=message.value[:REFUSED_BYTES_MAX],
        ),
    )
