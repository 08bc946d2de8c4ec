"""Screen a catalogue all against all: `python -m benchmarks.screening FILE|generated:COUNT [--days 7] [--astroz]`.

Prints machine, versions, data; wall and CPU seconds, peak memory, stages; the ratio to the bare propagation of the same
states, by our own kernels and by the sgp4 library's array call (one thread, as it holds the GIL); and with --astroz the
same screening by astroz, in the same run (`pip install astroz==0.17.0`, which is no dependency of ours).
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sgp4.api import Satrec, SatrecArray

from benchmarks.catalogues import Subject, peak_memory_mb, processor, subject, versions
from conjunction.catalogue import Catalogue
from conjunction.screening import ScreeningResult, screen
from conjunction.sieve import SLAB_NS, Window
from conjunction.sieve_grid import chunk_grid
from schemas.timescales import parse_utc, utc_julian_date

LIBRARY_TIMES = 16
BARE_SLABS = 64
WARM_UP_S = 7_200.0


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """(result, wall seconds, CPU seconds) of run()."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def library_seconds_per_state(elements: Subject, start_tai_ns: int) -> float:
    """Seconds a state of the sgp4 library's array call, over the whole catalogue."""
    satellites = [Satrec.twoline2rv(one, two) for one, two in elements.tle_lines()]
    times = start_tai_ns + np.arange(LIBRARY_TIMES, dtype=np.int64) * SLAB_NS
    array = SatrecArray(satellites)
    began = time.perf_counter()
    array.sgp4(*utc_julian_date(times))
    return (time.perf_counter() - began) / (len(satellites) * LIBRARY_TIMES)


def bare_cpu_s(catalogue: Catalogue, window: Window) -> float:
    """CPU seconds that the sieve's grid for the whole window takes, from that of its first BARE_SLABS slabs."""
    usable = [row for row in range(catalogue.n) if row not in catalogue.unusable]
    active = np.array(usable, dtype=np.int32)
    slabs = window.slabs()
    part = range(slabs.start, min(slabs.start + BARE_SLABS, slabs.stop))
    chunk_grid(catalogue, active, part)
    _, _, cpu_s = timed(lambda: chunk_grid(catalogue, active, part))
    return cpu_s * len(slabs) / len(part)


def report(result: ScreeningResult, wall_s: float, cpu_s: float) -> None:
    speed = result.conjunctions.column("relative_speed_m_s").to_numpy()
    print(f"screen     {wall_s:.1f} s wall, {cpu_s:.1f} s CPU, peak memory {peak_memory_mb():.0f} MB")
    print(f"           sieve {result.sieve_wall_s:.1f} s, refinement {result.refine_wall_s:.1f} s")
    print(f"found      {len(speed)} conjunctions, {np.count_nonzero(speed < 10.0)} of them below 10 m/s")
    print(f"           from {result.candidate_count} candidates (pair and slab), {result.state_count} states")
    print(f"left out   {result.left_out.num_rows}")


def astroz_screen(elements: Subject, arguments: argparse.Namespace, ours: float) -> None:
    """The same window and threshold by astroz 0.17, step 0.5 min, its fastest."""
    import astroz

    constellation = astroz.Constellation(elements.tle())
    start = datetime.fromisoformat(arguments.start).replace(tzinfo=UTC)

    def run(minutes: float) -> Any:
        return astroz.screen(constellation, minutes, threshold=arguments.threshold_km, step=0.5, start_time=start)

    run(30.0)
    events, wall_s, cpu_s = timed(lambda: run(arguments.days * 1440.0))
    print(f"astroz     {wall_s:.1f} s wall, {cpu_s:.1f} s CPU, {len(events.i)} events: {wall_s / ours:.1f} times ours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", help="a catalogue file, or generated:COUNT")
    parser.add_argument("--start", default="2024-09-17T12:00:00")
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--threshold-km", type=float, default=5.0)
    parser.add_argument("--astroz", action="store_true", help="screen with astroz, too")
    arguments = parser.parse_args()
    elements = subject(arguments.source, arguments.start)
    start_tai_ns = parse_utc(arguments.start)
    window = Window(start_tai_ns, start_tai_ns + round(arguments.days * 86_400e9))

    print(f"machine    {processor()}")
    print(f"versions   {versions('numba', 'llvmlite', 'numpy', 'pyarrow', 'sgp4', 'astroz')}")
    print(f"data       {elements.name}, {elements.elements.num_rows} element sets")
    print(f"window     {arguments.start} UTC, {arguments.days:g} days, {arguments.threshold_km:g} km")
    catalogue, wall_s, _ = timed(lambda: Catalogue.from_elements(elements.elements))
    print(f"initialise {wall_s:.2f} s")
    _, wall_s, _ = timed(lambda: screen(catalogue, start_tai_ns=start_tai_ns, duration_s=WARM_UP_S))
    print(f"warm-up    {wall_s:.2f} s ({WARM_UP_S / 60.0:g} min of the window, and compiling where not cached)")
    result, wall_s, cpu_s = timed(
        lambda: screen(
            catalogue,
            start_tai_ns=start_tai_ns,
            duration_s=arguments.days * 86_400.0,
            threshold_km=arguments.threshold_km,
        )
    )
    report(result, wall_s, cpu_s)
    bare = bare_cpu_s(catalogue, window)
    library_s = library_seconds_per_state(elements, start_tai_ns) * result.state_count
    print(f"ratio      {cpu_s / bare:.1f} of the {bare:.1f} s of CPU that the bare propagation of the same nodes takes")
    print(
        f"           {wall_s / library_s:.2f} of the {library_s:.1f} s that the sgp4 library takes for as many states"
    )
    if arguments.astroz:
        astroz_screen(elements, arguments, wall_s)


if __name__ == "__main__":
    main()
