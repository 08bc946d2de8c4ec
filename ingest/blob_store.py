"""States and covariances of ephemerides: Parquet files beside the payload store, named by the SHA-256 of their bytes.

They are durable before the log has the index record that names them, so who reads a record finds its files. Writing
the same ephemeris again writes the same bytes (of one version of pyarrow), so what a crash repeats adds nothing.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.payload_store import PayloadStore
from schemas.ephemeris import COVARIANCE_SCHEMA, STATE_SCHEMA, Ephemeris, EphemerisSegment

_MEANINGS = {
    "epoch_tai_ns": "epoch, TAI ns",
    **{name: f"position, {name[0]}, km" for name in ("x_km", "y_km", "z_km")},
    **{name: f"velocity, {name[0]}, km/s" for name in ("x_dot_km_s", "y_dot_km_s", "z_dot_km_s")},
    **{name: f"acceleration, {name[0]}, km/s**2" for name in ("x_ddot_km_s2", "y_ddot_km_s2", "z_ddot_km_s2")},
}
# What a state needs to be understood by itself: whose, about what, in which frame, and where it may be used.
STATES_FILE_SCHEMA = pa.schema(
    [
        pa.field("segment", pa.int32(), False, {"meaning": "part of the ephemeris, from 1; interpolate within one"}),
        pa.field("object_name", pa.string(), False, {"meaning": "object's name as received"}),
        pa.field("object_designator", pa.string(), False, {"meaning": "the object as the message designates it"}),
        pa.field("center_name", pa.string(), False, {"meaning": "body that the state is about"}),
        pa.field("ref_frame", pa.string(), False, {"meaning": "frame of the state"}),
        pa.field("ref_frame_epoch_tai_ns", pa.int64(), True, {"meaning": "epoch of the frame, TAI ns"}),
        pa.field("basis", pa.string(), True, {"meaning": "an OCM's TRAJ_BASIS"}),
        pa.field("usable_start_tai_ns", pa.int64(), False, {"meaning": "first usable instant of the segment, TAI ns"}),
        pa.field("usable_stop_tai_ns", pa.int64(), False, {"meaning": "last usable instant of the segment, TAI ns"}),
        pa.field("interpolation", pa.string(), True, {"meaning": "interpolation that the message recommends"}),
        pa.field("interpolation_degree", pa.int32(), True, {"meaning": "its degree"}),
        *(field.with_metadata({"meaning": _MEANINGS[field.name]}) for field in STATE_SCHEMA),
    ]
)
COVARIANCES_FILE_SCHEMA = pa.schema(
    [
        pa.field("segment", pa.int32(), True, {"meaning": "part of the ephemeris, from 1; null: beside all of them"}),
        pa.field("epoch_tai_ns", pa.int64(), False, {"meaning": "epoch, TAI ns"}),
        pa.field("ref_frame", pa.string(), False, {"meaning": "axes: RTN, TNW, or the name of a frame"}),
        pa.field(
            "lower_triangle",
            pa.list_(pa.float64()),
            False,
            {"meaning": "21 terms of position and velocity, row by row; km**2, km**2/s, km**2/s**2"},
        ),
    ]
)


class Stored(NamedTuple):
    """Addresses of an ephemeris' files. ``covariances_sha256`` None: it has no covariances."""

    states_sha256: str
    covariances_sha256: str | None


class BlobStore:
    """Files of ephemerides. Threads and processes may share the directory."""

    def __init__(self, directory: Path) -> None:
        self._files = PayloadStore(directory)

    def put(self, ephemeris: Ephemeris) -> Stored:
        """Store its states and covariances; durable on return. Raises PayloadNotStoredError."""
        covariances = covariance_rows(ephemeris)
        return Stored(
            self._files.put(_parquet(state_rows(ephemeris))),
            self._files.put(_parquet(covariances)) if covariances.num_rows else None,
        )

    def get(self, sha256: str) -> pa.Table:
        """The rows of a file. Raises FileNotFoundError, ValueError where the file no longer matches its name."""
        return pq.read_table(io.BytesIO(self._files.get(sha256)))


def blobs_beside(payloads: PayloadStore) -> BlobStore:
    """The store that belongs to a payload store: the directory ``ephemerides`` beside it."""
    return BlobStore(payloads.directory.parent / "ephemerides")


def state_rows(ephemeris: Ephemeris) -> pa.Table:
    """All states by segment, with what of its segment each needs: `STATES_FILE_SCHEMA`."""
    tables = [_states(number, segment) for number, segment in enumerate(ephemeris.segments, start=1)]
    return pa.concat_tables([STATES_FILE_SCHEMA.empty_table(), *tables]).combine_chunks()


def covariance_rows(ephemeris: Ephemeris) -> pa.Table:
    """All covariances, those of segments first, then an OCM's own: `COVARIANCES_FILE_SCHEMA`."""
    own: Sequence[tuple[int | None, pa.RecordBatch]] = [(None, batch) for batch in ephemeris.covariances]
    of_segments = [(number, segment.covariances) for number, segment in enumerate(ephemeris.segments, start=1)]
    tables = [_covariances(number, batch) for number, batch in (*of_segments, *own)]
    return pa.concat_tables([COVARIANCES_FILE_SCHEMA.empty_table(), *tables]).combine_chunks()


def _states(number: int, segment: EphemerisSegment) -> pa.Table:
    start, stop = segment.usable_tai_ns()
    method, degree = segment.interpolation or (None, None)
    about = {
        "segment": number,
        "object_name": segment.object_name,
        "object_designator": segment.object_id,
        "center_name": segment.center_name,
        "ref_frame": segment.ref_frame,
        "ref_frame_epoch_tai_ns": segment.ref_frame_epoch_tai_ns,
        "basis": segment.basis,
        "usable_start_tai_ns": start,
        "usable_stop_tai_ns": stop,
        "interpolation": method,
        "interpolation_degree": degree,
    }
    columns = [
        pa.repeat(pa.scalar(about[field.name], field.type), segment.states.num_rows)
        if field.name in about
        else segment.states.column(field.name)
        for field in STATES_FILE_SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=STATES_FILE_SCHEMA)


def _covariances(number: int | None, batch: pa.RecordBatch) -> pa.Table:
    columns = [pa.repeat(pa.scalar(number, pa.int32()), batch.num_rows)]
    columns += [batch.column(name) for name in COVARIANCE_SCHEMA.names[:-1]]
    columns.append(batch.column(COVARIANCE_SCHEMA.names[-1]).cast(pa.list_(pa.float64())))
    return pa.Table.from_arrays(columns, schema=COVARIANCES_FILE_SCHEMA)


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    return bytes(sink.getvalue())
