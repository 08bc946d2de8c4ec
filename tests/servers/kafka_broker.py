"""A real Apache Kafka broker (single node, KRaft) from its jars.

From the command line: ``python -m tests.servers.kafka_broker --dir D --port P`` runs one until Ctrl-C.
"""

import argparse
import asyncio
import base64
import signal
import subprocess
import uuid
from pathlib import Path
from time import monotonic

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.servers.maven_jars import jars_of
from tests.servers.ports import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy" / "kafka"
READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
# A broker for tests: quick to start and small, at the cost of its peak rates.
JVM_OPTIONS = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxied},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},PROXIED://127.0.0.1:{proxy},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
"""


def kafka_jars() -> Path:
    """The directory of Kafka's jars. Raises ServerUnavailableError as `jars_of` does."""
    return jars_of(DEPLOY / "pom.xml", "kafka", "SSA_HUB_KAFKA_JARS")


class KafkaBroker:
    """A broker on the loopback interface, with its data in a directory.

    ``bootstrap`` is where clients connect. A client that is to come through a TCP proxy listens on ``proxy_port`` of
    127.0.0.1, forwards to ``proxied_port``, and is told by the broker to stay on the proxy.
    """

    def __init__(self, directory: Path, port: int | None = None) -> None:
        """``directory`` is made when absent; a broker that has run in it goes on with its data."""
        free = free_ports(4)
        self.port = port or free[0]
        self.proxied_port, self.proxy_port = free[1], free[2]
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.proxy_bootstrap = f"127.0.0.1:{self.proxy_port}"
        self._controller_port = free[3]
        self._directory = directory
        self._jars = kafka_jars()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Format the directory the first time, start the broker, and return when it answers.

        Raises RuntimeError, with the end of the broker's output, when it does not.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        data = self._directory / "data"
        properties = self._directory / "server.properties"
        properties.write_text(
            PROPERTIES.format(
                port=self.port,
                proxied=self.proxied_port,
                proxy=self.proxy_port,
                controller=self._controller_port,
                data=data,
            )
        )
        if not (data / "meta.properties").exists():
            # Joined by "=": an id may begin with a dash, which StorageTool would take for an option.
            cluster_id = "--cluster-id=" + base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
            arguments = ("format", "--standalone", cluster_id, "-c", str(properties))
            done = subprocess.run(self._java("kafka.tools.StorageTool", *arguments), capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"formatting Kafka's directory failed: {done.stdout}{done.stderr}")
        with self._output.open("ab") as output:
            command = self._java("kafka.Kafka", str(properties))
            self._process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        self._wait_until_ready()

    def kill(self) -> None:
        """End the broker at once, as a crash does (SIGKILL)."""
        process = self._running()
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End the broker in good order; after `kill`, nothing."""
        process = self._running()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def restart(self) -> None:
        """Start it again on the same ports, with the same data."""
        self.stop()
        self.start()

    def wait(self) -> None:
        """Until the broker ends by itself."""
        self._running().wait()

    @property
    def _output(self) -> Path:
        return self._directory / "broker.out"

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={DEPLOY / 'log4j2.properties'}"
        return ["java", *JVM_OPTIONS, logging, "-cp", f"{self._jars}/*", main, *arguments]

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the broker was never started"
        return self._process

    def _wait_until_ready(self) -> None:
        process = self._running()
        deadline = monotonic() + READY_TIMEOUT_S
        while monotonic() < deadline:
            if asyncio.run(_answers(self.bootstrap)):
                return
            try:
                process.wait(0.25)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"the Kafka broker ended ({process.returncode}): {self._end_of_output()}")
        self.kill()
        raise RuntimeError(f"the Kafka broker gave no answer in {READY_TIMEOUT_S:g} s: {self._end_of_output()}")

    def _end_of_output(self) -> str:
        return self._output.read_text(errors="replace")[-3000:]


async def _answers(bootstrap: str) -> bool:
    host, port = bootstrap.split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


def main() -> None:
    """Run a broker until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A single Apache Kafka broker on 127.0.0.1, until Ctrl-C.")
    parser.add_argument("--dir", type=Path, required=True, help="where its data is or shall be")
    parser.add_argument("--port", type=int, default=9092)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    broker = KafkaBroker(arguments.dir.absolute(), arguments.port)
    try:
        broker.start()
        print(f"Kafka is ready at {broker.bootstrap}", flush=True)
        broker.wait()
    except KeyboardInterrupt:
        broker.stop()


if __name__ == "__main__":
    main()
