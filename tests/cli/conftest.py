"""A hub's state that commands work on, with a little of everything in it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ingest.messages import QuarantinedRecord
from schemas.refusals import Refusal
from ssa_hub.cli.commands import app
from ssa_hub.state.store import State, open_state

Command = Callable[..., Result]

PARTNERS = """
[[partner]]
name = "BOREAL"
groups = ["coalition"]
clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]

[[partner]]
name = "A-LONG-NAME-INDEED"
roles = ["steward"]
"""
AGREEMENT = """
originator = "AQUILA"

[[rule]]
id = "coalition"
kinds = ["elements"]
groups = ["coalition"]
data_modes = ["REAL"]
fields = ["*"]

[[example]]
partner = "BOREAL"
kind = "elements"
data_mode = "REAL"
sees = true
"""


@pytest.fixture(autouse=True)
def without_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands read SSA_HUB_* from the environment; a test's own only."""
    for name in [name for name in os.environ if name.startswith("SSA_HUB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory with an empty state."""
    directory = tmp_path / "hub"
    directory.mkdir()
    open_state(f"sqlite:///{directory / 'state.sqlite'}").close()
    return directory


@pytest.fixture
def state(data_dir: Path) -> Iterator[State]:
    """The same state, for what commands cannot put there."""
    with open_state(f"sqlite:///{data_dir / 'state.sqlite'}") as opened:
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with partners.toml and agreements/aquila.toml."""
    (tmp_path / "partners.toml").write_text(PARTNERS)
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "aquila.toml").write_text(AGREEMENT)
    return tmp_path


@pytest.fixture
def command(data_dir: Path) -> Command:
    """Runs a command on the data directory; a traceback fails the test."""

    def run(*arguments: object, where: Path | None = data_dir) -> Result:
        given = [str(argument) for argument in arguments]
        options = [] if where is None else ["--data-dir", str(where)]
        result = CliRunner().invoke(app, [*given, *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def refusal(record: int, data: bytes, source: str = "drop") -> QuarantinedRecord:
    """A refusal as ingest puts it on the log."""
    return QuarantinedRecord(
        payload_sha256="ab" * 32,
        source=source,
        received_tai_ns=10**18,
        refusal=Refusal(
            file="a.tle", record=record, line=record * 2, field="columns 9-16", value="51.64x0", rule="a number",
            clause="7.5.1", data=data,
        ),
    )  # fmt: skip
