"""Read an OEM of a million lines, ours against another library: `python benchmarks/oem_reading.py [--lines N]`.

Makes the file in a temporary directory (KVN, 9 and 12 decimals, some 120 MB). Every reading runs in a process of its
own, and both read the same states, or the run fails. Seconds of the reading itself, wall clock and processor, best of
three (ours: the first reading of a process, which loads numba and the compiled kernel from its cache, and a later one);
peak memory of the process, payload included. Writing is measured once, with ours.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.catalogues import processor
from schemas.timescales import format_utc_column, parse_utc

START = "2024-01-01T00:00:00.000000"
STEP_S = 10
_MEASURE = """
import json, sys, time
from pathlib import Path
path, way, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
data = path.read_bytes()
if way == "theirs":
    from ccsds_ndm import Oem
    text = data.decode()
    del data
    def read():
        return Oem.from_str(text, "kvn")
    def rows(oem):
        return len(oem.segments[0].data.state_vector)
    def checked(oem):
        return float(oem.segments[0].data.state_vector_numpy[:, 0].sum())
else:
    from schemas.oem.read import read_oem_kvn
    def read():
        return read_oem_kvn(data, path.name).ephemerides[0]
    def rows(ephemeris):
        return ephemeris.segments[0].states.num_rows
    def checked(ephemeris):
        return float(ephemeris.segments[0].states["x_km"].to_numpy().sum())
seconds, cpu_seconds = [], []
def peak_mb():
    # Not ru_maxrss: that begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
for _ in range(count):
    record = None
    began, cpu_began = time.perf_counter(), time.process_time()
    record = read()
    seconds.append(time.perf_counter() - began)
    cpu_seconds.append(time.process_time() - cpu_began)
out = {"seconds": min(seconds), "cpu_seconds": min(cpu_seconds), "peak_mb": peak_mb()}
out |= {"rows": rows(record), "sum_x": checked(record)}
if way == "ours-writing":
    from schemas.oem.write import write_oem_kvn, write_oem_xml
    for name, write in (("kvn", write_oem_kvn), ("xml", write_oem_xml)):
        began, cpu_began = time.perf_counter(), time.process_time()
        size = len(write([record]))
        out[name] = [time.perf_counter() - began, time.process_time() - cpu_began, size / 1e6]
        out[name + "_peak_mb"] = peak_mb()
print(json.dumps(out))
"""


def make_oem(path: Path, lines: int) -> None:
    """Write an OEM of so many data lines, positions and velocities at random."""
    generator = np.random.default_rng(20260101)
    start_ns = parse_utc(START)
    instants = start_ns + np.arange(lines, dtype=np.int64) * STEP_S * 1_000_000_000
    epochs = format_utc_column(instants, 6)
    with path.open("w", encoding="ascii") as file:
        file.write(
            "CCSDS_OEM_VERS = 3.0\nCREATION_DATE = 2024-01-01T00:00:00\nORIGINATOR = BENCHMARK\nMETA_START\n"
            "OBJECT_NAME = BENCHMARK\nOBJECT_ID = 2024-001A\nCENTER_NAME = EARTH\nREF_FRAME = EME2000\n"
            f"TIME_SYSTEM = UTC\nSTART_TIME = {epochs[0]}\nSTOP_TIME = {epochs[-1]}\nMETA_STOP\n"
        )
        for begin in range(0, lines, 10_000):
            part = epochs[begin : begin + 10_000]
            positions = generator.uniform(-7000.0, 7000.0, (len(part), 3)).tolist()
            velocities = generator.uniform(-8.0, 8.0, (len(part), 3)).tolist()
            for epoch, (x, y, z), (u, v, w) in zip(part, positions, velocities, strict=True):
                file.write(f"{epoch} {x:.9f} {y:.9f} {z:.9f} {u:.12f} {v:.12f} {w:.12f}\n")


def measured(path: Path, way: str, count: int) -> dict[str, Any]:
    """What one process says of its readings."""
    command = [sys.executable, "-c", _MEASURE, str(path), way, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def best_of(ran: list[dict[str, Any]]) -> dict[str, float]:
    """Least seconds and largest memory of several processes."""
    return {
        "seconds": min(one["seconds"] for one in ran),
        "cpu_seconds": min(one["cpu_seconds"] for one in ran),
        "peak_mb": max(one["peak_mb"] for one in ran),
    }


def print_reading(name: str, best: dict[str, float]) -> None:
    """One line of the table."""
    print(f"{name:<20} {best['seconds']:6.2f} s  {best['cpu_seconds']:6.2f} s cpu  {best['peak_mb']:6.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    packages = ("ccsds-ndm-py", "numba", "numpy", "pyarrow")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, {', '.join(f'{p} {version(p)}' for p in packages)}")
    with tempfile.TemporaryDirectory(prefix="oem-reading-") as directory:
        path = Path(directory) / "million.oem"
        make_oem(path, arguments.lines)
        print(f"data       OEM in KVN, {arguments.lines:,} states, {path.stat().st_size / 1e6:.1f} MB")
        ours = [measured(path, "ours", 1) for _ in range(arguments.repeat)]
        theirs = [measured(path, "theirs", 1) for _ in range(arguments.repeat)]
        again = measured(path, "ours", arguments.repeat)
        writing = measured(path, "ours-writing", 1)
    if any(one["sum_x"] != ours[0]["sum_x"] or one["rows"] != arguments.lines for one in (*ours, *theirs)):
        raise SystemExit("the two libraries read different states")
    mine, other = best_of(ours), best_of(theirs)
    print_reading("ours, new process", mine)
    print_reading("ours, once more", best_of([again]))
    print_reading("ccsds-ndm-py", other)
    time_ratio, cpu_ratio = (other[name] / mine[name] for name in ("seconds", "cpu_seconds"))
    memory_ratio = other["peak_mb"] / mine["peak_mb"]
    print(f"ratio      {time_ratio:.1f} in time, {cpu_ratio:.1f} in processor time, {memory_ratio:.1f} in memory")
    for form in ("kvn", "xml"):
        seconds, cpu_seconds, megabytes = writing[form]
        peak_mb = writing[f"{form}_peak_mb"]
        print(f"writing    {form} {seconds:.2f} s, {cpu_seconds:.2f} s cpu, {megabytes:.0f} MB; peak {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
