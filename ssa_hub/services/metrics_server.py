"""``--metrics-port``: the metrics of a process on a port of their own, for Prometheus and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from ssa_hub.measures import REGISTRY
from ssa_hub.services.failures import SettingsError


@contextmanager
def metrics_served(host: str, port: int | None) -> Iterator[int | None]:
    """Serve the metrics for the length of the block; answers the port (0 takes a free one), None where none is wanted.

    In a thread of its own: a process that is busy still answers. Raises SettingsError where the address is taken.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"cannot serve metrics on {host}, port {port}: {reason} (choose with --metrics-port)"
        ) from error
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
