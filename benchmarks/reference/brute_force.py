"""Every conjunction of a real catalogue by brute force, kept as a reference: the sgp4 library and dense sampling.

    python -m benchmarks.reference.brute_force FILE.tle.gz OUT.npz [--hours 24] [--threshold-km 5] [--choose 3000]

Nothing of `conjunction/` is used. All objects are sampled every 4 s; `near_steps` finds the steps in which a pair may
be within the threshold, and says why none is lost; `minima` finds every minimum of the range in them; `search` says
how objects that fail are treated. The definition is docs/screening.md's: minima inside the window, and at its edges,
at or below the threshold. Minima up to search.GRAZING_KM above the threshold are kept as well, so that a comparison
can treat such as neither missing nor invented.

The window is worked in slices of 600 s, each kept as a file in OUT.slices/, so a run that was killed goes on where it
was. Times: s from the start, UTC without a leap second inside the window. The result holds real data: it is kept
outside the project.
"""

import argparse
import gzip
import hashlib
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sgp4 import __version__ as sgp4_version
from sgp4.api import Satrec, accelerated, jday

from benchmarks.reference.choice import chosen_rows
from benchmarks.reference.failures import FOR_EVER_S, NEVER_S, Ends
from benchmarks.reference.minima import Minimum
from benchmarks.reference.search import GRAZING_KM, STEP_S, Rows, Run, slice_minima, without_noise


def satellites_of(data: bytes) -> list[Satrec]:
    """Records of all element sets of a TLE file, in its order."""
    lines = [line for line in data.decode().splitlines() if line[:2] in ("1 ", "2 ")]
    return [Satrec.twoline2rv(one, two) for one, two in zip(lines[::2], lines[1::2], strict=True)]


def store_slice(path: Path, rows: Rows, ends: Ends, figures: dict[str, float]) -> None:
    """One slice's file, whole or not at all."""
    partial = path.with_suffix(".partial.npz")
    scalars = {name: np.array(value) for name, value in figures.items()}
    np.savez_compressed(partial, last_good_s=ends.last_good_s, wild=ends.wild, **row_columns(rows), **scalars)
    partial.rename(path)


def merged(run: Run, paths: list[Path]) -> dict[str, NDArray[np.generic]]:
    """All slices' rows by pair and time without noise, the last slice's ends, and figures of the whole run."""
    parts = [dict(np.load(path)) for path in paths]
    ends = Ends(parts[-1]["last_good_s"], parts[-1]["wild"])
    rows: Rows = []
    for part in parts:
        columns = [part[name].tolist() for name in ("first", "second", *Minimum._fields)]
        rows += [(one, two, Minimum(*values)) for one, two, *values in zip(*columns, strict=True)]
    kept = without_noise(run, rows, ends)
    return row_columns(kept) | {
        "last_good_s": ends.last_good_s,
        "wild": ends.wild,
        "dropped_as_noise": np.array(len(rows) - len(kept)),
        "near_steps": np.array(sum(float(part["near_steps"]) for part in parts)),
        "largest_remainder_km": np.array(max(float(part["largest_remainder_km"]) for part in parts)),
        "jumping_objects": np.array(max(float(part["jumping_objects"]) for part in parts)),
    }


def row_columns(rows: Rows) -> dict[str, NDArray[np.generic]]:
    """Rows as arrays: first, second, and Minimum's fields."""
    columns: dict[str, NDArray[np.generic]] = {
        "first": np.array([one for one, _, _ in rows], dtype=np.int32),
        "second": np.array([two for _, two, _ in rows], dtype=np.int32),
    }
    return columns | {name: np.array([getattr(minimum, name) for _, _, minimum in rows]) for name in Minimum._fields}


def worked_slices(run: Run, directory: Path) -> list[Path]:
    """The slices' files, made where they are not there yet."""
    directory.mkdir(parents=True, exist_ok=True)
    ends = Ends.unknown(len(run.satellites))
    paths = []
    for first_step in run.slices():
        path = directory / f"{first_step:06d}.npz"
        paths.append(path)
        if path.exists():
            kept = np.load(path)
            ends = Ends(kept["last_good_s"], kept["wild"])
            continue
        began, began_cpu = time.perf_counter(), time.process_time()
        rows, ends, figures = slice_minima(run, first_step, ends)
        store_slice(path, rows, ends, figures)
        print(
            f"step {first_step} of {run.steps}: {len(rows)} minima, "
            f"{int((ends.last_good_s < FOR_EVER_S).sum())} objects ended, "
            f"{figures}, {time.perf_counter() - began:.1f} s, CPU {time.process_time() - began_cpu:.1f} s",
            flush=True,
        )
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", default="2024-09-17T12:00:00", help="UTC")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--threshold-km", type=float, default=5.0)
    parser.add_argument("--choose", type=int, default=0, help="so many objects of all regimes, not all")
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    raw = arguments.file.read_bytes()
    everything = satellites_of(gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw)
    date, clock = arguments.start.split("T")
    jd, fraction = jday(*map(int, date.split("-")), *map(int, clock.split(":")))
    chosen = chosen_rows(everything, jd + fraction, arguments.choose or len(everything), arguments.seed)
    satellites = [everything[row] for row in chosen.tolist()]
    steps = round(arguments.hours * 3600.0 / STEP_S)
    run = Run.of(satellites, jd + fraction, steps, arguments.threshold_km)
    if run.start_jd - jd != fraction:
        raise ValueError("--start must be a Julian date that float64 holds to the nanosecond: noon or midnight")

    result = merged(run, worked_slices(run, arguments.out.with_suffix(".slices")))
    np.savez_compressed(
        arguments.out,
        rows=chosen,
        catalogue_number=np.array([satellite.satnum for satellite in satellites]),
        never=result["last_good_s"] == NEVER_S,
        start=arguments.start,
        duration_s=run.steps * STEP_S,
        threshold_km=run.threshold_km,
        grazing_km=GRAZING_KM,
        file_name=arguments.file.name,
        file_sha256=hashlib.sha256(raw).hexdigest(),
        made_with=f"python {sys.version.split()[0]}, numpy {np.__version__}, sgp4 {sgp4_version}, C++: {accelerated}",
        **result,
    )
    print(f"{len(result['first'])} minima of {len(satellites)} objects in {arguments.out}")


if __name__ == "__main__":
    main()
