"""SGP4 states a second on one core: `python -m benchmarks.sgp4 FILE.tle[.gz] [--deep-space] [--astroz]`.

The near-earth objects of the file, or its deep-space ones, at times 120 s apart, by our tiles, by our scalar kernel and
by the sgp4 library's array call, and with --astroz by astroz's (`pip install astroz==0.17.0`, which is no dependency of
ours), in turn and several times over in one run; the best of each counts, in CPU seconds of all threads. The libraries
give velocities too, and so the tiles are timed with and without. Prints machine, versions and data, states a second,
ratios, and how far apart they are.
"""

import argparse
import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sgp4.api import Satrec, SatrecArray

from benchmarks.catalogues import processor, versions
from conjunction.catalogue import Catalogue
from conjunction.orbit_grid import GridStates, grid_states
from conjunction.sgp4_deep_tile_kernel import LANES as DEEP_LANES
from conjunction.sgp4_kernel import grid_one_by_one
from conjunction.sgp4_tile_kernel import LANES
from schemas.timescales import parse_utc, utc_julian_date
from schemas.tle.read import read_tle

STEP_NS = 120_000_000_000


def best_of(rounds: int, contenders: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Least CPU seconds of each, taken in turn, so that the machine's other work falls on all alike."""
    best = dict.fromkeys(contenders, float("inf"))
    for name, run in contenders.items():
        run()
        best[name] = float("inf")
    for _ in range(rounds):
        for name, run in contenders.items():
            began = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - began)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", default="2024-09-17T12:00:00")
    parser.add_argument("--times", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--deep-space", action="store_true", help="its deep-space objects, not the near-earth ones")
    parser.add_argument("--astroz", action="store_true")
    arguments = parser.parse_args()
    raw = arguments.file.read_bytes()
    data = gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw
    catalogue = Catalogue.from_elements(pa.Table.from_batches([read_tle(data, arguments.file.name).elements]))
    lines = [line for line in data.decode().splitlines() if line[:2] in ("1 ", "2 ")]
    satellites = [Satrec.twoline2rv(one, two) for one, two in zip(lines[::2], lines[1::2], strict=True)]
    if len(satellites) != catalogue.n:
        raise SystemExit(f"{len(satellites)} element sets by their lines, {catalogue.n} by our reading")
    usable = np.isfinite(catalogue.coefficients[:, 0])
    rows = np.flatnonzero(usable & (catalogue.deep_space == arguments.deep_space)).astype(np.int32)
    tai_ns = parse_utc(arguments.start) + np.arange(arguments.times, dtype=np.int64) * STEP_NS
    jd, fraction = utc_julian_date(tai_ns)
    library = SatrecArray([satellites[row] for row in rows])
    scalar = GridStates(
        np.empty((len(tai_ns), 3, len(rows))),
        np.empty((len(tai_ns), 3, len(rows))),
        np.empty((len(tai_ns), len(rows)), dtype=np.int8),
    )
    columns = np.arange(len(rows))

    print(f"machine    {processor()}; one thread")
    print(f"versions   {versions('numba', 'llvmlite', 'numpy', 'sgp4', 'astroz')}")
    kind, lanes = ("deep-space", DEEP_LANES) if arguments.deep_space else ("near-earth", LANES)
    print(f"data       {arguments.file.name}: {len(rows)} {kind} objects, {len(tai_ns)} times, tiles of {lanes}")
    rivals: dict[str, Callable[[], Any]] = {}
    if arguments.astroz:
        import astroz.api

        chosen = [lines[2 * row : 2 * row + 2] for row in rows]
        array = astroz.api.SatrecArray([astroz.api.Satrec.twoline2rv(one, two) for one, two in chosen])
        rivals["astroz, SatrecArray"] = lambda: array.sgp4(jd, fraction)
    seconds = best_of(
        arguments.rounds,
        rivals
        | {
            "sgp4 library, SatrecArray": lambda: library.sgp4(jd, fraction),
            "scalar kernel, with velocity": lambda: grid_one_by_one(
                catalogue.coefficients, catalogue.epoch_tai_ns, rows, columns, tai_ns, *scalar
            ),
            "tiles, with velocity": lambda: grid_states(catalogue, rows, tai_ns, with_velocity=True),
            "tiles, positions": lambda: grid_states(catalogue, rows, tai_ns),
        },
    )
    count = len(rows) * len(tai_ns)
    reference = seconds["sgp4 library, SatrecArray"]
    for name, spent in seconds.items():
        print(f"{name:29} {count / spent / 1e6:6.2f} million states/s, {reference / spent:5.1f} times the library")
    ours = grid_states(catalogue, rows, tai_ns)
    code, position, _ = library.sgp4(jd, fraction)
    within_km = np.inf if arguments.deep_space else 80_000.0
    good = (code.T == 0) & (np.linalg.norm(ours.position_km, axis=1) < within_km)
    # SGP4 carries some element sets off, to 1e11 km; and the library is given UTC days, which cost some 1e-10 min
    apart = np.linalg.norm(ours.position_km - position.transpose(1, 2, 0), axis=1)[good]
    kernels = np.linalg.norm(ours.position_km - scalar.position_km, axis=1)[good]
    print(f"codes equal {bool((ours.code == code.T).all())}; largest difference in position:")
    print(f"           from the scalar kernel {kernels.max():.1e} km, from the library {apart.max():.1e} km")


if __name__ == "__main__":
    main()
