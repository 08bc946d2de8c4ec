"""Opening the state so that a failure names the database."""

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ssa_hub.services.failures import SettingsError
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State, open_state


def opened_state(url: str) -> State:
    """`open_state`, whose errors say which database it was, without its password.

    Raises SettingsError for a URL that is none, StateUnavailableError, alembic.util.CommandError where a newer
    version made the database, sqlite3.Error where its lock file cannot be written.
    """
    try:
        return open_state(url)
    except ValueError as error:
        raise SettingsError(f"database URL: {error}") from error
    except (StateUnavailableError, SQLAlchemyError) as error:
        shown = make_url(url).set(query={}).render_as_string(hide_password=True)
        raise StateUnavailableError(f"{shown}: {error}") from error
