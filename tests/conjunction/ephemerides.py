"""Ephemerides for the tests: states of the sgp4 library, turned by ERFA; nothing here comes from `conjunction`."""

import erfa
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sgp4.api import Satrec

from schemas.earth_orientation import iers_table
from schemas.ephemeris import COVARIANCE_SCHEMA, STATE_SCHEMA, EphemerisSegment, Interpolation
from schemas.timescales import NS_PER_DAY

NS_PER_S = 1_000_000_000


def segment_of(
    tai_ns: NDArray[np.int64],
    position_km: NDArray[np.float64],
    velocity_km_s: NDArray[np.float64],
    *,
    ref_frame: str = "TEME",
    center_name: str = "EARTH",
    interpolation: Interpolation | None = None,
    usable_tai_ns: tuple[int | None, int | None] = (None, None),
    ref_frame_epoch_tai_ns: int | None = None,
) -> EphemerisSegment:
    """A segment with states at tai_ns (n,), from (n, 3) each."""
    nothing = pa.nulls(len(tai_ns), pa.float64())
    columns = [pa.array(tai_ns), *map(pa.array, position_km.T), *map(pa.array, velocity_km_s.T), *[nothing] * 3]
    return EphemerisSegment(
        object_name="GENERATED",
        object_id="2024-001A",
        center_name=center_name,
        ref_frame=ref_frame,
        ref_frame_epoch_tai_ns=ref_frame_epoch_tai_ns,
        time_system="TAI",
        start_tai_ns=int(tai_ns[0]) if len(tai_ns) else 0,
        usable_start_tai_ns=usable_tai_ns[0],
        usable_stop_tai_ns=usable_tai_ns[1],
        stop_tai_ns=int(tai_ns[-1]) if len(tai_ns) else 0,
        interpolation=interpolation,
        states=pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA),
        covariances=pa.RecordBatch.from_pylist([], schema=COVARIANCE_SCHEMA),
    )


def sgp4_states(
    satellite: Satrec, epoch_tai_ns: int, tai_ns: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions and velocities (m, 3) by the library, TEME, of a record whose epoch is epoch_tai_ns."""
    days = (tai_ns - epoch_tai_ns) / NS_PER_DAY
    code, position, velocity = satellite.sgp4_array(
        np.full(len(days), satellite.jdsatepoch), satellite.jdsatepochF + days
    )
    assert not code.any()
    return position, velocity


def from_teme(tai_ns: NDArray[np.int64], frame: str) -> NDArray[np.float64]:
    """Rotations TEME to a frame (n, 3, 3), by ERFA at each instant: IAU 2006/2000A, GMST 1982 between TEME and ITRF."""
    values = iers_table().at(tai_ns)
    days, ns_of_day = np.divmod(tai_ns, NS_PER_DAY)
    jd, tai = 2_440_587.5 + days, ns_of_day / NS_PER_DAY
    tt, ut1 = tai + 32.184 / 86_400.0, tai + values.ut1_minus_tai_s / 86_400.0
    x, y, s = erfa.xys06a(jd, tt)
    celestial = erfa.c2ixys(x + values.dx_rad, y + values.dy_rad, s)
    rotation_angle = erfa.era00(jd, ut1)
    teme = erfa.rz(rotation_angle - erfa.gmst82(jd, ut1), celestial)
    to_gcrf = np.swapaxes(teme, -1, -2)
    if frame == "GCRF":
        return np.asarray(to_gcrf)
    if frame == "EME2000":
        return np.asarray(erfa.bp06(2_451_545.0, 0.0)[0] @ to_gcrf)
    wobble = erfa.pom00(values.xp_rad, values.yp_rad, erfa.sp00(jd, tt))
    assert frame == "ITRF"
    return np.asarray(erfa.c2tcio(celestial, rotation_angle, wobble) @ to_gcrf)


def turned(
    position_km: NDArray[np.float64], velocity_km_s: NDArray[np.float64], tai_ns: NDArray[np.int64], frame: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """States in TEME (n, 3) as they are in a frame; a velocity in the ITRF is relative to it."""
    if frame == "TEME":
        return position_km, velocity_km_s
    rotation = from_teme(tai_ns, frame)
    position, velocity = (np.einsum("nij,nj->ni", rotation, vectors) for vectors in (position_km, velocity_km_s))
    if frame == "ITRF":
        rate = from_teme(tai_ns + NS_PER_S // 2, frame) - from_teme(tai_ns - NS_PER_S // 2, frame)
        velocity = velocity + np.einsum("nij,nj->ni", rate, position_km)
    return position, velocity
