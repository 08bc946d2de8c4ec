"""What the screening benchmarks run on: a catalogue file, or a generated population; machine and versions."""

import gzip
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from connectors.exercise.omm_csv import omm_csv
from connectors.exercise.population import generate_population
from schemas.messages import read_payload
from schemas.timescales import parse_utc
from schemas.tle.write import write_tle

GENERATED = "generated:"
_SEED = 20241


class Subject(NamedTuple):
    """Element sets in the columns of `schemas.records.ELEMENT_FIELDS`, and where they come from."""

    name: str
    elements: pa.Table

    def tle(self) -> str:
        """The same as two-line element sets, for other programs."""
        return write_tle(self.elements, False).decode()

    def tle_lines(self) -> list[tuple[str, str]]:
        """The two lines of each."""
        lines = self.tle().splitlines()
        return list(zip(lines[::2], lines[1::2], strict=True))


def subject(source: str, start_utc: str) -> Subject:
    """A file (gzip or not), or `generated:COUNT`: the exercise's population, epochs on the day before the start."""
    if source.startswith(GENERATED):
        population = generate_population(_SEED, int(source.removeprefix(GENERATED)), parse_utc(start_utc))
        data = omm_csv(population.names, population.cospar_ids, population.element_sets)
        name = f"{len(population)} generated objects (connectors.exercise, seed {_SEED})"
    else:
        path = Path(source)
        raw = path.read_bytes()
        data = gzip.decompress(raw) if path.suffix == ".gz" else raw
        name = path.name
    reading = read_payload(data, name)
    if reading.refusals:
        raise SystemExit(f"{name}: {len(reading.refusals)} records are refused")
    return Subject(name, pa.Table.from_batches([reading.elements]))


def processor() -> str:
    """The processor's name and how many of its threads we may use."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    return f"{names[0]} x {len(names)}" if names else platform.processor()


def versions(*packages: str) -> str:
    """Python's and the packages' versions, in a line."""
    found = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join(found)


def peak_memory_mb() -> float:
    """The largest resident size of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
