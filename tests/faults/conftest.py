"""What the tests of faults stand on."""

from pathlib import Path

import pytest


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The state in a file of its own."""
    return f"sqlite:///{tmp_path / 'state.sqlite'}"
