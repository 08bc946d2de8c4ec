"""How the cost of screening grows: `python -m benchmarks.growth FILE`.

One thing varies at a time about a middle case (all objects of the file, 1 day, 5 km, all threads): objects (part of the
file drawn by seed, and generated populations), days, threshold, threads.
Prints wall and CPU seconds of each case, conjunctions, and the exponent of a power law fitted to the CPU seconds by
least squares of logarithms.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from benchmarks.catalogues import GENERATED, processor, subject, versions
from conjunction.catalogue import Catalogue
from conjunction.screening import screen
from schemas.timescales import parse_utc

_SEED = 7


class Case(NamedTuple):
    objects: int
    days: float
    threshold_km: float
    threads: int


class Cost(NamedTuple):
    wall_s: float
    cpu_s: float
    conjunctions: int


def measured(catalogue: Catalogue, case: Case, start_tai_ns: int) -> Cost:
    with ThreadPoolExecutor(case.threads) as executor:
        wall, cpu = time.perf_counter(), time.process_time()
        result = screen(
            catalogue,
            start_tai_ns=start_tai_ns,
            duration_s=case.days * 86_400.0,
            threshold_km=case.threshold_km,
            executor=executor,
        )
        return Cost(time.perf_counter() - wall, time.process_time() - cpu, result.conjunctions.num_rows)


def series(name: str, cases: list[tuple[float, Catalogue, Case]], start_tai_ns: int) -> None:
    """Measure and print the cases of one series, and the exponent over its varying quantity."""
    print(f"{name:>14}  wall s   CPU s  conjunctions")
    points = []
    for value, catalogue, case in cases:
        cost = measured(catalogue, case, start_tai_ns)
        points.append((value, cost.cpu_s, cost.wall_s))
        print(f"{value:14g} {cost.wall_s:7.1f} {cost.cpu_s:7.1f} {cost.conjunctions:13d}", flush=True)
    x, cpu, wall = np.log(np.array(points)).T
    print(f"      exponent {np.polyfit(x, wall, 1)[0]:6.2f} {np.polyfit(x, cpu, 1)[0]:7.2f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", help="a catalogue file")
    parser.add_argument("--start", default="2024-09-17T12:00:00")
    parser.add_argument("--generated", type=int, nargs="*", default=[50_000, 100_000])
    parser.add_argument("--days", type=float, nargs="*", default=[1, 2, 4, 7, 14])
    parser.add_argument("--thresholds-km", type=float, nargs="*", default=[1, 2, 5, 10, 20, 50])
    arguments = parser.parse_args()
    start = parse_utc(arguments.start)
    elements = subject(arguments.source, arguments.start)
    whole = Catalogue.from_elements(elements.elements)
    print(f"machine    {processor()}")
    print(f"versions   {versions('numba', 'llvmlite', 'numpy', 'pyarrow', 'sgp4')}")
    print(f"data       {elements.name}, {whole.n} element sets, from {arguments.start} UTC\n")
    screen(whole, start_tai_ns=start, duration_s=7_200.0)  # compiled code is loaded

    random = np.random.default_rng(_SEED)
    sizes = [n for n in (3_000, 6_000, 12_000) if n < whole.n]
    parts = [whole.take(np.sort(random.choice(whole.n, n, replace=False)).astype(np.int32)) for n in sizes]
    parts.append(whole)
    series("objects (file)", [(part.n, part, Case(part.n, 1.0, 5.0, 2)) for part in parts], start)
    made = [
        Catalogue.from_elements(subject(f"{GENERATED}{n}", arguments.start).elements)
        for n in (3_000, 12_000, 27_000, *arguments.generated)
    ]
    series("objects (made)", [(part.n, part, Case(part.n, 1.0, 5.0, 2)) for part in made], start)
    series("days", [(days, whole, Case(whole.n, days, 5.0, 2)) for days in arguments.days], start)
    series("threshold km", [(km, whole, Case(whole.n, 1.0, km, 2)) for km in arguments.thresholds_km], start)
    series("threads", [(count, whole, Case(whole.n, 1.0, 5.0, count)) for count in (1, 2)], start)


if __name__ == "__main__":
    main()
