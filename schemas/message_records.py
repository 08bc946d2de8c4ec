"""Records that messages of others become: conjunction messages as their originators sent them, and ephemerides' index.

A conjunction message keeps the columns of `schemas.cdm.columns`, those of the CDM 2.0 draft's keywords left out: ingest
reads none of them. An ephemeris keeps what tells which one it is; its states and covariances are files beside the
payloads (`ingest.blob_store`), which ``states_sha256`` and ``covariances_sha256`` name.
"""

import pyarrow as pa

from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.records import PROVENANCE, Field, arrow_schema

_TEXTS = pa.list_(pa.string())
_DRAFT = "draft_keywords"
_ORIGIN = (
    *PROVENANCE,
    Field("label_id", pa.string(), False, "which confidentiality label it carries"),
    Field("payload_sha256", pa.string(), False, "address of the payload it was read from"),
)


def _field_of(field: pa.Field) -> Field:
    return Field(field.name, field.type, field.nullable, field.metadata[b"meaning"].decode())


CONJUNCTION_MESSAGE = (
    *_ORIGIN,
    Field("object_id_1", pa.string(), False, "the hub's own id of the message's first object"),
    Field("object_id_2", pa.string(), False, "the hub's own id of the message's second object"),
    *(_field_of(field) for field in CONJUNCTION_MESSAGE_SCHEMA if field.name != _DRAFT),
)

EPHEMERIS = (
    *_ORIGIN,
    Field("object_ids", _TEXTS, False, "the hub's own ids of its objects, sorted"),
    Field("message", pa.string(), False, "OEM, OCM or MEME"),
    Field("message_version", pa.string(), True, "version of the message's standard, as it says"),
    Field("message_originator", pa.string(), True, "ORIGINATOR keyword of the message, where it has one"),
    Field("message_id", pa.string(), True, "MESSAGE_ID keyword of the message, where it has one"),
    Field("creation_date_tai_ns", pa.int64(), True, "CREATION_DATE keyword of the message, TAI ns"),
    Field("object_names", _TEXTS, False, "names of its objects as received, sorted"),
    Field("object_designators", _TEXTS, False, "its objects as the message designates them, sorted"),
    Field("center_names", _TEXTS, False, "bodies that its states are about"),
    Field("ref_frames", _TEXTS, False, "frames that its states are in"),
    Field("bases", _TEXTS, False, "an OCM's TRAJ_BASIS: PREDICTED, DETERMINED, TELEMETRY, SIMULATED or OTHER"),
    Field("usable_start_tai_ns", pa.int64(), True, "first instant at which its states may be used, TAI ns"),
    Field("usable_stop_tai_ns", pa.int64(), True, "last instant at which its states may be used, TAI ns"),
    Field("segments", pa.int32(), False, "parts that may be interpolated within, never across"),
    Field("states", pa.int64(), False, "how many states it has"),
    Field("covariances", pa.int64(), False, "how many covariance matrices it has"),
    Field("left_out", _TEXTS, False, "blocks of an OCM that are not read"),
    Field("deviations", _TEXTS, False, "known deviations from the standard that were accepted"),
    Field("payload_record", pa.int32(), False, "which message of its payload this is, from 1"),
    Field("states_sha256", pa.string(), False, "address of the file of its states"),
    Field("covariances_sha256", pa.string(), True, "address of the file of its covariances; null: it has none"),
)

CONJUNCTION_MESSAGE_RECORD_SCHEMA = arrow_schema(CONJUNCTION_MESSAGE)
EPHEMERIS_RECORD_SCHEMA = arrow_schema(EPHEMERIS)
