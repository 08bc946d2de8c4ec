"""Read OMMs in every encoding and print what it took: `python -m benchmarks.omm_reading [FILE.tle[.gz]]`.

The messages are written from 20,000 made-up element sets, or from those of the TLE file that is given. Beside our
readers, in the same run on the same bytes: ccsds_ndm (XML and KVN, to objects, validating), sgp4.omm (XML and CSV, to
dictionaries of texts), and the json module (to dictionaries), which check next to nothing of an OMM's rules. Our
readers check all of them and give Arrow columns. Each figure is the best of five, readers taking turns; memory is that
of new processes that read once.
"""

import argparse
import gzip
import io
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import ccsds_ndm
import numpy as np
import pyarrow as pa
from sgp4 import omm

from benchmarks.catalogues import processor
from schemas.omm.read_csv import read_omm_csv
from schemas.omm.read_json import read_omm_json
from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.omm.write import (
    write_omm_csv,
    write_omm_json,
    write_omm_kvn,
    write_omm_xml,
    write_space_track_csv,
    write_space_track_json,
)
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle

ROUNDS = 5
COUNT = 20_000
SEED = 20261122
# Linux hands the parent's ru_maxrss on to a child; VmHWM is the child's own.
MEMORY = """
import pathlib, sys
IMPORT
data = sys.stdin.buffer.read()
peak = lambda: int(pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak()
kept = READ
print(before, peak())
"""


class Peer:
    """A reader that takes part: how it is called here, and how a new process imports and calls it."""

    def __init__(self, name: str, read: Callable[[bytes], object], imports: str, call: str) -> None:
        self.name, self.read, self.imports, self.call = name, read, imports, call

    def memory(self, data: bytes) -> str:
        """Peak memory of a new process that reads once, and how much of it came with reading."""
        program = MEMORY.replace("IMPORT", self.imports).replace("READ", self.call)
        done = subprocess.run([sys.executable, "-c", program], input=data, stdout=subprocess.PIPE, check=True)
        before, after = (int(kilobytes) / 1e3 for kilobytes in done.stdout.split())
        return f"{after:4.0f} MB, {after - before:.0f} of them by reading"


def ours(encoding: str, read: Callable[[bytes, str], object]) -> Peer:
    """One of our readers."""
    name = f"read_omm_{encoding}"
    imports = f"from schemas.omm.read_{encoding} import {name}"
    return Peer("ssa-hub", lambda data: read(data, "benchmark"), imports, f'{name}(data, "benchmark")')


NDM = Peer(
    "ccsds_ndm", lambda data: ccsds_ndm.from_str(data.decode()), "import ccsds_ndm", "ccsds_ndm.from_str(data.decode())"
)
SGP4_XML = Peer(
    "sgp4.omm",
    lambda data: list(omm.parse_xml(io.BytesIO(data))),
    "import io\nfrom sgp4 import omm",
    "list(omm.parse_xml(io.BytesIO(data)))",
)
SGP4_CSV = Peer(
    "sgp4.omm",
    lambda data: list(omm.parse_csv(io.StringIO(data.decode()))),
    "import io\nfrom sgp4 import omm",
    "list(omm.parse_csv(io.StringIO(data.decode())))",
)
JSON = Peer("json", json.loads, "import json", "json.loads(data)")

FORMS = {
    "XML": (write_omm_xml, ours("xml", read_omm_xml), [NDM, SGP4_XML]),
    "JSON, CelesTrak": (write_omm_json, ours("json", read_omm_json), [JSON]),
    "JSON, Space-Track": (write_space_track_json, ours("json", read_omm_json), [JSON]),
    "CSV, CelesTrak": (write_omm_csv, ours("csv", read_omm_csv), [SGP4_CSV]),
    "CSV, Space-Track": (write_space_track_csv, ours("csv", read_omm_csv), [SGP4_CSV]),
    "KVN": (write_omm_kvn, ours("kvn", read_omm_kvn), []),
}


def made_up(count: int) -> pa.Table:
    """Element sets with the decimals of a real catalogue, the same in every run."""
    random = np.random.default_rng(SEED)
    index = np.arange(count)

    def decimals(low: float, high: float, places: int) -> np.ndarray:
        return np.round(random.uniform(low, high, count), places)

    columns: dict[str, object] = {
        "catalogue_number": index + 1,
        "object_name": [f"OBJECT {number} DEB" for number in index],
        "cospar_id": [f"{1960 + number % 60}-{number % 900 + 1:03d}{chr(65 + number % 26)}" for number in index],
        "epoch_tai_ns": parse_utc("2026-11-20T00:00:00") + random.integers(0, 172_800_000_000, count) * 1_000,
        "mean_motion_rev_per_day": decimals(1.0, 16.0, 8),
        "eccentricity": decimals(0.0, 0.1, 7),
        "inclination_deg": decimals(0.0, 120.0, 4),
        "ra_of_asc_node_deg": decimals(0.0, 359.9, 4),
        "arg_of_pericenter_deg": decimals(0.0, 359.9, 4),
        "mean_anomaly_deg": decimals(0.0, 359.9, 4),
        "bstar_per_earth_radius": decimals(-1e-3, 1e-3, 8),
        "mean_motion_dot_rev_per_day2": decimals(-1e-4, 1e-4, 8),
        "mean_motion_ddot_rev_per_day3": np.zeros(count),
        "ephemeris_type": np.zeros(count, np.int32),
        "element_set_number": np.full(count, 999),
        "revolution_at_epoch": random.integers(0, 99_999, count),
        "payload_record": index + 1,
        "deviations": [[]] * count,
    }
    texts = {"classification_type": "U", "mean_element_theory": "SGP4", "center_name": "EARTH", "ref_frame": "TEME"}
    texts |= {"time_system": "UTC", "message_originator": "SSA HUB", "creation_date_utc": "2026-11-22T10:00:00"}
    columns |= {name: [text] * count for name, text in texts.items()} | {"epoch_utc": [""] * count}
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in ELEMENT_FIELDS_SCHEMA})


def best_s(data: bytes, peers: list[Peer]) -> list[float]:
    """The shortest time of each in seconds, from some rounds in which they take turns."""
    best = [float("inf")] * len(peers)
    for _ in range(ROUNDS):
        for index, peer in enumerate(peers):
            began = time.perf_counter()
            kept = peer.read(data)
            best[index] = min(best[index], time.perf_counter() - began)
            del kept
    return best


def report(form: str, elements: pa.Table) -> None:
    """Write the elements in one form, read them with all that read it, and print what it took."""
    write, own, peers = FORMS[form]
    options = {} if "CelesTrak" in form else {"originator": "SSA HUB", "creation_date_utc": "2026-11-22T10:00:00"}
    began = time.perf_counter()
    data = write(elements, **options)
    written_s = time.perf_counter() - began
    reading = own.read(data)
    assert reading.elements.num_rows == elements.num_rows  # type: ignore[attr-defined]  # noqa: S101
    own_s, *peers_s = best_s(data, [own, *peers])
    print(f"\n{form}: {len(data) / 1e6:.1f} MB, written in {written_s:.2f} s")
    print(f"  {own.name:10s} {own_s * 1e3:7.0f} ms   {own.memory(data)}")
    for peer, peer_s in zip(peers, peers_s, strict=True):
        ratio = f"we take {own_s / peer_s:.2f} of its time"
        print(f"  {peer.name:10s} {peer_s * 1e3:7.0f} ms   {peer.memory(data)}; {ratio}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--form", choices=FORMS, action="append", help="only this form")
    arguments = parser.parse_args()
    elements = made_up(COUNT)
    if arguments.file:
        raw = arguments.file.read_bytes()
        data = gzip.decompress(raw) if arguments.file.suffix == ".gz" else raw
        elements = pa.Table.from_batches([read_tle(data, arguments.file.name).elements])
    packages = ("ccsds-ndm-py", "numpy", "pyarrow", "sgp4")
    print(f"machine    {processor()}, {platform.system()} {platform.release()}")
    print(f"versions   Python {platform.python_version()}, " + ", ".join(f"{p} {version(p)}" for p in packages))
    print(f"data       {elements.num_rows} element sets, {arguments.file.name if arguments.file else 'made up'}")
    for form in arguments.form or FORMS:
        report(form, elements)


if __name__ == "__main__":
    main()
