"""A run that was killed is taken up again: the same answer, and less work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conjunction import Checkpoint, ScreeningCancelled, screen
from tests.conjunction.orbit_files import START, satellites_of_population, tle_text
from tests.conjunction.populations import all_regimes

TLE = tle_text(satellites_of_population(all_regimes()))
WINDOW = {"start": START, "days": 3.0, "threshold_km": 10.0}

PROGRAM = """
import sys
from conjunction import screen
found = screen(sys.argv[1], start=sys.argv[2], days=3.0, threshold_km=10.0, threads=1, resume=sys.argv[3])
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, int]:
    """The conjunctions of a run that nobody disturbed, and how many pieces it stored."""
    store = Checkpoint(tmp_path_factory.mktemp("whole"))
    found = screen(TLE, **WINDOW, resume=store)  # type: ignore[arg-type]
    assert found.result.conjunctions.equals(screen(TLE, **WINDOW).result.conjunctions)  # type: ignore[arg-type]
    assert store.stored > 5
    return found.result.conjunctions, store.stored


def test_a_run_killed_in_the_middle_goes_on_from_there(tmp_path: Path, expected: tuple[object, int]) -> None:
    conjunctions, pieces = expected
    orbits, kept = tmp_path / "a.tle", tmp_path / "kept"
    orbits.write_text(TLE)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, orbits, START, kept])
    deadline = time.monotonic() + 120.0
    while len(list(kept.glob("*.piece"))) < 3:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    told: list[str] = []
    store = Checkpoint(kept, told.append)
    found = screen(orbits, **WINDOW, resume=store)  # type: ignore[arg-type]
    assert found.result.conjunctions.equals(conjunctions)
    assert told == []
    assert store.loaded >= 3
    assert store.stored < pieces
    store.clear()
    assert not kept.exists()


def test_a_cancelled_run_goes_on_from_there_and_a_damaged_piece_is_done_again(
    tmp_path: Path, expected: tuple[object, int]
) -> None:
    conjunctions, pieces = expected
    store = Checkpoint(tmp_path)
    with pytest.raises(ScreeningCancelled):
        screen(TLE, **WINDOW, resume=store, cancelled=lambda: store.stored >= 4)  # type: ignore[arg-type]
    damaged = sorted(tmp_path.glob("*.piece"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    told: list[str] = []
    again = Checkpoint(tmp_path, told.append)
    found = screen(TLE, **WINDOW, resume=again)  # type: ignore[arg-type]
    assert found.result.conjunctions.equals(conjunctions)
    assert len(told) == 1
    assert 0 < again.loaded < store.stored
    assert again.stored == pieces - again.loaded


def test_another_runs_pieces_are_not_taken(tmp_path: Path, expected: tuple[object, int]) -> None:
    screen(TLE, **{**WINDOW, "threshold_km": 11.0}, resume=tmp_path)  # type: ignore[arg-type]
    store = Checkpoint(tmp_path)
    assert screen(TLE, **WINDOW, resume=store).result.conjunctions.equals(expected[0])  # type: ignore[arg-type]
    assert store.loaded == 0
