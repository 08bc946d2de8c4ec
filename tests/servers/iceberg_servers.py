"""An Iceberg REST catalogue (Apache Iceberg's own server) over an object store that speaks S3 (S3Proxy)."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from time import monotonic

from tests.servers.maven_jars import jars_of
from tests.servers.ports import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy" / "iceberg"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
BUCKET = "ssa-hub"
ACCESS_KEY, SECRET_KEY, REGION = "hub", "not-a-secret", "us-east-1"
JVM_OPTIONS = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

_S3_PROPERTIES = """\
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={access_key}
s3proxy.credential={secret_key}
jclouds.provider=filesystem-nio2
jclouds.identity=unused
jclouds.credential=unused
jclouds.filesystem.basedir={data}
"""


class IcebergServers:
    """Both servers on the loopback interface, their data in a directory.

    ``catalogue_url`` and ``warehouse`` are what a hub is given; ``environment`` is what its process needs besides.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._jars = jars_of(DEPLOY / "pom.xml", "iceberg", "SSA_HUB_ICEBERG_JARS")
        self._s3_port, self._rest_port = free_ports(2)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.catalogue_url = f"rest+http://127.0.0.1:{self._rest_port}"
        self.warehouse = f"s3://{BUCKET}/warehouse"
        self.environment = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self._s3_port}",
            # S3Proxy knows none of the checksums that newer clients send unasked.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }

    def start(self) -> None:
        """Start both, and return when they answer. Raises RuntimeError with the end of the output otherwise."""
        data = self._directory / "objects"
        (data / BUCKET).mkdir(parents=True, exist_ok=True)  # a bucket is a directory
        properties = self._directory / "s3proxy.properties"
        properties.write_text(
            _S3_PROPERTIES.format(port=self._s3_port, access_key=ACCESS_KEY, secret_key=SECRET_KEY, data=data)
        )
        self._run("org.gaul.s3proxy.Main", "--properties", str(properties), port=self._s3_port)
        self._run("org.apache.iceberg.rest.RESTCatalogServer", port=self._rest_port)

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []

    def _run(self, main: str, *arguments: str, port: int) -> None:
        output_path = self._directory / f"{main.rpartition('.')[2]}.out"
        logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        command = ["java", *JVM_OPTIONS, logging, "-cp", f"{self._jars}/*", main, *arguments]
        with output_path.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.environment, **self._catalogue_settings()},
            )
        self._processes.append(process)
        deadline = monotonic() + READY_TIMEOUT_S
        while monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                return
            except OSError:
                pass
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        self.stop()
        raise RuntimeError(f"{main} did not start: {output_path.read_text(errors='replace')[-3000:]}")

    def _catalogue_settings(self) -> dict[str, str]:
        """The REST server's properties, as it reads them from its environment (``__`` stands for a dash)."""
        return {
            "CATALOG_CATALOG__IMPL": "org.apache.iceberg.jdbc.JdbcCatalog",
            "CATALOG_URI": f"jdbc:sqlite:{self._directory / 'catalogue.sqlite'}",
            "CATALOG_JDBC_USER": "unused",
            "CATALOG_JDBC_PASSWORD": "unused",
            "CATALOG_WAREHOUSE": self.warehouse,
            "CATALOG_IO__IMPL": "org.apache.iceberg.aws.s3.S3FileIO",
            "CATALOG_S3_ENDPOINT": self.environment["AWS_ENDPOINT_URL_S3"],
            "CATALOG_S3_PATH__STYLE__ACCESS": "true",
            "CATALOG_S3_ACCESS__KEY__ID": ACCESS_KEY,
            "CATALOG_S3_SECRET__ACCESS__KEY": SECRET_KEY,
            "CATALOG_REST_PORT": str(self._rest_port),
        }
