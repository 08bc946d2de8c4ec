"""A hub of either size as processes with the servers it stands on, each of which can be killed, stopped and paused."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deployment.processes import Process
from tests.faults.small_disk import NoSmallDiskError, fill, small_disk
from tests.servers.kafka_broker import KafkaBroker
from tests.servers.ports import free_ports
from tests.servers.postgres_server import PostgresServer

STOP_PATIENCE_S = 60.0
_DISK_BYTES = 2 * 2**30
_pause = threading.Event()  # never set: what waits for it waits for its time alone

SOURCES = """
[[source]]
id = "drop"
kind = "folder"
path = "{drop}"
settle_s = 0.2
poll_s = 0.2
originator = "DROPPER"
label = {{ policy = "PUBLIC", classification = "UNCLASSIFIED" }}
"""
AGREEMENT = """
originator = "{name}"

[[rule]]
id = "all"
kinds = ["elements"]
groups = ["coalition"]
data_modes = ["REAL"]
fields = ["*"]
"""
PARTNER = """
[[partner]]
name = "{name}"
groups = ["coalition"]
clearances = [{{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }}]
"""
# Screening is not what is tried here: short windows, seldom.
_SCREENING = ("--screen-hours", "0.1", "--screen-every-s", "30")


def wait(seconds: float) -> None:
    """Let time pass: what we wait for is in other processes."""
    _pause.wait(seconds)


@dataclass
class Part:
    """One process of ours. ``wanted``: it is to be started again when it is found dead."""

    name: str
    arguments: list[str]
    output: Path
    wanted: bool = True
    process: Process | None = None
    starts: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self) -> None:
        """Start it, with an output of its own."""
        self.starts += 1
        self.process = Process(self.arguments, self.output.with_suffix(f".{self.starts}.txt"))

    def running(self) -> subprocess.Popen[bytes] | None:
        """The process, where it runs."""
        found = None if self.process is None else self.process.process
        return found if found is not None and found.poll() is None else None

    def kill(self) -> None:
        """SIGKILL, and started again."""
        with self.lock:
            if (found := self.running()) is not None:
                found.kill()
                found.wait()
            self.start()

    def stop(self) -> None:
        """SIGTERM, waited for, and started again. Raises AssertionError where it does not end by itself, or badly."""
        with self.lock:
            if (found := self.running()) is not None:
                found.send_signal(signal.SIGTERM)
                status = found.wait(STOP_PATIENCE_S)
                assert status in (0, -signal.SIGTERM, 130), f"{self.name} ended with {status}: {self.said()}"
            self.start()

    def pause(self, seconds: float) -> None:
        """SIGSTOP, SIGCONT."""
        with self.lock:
            if (found := self.running()) is not None:
                found.send_signal(signal.SIGSTOP)
                wait(seconds)
                found.send_signal(signal.SIGCONT)

    def said(self) -> str:
        """The last lines that it has printed."""
        return "" if self.process is None else self.process.said()[-2000:]


class Hub:
    """A hub's parts in a directory, of size ``embedded`` or ``distributed``."""

    def __init__(self, directory: Path, size: str, partners: list[str]) -> None:
        self.directory, self.size, self.partners = directory, size, partners
        self.data_dir = directory / "data"
        self.drop = directory / "drop"
        self.disk: Path | None = None
        self.broker: KafkaBroker | None = None
        self.database: PostgresServer | None = None
        self.ended_by_themselves: list[str] = []
        self._servers_directory: Path | None = None
        (self.port,) = free_ports(1)
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._write_configuration()

    @property
    def database_url(self) -> str:
        """Where the state is."""
        return f"sqlite:///{self.data_dir / 'state.sqlite'}" if self.database is None else self.database.url()

    @property
    def catalogue_url(self) -> str:
        """Where the history's catalogue is."""
        if self.database is not None:
            return self.database.url()
        return f"sqlite:///{self.data_dir / 'history' / 'catalogue.sqlite'}"

    @property
    def log_url(self) -> str:
        """Where the log is."""
        return f"embedded://{self.data_dir / 'log'}" if self.broker is None else f"kafka://{self.broker.bootstrap}"

    @property
    def where(self) -> list[str]:
        """The options of commands that look at it."""
        return ["--data-dir", str(self.data_dir)] + (["--database-url", self.database_url] if self.database else [])

    def start(self) -> None:
        """Start the servers, then our processes."""
        if self.size == "distributed":
            # Not below a directory that only its owner may enter: PostgreSQL runs as another user.
            self._servers_directory = Path(tempfile.mkdtemp(prefix="ssa-hub-faults-"))
            self._servers_directory.chmod(0o755)
            self.broker = KafkaBroker(self._servers_directory / "kafka")
            self.database = PostgresServer(self._servers_directory / "postgres")
            with ThreadPoolExecutor() as at_once:
                for started in [at_once.submit(server.start) for server in (self.broker, self.database)]:
                    started.result()
        self.parts = self._parts()
        for part in self.parts.values():
            part.start()

    def _parts(self) -> dict[str, Part]:
        configuration = [
            "--sources", str(self.directory / "sources.toml"),
            "--partners", str(self.directory / "partners.toml"),
            "--agreements", str(self.directory / "agreements"),
            "--port", str(self.port),
        ]  # fmt: skip
        if self.size == "embedded":
            # No reserve: the disk is to be met as it is.
            disk = ["--disk-reserve-mb", "0"] if self.disk is not None else []
            return {"hub": self._part("hub", ["up", *self.where, *configuration, *_SCREENING, *disk])}
        log = ["--log-url", self.log_url]
        parts = {"hub": self._part("hub", ["serve", *self.where, *log, *configuration])}
        for name in ("worker-1", "worker-2"):
            parts[name] = self._part(name, ["worker", *self.where, *log, *_SCREENING])
        return parts

    def _part(self, name: str, arguments: list[str]) -> Part:
        return Part(name, arguments, self.directory / f"{name}.txt")

    def _write_configuration(self) -> None:
        (self.directory / "agreements").mkdir(parents=True)
        self.drop.mkdir()
        (self.directory / "sources.toml").write_text(SOURCES.format(drop=self.drop))
        names = [*self.partners, "READER"]
        (self.directory / "partners.toml").write_text("".join(PARTNER.format(name=name) for name in names))
        for name in (*self.partners, "DROPPER"):
            (self.directory / "agreements" / f"{name.lower()}.toml").write_text(AGREEMENT.format(name=name))

    def revive(self) -> None:
        """Start again what has ended by itself, as whatever supervises services does; note what it said."""
        for part in self.parts.values():
            with part.lock:
                if part.wanted and part.running() is None:
                    self.ended_by_themselves.append(f"{part.name}: {part.said()[-300:]}")
                    part.start()

    def stop_parts(self) -> dict[str, int]:
        """End our processes in good order; their statuses."""
        ending = {}
        for part in self.parts.values():
            with part.lock:
                part.wanted = False
                if (found := part.running()) is not None:
                    found.send_signal(signal.SIGINT)
                    ending[part.name] = found
        return {name: found.wait(STOP_PATIENCE_S) for name, found in ending.items()}

    def close(self) -> None:
        """End everything, however it stands."""
        for part in getattr(self, "parts", {}).values():
            if (found := part.running()) is not None:
                found.kill()
                found.wait()
        with contextlib.suppress(Exception):
            if self.broker is not None:
                self.broker.kill()
        with contextlib.suppress(Exception):
            if self.database is not None:
                self.database.stop()  # killed, it would leave its shared memory behind
        if self._servers_directory is not None:
            shutil.rmtree(self._servers_directory, ignore_errors=True)


def server_away(server: Any, end: Callable[[], None], seconds: float) -> None:
    """End a server, leave it away for a while, and start it again until it answers."""
    end()
    wait(seconds)
    for attempt in range(20):
        try:
            server.start()
            return
        except RuntimeError:
            # Killed, PostgreSQL's children hold its memory for a moment more.
            if attempt == 19:
                raise
            wait(0.5)


def pause_server(server: Any, seconds: float) -> None:
    """A server that does not answer for a while, and goes on."""
    process: subprocess.Popen[bytes] = server._running()
    process.send_signal(signal.SIGSTOP)
    wait(seconds)
    process.send_signal(signal.SIGCONT)


def disk_full(disk: Path, seconds: float, leave_bytes: int) -> None:
    """A disk without room for a while."""
    ballast = fill(disk, leave_bytes)
    wait(seconds)
    ballast.unlink()


@contextmanager
def hub(directory: Path, size: str, partners: list[str]) -> Iterator[Hub]:
    """A running hub for the length of the block.

    The embedded one's data has a disk of its own where we may mount one.
    """
    made = Hub(directory, size, partners)
    with contextlib.ExitStack() as stack:
        if size == "embedded":
            made.data_dir.mkdir()
            with contextlib.suppress(NoSmallDiskError):
                made.disk = stack.enter_context(small_disk(made.data_dir, _DISK_BYTES))
        stack.callback(made.close)
        made.start()
        yield made
