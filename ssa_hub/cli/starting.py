"""Running a service from the command line: logs, reporter, and errors as one clear line."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import typer

from connectors.errors import ConfigurationError
from ingest.embedded_log import LogLockedError
from ingest.log import LogUnavailableError
from ssa_hub.cli.console import ConsoleReporter
from ssa_hub.cli.running import configure_logs
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.release.errors import AgreementError, PartnersError
from ssa_hub.state.failures import StateUnavailableError

# What a person can mend: told in one line, without a trace.
MENDABLE = (
    AgreementError,
    ConfigurationError,
    HistoryUnavailableError,
    LogLockedError,
    LogUnavailableError,
    OSError,
    PartnersError,
    StateUnavailableError,
)


def run(service: Callable[[ConsoleReporter], Coroutine[Any, Any, None]], log_file: Path | None = None) -> None:
    """Run a service to its end. Ends the process with status 1 and one line for an error that a person can mend."""
    configure_logs(log_file)
    try:
        with ConsoleReporter() as reporter:
            asyncio.run(service(reporter))
    except MENDABLE as error:
        typer.echo(f"ssa-hub: {error}", err=True)
        raise typer.Exit(1) from error
