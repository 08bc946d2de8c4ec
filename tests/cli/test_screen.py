"""screen: every close approach of the orbits in files, with no hub."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from click.testing import Result
from typer.testing import CliRunner

from conjunction import screen
from schemas.timescales import format_utc, now_tai_ns, parse_utc
from ssa_hub.cli.commands import app
from tests.conjunction.orbit_files import START, oem_text, satellite_of, satellites_of_population, tle_text
from tests.conjunction.populations import all_regimes
from tests.schemas.seeds import seed

SATELLITES = satellites_of_population(all_regimes()[:120])
DAYS, THRESHOLD_KM = 0.25, 20.0
WINDOW = ("--start", START, "--days", DAYS, "--threshold-km", THRESHOLD_KM)
COLUMNS = [
    *("object_1", "object_2", "tca_utc", "miss_distance_km", "relative_speed_km_s"),
    *("relative_position_r_km", "relative_position_t_km", "relative_position_n_km"),
    *("relative_velocity_r_km_s", "relative_velocity_t_km_s", "relative_velocity_n_km_s"),
    *("approach_angle_deg", "entry_utc", "exit_utc", "at_window_edge", "object_name_1", "object_name_2"),
    *("object_id_1", "object_id_2", "orbit_1", "orbit_2", "source_1", "source_2"),
]


def run(*arguments: object, data: bytes | None = None) -> Result:
    """The command; a traceback fails the test."""
    result = CliRunner().invoke(app, ["screen", *(str(argument) for argument in arguments)], input=data)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def orbits(tmp_path: Path) -> Path:
    path = tmp_path / "orbits.tle"
    path.write_text(tle_text(SATELLITES))
    return path


@pytest.fixture(scope="module")
def expected() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        screen(tle_text(SATELLITES), start=START, days=DAYS, threshold_km=THRESHOLD_KM).to_arrow().to_pylist()
    )
    assert len(rows) > 20
    return rows


def test_the_closest_are_shown_closest_first(orbits: Path, expected: list[dict[str, Any]]) -> None:
    result = run(orbits, *WINDOW)
    assert result.exit_code == 0
    passes = sorted(
        (row for row in expected if row["relative_speed_km_s"] >= 0.01), key=lambda row: row["miss_distance_km"]
    )
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["object", "1", "object", "2"]
    shown = [(line.split()[0], line.split()[1]) for line in lines[1:21]]
    assert shown == [(str(row["object_1"]), str(row["object_2"])) for row in passes[:20]]
    assert f"of {len(passes):,}; --out writes all" in result.stdout
    assert "screening 120 element sets, 20 km, 0.25 days from 2024-09-17T12:00:00 UTC (as asked for)" in result.stderr
    assert f"{len(expected)} conjunctions in" in result.stderr
    assert result.stderr.rstrip().endswith("screening, never advice to manoeuvre")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".feather"])
def test_tables_have_timestamps(orbits: Path, suffix: str, expected: list[dict[str, Any]]) -> None:
    out = orbits.with_suffix(suffix)
    assert run(orbits, *WINDOW, "--out", out).exit_code == 0
    read = pa.parquet.read_table(out) if suffix == ".parquet" else pa.feather.read_table(out, memory_map=False)
    assert read.column_names == COLUMNS
    assert read.schema.field("tca_utc").type == pa.timestamp("ns", "UTC")
    assert read.schema.metadata[b"note"] == b"screening, never advice to manoeuvre"
    assert [row["tca_utc"] for row in read.to_pylist()] == [row["tca_utc"] for row in expected]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".ndjson", ".jsonl"])
def test_texts_have_utc_to_the_microsecond(orbits: Path, suffix: str, expected: list[dict[str, Any]]) -> None:
    out = orbits.with_suffix(suffix)
    assert run(orbits, *WINDOW, "--out", out).exit_code == 0
    if suffix == ".csv":
        with out.open(newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
    elif suffix == ".json":
        rows = json.loads(out.read_text())
    else:
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert list(rows[0]) == COLUMNS
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert int(row["object_1"]) == wanted["object_1"]
        assert float(row["miss_distance_km"]) == wanted["miss_distance_km"]
        assert len(row["tca_utc"]) == len("2024-09-17T12:00:00.000000")
        assert abs(parse_utc(row["tca_utc"]) - parse_utc(wanted["tca_utc"].isoformat()[:26])) <= 1000


def test_json_is_one_document_with_counts_memory_and_what_was_left_out(orbits: Path, expected: list[Any]) -> None:
    decayed = satellite_of((16.6, 0.0002, 53.0, 10.0, 20.0, 30.0, 0.05), 40_900)
    orbits.write_text(tle_text([*SATELLITES, decayed]))
    result = run(orbits, *WINDOW, "--days", 1, "--json", "--out", orbits.with_suffix(".csv"))
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["note"] == "screening, never advice to manoeuvre"
    assert (document["start_utc"], document["end_utc"]) == ("2024-09-17T12:00:00.000000", "2024-09-18T12:00:00.000000")
    assert document["counts"]["orbits"] == 121
    assert document["counts"]["conjunctions"] > len(expected)
    assert document["counts"]["left_out"] == 1
    assert document["wall_s"] >= document["screening_wall_s"] > 0.0
    assert 50e6 < document["peak_memory_bytes"] < 50e9
    (left_out,) = document["left_out"]
    assert left_out["object"] == 40_900
    assert document["left_out_by_reason"] == {left_out["reason"]: 1}
    assert parse_utc(left_out["from_utc"]) >= parse_utc(START)
    assert left_out["until_utc"] is None
    distances = [row["miss_distance_km"] for row in document["closest"]]
    assert distances == sorted(distances)
    assert document["out"] == str(orbits.with_suffix(".csv"))


def test_refused_records_are_told_and_counted_and_the_rest_is_screened(orbits: Path, expected: list[Any]) -> None:
    orbits.write_text(tle_text(SATELLITES) + tle_text(SATELLITES[:1]).replace("  53.0000", "  53.00x0"))
    result = run(orbits, *WINDOW)
    assert result.exit_code == 1
    assert f"{orbits}:242: record 121: " in result.stderr
    assert f"{len(expected)} conjunctions" in result.stderr
    document = json.loads(run(orbits, *WINDOW, "--json").stdout)
    assert document["counts"]["refused"] == len(document["refusals"]) == 1
    assert document["refusals"][0]["file"] == str(orbits)


def test_the_input_may_be_read_and_an_ephemeris_stand_beside_elements(tmp_path: Path) -> None:
    plan = tmp_path / "plan.oem"
    plan.write_text(oem_text(SATELLITES[0], "PLAN-A", "UNKNOWN", 3.0))
    elements = tle_text(SATELLITES[1:]).encode()
    result = run(
        "-", plan, "--start", START, "--days", 0.1, "--threshold-km", 500, "--primary", "plan-*", data=elements
    )
    assert result.exit_code == 0
    assert "119 element sets and 1 ephemeris" in result.stderr
    assert "PLAN-A" in result.stdout


def test_choices_are_taken_by_number_and_name(orbits: Path, tmp_path: Path, expected: list[dict[str, Any]]) -> None:
    first = expected[0]
    named = f"{first['object_1']},{first['object_2']}"
    owners, volumes = tmp_path / "owners.csv", tmp_path / "volumes.csv"
    owners.write_text("catalogue_number,owner,flag\n40000-40119,A,1\n")
    volumes.write_text("object,shape,radial_km,transverse_km,normal_km\n40000-40119,box,1,1,1\n")

    def count(*options: object) -> int:
        document = json.loads(run(orbits, *WINDOW, "--json", *options).stdout)
        return int(document["counts"]["conjunctions"])

    of_pair = [row for row in expected if (row["object_1"], row["object_2"]) == (first["object_1"], first["object_2"])]
    assert count("--leave-out", named) == len(expected) - len(of_pair)
    assert count("--owners", owners) == 0
    with_one = [row for row in expected if first["object_1"] in (row["object_1"], row["object_2"])]
    assert count("--primary", first["object_1"]) == len(with_one)
    assert count("--volumes", volumes) < len(expected)
    assert count("--volumes", volumes, "--volume", "40000-40119=ellipsoid:20,20,20") == len(expected)
    assert "no orbit is meant by '77777'" in run(orbits, *WINDOW, "--leave-out", "77777,40000").stderr


def test_without_a_start_an_old_catalogue_is_screened_from_its_newest_epochs_and_a_new_one_from_now(
    tmp_path: Path,
) -> None:
    old, new = tmp_path / "old.tle", tmp_path / "new.tle"
    old.write_text(tle_text(SATELLITES))
    result = run(old, "--days", 0.01)
    assert "from 2024-09-17T12:01:00 UTC (the catalogue is a replayed one" in result.stderr
    days_old = (now_tai_ns() - parse_utc(START)) / 86_400e9
    elements = all_regimes()[:2]
    new.write_text(tle_text([satellite_of(one, 40_000 + n, days_old) for n, one in enumerate(elements)]))
    result = run(new, "--days", 0.01)
    assert f"from {format_utc(now_tai_ns(), 0)[:13]}" in result.stderr
    assert "UTC (now)" in result.stderr


def test_ephemerides_alone_of_another_day_are_screened_from_their_beginning(tmp_path: Path) -> None:
    paths = [tmp_path / "a.oem", tmp_path / "b.oem"]
    for number, path in enumerate(paths):
        path.write_text(oem_text(SATELLITES[number], f"PLAN-{number}", "UNKNOWN", 1.0))
    result = run(*paths, "--days", 0.02)
    assert "2 ephemerides, 5 km, 0.02 days from 2024-09-17T12:00:00 UTC (the ephemerides begin on" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-file"], "no-such-file: No such file or directory"),
        (["ORBITS", "--start", "noon"], "--start: not a UTC time"),
        (["ORBITS", "--days", "0"], "--days 0: more than 0"),
        (["ORBITS", "--threshold-km", "-1"], "--threshold-km -1: more than 0"),
        (["ORBITS", "--out", "events.xlsx"], "events.xlsx: its suffix says no form"),
        (["ORBITS", "--out", "ORBITS.csv"], "exists; --force replaces it"),
        (["ORBITS", "--out", "no/where.csv"], "its directory does not exist"),
        (["ORBITS", "--volume", "25544"], "OBJECT=box:R,T,N is needed"),
        (["ORBITS", "--volume", "25544=ball:1,2,3"], "a volume is a box or an ellipsoid"),
        (["ORBITS", "--leave-out", "25544"], "two objects with a comma between"),
        (["ORBITS", "--owners", "no-such.csv"], "no-such.csv: No such file"),
        (["ORBITS", "--start", START, "--primary", "99999"], "none of the primaries is among the orbits"),
        (["ORBITS", "--start", START, "--resume", "ORBITS"], "is no directory"),
        (["CDM"], "no orbit: nothing to screen"),
    ],
)
def test_a_mistake_is_one_line_and_ends_with_2(orbits: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "orbits.tle.csv").write_text("")
    (tmp_path / "message.cdm").write_bytes(seed("cdm-kvn"))
    names = {"ORBITS": str(orbits), "CDM": str(tmp_path / "message.cdm")}
    given = [argument.replace("ORBITS", names["ORBITS"]).replace("CDM", names["CDM"]) for argument in arguments]
    result = run(*given)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stderr.splitlines()[-1].startswith("ssa-hub: ")
    assert result.stdout == ""


def test_a_window_from_now_on_cannot_be_taken_up_again(tmp_path: Path) -> None:
    days_old = (now_tai_ns() - parse_utc(START)) / 86_400e9
    path = tmp_path / "new.tle"
    path.write_text(tle_text([satellite_of(one, 40_000 + n, days_old) for n, one in enumerate(all_regimes()[:2])]))
    result = run(path, "--resume", tmp_path / "kept")
    assert result.exit_code == 2
    assert "--resume needs --start" in result.stderr


def test_an_existing_file_is_replaced_with_force_and_nothing_is_left_beside_it(orbits: Path) -> None:
    out = orbits.with_suffix(".csv")
    out.write_text("old")
    assert run(orbits, *WINDOW, "--out", out, "--force").exit_code == 0
    assert out.read_text().startswith("object_1,object_2,tca_utc")
    assert sorted(path.name for path in orbits.parent.iterdir()) == ["orbits.csv", "orbits.tle"]


def test_interrupted_it_says_how_to_go_on_and_does(orbits: Path, tmp_path: Path) -> None:
    program = "from ssa_hub.cli import main; main()"
    orbits.write_text(tle_text(satellites_of_population(all_regimes())))
    kept, out = tmp_path / "kept", tmp_path / "events.csv"
    options = ["--start", START, "--days", "20", "--threads", "1", "--resume", str(kept), "--out", str(out)]
    command = [sys.executable, "-c", program, "screen", str(orbits), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120.0
    while len(list(kept.glob("*.piece"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert f"What is done is kept in {kept}: the same command goes on from there." in said
    assert "Traceback" not in said
    assert not out.exists()
    assert run(orbits, *options).exit_code == 0
    assert out.exists()
    assert not kept.exists()
