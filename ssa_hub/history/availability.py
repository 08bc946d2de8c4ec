"""What a catalogue, a disk, an object store and DuckDB raise, as one error of the history."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

# Of PyIceberg the exceptions alone are imported, which takes no time.
from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    CommitStateUnknownException,
    ForbiddenError,
    OAuthError,
    RESTError,
    UnauthorizedError,
)
from sqlalchemy.exc import SQLAlchemyError

from ssa_hub.history.failures import HistoryUnavailableError


@contextmanager
def availability(doing: str) -> Iterator[None]:
    """Failures of catalogue, disk and object store become HistoryUnavailableError, cause attached."""
    try:
        yield
    except (UnauthorizedError, ForbiddenError, OAuthError, AuthorizationExpiredError) as failure:
        raise HistoryUnavailableError(
            f"{doing}: the catalogue refuses the hub, who it is there is read from SSA_HUB_CATALOGUE_TOKEN or "
            f"SSA_HUB_CATALOGUE_CREDENTIAL: {failure}"
        ) from failure
    except CommitStateUnknownException as failure:
        raise HistoryUnavailableError(f"{doing}: the outcome is not known: {failure}") from failure
    except (SQLAlchemyError, OSError, RESTError) as failure:
        raise HistoryUnavailableError(f"{doing}: {failure}") from failure


@contextmanager
def readable(doing: str) -> Iterator[None]:
    """Files that DuckDB cannot read become HistoryUnavailableError, cause attached. Its other errors are mistakes."""
    try:
        yield
    except duckdb.Error as failure:
        # What its way to the object store raised in Python comes as the base class itself, with a trace in its text.
        if type(failure) is not duckdb.Error and not isinstance(failure, duckdb.IOException):
            raise
        told = str(failure).strip().rpartition("\n")[2]
        raise HistoryUnavailableError(f"{doing}: {told}") from failure
