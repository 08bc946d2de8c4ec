"""A real PostgreSQL server from Debian's packages.

From the command line: ``python -m tests.servers.postgres_server --dir D --port P`` runs one until Ctrl-C.
"""

import argparse
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from time import monotonic

import psycopg
from psycopg import sql

from tests.servers import ServerUnavailableError
from tests.servers.ports import free_ports

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
USER = "postgres"


def postgres_programs() -> Path:
    """The directory of the newest initdb and postgres: Debian's, or the one on the PATH.

    Raises ServerUnavailableError where there are none, or where we are root and there is no user to run them as.
    """
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3].split(".")[0]))
    on_path = shutil.which("initdb")
    if not debian and on_path is None:
        raise ServerUnavailableError("no PostgreSQL on this machine (program initdb)")
    if os.geteuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError:
            raise ServerUnavailableError(f"no PostgreSQL as root without a user {USER!r} to run it as") from None
    return debian[-1].parent if debian else Path(str(on_path)).resolve().parent


class PostgresServer:
    """A server on the loopback interface, with its data in a directory; any password is right.

    PostgreSQL refuses to run as root. There, it runs as the user ``postgres``, who must be able to reach the
    directory.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """``directory`` is made when absent; a server that has run in it goes on with its data."""
        self.port = port or free_ports(1)[0]
        self._directory = directory
        self._programs = postgres_programs()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Initialise the directory the first time, start the server, and return when it answers.

        Raises RuntimeError, with the end of the server's output, when it does not.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self._directory, USER)
        data = self._directory / "data"
        if not (data / "PG_VERSION").exists():
            arguments = ("-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            done = subprocess.run(
                self._command("initdb", *arguments), capture_output=True, text=True, cwd=self._directory
            )
            if done.returncode != 0:
                raise RuntimeError(f"initdb failed: {done.stdout}{done.stderr}")
        # Durability is not what the tests ask of it, and costs most of their time.
        settings = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=50")
        options = [part for setting in settings for part in ("-c", setting)]
        command = self._command("postgres", "-D", str(data), "-p", str(self.port), *options)
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=self._directory
            )
        self._wait_until_ready()

    def url(self, database: str = USER) -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://{USER}:any@127.0.0.1:{self.port}/{database}"

    def kill(self) -> None:
        """End the server at once, as a crash does (SIGKILL; its children notice and end)."""
        process = self._running()
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End the server in good order, breaking connections; after `kill`, nothing."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def restart(self) -> None:
        """Start it again on the same port, with the same data."""
        self.stop()
        self.start()

    def wait(self) -> None:
        """Until the server ends by itself."""
        self._running().wait()

    @property
    def _output(self) -> Path:
        return self._directory / "server.out"

    def _command(self, program: str, *arguments: str) -> list[str]:
        # setpriv, unlike runuser, becomes the program: our signals then reach the server itself.
        become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []
        return [*become, str(self._programs / program), *arguments]

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was never started"
        return self._process

    def _wait_until_ready(self) -> None:
        process = self._running()
        deadline = monotonic() + READY_TIMEOUT_S
        while monotonic() < deadline:
            try:
                psycopg.connect(host="127.0.0.1", port=self.port, user=USER, dbname=USER, connect_timeout=5).close()
            except psycopg.OperationalError:
                pass
            else:
                return
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"PostgreSQL ended ({process.returncode}): {self._end_of_output()}")
        self.kill()
        raise RuntimeError(f"PostgreSQL gave no answer in {READY_TIMEOUT_S:g} s: {self._end_of_output()}")

    def _end_of_output(self) -> str:
        return self._output.read_text(errors="replace")[-3000:]


def create_database(server_url: str, name: str) -> str:
    """Create an empty database on the server of a SQLAlchemy URL; the new database's URL."""
    with psycopg.connect(server_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"{server_url.rpartition('/')[0]}/{name}"


def drop_database(server_url: str, name: str) -> None:
    """Drop a database, breaking what is connected to it."""
    with psycopg.connect(server_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def main() -> None:
    """Run a server until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A PostgreSQL server on 127.0.0.1, until Ctrl-C.")
    parser.add_argument("--dir", type=Path, required=True, help="where its data is or shall be")
    parser.add_argument("--port", type=int, default=5432)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = PostgresServer(arguments.dir.absolute(), arguments.port)
    try:
        server.start()
        print(f"PostgreSQL is ready at {server.url()}", flush=True)
        server.wait()
    except KeyboardInterrupt:
        server.stop()


if __name__ == "__main__":
    main()
