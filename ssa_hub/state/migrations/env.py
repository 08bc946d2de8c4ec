"""Alembic's entry: runs revisions on the connection that `ssa_hub.state.migrate` hands over."""

from alembic import context

import ssa_hub.state.deletion_tables
import ssa_hub.state.history_tables
import ssa_hub.state.release_tables  # noqa: F401 (its tables are the metadata's, too)
from ssa_hub.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
