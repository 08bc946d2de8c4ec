"""rehearse, explain, posture history: on a real state and history."""

import json
from pathlib import Path

import pytest

from schemas.labels import Label
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.history.store import History
from ssa_hub.settings import settings_in
from ssa_hub.state.store import State
from tests.api.records import Row, conjunction, element, record_id, table_of
from tests.cli.conftest import AGREEMENT, Command

PUBLIC = Label("PUBLIC", "UNCLASSIFIED")
NAMES_ALONE = AGREEMENT.replace('fields = ["*"]', 'fields = ["object_name"]\nresolution = { time_s = 60 }')


def received_now(row: Row) -> Row:
    return {**row, "received_tai_ns": now_tai_ns() - 60 * NS_PER_SECOND}


@pytest.fixture
def hub(data_dir: Path, state: State, files: Path, command: Command) -> Path:
    """Two element sets of AQUILA and a conjunction of them; the directory of the rules."""
    command("partners", "enrol", files / "partners.toml")
    command("agreements", "activate", files / "agreements")
    elements = [received_now(element(name, originator="AQUILA")) for name in ("first", "second")]
    conjunctions = [received_now(conjunction("near", originators=("AQUILA", "AQUILA")))]
    settings = settings_in(data_dir)
    with History.open(settings.warehouse, settings.catalogue_url) as history:
        for kind, rows in (("elements", elements), ("conjunctions", conjunctions)):
            history.append(kind, table_of(rows), positions={})
            with state.transaction() as connection:
                state.labels.intern(connection, [PUBLIC])
                state.recorded.insert(connection, kind, table_of(rows))
    return files


def test_a_draft_is_rehearsed_as_sums_and_reasons(hub: Path, command: Command) -> None:
    draft = hub / "draft.toml"
    draft.write_text(NAMES_ALONE.replace("coalition", "names", 1).replace('["coalition"]', '["coalition", "guests"]'))
    result = command("rehearse", "agreement", draft)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert "Note: rule 'names': no partner is in group 'guests'" in lines
    sums = [line.split() for line in lines if line.startswith("BOREAL  ")]
    assert sums == [["BOREAL", "derived-conjunctions", "REAL", "1", "0", "0", "0", "0", "0"]]
    assert [line.split() for line in lines if line.split()[:2] == ["elements", "REAL"]] == [
        ["elements", "REAL", "2", "2", "2", "0", "0", "2"]
    ]
    assert "BOREAL, elements, REAL: 2 otherwise of 2" in lines
    assert "    of      AQUILA, PUBLIC UNCLASSIFIED" in lines
    told = " ".join(result.stdout.split())
    assert "before Rule 'coalition' of AQUILA allows elements of mode REAL: every field." in told
    assert "after Rule 'names' of AQUILA" in told
    assert "time_s 60" in told
    assert "eccentricity" in told.split("fields-")[1]
    assert max(map(len, lines[1:])) <= 120


def test_programs_get_json_and_csv(hub: Path, command: Command) -> None:
    (hub / "draft.toml").write_text(NAMES_ALONE)
    told = json.loads(command("rehearse", "agreement", hub / "draft.toml", "--format", "json").stdout)
    assert [(row["kind"], row["changed"]) for row in told["sums"]] == [("derived-conjunctions", 0), ("elements", 2)]
    csv = command("rehearse", "agreement", hub / "draft.toml", "--format", "csv").stdout
    assert csv.splitlines()[0].startswith('"partner","kind","data_mode","originator_1"')
    assert len(csv.splitlines()) == 1 + len(told["effects"])


def test_a_posture_is_rehearsed_and_nothing_is_changed(hub: Path, command: Command) -> None:
    (hub / "agreements" / "aquila.toml").write_text(AGREEMENT.replace('fields = ["*"]', 'postures = ["peacetime"]\n'
                                                    'fields = ["*"]').split("[[example]]")[0])  # fmt: skip
    assert command("agreements", "activate", hub / "agreements").exit_code == 0
    result = command("rehearse", "posture", "conflict")
    assert "BOREAL, elements, REAL: 2 less of 2" in result.stdout
    assert "is not for posture conflict" in " ".join(result.stdout.split())
    assert command("posture").stdout == "peacetime\n"
    assert command("rehearse", "posture", "peacetime").stdout.endswith(
        "No partner would have received anything more, less or otherwise.\n"
    )


def test_mistakes_are_one_line_each(hub: Path, command: Command) -> None:
    draft = hub / "draft.toml"
    draft.write_text(AGREEMENT.replace('["REAL"]', '["REEL"]').replace('groups = ["coalition"]', "groups = 5"))
    result = command("rehearse", "agreement", draft)
    assert result.exit_code == 1
    assert [line.split(": ")[2] for line in result.stderr.splitlines()] == ["line 7", "line 8"]
    result = command("rehearse", "posture", "war")
    assert result.stderr == "ssa-hub: a posture is one of peacetime, crisis, conflict, not 'war'\n"
    result = command("rehearse", "posture", "crisis", "--from", "yesterday")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    result = command("rehearse", "posture", "crisis", "--from", "2026-02-01T00:00:00", "--to", "2026-01-01T00:00:00")
    assert "the period ends before it begins" in result.stderr


def test_explain_says_in_lines_what_a_partner_sees_and_why(hub: Path, command: Command, state: State) -> None:
    lines = command("explain", record_id("first"), "BOREAL").stdout.splitlines()
    assert lines[1] == "partner   BOREAL: sees it"
    assert lines[3].startswith("AQUILA: allows it (rule, version ")
    assert lines[-2:] == ["withheld  nothing", "in steps  none: exact"]
    lines = command("explain", record_id("near"), "BOREAL").stdout.splitlines()
    assert lines[1] == "partner   BOREAL: does not see it"
    assert lines[4] == ("    No rule of AQUILA allows it: rule 'coalition' is not for kind derived-conjunctions.")
    for arguments in ((record_id("first"), "NOBODY"), (record_id("no such record"), "BOREAL")):
        result = command("explain", *arguments)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)


def test_the_history_of_postures_names_each_change(state: State, command: Command) -> None:
    assert command("posture", "history").stdout == "nobody has set the posture: it is peacetime\n"
    command("posture", "crisis")
    command("posture", "conflict")
    lines = [line.split("  ", 1)[1].split() for line in command("posture", "history").stdout.splitlines()]
    assert [line[:3] for line in lines] == [["peacetime", "->", "crisis"], ["crisis", "->", "conflict"]]
    assert all(line[3] for line in lines)
