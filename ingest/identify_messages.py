"""From conjunction messages and ephemerides to records of the hub, as they travel on the log.

A conjunction message is a row as read, with provenance and the two objects' ids. An ephemeris is an index row: its
states and covariances are files that are durable before the row is made (`ingest.blob_store`).
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pyarrow as pa

from connectors.payload import Provenance
from ingest.blob_store import Stored
from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.ephemeris import Ephemeris, EphemerisSegment
from schemas.identity import object_id_of, record_id_of

# What follows from other columns or says how the message was written is no part of what it states.
_NOT_CONTENT = ("tca_utc", "quality", "deviations", "payload_record")
_COMPUTED = ("computed_", "miss_distance_tolerance", "relative_speed_tolerance")
_CONTENT = [
    name for name in CONJUNCTION_MESSAGE_SCHEMA.names if name not in _NOT_CONTENT and not name.startswith(_COMPUTED)
]

# As object_id_of takes it. A COSPAR id is no catalogue number: the hub keeps no table of which is which.
_CATALOGUE_NUMBER = re.compile(r"0{0,8}[1-9][0-9]{0,8}", re.ASCII)

_encode = msgspec.json.Encoder().encode


def conjunction_message_rows(
    conjunctions: pa.RecordBatch, provenance: Provenance, *, payload_sha256: str, received_tai_ns: int
) -> Iterator[dict[str, Any]]:
    """A record a row of `CONJUNCTION_MESSAGE_SCHEMA`; what a message does not state is left out.

    The record id is the hash of source, originator, data mode, label and of what the message states.
    """
    origin = _origin(provenance)
    for row in conjunctions.to_pylist():
        content = _encode([*origin, *(row[name] for name in _CONTENT)])
        stated = {name: value for name, value in row.items() if value is not None and value != []}
        yield {
            **_provenance(provenance, record_id_of(content), payload_sha256, received_tai_ns),
            "object_id_1": _object_id(row, 1, provenance.source),
            "object_id_2": _object_id(row, 2, provenance.source),
            **stated,
        }


def ephemeris_rows(
    ephemerides: list[Ephemeris],
    provenance: Provenance,
    *,
    payload_sha256: str,
    received_tai_ns: int,
    store: Callable[[Ephemeris], Stored],
) -> Iterator[dict[str, Any]]:
    """An index record an ephemeris: whose, in which frame, from when to when, how many states, where they are.

    ``store`` makes the states and covariances durable, before the record is there. What it raises, this raises.

    The record id is the hash of source, originator, data mode, label, object and of all states and covariances.
    """
    for ephemeris in ephemerides:
        segments = ephemeris.segments
        content = hashlib.sha256(_encode(_origin(provenance)))
        for segment in segments:
            content.update(_segment_content(segment))
        for batch in ephemeris.covariances:
            content.update(_covariance_content(batch))
        spans = [segment.usable_tai_ns() for segment in segments]
        yield {
            **_provenance(provenance, record_id_of(content.digest()), payload_sha256, received_tai_ns),
            "object_ids": sorted({_designated(segment.object_id, provenance.source) for segment in segments}),
            "message": ephemeris.message,
            "message_version": ephemeris.version,
            "message_originator": ephemeris.originator,
            "message_id": ephemeris.message_id,
            "creation_date_tai_ns": ephemeris.creation_date_tai_ns,
            "object_names": sorted({segment.object_name for segment in segments}),
            "object_designators": sorted({segment.object_id for segment in segments}),
            "center_names": sorted({segment.center_name for segment in segments}),
            "ref_frames": sorted({segment.ref_frame for segment in segments}),
            "bases": sorted({segment.basis for segment in segments if segment.basis is not None}),
            "usable_start_tai_ns": min((start for start, _ in spans), default=None),
            "usable_stop_tai_ns": max((stop for _, stop in spans), default=None),
            "segments": len(segments),
            "states": sum(segment.states.num_rows for segment in segments),
            "covariances": sum(segment.covariances.num_rows for segment in segments)
            + sum(batch.num_rows for batch in ephemeris.covariances),
            "left_out": list(ephemeris.left_out),
            "deviations": list(ephemeris.deviations),
            "payload_record": ephemeris.record,
            **store(ephemeris)._asdict(),
        }


def _origin(provenance: Provenance) -> list[str]:
    return [provenance.source, provenance.originator, provenance.data_mode.value, provenance.label.label_id]


def _provenance(
    provenance: Provenance, record_id: str, payload_sha256: str, received_tai_ns: int
) -> dict[str, str | int]:
    return {
        "record_id": record_id,
        "source": provenance.source,
        "originator": provenance.originator,
        "data_mode": provenance.data_mode.value,
        "received_tai_ns": received_tai_ns,
        "label_id": provenance.label.label_id,
        "payload_sha256": payload_sha256,
    }


def _object_id(row: dict[str, Any], number: int, source: str) -> str:
    """The hub's id where the designator is a catalogue number, else one within the source."""
    catalogue_number = row[f"object{number}_catalogue_number"]
    if catalogue_number is not None:
        return object_id_of(catalogue_number, source)
    return f"src-{source}-{row[f'object{number}_object_designator']}"


def _designated(designator: str, source: str) -> str:
    """The hub's id where the designator is a catalogue number, else one within the source."""
    if _CATALOGUE_NUMBER.fullmatch(designator):
        return object_id_of(int(designator), source)
    return f"src-{source}-{designator}"


def _segment_content(segment: EphemerisSegment) -> bytes:
    names = (segment.object_name, segment.object_id, segment.center_name, segment.ref_frame, segment.basis)
    digest = hashlib.sha256(_encode([*names, *segment.usable_tai_ns()]))
    for column in segment.states.columns:
        digest.update(column.to_numpy(zero_copy_only=False).tobytes())
    digest.update(_covariance_content(segment.covariances))
    return digest.digest()


def _covariance_content(covariances: pa.RecordBatch) -> bytes:
    digest = hashlib.sha256(_encode(covariances.column("ref_frame").to_pylist()))
    digest.update(covariances.column("epoch_tai_ns").to_numpy().tobytes())
    digest.update(covariances.column("lower_triangle").flatten().to_numpy().tobytes())
    return digest.digest()
