"""Ephemerides: what OEM, OCM trajectories and Starlink's MEME text say, as one record with columns of states."""

from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

STATE_SCHEMA = pa.schema(
    [
        pa.field("epoch_tai_ns", pa.int64(), False),
        *(pa.field(name, pa.float64(), False) for name in ("x_km", "y_km", "z_km")),
        *(pa.field(name, pa.float64(), False) for name in ("x_dot_km_s", "y_dot_km_s", "z_dot_km_s")),
        *(pa.field(name, pa.float64(), True) for name in ("x_ddot_km_s2", "y_ddot_km_s2", "z_ddot_km_s2")),
    ]
)
COVARIANCE_TERMS = 21  # lower triangle, row by row
COVARIANCE_SCHEMA = pa.schema(
    [
        pa.field("epoch_tai_ns", pa.int64(), False),
        pa.field("ref_frame", pa.string(), False),  # the axes: RTN, TNW, or the name of a frame
        # x, y, z, x_dot, y_dot, z_dot (or R, T, N, …); km**2, km**2/s, km**2/s**2
        pa.field("lower_triangle", pa.list_(pa.field("item", pa.float64(), False), COVARIANCE_TERMS), False),
    ]
)


class Interpolation(NamedTuple):
    """What a message recommends: ``method`` as written, ``degree`` or None."""

    method: str
    degree: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EphemerisSegment:
    """States of one object that may be interpolated among each other, never across segments.

    ``states`` has `STATE_SCHEMA` (accelerations all null or none), epochs strictly rising; ``covariances`` has
    `COVARIANCE_SCHEMA`. Positions km, velocities km/s, in ``ref_frame`` about ``center_name``. Instants are TAI ns;
    ``time_system`` is how the message wrote them. The usable span is `usable_tai_ns`. ``basis`` is an OCM's TRAJ_BASIS
    (PREDICTED, DETERMINED, TELEMETRY, SIMULATED, OTHER): a simulated trajectory must never pass for a real one.
    """

    object_name: str
    object_id: str
    center_name: str
    ref_frame: str
    ref_frame_epoch_tai_ns: int | None
    time_system: str
    start_tai_ns: int
    usable_start_tai_ns: int | None
    usable_stop_tai_ns: int | None
    stop_tai_ns: int
    interpolation: Interpolation | None
    states: pa.RecordBatch
    covariances: pa.RecordBatch
    metadata_comments: tuple[str, ...] = ()
    data_comments: tuple[str, ...] = ()
    covariance_comments: tuple[str, ...] = ()
    basis: str | None = None

    def usable_tai_ns(self) -> tuple[int, int]:
        """First and last instant at which the states may be used (CCSDS 502.0-B-3, 5.2.3)."""
        start = self.start_tai_ns if self.usable_start_tai_ns is None else self.usable_start_tai_ns
        stop = self.stop_tai_ns if self.usable_stop_tai_ns is None else self.usable_stop_tai_ns
        return start, stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeris:
    """One ephemeris message. ``message`` is OEM, OCM or MEME; header texts are None where the message has none.

    ``covariances`` (each with `COVARIANCE_SCHEMA`) are those of an OCM, which stand beside its trajectories and not in
    one of them; ``left_out`` names blocks of an OCM that have no place here. ``record`` is its number in the payload,
    ``deviations`` the known deviations that were accepted.
    """

    message: str
    version: str
    creation_date_tai_ns: int | None
    originator: str | None
    message_id: str | None
    classification: str | None
    segments: tuple[EphemerisSegment, ...]
    header_comments: tuple[str, ...] = ()
    covariances: tuple[pa.RecordBatch, ...] = ()
    left_out: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    record: int = 1
