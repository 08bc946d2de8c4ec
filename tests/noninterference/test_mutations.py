"""The property of `test_two_hubs` bites: each of these mistakes in the hub's code is found by it.

A mutation is a piece of text in a copy of the packages; the property runs on the copy in a process of its own and must
fail there, by the answers of two hubs that differ. All of them run with ``SSA_HUB_EXAMPLES_TIMES`` above 1 (nightly),
the first few always.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.noninterference.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "conjunction", "connectors", "ingest", "ssa_hub", "tests")
ALWAYS = 3
NIGHTLY = int(os.environ.get("SSA_HUB_EXAMPLES_TIMES", "1")) > 1


def test_every_mutation_still_applies() -> None:
    """A mutation whose text has gone tests nothing."""
    for mutation in MUTATIONS:
        text = (ROOT / mutation.file).read_text(encoding="utf-8")
        assert text.count(mutation.old) == 1, mutation.name
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS if NIGHTLY else MUTATIONS[:ALWAYS], ids=lambda mutation: mutation.name)
def test_the_property_finds(mutation: Mutation, tmp_path: Path) -> None:
    # With everything that is imported, as the tests' own directory goes before all others; with the compiled kernels.
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    mutated = tmp_path / Path(mutation.file)
    mutated.write_text(mutated.read_text(encoding="utf-8").replace(mutation.old, mutation.new), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"),
        *("--hypothesis-seed=20261122", "tests/noninterference/test_two_hubs.py"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "SSA_HUB_NO_SHRINKING": "1",
        "SSA_HUB_EXAMPLES_TIMES": "4",
    }
    environment.pop("PYTEST_XDIST_WORKER", None)
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout[-3_000:] + ran.stderr[-3_000:]
    assert "assert first == second" in ran.stdout, ran.stdout[-3_000:]
