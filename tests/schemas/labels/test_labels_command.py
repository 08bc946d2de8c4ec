"""``ssa-hub labels``."""

import json
from pathlib import Path

from typer.testing import CliRunner

from schemas.label_binding import read_binding
from ssa_hub.cli.commands import app

DATES = ("--creation-date", "2026-01-01T00:00:00", "--review-date", "2027-01-01T00:00:00")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["labels", *arguments])
    return result.exit_code, result.output


def test_a_text_is_read_as_a_label() -> None:
    code, output = run("read", "CAPCO:S//REL TO USA, GBR")
    assert code == 0
    assert json.loads(output)["categories"][0]["values"] == ["GBR", "USA"]


def test_each_form_is_written_and_read_back(tmp_path: Path) -> None:
    for form in ("xml", "json", "capco"):
        code, output = run("write", "CAPCO:S//NF", "--format", form, *DATES)
        assert code == 0
        if form == "capco":
            assert output == "CAPCO:S//NF\n"
            continue
        path = tmp_path / f"label.{form}"
        path.write_text(output)
        code, output = run("write", str(path), "--format", "capco")
        assert (code, output) == (0, "CAPCO:S//NF\n")


def test_a_form_without_a_mapping_is_refused() -> None:
    code, output = run("write", "CAPCO:S//NF", "--format", "tlp")
    assert code == 2
    assert "no mapping to TLP" in output


def test_a_label_in_xml_that_breaks_a_rule_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "label.xml"
    path.write_text("\n<label/>")
    code, output = run("read", str(path))
    assert code == 2
    assert f"{path}, line 2: label" in output


def test_a_file_is_bound_and_a_changed_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "orbits.tle"
    path.write_bytes(b"one")
    assert run("bind", str(path), "--label", "TLP:CLEAR", *DATES)[0] == 0
    assert read_binding((tmp_path / "orbits.tle.bdo").read_bytes()).label.classification == "CLEAR"
    assert run("bind", str(path), "--label", "TLP:CLEAR", *DATES)[0] == 2
    code, output = run("check", str(path))
    assert code == 0
    assert "TLP CLEAR" in output
    path.write_bytes(b"two")
    code, output = run("check", str(path))
    assert code == 1
    assert "SHA-384" in output


def test_what_is_missing_or_no_label_is_told(tmp_path: Path) -> None:
    assert run("read", str(tmp_path / "absent"))[0] == 2
    path = tmp_path / "label.json"
    path.write_text('{"policy": "P"}')
    code, output = run("read", str(path))
    assert code == 2
    assert "not a label" in output
    assert run("check", str(path))[0] == 2
