"""States between frames and epochs between time systems, in bulk: `python -m benchmarks.frames`.

One run, one process, one thread, beside ERFA and astropy. Peers get fewer instants, as they take long; what is compared
is the time a state or an epoch, the best of three. ERFA's path is a call of c2t06a with each epoch and one matrix
product, positions only; astropy transforms positions and velocities, as we do (once only, it takes so long). The error
is the largest distance, at the geostationary radius, from ERFA at each instant with the same Earth orientation.
"""

import argparse
import platform
import time
from collections.abc import Callable
from importlib.metadata import version

import astropy_iers_data
import erfa
import numpy as np
from astropy import units
from astropy.coordinates import GCRS, ITRS, TEME, CartesianDifferential, CartesianRepresentation
from astropy.time import Time
from astropy.utils import iers
from numpy.typing import NDArray

from benchmarks.catalogues import processor
from conjunction.frames import rotation_matrices, transform
from schemas.earth_orientation import iers_table
from schemas.epoch_matrix import parse_epoch_matrix
from schemas.time_systems import TIME_SYSTEMS, calendar_to_tai_ns, format_epoch_column, from_tai_ns
from schemas.timescales import NS_PER_DAY, parse_utc

GEO_M = 42_164_000.0
ASTROPY_FRAMES = {"TEME": TEME, "GCRF": GCRS, "ITRF": ITRS}
Vectors = NDArray[np.float64]
Instants = NDArray[np.int64]


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest wall seconds of some runs."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def julian(tai_ns: Instants) -> tuple[Vectors, Vectors]:
    """(Julian date at 0h, fraction) of TAI."""
    days, ns_of_day = np.divmod(tai_ns, NS_PER_DAY)
    return 2_440_587.5 + days, ns_of_day / NS_PER_DAY


def exact_rotation(tai_ns: Instants, frame: str) -> Vectors:
    """GCRF to a frame by ERFA at each instant, (n, 3, 3)."""
    jd, tai = julian(tai_ns)
    values = iers_table().at(tai_ns)
    tt, ut1 = tai + 32.184 / 86_400.0, tai + values.ut1_minus_tai_s / 86_400.0
    x, y, s = erfa.xys06a(jd, tt)
    celestial = erfa.c2ixys(x + values.dx_rad, y + values.dy_rad, s)
    angle = erfa.era00(jd, ut1)
    if frame == "TEME":
        return np.asarray(erfa.rz(angle - erfa.gmst82(jd, ut1), celestial))
    return np.asarray(erfa.c2tcio(celestial, angle, erfa.pom00(values.xp_rad, values.yp_rad, erfa.sp00(jd, tt))))


def by_erfa(position: Vectors, tai_ns: Instants) -> Vectors:
    """GCRF to ITRF with one c2t06a an epoch, pole offsets left out."""
    jd, tai = julian(tai_ns)
    values = iers_table().at(tai_ns)
    ut1 = tai + values.ut1_minus_tai_s / 86_400.0
    matrix = erfa.c2t06a(jd, tai + 32.184 / 86_400.0, jd, ut1, values.xp_rad, values.yp_rad)
    return np.asarray(np.einsum("nij,nj->ni", matrix, position))


def by_astropy(position: Vectors, velocity: Vectors, tai_ns: Instants, frame_from: str, frame_to: str) -> object:
    """States by astropy, its Time made from the same instants."""
    jd, tai = julian(tai_ns)
    at = Time(jd, tai, format="jd", scale="tai")
    rate = CartesianDifferential(*velocity.T, unit=units.km / units.s)
    state = CartesianRepresentation(*position.T, unit=units.km, differentials=rate)
    return ASTROPY_FRAMES[frame_from](state, obstime=at).transform_to(ASTROPY_FRAMES[frame_to](obstime=at)).cartesian


def frames(count: int, peer_count: int, tai_ns: Instants, rng: np.random.Generator) -> None:
    position, velocity = rng.normal(size=(count, 3)) * 7_000.0, rng.normal(size=(count, 3))
    few = np.linspace(0, count - 1, peer_count).astype(np.int64)
    print(f"\nstates, position and velocity: {count} instants for us, {peer_count} for peers; us a state")
    print(
        f"{'':14}{'ours':>8}{'erfa c2t06a':>14}{'astropy':>10}{'erfa/ours':>11}{'astropy/ours':>14}{'error at GEO':>14}"
    )
    for frame_from, frame_to in (("TEME", "GCRF"), ("TEME", "ITRF"), ("GCRF", "ITRF"), ("ITRF", "GCRF")):
        transform(position[:1], velocity[:1], tai_ns[:1], frame_from, frame_to)  # compiled where not cached
        pair = (frame_from, frame_to)
        ours = best_of(3, lambda pair=pair: transform(position, velocity, tai_ns, *pair)) / count
        erfa_s = best_of(3, lambda: by_erfa(position[few], tai_ns[few])) / peer_count
        theirs = best_of(1, lambda pair=pair: by_astropy(position[few], velocity[few], tai_ns[few], *pair)) / peer_count
        moving = next(frame for frame in pair[::-1] if frame != "GCRF")
        off = rotation_matrices(tai_ns[few], "GCRF", moving)[0] - exact_rotation(tai_ns[few], moving)
        error_mm = np.linalg.norm(off, ord=2, axis=(1, 2)).max() * GEO_M * 1e3
        print(
            f"{frame_from} -> {frame_to:6}{ours * 1e6:8.3f}{erfa_s * 1e6:14.1f}{theirs * 1e6:10.1f}"
            f"{erfa_s / ours:11.0f}{theirs / ours:14.0f}{error_mm:11.2f} mm"
        )


def epochs(count: int, peer_count: int, tai_ns: Instants) -> None:
    print(f"\nepochs: {count} for us, {peer_count} for peers; ms a million")
    utc_bytes_s = 0.0
    print(f"{'':6}{'to TAI':>9}{'from TAI':>10}{'bytes to TAI':>14}{'to text':>9}")
    for system in TIME_SYSTEMS:
        counts = from_tai_ns(system, tai_ns)
        texts = format_epoch_column(system, tai_ns)
        bare = [text[:29] for text in texts]
        matrix = np.array(bare, dtype="S29").view(np.uint8).reshape(count, 29)
        parse_epoch_matrix(matrix[:1], system)
        figures = (
            best_of(3, lambda system=system, counts=counts: calendar_to_tai_ns(system, counts)),
            best_of(3, lambda system=system: from_tai_ns(system, tai_ns)),
            best_of(3, lambda system=system, matrix=matrix: parse_epoch_matrix(matrix, system)),
            best_of(1, lambda system=system: format_epoch_column(system, tai_ns)),
        )
        if system == "UTC":
            utc_bytes_s = figures[2] / count
        widths = (9, 10, 14, 9)
        print(f"{system:6}" + "".join(f"{s * 1e9 / count:{w}.1f}" for s, w in zip(figures, widths, strict=True)))
    texts = format_epoch_column("UTC", tai_ns[:peer_count])
    for name, peer in (
        ("astropy Time(isot).tai", lambda: Time(texts, format="isot", scale="utc").tai.jd2),
        ("numpy datetime64 (no leap second, no check)", lambda: np.array(texts, dtype="datetime64[ns]")),
        ("our parse_utc, one by one", lambda: [parse_utc(text) for text in texts]),
    ):
        took = best_of(3, peer) / peer_count
        print(f"{took * 1e9:9.0f} ms a million, {took / utc_bytes_s:6.1f} times our bytes to TAI: {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--peer-count", type=int, default=20_000)
    parser.add_argument("--start", default="2026-10-01T00:00:00")
    parser.add_argument("--days", type=float, default=7.0)
    arguments = parser.parse_args()
    iers.conf.auto_download, iers.conf.auto_max_age = False, None
    iers.earth_orientation_table.set(iers.IERS_A.open(astropy_iers_data.IERS_A_FILE))
    packages = ("numba", "numpy", "pyerfa", "astropy", "astropy-iers-data")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages))
    print(f"data       {iers_table().source}, measured to {iers_table().last_measured_date}")
    print(f"instants   {arguments.days:g} d from {arguments.start} UTC, at random")
    rng = np.random.default_rng(1)
    span_ns = int(arguments.days * NS_PER_DAY)
    tai_ns = np.sort(parse_utc(arguments.start) + rng.integers(0, span_ns, arguments.count))
    frames(arguments.count, arguments.peer_count, tai_ns, rng)
    epochs(arguments.count, arguments.peer_count, tai_ns)


if __name__ == "__main__":
    main()
