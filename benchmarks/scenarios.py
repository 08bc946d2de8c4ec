"""The main job at full size, as processes, with figures: ``python -m benchmarks.scenarios CATALOGUE``.

Three scenarios on the same catalogue file (TLE or OMM, gzip or not), each with its own data directory:

1. ``ssa-hub up``: the file is dropped, recorded, screened for 24 h; three partners ask.
2. The same, killed with SIGKILL several times during ingest and once during screening, and started again.
3. Apache Kafka and PostgreSQL with one hub and two workers, of which one is killed during ingest.

Scenario 2 and 3 must end with what scenario 1 ended with, record for record; the script exits with 1 otherwise.
"""

import argparse
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from tests.deployment.processes import (
    Process,
    Seen,
    approaches_found,
    everything,
    partner_key,
    rows,
    running,
    wait_until,
    write_configuration,
)
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.postgres_server import PostgresServer, create_database

NAMES = ("CENTRE-B", "OPERATOR-C", "STRANGER-D")
PATIENCE_S = 900


@contextmanager
def timed(what: str) -> Iterator[None]:
    began_s = time.monotonic()
    yield
    print(f"  {what}: {time.monotonic() - began_s:.1f} s", flush=True)


def keys(where: list[str]) -> dict[str, str]:
    return {name: partner_key(where, name) for name in NAMES}


def settle(base: str, where: list[str], process: Process) -> Seen:
    """Wait until all that screening found is recorded, then ask as every partner."""
    wait_until(lambda: approaches_found(where) is not None, PATIENCE_S, process)
    found = approaches_found(where)
    mine = keys(where)
    key = mine["CENTRE-B"]
    wait_until(lambda: len(rows(base, key, "conjunctions")) >= (found or 0), PATIENCE_S, process)
    return everything(base, mine)


def report(seen: Seen) -> None:
    for name, listings in seen.items():
        counts = ", ".join(f"{listing} {len(found):,}" for listing, found in listings.items())
        shown = {
            listing: len([k for k, v in rows[0].items() if v is not None]) for listing, rows in listings.items() if rows
        }
        print(f"  {name}: {counts}; fields shown {shown or 'none'}", flush=True)


def drop(catalogue: Path, directory: Path) -> None:
    unfinished = directory / "drop" / f".{catalogue.name}"
    shutil.copyfile(catalogue, unfinished)
    unfinished.rename(directory / "drop" / catalogue.name)


def undisturbed(catalogue: Path, directory: Path, screening: list[str]) -> Seen:
    configuration = write_configuration(directory)
    data = ["--data-dir", str(directory / "data")]
    with running(["up", *data, "--port", "0", *configuration, *screening], directory / "out.txt") as process:
        base = process.base_url()
        drop(catalogue, directory)
        with timed("dropped to screened and recorded"):
            seen = settle(base, data, process)
        with timed("Ctrl-C to end"):
            process.stop()
    print("".join(f"  | {line}\n" for line in process.said().splitlines() if line.startswith(("rec", "scre"))), end="")
    return seen


def killed(catalogue: Path, directory: Path, screening: list[str], kills: int, seed: int) -> Seen:
    configuration = write_configuration(directory)
    data = ["--data-dir", str(directory / "data")]
    arguments = ["up", *data, "--port", "0", *configuration, *screening]
    chance = random.Random(seed)
    drop(catalogue, directory)
    for number in range(kills):
        with running(arguments, directory / f"killed-{number}.txt") as process:
            process.base_url()
            # Reading, publishing and recording of a catalogue take some seconds from here.
            pause_until = time.monotonic() + chance.uniform(0.5, 8.0)
            wait_until(lambda until=pause_until: time.monotonic() > until, 60, process)
            process.kill()
            print(f"  killed after {process.said().count(chr(10))} lines of output", flush=True)
    with running(arguments, directory / "killed-screening.txt") as process:
        wait_until(lambda: "screening " in process.said(), PATIENCE_S, process)
        process.kill()
        print("  killed during screening", flush=True)
    with running(arguments, directory / "last.txt") as process, timed("last start to screened and recorded"):
        seen = settle(process.base_url(), data, process)
        process.stop()
    return seen


def distributed(catalogue: Path, directory: Path, screening: list[str]) -> Seen:
    configuration = write_configuration(directory)
    with ExitStack() as stack:
        broker = KafkaBroker(directory / "kafka")
        broker.start()
        stack.callback(broker.stop)
        database = PostgresServer(directory / "postgres")
        database.start()
        stack.callback(database.stop)
        servers = ["--data-dir", str(directory / "data"), "--database-url", create_database(database.url(), "hub")]
        log = ["--log-url", f"kafka://{broker.bootstrap}"]
        hub = stack.enter_context(
            running(["serve", *servers, *log, "--port", "0", *configuration], directory / "hub.txt")
        )
        workers = [
            stack.enter_context(running(["worker", *servers, *log, *screening], directory / f"worker-{number}.txt"))
            for number in (1, 2)
        ]
        base = hub.base_url()
        mine = partner_key(servers, "CENTRE-B")
        drop(catalogue, directory)
        with timed("dropped to screened and recorded"):
            wait_until(lambda: bool(everything(base, {"B": mine})["B"]["elements"]), PATIENCE_S, hub, *workers)
            workers[0].kill()
            print("  worker 1 killed during recording", flush=True)
            return settle(base, servers, hub)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--hours", default="24")
    parser.add_argument("--start", default="2024-09-17T12:00:00", help="UTC start of the screening window")
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    screening = ["--screen-start", chosen.start, "--screen-hours", chosen.hours]
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"ssa-hub {version('ssa-hub')}, {chosen.catalogue.name}")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)  # PostgreSQL's server runs as another user
        print("1 undisturbed", flush=True)
        expected = undisturbed(chosen.catalogue, root / "one", screening)
        report(expected)
        print("2 killed and started again", flush=True)
        after_kills = verdict(killed(chosen.catalogue, root / "two", screening, chosen.kills, chosen.seed), expected)
        print("3 Kafka, PostgreSQL, two workers", flush=True)
        spread = verdict(distributed(chosen.catalogue, root / "three", screening), expected)
    return 0 if after_kills and spread else 1


def verdict(seen: Seen, expected: Seen) -> bool:
    """Say whether every partner's every answer is the same, record for record."""
    same = seen == expected
    print(f"  {'the same as undisturbed, record for record' if same else 'DIFFERENT from undisturbed'}", flush=True)
    if not same:
        report(seen)
    return same


if __name__ == "__main__":
    sys.exit(main())
