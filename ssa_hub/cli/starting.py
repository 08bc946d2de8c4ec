"""Running a service from the command line: logs, reporter, and errors as one clear line."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
import typer

from ssa_hub.cli.console import ConsoleReporter
from ssa_hub.cli.failures import MENDABLE, leaves, tell
from ssa_hub.cli.logs import configure_logs
from ssa_hub.services.metrics_server import metrics_served


def run(
    service: Callable[[ConsoleReporter], Coroutine[Any, Any, None]],
    log_file: Path | None = None,
    *,
    metrics: tuple[str, int | None] = ("127.0.0.1", None),
) -> None:
    """Run a service to its end, and end the process: status 1 after an error, 130 when interrupted while starting.

    ``metrics``: address and port on which the process shows its metrics; None: nowhere.

    An error that a person can mend is told in one line. Any other is a fault of the hub: one line, too, and its trace
    in the log.
    """
    status = 0
    try:
        configure_logs(log_file)
        with ConsoleReporter() as reporter, metrics_served(*metrics) as port:
            if port is not None:
                reporter.say(f"metrics    http://{metrics[0]}:{port}/metrics")
            asyncio.run(service(reporter))
    except KeyboardInterrupt:  # while it was starting: later on, an interrupt is a request like any other
        typer.echo("stopped while starting", err=True)
        status = 130
    except Exception as error:
        _tell_cause(error, log_file)
        status = 1
    if threading.active_count() > 1:
        # A screening that was given up. Everything is closed, its threads hold nothing that must be kept, and Python
        # would wait for them: daemons too, where they are an executor's.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise typer.Exit(status)


def _tell_cause(error: Exception, log_file: Path | None) -> None:
    cause = next(leaves(error))
    if isinstance(cause, MENDABLE):
        tell(cause)
        return
    structlog.get_logger("hub").critical("fault", exc_info=error)
    where = f"the trace is in {log_file}" if log_file else "the trace stands above"
    typer.echo(f"ssa-hub: a fault of the hub, {type(cause).__name__}: {cause}; {where}", err=True)
