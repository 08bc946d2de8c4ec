"""Screen a catalogue all against all and print what it took: `python benchmarks/screening.py FILE.tle[.gz]`.

Prints machine, versions, data; wall and CPU seconds, peak memory, stages; and the ratio to what the sgp4 library alone
needs to propagate as many states of the same catalogue (its array call, one thread, as it holds the GIL).
"""

import argparse
import gzip
import platform
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
from sgp4.api import Satrec, SatrecArray

from conjunction.catalogue import Catalogue
from conjunction.screening import screen
from schemas.timescales import parse_utc, utc_julian_date
from schemas.tle.read import read_tle

LIBRARY_TIMES = 16


def processor() -> str:
    """The processor's name and how many of its threads we may use."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return f"{names[0]} x {len(names)}" if names else platform.processor()


def library_seconds_per_state(data: bytes, start_tai_ns: int) -> float:
    """Seconds a state of the sgp4 library's array call, over the whole catalogue."""
    lines = [line for line in data.decode().splitlines() if line[:2] in ("1 ", "2 ")]
    satellites = [Satrec.twoline2rv(one, two) for one, two in zip(lines[::2], lines[1::2], strict=True)]
    times = start_tai_ns + np.arange(LIBRARY_TIMES, dtype=np.int64) * 120_000_000_000
    jd, fraction = utc_julian_date(times)
    array = SatrecArray(satellites)
    began = time.perf_counter()
    array.sgp4(jd, fraction)
    return (time.perf_counter() - began) / (len(satellites) * LIBRARY_TIMES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", default="2024-09-17T12:00:00")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--threshold-km", type=float, default=5.0)
    arguments = parser.parse_args()
    raw = arguments.file.read_bytes()
    data = gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw
    elements = pa.Table.from_batches([read_tle(data, arguments.file.name).elements])
    start_tai_ns = parse_utc(arguments.start)

    packages = ("numba", "numpy", "pyarrow", "sgp4")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages))
    print(f"data       {arguments.file.name}, {elements.num_rows} element sets")
    print(f"window     {arguments.start} UTC, {arguments.hours:g} h, {arguments.threshold_km:g} km")

    began = time.perf_counter()
    catalogue = Catalogue.from_elements(elements)
    print(f"initialise {time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    screen(catalogue, start_tai_ns=start_tai_ns, duration_s=600.0)
    print(f"warm-up    {time.perf_counter() - began:.2f} s (10 min of the window, and compiling where not cached)")

    began, cpu_began = time.perf_counter(), time.process_time()
    result = screen(
        catalogue,
        start_tai_ns=start_tai_ns,
        duration_s=arguments.hours * 3600.0,
        threshold_km=arguments.threshold_km,
    )
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    conjunctions = result.conjunctions
    slow = np.count_nonzero(conjunctions.column("relative_speed_m_s").to_numpy() < 10.0)
    print(f"screen     {wall_s:.1f} s wall, {cpu_s:.1f} s CPU, peak memory {peak_mb:.0f} MB")
    print(f"           sieve {result.sieve_wall_s:.1f} s, refinement {result.refine_wall_s:.1f} s")
    print(f"found      {conjunctions.num_rows} conjunctions, {slow} of them below 10 m/s")
    print(f"           from {result.candidate_count} candidates (pair and slab), {result.state_count} states")
    print(f"left out   {result.left_out.num_rows}")
    bare_s = library_seconds_per_state(data, start_tai_ns) * result.state_count
    print(f"ratio      {wall_s / bare_s:.2f} of the {bare_s:.1f} s that the sgp4 library takes for as many states")


if __name__ == "__main__":
    main()
