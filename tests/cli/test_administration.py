"""quarantine, posture, status: on a real state."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.records import DataMode
from schemas.timescales import parse_utc
from ssa_hub.cli.commands import app
from ssa_hub.state.store import State
from tests.cli.conftest import Command, refusal
from tests.history.examples import element_row, elements


def quarantine(state: State, *refusals: object) -> None:
    with state.transaction() as connection:
        state.quarantine.insert(connection, refusals)  # type: ignore[arg-type]


def test_quarantine_lists_place_and_rule_in_one_line_the_last_first(state: State, command: Command) -> None:
    quarantine(state, refusal(1, b"x"), refusal(2, b"y"), refusal(3, b"z", source="other"))
    result = command("quarantine", "list")
    assert result.exit_code == 0
    first, second, third = result.stdout.splitlines()
    assert first.strip() == "3  other  a.tle: record 3, line 6: columns 9-16 = '51.64x0': a number [7.5.1]"
    assert [line.split()[0] for line in (second, third)] == ["2", "1"]
    assert [line.split()[0] for line in command("quarantine", "list", "--limit", 1).stdout.splitlines()] == ["3"]
    assert [line.split()[0] for line in command("quarantine", "list", "--after", 3, "--limit", 1).stdout.splitlines()
            ] == ["2"]  # fmt: skip
    assert [line.split()[0] for line in command("quarantine", "list", "--source", "drop").stdout.splitlines()
            ] == ["2", "1"]  # fmt: skip


def test_quarantine_says_so_when_it_is_empty(command: Command) -> None:
    assert command("quarantine", "list").stdout == "nothing is in quarantine\n"


def test_quarantine_shows_one_refusal_in_full_and_its_bytes_as_they_came(state: State, command: Command) -> None:
    data = b"2 25544  51.64x0\r\n\xff\x00"
    quarantine(state, refusal(1, data))
    shown = command("quarantine", "show", 1).stdout
    for expected in ("source    drop", "file      a.tle", "rule      a number", "bytes     20", "\\xff", "ab" * 32):
        assert expected in shown
    assert command("quarantine", "show", 1, "--raw").stdout_bytes == data


def test_a_refusal_that_is_not_there_is_an_error(command: Command) -> None:
    result = command("quarantine", "show", 7)
    assert (result.exit_code, result.stderr) == (1, "ssa-hub: nothing in quarantine has the id 7\n")


def test_posture_is_shown_and_set_and_its_history_kept(state: State, command: Command) -> None:
    assert command("posture").stdout == "peacetime\n"
    assert command("posture", "crisis").stdout == "crisis\n"
    assert command("posture").stdout == "crisis\n"
    assert [entry.posture for entry in state.agreements.posture_history()] == ["crisis"]
    result = command("posture", "war")
    assert result.exit_code == 1
    assert result.stderr == "ssa-hub: a posture is one of peacetime, crisis, conflict, not 'war'\n"


def test_status_tells_what_the_hub_holds_and_has_done(state: State, command: Command) -> None:
    with state.transaction() as connection:
        state.recorded.insert(connection, "elements", elements(element_row("a"), element_row("b")))
    quarantine(state, refusal(1, b"x"), refusal(2, b"y"))
    start = parse_utc("2026-03-10T00:00:00")
    done = state.runs.begin(
        data_mode=DataMode.REAL, catalogue_seq=2, start_tai_ns=start, duration_s=60.0, threshold_km=5.0
    )
    left_out = [
        {"index": 1, "reason": "decayed", "from_tai_ns": 1},
        {"index": 4, "reason": "decayed", "from_tai_ns": 1},
    ]
    state.runs.complete(done, objects=26_905, conjunctions=1_234, left_out=left_out, wall_s=27.04)
    failed = state.runs.begin(
        data_mode=DataMode.REAL, catalogue_seq=3, start_tai_ns=start, duration_s=60.0, threshold_km=5.0
    )
    state.runs.fail(failed, "the hub was stopped")
    result = command("status")
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()]
    assert lines[0][1].startswith("2 recorded, the newest ")
    assert ["quarantine", "2 refused; drop: 2"] in lines
    assert ["posture", "peacetime"] in lines
    assert ["agreements", "0 in force, 0 partners"] in lines
    assert [[word, text.split(";")[0]] for word, text in lines[-7:-2]] == [
        ["screening", "REAL: failed: the hub was stopped"],
        ["0.0166667", "h from 2026-03-10T00:00:00 UTC, 5 km"],
        ["screening", "REAL: complete in 27.0 s, 26,905 orbits, 1,234 close approaches"],
        ["0.0166667", "h from 2026-03-10T00:00:00 UTC, 5 km"],
        ["left", "out, in whole or from some instant on: 2: decayed"],
    ]
    # Of this hub there is the state alone.
    assert [line[0] for line in lines[-2:]] == ["WRONG", "WRONG"]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["posture"], ["quarantine", "list"], ["partners", "list"], ["agreements", "list"],
     ["partners", "key", "X"], ["agreements", "show", "X"]],
)  # fmt: skip
def test_where_there_is_no_hub_a_command_says_so_and_makes_none(
    tmp_path: Path, command: Command, arguments: list[str]
) -> None:
    result = command(*arguments, where=tmp_path / "nowhere")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "holds no hub" in result.stderr
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.postgres
def test_commands_work_on_postgresql_too(postgres_url: str) -> None:
    result = CliRunner().invoke(app, ["posture", "conflict", "--database-url", postgres_url])
    assert (result.exit_code, result.stdout) == (0, "conflict\n")
    result = CliRunner().invoke(app, ["status"], env={"SSA_HUB_DATABASE_URL": postgres_url})
    assert "conflict" in result.stdout


def test_a_database_that_a_newer_version_made_is_one_line(state: State, command: Command) -> None:
    with state.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    result = command("status")
    assert result.exit_code == 1
    assert result.stderr.startswith("ssa-hub: ")
    assert result.stderr.count("\n") == 1
    assert "r9999" in result.stderr
