"""A resident catalogue and single orbits against it: `python -m benchmarks.one_against_all FILE.tle[.gz]`.

Builds the resident catalogue for the window, then takes objects drawn from it one by one and screens each against all
the others. Prints what building and asking took, wall and CPU. With --check, the answers are compared with those of
`screen` on the whole catalogue, row for row; the script exits with 1 where they differ.
"""

import argparse
import gzip
import platform
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.catalogues import processor
from conjunction.catalogue import Catalogue
from conjunction.resident import ResidentCatalogue
from conjunction.screening import screen
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle

WARM_UP = 5


def timed(task: Callable[[], object]) -> tuple[object, float, float]:
    """(result, wall ms, CPU ms)."""
    began, cpu_began = time.perf_counter(), time.process_time()
    result = task()
    return result, 1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - cpu_began)


def quantiles(values: list[float]) -> str:
    p50, p95, largest = np.percentile(values, [50, 95, 100])
    return f"p50 {p50:6.1f}  p95 {p95:6.1f}  max {largest:6.1f}"


def differing(catalogue: Catalogue, asked: list[int], answers: list[pa.Table], start_ns: int, days: float) -> int:
    """How many conjunctions of the asked rows `screen` and the answers do not share, by pair, TCA and miss distance."""
    table = screen(catalogue, start_tai_ns=start_ns, duration_s=86_400.0 * days).conjunctions
    columns = ("index_1", "index_2", "tca_tai_ns", "miss_distance_m")
    wanted, found = set(), set()
    of_interest = set(asked)
    for one, two, tca, miss in zip(*(table.column(name).to_pylist() for name in columns), strict=True):
        wanted |= {(k, one + two - k, tca, miss) for k in (one, two) if k in of_interest}
    for row, answer in zip(asked, answers, strict=True):
        found |= {(row, *rest) for rest in zip(*(answer.column(name).to_pylist() for name in columns[1:]), strict=True)}
    print(f"check      {len(wanted)} by screen, {len(found)} by the resident catalogue, {len(wanted ^ found)} differ")
    return len(wanted ^ found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", default="2024-09-17T12:00:00")
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--objects", type=int, default=200)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    raw = arguments.file.read_bytes()
    data = gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw
    catalogue = Catalogue.from_elements(pa.Table.from_batches([read_tle(data, arguments.file.name).elements]))
    start_ns = parse_utc(arguments.start)
    packages = ("numba", "numpy", "sgp4")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages))
    print(f"data       {arguments.file.name}, {catalogue.n} element sets; {arguments.days:g} days, 5 km", flush=True)

    began, cpu_began = time.perf_counter(), time.process_time()
    resident = ResidentCatalogue.build(catalogue, start_tai_ns=start_ns, duration_s=86_400.0 * arguments.days)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"build      {wall_s:.1f} s wall, {cpu_s:.1f} s CPU; peak memory {peak_mb:.0f} MB, of which nodes and pieces")
    print(f"           {resident.memory_bytes / 1e6:.0f} MB", flush=True)

    drawn = np.random.default_rng(0).choice(catalogue.n, WARM_UP + arguments.objects, replace=False).tolist()
    of_resident = np.arange(catalogue.n)
    walls, cpus, answers = [], [], []
    with ThreadPoolExecutor(2) as executor:
        for row in drawn:
            orbit = catalogue.take(np.array([row]))
            group = np.array([row])
            began, cpu_began = time.perf_counter(), time.process_time()
            result = resident.screen(orbit, group=group, of_resident=of_resident, executor=executor)
            walls.append(1e3 * (time.perf_counter() - began))
            cpus.append(1e3 * (time.process_time() - cpu_began))
            answers.append(result.conjunctions)
    asked, answers = drawn[WARM_UP:], answers[WARM_UP:]
    print(f"query      wall ms {quantiles(walls[WARM_UP:])}")
    print(f"           CPU ms  {quantiles(cpus[WARM_UP:])}")
    print(f"           {len(asked)} objects, {sum(answer.num_rows for answer in answers)} conjunctions", flush=True)
    for count in (1, 10, 100):
        rows = np.array(drawn[:count])
        orbits = catalogue.take(rows)
        _, wall_ms, cpu_ms = timed(partial(resident.replace, rows, orbits))
        print(f"replace    {count:3d} rows: {wall_ms:.1f} ms wall, {cpu_ms:.1f} ms CPU", flush=True)
    if arguments.check:
        return 1 if differing(catalogue, asked, answers, start_ns, arguments.days) else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
