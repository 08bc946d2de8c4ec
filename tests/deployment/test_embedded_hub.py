"""The embedded hub as a process: what partners get, what a kill -9 leaves, what a second start does."""

import random
from pathlib import Path

import pytest

from tests.deployment.processes import (
    SCREENING,
    Process,
    Seen,
    drop_catalogue,
    everything,
    partner_key,
    rows,
    running,
    ssa_hub,
    wait_until,
    write_configuration,
)

OBJECTS = 1_200
NAMES = ("CENTRE-B", "OPERATOR-C", "STRANGER-D")


def screened(process: Process) -> bool:
    return "screened " in process.said()


def up(directory: Path, configuration: list[str]) -> list[str]:
    return ["up", "--data-dir", str(directory / "data"), "--port", "0", *configuration, *SCREENING]


def seen_by_all(directory: Path, process: Process, expected: int) -> Seen:
    """Wait until everything is recorded, then ask as every partner."""
    where = ["--data-dir", str(directory / "data")]
    keys = {name: partner_key(where, name) for name in NAMES}
    base = process.base_url()
    found = int(process.said().split("screened ")[1].split()[0].replace(",", ""))

    def complete() -> bool:
        seen = everything(base, {"CENTRE-B": keys["CENTRE-B"]})["CENTRE-B"]
        return len(seen["elements/history"]) == expected and len(seen["conjunctions"]) >= found

    wait_until(complete, 60, process)
    return everything(base, keys)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Seen]:
    """How many element sets there are, and what each partner sees of a hub that nothing happened to."""
    directory = tmp_path_factory.mktemp("undisturbed")
    configuration = write_configuration(directory)
    expected = drop_catalogue(directory, OBJECTS)
    with running(up(directory, configuration), directory / "out.txt") as process:
        wait_until(lambda: screened(process), 180, process)
        seen = seen_by_all(directory, process, expected)
        assert process.stop() == 0
    return expected, seen


def test_partners_see_what_their_agreement_gives_them_and_a_stranger_sees_nothing(
    undisturbed: tuple[int, Seen],
) -> None:
    expected, seen = undisturbed
    assert len(seen["CENTRE-B"]["elements"]) == expected == OBJECTS
    assert len(seen["CENTRE-B"]["conjunctions"]) > 10
    assert all(row["withheld"] == [] for row in seen["CENTRE-B"]["elements"])
    assert len(seen["OPERATOR-C"]["elements"]) == expected
    assert all(row["bstar_per_earth_radius"] is None for row in seen["OPERATOR-C"]["elements"])
    assert {row["inclination_deg"] for row in seen["OPERATOR-C"]["elements"]} == {
        row["inclination_deg"] for row in seen["CENTRE-B"]["elements"]
    }
    told, approaches = (
        sorted((row["tca_tai_ns"], row["miss_distance_m"]) for row in seen[name]["conjunctions"])
        for name in ("OPERATOR-C", "CENTRE-B")
    )
    assert told == approaches
    assert all(row["relative_speed_m_s"] is None for row in seen["OPERATOR-C"]["conjunctions"])
    assert seen["STRANGER-D"] == {"elements": [], "elements/history": [], "conjunctions": []}


def test_a_bad_record_in_a_dropped_file_is_the_only_one_lost_and_quarantine_shows_it(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path)
    expected = drop_catalogue(tmp_path, OBJECTS)
    spoilt = next(path for path in sorted((tmp_path / "drop").iterdir()) if path.read_bytes().count(b"\n") > 100)
    lines = spoilt.read_bytes().split(b"\n")
    lines[57] = lines[57].replace(b".", b",", 1)
    spoilt.write_bytes(b"\n".join(lines))
    where = ["--data-dir", str(tmp_path / "data")]
    with running(up(tmp_path, configuration), tmp_path / "out.txt") as process:
        base = process.base_url()
        key = partner_key(where, "CENTRE-B")
        wait_until(lambda: len(rows(base, key, "elements")) >= expected - 1, 120, process)
        wait_until(lambda: "record 57" in ssa_hub("quarantine", "list", *where), 30, process)
        assert len(rows(base, key, "elements")) == expected - 1
        listed = ssa_hub("quarantine", "list", *where)
        assert len(listed.splitlines()) == 1
        assert spoilt.name in listed
        assert lines[57].decode().strip() in ssa_hub("quarantine", "show", listed.split()[0], *where)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hub_that_was_killed_during_ingest_ends_with_the_same_history(
    tmp_path: Path, undisturbed: tuple[int, Seen], seed: int
) -> None:
    configuration = write_configuration(tmp_path)
    expected, seen = undisturbed
    chance = random.Random(seed)
    with running(up(tmp_path, configuration), tmp_path / "out-0.txt") as process:
        process.base_url()
        assert drop_catalogue(tmp_path, OBJECTS) == expected
        # Somewhere between the first file noticed and everything recorded.
        stored, files = tmp_path / "data" / "payloads", 1 + chance.randrange(5)
        wait_until(lambda: len(list(stored.glob("??/[0-9a-f]*"))) >= files, 60, process)
        process.kill()
    with running(up(tmp_path, configuration), tmp_path / "out-1.txt") as process:
        wait_until(lambda: screened(process), 180, process)
        assert seen_by_all(tmp_path, process, expected) == seen
        assert process.stop() == 0


def test_a_second_start_goes_on_where_the_first_stopped_and_adds_nothing(
    tmp_path: Path, undisturbed: tuple[int, Seen]
) -> None:
    configuration = write_configuration(tmp_path)
    expected, seen = undisturbed
    drop_catalogue(tmp_path, OBJECTS)
    with running(up(tmp_path, configuration), tmp_path / "out-0.txt") as process:
        wait_until(lambda: screened(process), 180, process)
        seen_by_all(tmp_path, process, expected)
        assert process.stop() == 0
    first = process.said()
    with running(up(tmp_path, configuration), tmp_path / "out-1.txt") as process:
        process.base_url()
        where = ["--data-dir", str(tmp_path / "data")]
        keys = {name: partner_key(where, name) for name in NAMES}
        assert everything(process.base_url(), keys) == seen
        assert process.stop() == 0
    assert "in force" in first
    assert "in force" not in process.said(), "an agreement that is in force already is not put into force again"


def test_two_hubs_on_one_data_directory_are_refused(tmp_path: Path) -> None:
    configuration = write_configuration(tmp_path)
    with running(up(tmp_path, configuration), tmp_path / "out-0.txt") as first:
        first.base_url()
        with running(up(tmp_path, configuration), tmp_path / "out-1.txt") as second:
            assert second.process.wait(60) == 1
        assert len(second.said().splitlines()) <= 3
        assert "Traceback" not in second.said()
        assert first.process.poll() is None
