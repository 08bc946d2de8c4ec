"""ssa-hub policies: on a real state."""

from pathlib import Path

import pytest

from schemas.labels import Category, CategoryType, Label
from ssa_hub.state.store import State
from tests.cli.conftest import Command
from tests.schemas.spif.documents import CLASSES, HEAD, spif


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    """The document of a policy SKY."""
    path = tmp_path / "sky.spif"
    path.write_bytes(spif())
    return path


def test_a_policy_is_added_listed_and_shown(state: State, command: Command, sky: Path) -> None:
    assert command("policies", "list").stdout == ""
    assert command("policies", "add", sky).stdout == "added SKY (1.2.3), version 3\n"
    assert command("policies", "add", sky).stdout == "already in force: SKY (1.2.3), version 3\n"
    assert state.security_policies.all() == [("SKY", "sky.spif", sky.read_bytes())]
    listed = command("policies", "list").stdout
    assert listed == "SKY (1.2.3), version 3  OPEN, CLOSED, LOCKED, SEALED  from sky.spif\n"
    shown = command("policies", "show", "SKY").stdout
    assert "  1  OPEN\n  2  CLOSED\n" in shown
    assert "Shared With (PERMISSIVE)\n  NORTH, SOUTH, EAST\n" in shown
    assert "Programmes (RESTRICTIVE, at most 2)\n" in shown
    sky.write_bytes(spif(head=HEAD.replace('version="3"', 'version="4"')))
    assert command("policies", "add", sky).stdout == "added SKY (1.2.3), version 4\n"
    assert len(state.security_policies.all()) == 1


def test_a_document_that_is_no_policy_changes_nothing(state: State, command: Command, sky: Path) -> None:
    sky.write_bytes(spif(classes=CLASSES.replace('lacv="2"', 'lacv="two"')))
    result = command("policies", "add", sky)
    assert result.exit_code == 1
    assert "sky.spif: line " in result.stderr
    assert "securityClassification@lacv = 'two': must be a whole number" in result.stderr
    assert state.security_policies.all() == []


def test_a_name_and_an_oid_are_one_policy(command: Command, sky: Path) -> None:
    command("policies", "add", sky)
    for changed in (spif(name="SEA"), spif(oid="1.2.9")):
        sky.write_bytes(changed)
        result = command("policies", "add", sky)
        assert result.exit_code == 1
        assert "a name and an OID are one policy" in result.stderr


def test_a_label_is_checked_and_marked(command: Command, sky: Path, tmp_path: Path) -> None:
    file = tmp_path / "label.json"
    shared = Category("Shared With", CategoryType.PERMISSIVE, ("EAST", "NORTH"))
    file.write_bytes(Label("SKY", "CLOSED", (shared,)).to_json())
    unknown = command("policies", "check", file)
    assert unknown.exit_code == 1
    assert "there is no policy 'SKY'" in unknown.stderr
    command("policies", "add", sky)
    assert command("policies", "check", file).stdout == "SKY CLOSED NORTH/EAST\n"
    file.write_bytes(Label("SKY", "OPEN", (shared,)).to_json())
    invalid = command("policies", "check", file)
    assert invalid.exit_code == 1
    assert invalid.stderr == "label.json: 'EAST' of 'Shared With' is not allowed with 'OPEN'\n"
    file.write_bytes(b"{}")
    assert command("policies", "check", file).exit_code == 1


def test_a_label_in_xml_is_checked(command: Command, sky: Path, tmp_path: Path) -> None:
    command("policies", "add", sky)
    file = tmp_path / "label.xml"
    file.write_text(
        '<originatorConfidentialityLabel xmlns="urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"'
        ' ReviewDateTime="2030-01-01T00:00:00Z">'
        '<ConfidentialityInformation><PolicyIdentifier URI="urn:oid:1.2.3">SKY</PolicyIdentifier>'
        "<Classification>LOCKED</Classification></ConfidentialityInformation>"
        "<CreationDateTime>2026-01-01T00:00:00Z</CreationDateTime></originatorConfidentialityLabel>"
    )
    result = command("policies", "check", file)
    assert (result.exit_code, result.stderr) == (1, "label.xml: classification 'LOCKED' is obsolete\n")


def test_a_policy_that_is_not_there_cannot_be_shown(command: Command) -> None:
    result = command("policies", "show", "SKY")
    assert (result.exit_code, result.stderr) == (
        1,
        "ssa-hub: there is no policy 'SKY' (ssa-hub policies list shows them)\n",
    )
