"""Whole hubs to measure, as processes of the installed command: the embedded one, and the distributed one.

A folder source and one agreement: what CENTRE-A makes CENTRE-B sees in full, at once. Screening is kept out of the way
by a window of 36 s and one whole run a day; new orbits are screened on arrival as always.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.deployment.processes import Process, partner_key, running, write_configuration
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.postgres_server import PostgresServer, create_database

SCREENING = ("--screen-hours", "0.01", "--threshold-km", "0.1", "--screen-every-s", "86400")
LABEL = '{"policy": "PUBLIC", "classification": "UNCLASSIFIED"}'
MAKER, READER = "CENTRE-A", "CENTRE-B"
_MAKER_TOML = """
[[partner]]
name = "CENTRE-A"
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]
"""


class RunningHub(NamedTuple):
    """A hub that answers: its address, keys of who pushes and who reads, the folder that it watches, its processes."""

    name: str
    base_url: str
    maker_key: str
    reader_key: str
    drop: Path
    processes: tuple[Process, ...]

    def cpu_s(self) -> float:
        """Processor seconds that the hub's own processes have used, all threads (without Kafka and PostgreSQL)."""
        ticks = 0
        for process in self.processes:
            # The name in parentheses may hold spaces; utime and stime are the 14th and 15th fields.
            after_name = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(after_name[11]) + int(after_name[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def embedded(directory: Path) -> Iterator[RunningHub]:
    """`ssa-hub up`: the log, SQLite and everything else in one process."""
    configuration = _configured(directory)
    data = ["--data-dir", str(directory / "data")]
    arguments = ["up", *data, "--port", "0", *configuration, *SCREENING]
    with running(arguments, directory / "hub.txt") as hub:
        base = hub.base_url()
        maker, reader = partner_key(data, MAKER), partner_key(data, READER)
        yield RunningHub("embedded log, SQLite, one process", base, maker, reader, directory / "drop", (hub,))


@contextmanager
def distributed(directory: Path) -> Iterator[RunningHub]:
    """`ssa-hub serve` and one `ssa-hub worker` on Kafka and PostgreSQL, all on this machine."""
    configuration = _configured(directory)
    with ExitStack() as stack:
        broker = KafkaBroker(directory / "kafka")
        broker.start()
        stack.callback(broker.stop)
        database = PostgresServer(directory / "postgres")
        database.start()
        stack.callback(database.stop)
        servers = ["--data-dir", str(directory / "data"), "--database-url", create_database(database.url(), "hub")]
        log = ["--log-url", f"kafka://{broker.bootstrap}"]
        serve = ["serve", *servers, *log, "--port", "0", *configuration]
        hub = stack.enter_context(running(serve, directory / "hub.txt"))
        base = hub.base_url()
        worker = stack.enter_context(running(["worker", *servers, *log, *SCREENING], directory / "worker.txt"))
        maker, reader = partner_key(servers, MAKER), partner_key(servers, READER)
        yield RunningHub("Kafka, PostgreSQL, one worker", base, maker, reader, directory / "drop", (hub, worker))


def _configured(directory: Path) -> list[str]:
    directory.mkdir(mode=0o755, parents=True)
    arguments = write_configuration(directory)
    with (directory / "partners.toml").open("a") as partners:
        partners.write(_MAKER_TOML)
    return arguments
