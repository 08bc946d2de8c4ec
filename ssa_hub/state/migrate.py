"""Bring a database's tables to this version's, by alembic, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from ssa_hub.state.database import Database
from ssa_hub.state.start_lock import start_lock


def migrate(database: Database) -> None:
    """Run the revisions that the database lacks; all of them happen, or none.

    Raises alembic.util.CommandError where the database was made by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    url = database.engine.url.render_as_string(hide_password=False)
    with start_lock(url, "state"), database.transaction() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
