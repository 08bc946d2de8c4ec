import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from ssa_hub.state.store import State, open_state
from ssa_hub.state.tables import metadata


def test_migrations_make_exactly_the_tables_of_the_metadata(state: State) -> None:
    with state.database.snapshot() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_check_constraints_of_metadata_and_migrations_agree(state: State) -> None:
    with state.database.snapshot() as connection:
        found = inspect(connection)
        for table in metadata.sorted_tables:
            declared = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
            assert {c["name"] for c in found.get_check_constraints(table.name)} == declared, table.name


def test_opening_twice_keeps_what_is_there(state: State, state_url: str) -> None:
    state.memory.put("source", "key", {"etag": "1"})
    with open_state(state_url) as again:
        assert again.memory.get("source", "key") == {"etag": "1"}


def test_two_processes_that_open_a_new_state_at_once_both_succeed(state_url: str) -> None:
    program = "import sys; from ssa_hub.state.store import open_state; open_state(sys.argv[1]).close()"
    children = [subprocess.Popen([sys.executable, "-c", program, state_url]) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    with open_state(state_url) as state, state.database.snapshot() as connection:
        assert connection.execute(text("SELECT count(*) FROM policy_revision")).scalar() == 1


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "postgresql://host/db"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"state needs a database file|is not supported"):
        open_state(url)
