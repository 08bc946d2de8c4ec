"""Read a TLE catalogue and print what it took: `python benchmarks/tle_reading.py FILE.tle[.gz]`.

Beside it, in the same run on the same lines: the sgp4 library's `Satrec.twoline2rv`, one call a record, which checks
none of the format's rules but does initialise SGP4. Each is the best of five. The cold figures are those of new
processes that read the file once; `--compile` adds one that finds no compiled kernels on the disk.
"""

import argparse
import gzip
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from sgp4.api import Satrec

from benchmarks.catalogues import processor
from schemas.tle.fast_lane import read_by_kernels
from schemas.tle.read import FAST_LANE_PAYS_BYTES, read_by_columns

ROUNDS = 5
COLD = """
import pathlib, sys, time
import schemas.tle.read
data = sys.stdin.buffer.read()
began = time.perf_counter()
if sys.argv[1] == "columns":
    reading = schemas.tle.read.read_by_columns(data, "benchmark")
else:
    from schemas.tle.fast_lane import read_by_kernels
    reading = read_by_kernels(data, "benchmark")
print(time.perf_counter() - began, PEAK_KB)
"""
# Linux hands the parent's ru_maxrss on to a child; VmHWM is the child's own.
PEAK_KB = """int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])"""


def best_s(*readers: Callable[[], object]) -> list[float]:
    """The shortest time of each in seconds, from some rounds in which they take turns."""
    best = [float("inf")] * len(readers)
    for _ in range(ROUNDS):
        for index, read in enumerate(readers):
            began = time.perf_counter()
            read()
            best[index] = min(best[index], time.perf_counter() - began)
    return best


def cold(data: bytes, lane: str, cache: str | None = None) -> str:
    """What a new process takes to load the lane and read the file; ``cache``: another folder of compiled kernels."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    command = [sys.executable, "-c", COLD.replace("PEAK_KB", PEAK_KB), lane]
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, env=environment, check=True)
    seconds, peak = done.stdout.split()
    return f"{float(seconds):.2f} s, peak memory {float(peak) / 1e3:.0f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--compile", action="store_true", help="also a new process that must compile the kernels")
    arguments = parser.parse_args()
    raw = arguments.file.read_bytes()
    data = gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line[:2] in ("1 ", "2 ")]
    pairs = list(zip(lines[::2], lines[1::2], strict=True))

    reading = read_by_kernels(data, arguments.file.name)
    assert reading.elements.equals(read_by_columns(data, arguments.file.name).elements)  # noqa: S101
    kernels_s, library_s, columns_s = best_s(
        lambda: read_by_kernels(data, "benchmark"),
        lambda: [Satrec.twoline2rv(one, two) for one, two in pairs],
        lambda: read_by_columns(data, "benchmark"),
    )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)

    packages = ("numba", "numpy", "pyarrow", "sgp4")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages))
    counts = f"{reading.elements.num_rows} sets read, {len(reading.refusals)} refused"
    print(f"data       {arguments.file.name}, {len(data) / 1e6:.1f} MB, {counts}")
    print(f"library    {library_s * 1e3:7.1f} ms, one call of twoline2rv a record")
    print(f"fast lane  {kernels_s * 1e3:7.1f} ms, one thread: {library_s / kernels_s:.1f} times as fast")
    print(f"columns    {columns_s * 1e3:7.1f} ms without the fast lane: {library_s / columns_s:.2f} times as fast")
    print(f"memory     {peak_mb:.0f} MB peak of this process, all of the above in it")
    print(f"cold       fast lane {cold(data, 'kernels')} (numba and compiled kernels loaded first)")
    print(f"           columns   {cold(data, 'columns')}")
    print(f"           read_tle loads the fast lane once a process has had {FAST_LANE_PAYS_BYTES / 1e6:.1f} MB to read")
    if arguments.compile:
        with tempfile.TemporaryDirectory() as empty:
            print(f"compiling  fast lane {cold(data, 'kernels', empty)}")


if __name__ == "__main__":
    main()
