"""Errors as a person at a terminal reads them: one line each, and what can be done."""

import sqlite3
from collections.abc import Iterator

import typer
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from connectors.errors import ConfigurationError
from ingest.claim import ForeignLogError
from ingest.log import LogUnavailableError
from ssa_hub.history.failures import HistoryError
from ssa_hub.release.errors import AgreementError, DocumentError, PartnersError
from ssa_hub.services.failures import PositionsDisagreeError, SettingsError
from ssa_hub.services.reporting import in_one_line
from ssa_hub.state.failures import StateUnavailableError

# What a person can mend: told in one line, without a trace.
MENDABLE = (
    AgreementError,
    CommandError,
    ConfigurationError,
    ForeignLogError,
    HistoryError,
    LogUnavailableError,
    OSError,
    PartnersError,
    PositionsDisagreeError,
    SettingsError,
    SQLAlchemyError,
    StateUnavailableError,
    sqlite3.Error,
)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that services running side by side make of them."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def told(error: BaseException) -> list[str]:
    """An error in one line; a document with several mistakes in one line each."""
    if isinstance(error, DocumentError):
        return [str(mistake) for mistake in error.mistakes]
    return [in_one_line(error)]


def tell(error: BaseException) -> None:
    """Print an error to standard error."""
    for line in told(error):
        typer.echo(f"ssa-hub: {line}", err=True)
