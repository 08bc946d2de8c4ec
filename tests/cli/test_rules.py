"""partners and agreements: on a real state."""

import re
from pathlib import Path

import pytest

from ssa_hub.state.store import State
from tests.cli.conftest import AGREEMENT, Command


def test_partners_are_enrolled_listed_and_given_keys_that_the_hub_keeps_as_hashes(
    state: State, files: Path, command: Command
) -> None:
    assert command("partners", "list").stdout == "no partner is enrolled\n"
    enrolled = command("partners", "enrol", files / "partners.toml")
    assert enrolled.stdout == "enrolled BOREAL\nenrolled A-LONG-NAME-INDEED\n"
    token = command("partners", "key", "BOREAL").stdout.strip()
    _, key_id, secret = token.split("_", 2)
    kept = state.partners.key(key_id)
    assert kept is not None
    assert kept.partner == "BOREAL"
    assert secret not in str(kept)
    listed = command("partners", "list").stdout.splitlines()
    assert listed == [
        "A-LONG-NAME-INDEED  steward               keys: none",
        f"BOREAL              coalition             keys: {key_id}",
    ]


def test_a_key_that_is_revoked_is_gone_and_cannot_be_revoked_again(state: State, files: Path, command: Command) -> None:
    command("partners", "enrol", files / "partners.toml")
    key_id = command("partners", "key", "BOREAL").stdout.split("_")[1]
    assert command("partners", "revoke", key_id).stdout == f"revoked {key_id}\n"
    assert state.partners.key(key_id) is None
    again = command("partners", "revoke", key_id)
    assert again.exit_code == 1
    assert again.stderr == f"ssa-hub: no valid key has the id '{key_id}' (ssa-hub partners list shows them)\n"


def test_a_partner_that_is_removed_has_no_key_any_more(state: State, files: Path, command: Command) -> None:
    command("partners", "enrol", files / "partners.toml")
    key_id = command("partners", "key", "BOREAL").stdout.split("_")[1]
    assert command("partners", "remove", "BOREAL").stdout == "removed BOREAL\n"
    assert state.partners.get("BOREAL") is None
    assert state.partners.key(key_id) is None
    assert command("partners", "remove", "BOREAL").exit_code == 1


def test_a_key_for_nobody_is_an_error(command: Command) -> None:
    result = command("partners", "key", "NOBODY")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "ssa-hub: there is no partner 'NOBODY' (ssa-hub partners list shows who there is)\n"


def test_agreements_are_checked_activated_listed_shown_and_retired(state: State, files: Path, command: Command) -> None:
    command("partners", "enrol", files / "partners.toml")
    where = files / "agreements"
    assert command("agreements", "list").stdout.startswith("no agreement is in force")
    checked = command("agreements", "check", where)
    assert checked.exit_code == 0
    assert "AQUILA, version" in checked.stdout
    assert "its example holds" in checked.stdout
    assert state.agreements.active() == []
    assert command("agreements", "activate", where).stdout.startswith("in force: AQUILA, version")
    assert command("agreements", "activate", where).stdout == "nothing changed: they are in force already\n"
    assert "AQUILA" in command("agreements", "list").stdout
    assert "1 rule, from" in command("agreements", "list").stdout
    assert command("agreements", "show", "AQUILA").stdout == AGREEMENT
    assert command("agreements", "retire", "AQUILA").stdout == "retired: AQUILA\n"
    assert state.agreements.active() == []
    for gone in ("show", "retire"):
        result = command("agreements", gone, "AQUILA")
        assert (result.exit_code, result.stderr) == (1, "ssa-hub: no agreement of 'AQUILA' is in force\n")


def test_an_agreement_is_checked_without_a_hub_against_a_file_of_partners(files: Path, command: Command) -> None:
    file, partners = files / "agreements" / "aquila.toml", files / "partners.toml"
    checked = command("agreements", "check", file, "--partners", partners, where=files / "nowhere")
    assert checked.exit_code == 0
    assert "its example holds" in checked.stdout
    assert not (files / "nowhere").exists()
    without = command("agreements", "check", file, where=files / "nowhere")
    assert without.exit_code == 1
    assert "--partners" in without.stderr


def test_a_name_that_nobody_has_is_a_note_and_no_error(files: Path, command: Command) -> None:
    file = files / "agreements" / "aquila.toml"
    file.write_text(AGREEMENT.replace('groups = ["coalition"]', 'groups = ["coalition", "colation"]'))
    checked = command("agreements", "check", file, "--partners", files / "partners.toml")
    assert checked.exit_code == 0
    assert "note: rule 'coalition': no partner is in group 'colation'" in checked.stdout


VERSIONS_IN_TIME = r"from (\S+) UTC by (.+?), (in force|until \S+ UTC by .+?), "


def test_every_act_is_kept_with_who_did_it_and_an_earlier_version_can_be_put_back(
    state: State, files: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = files / "agreements" / "aquila.toml"
    command("partners", "enrol", files / "partners.toml")
    acts = [
        ("anna", ("activate", file), AGREEMENT),
        ("ben", ("activate", file), AGREEMENT.replace('["REAL"]', '["REAL", "TEST"]')),
    ]
    for who, act, text in acts:
        file.write_text(text)
        monkeypatch.setenv("LOGNAME", who)
        assert command("agreements", *act).exit_code == 0
    first, second = state.agreements.history("AQUILA")
    assert (first.activated_by, first.retired_by, second.activated_by) == ("anna", "ben", "ben")

    monkeypatch.setenv("LOGNAME", "clara")
    restored = command("agreements", "restore", "AQUILA", first.version)
    assert restored.stdout == f"in force: AQUILA, version {first.version}\n"
    assert state.agreements.active() == [(str(file), AGREEMENT)]
    again = command("agreements", "restore", "AQUILA", first.version)
    assert again.stdout == "nothing changed: they are in force already\n"
    monkeypatch.setenv("LOGNAME", "dora")
    assert command("agreements", "retire", "AQUILA").exit_code == 0

    lines = command("agreements", "history", "AQUILA").stdout.splitlines()
    acts_told = [re.search(VERSIONS_IN_TIME, line) for line in lines]
    assert [(told[2], told[3].rpartition(" ")[2]) for told in acts_told if told] == [
        ("anna", "ben"),
        ("ben", "clara"),
        ("clara", "dora"),
    ]
    assert [line.split()[1] for line in lines] == [first.version, second.version, first.version]
    assert command("agreements", "history").stdout.splitlines() == lines
    assert command("agreements", "history", "NOBODY").stdout == "no agreement was ever in force of 'NOBODY'\n"

    shown = command("agreements", "show", "AQUILA", "--version", second.version)
    assert shown.stdout == acts[1][2]
    unknown = command("agreements", "show", "AQUILA", "--version", "0123")
    assert unknown.exit_code == 1
    assert f"never had a version '0123' in force; there were: {first.version}, {second.version}" in unknown.stderr


def test_a_version_whose_examples_hold_no_more_is_not_put_back(state: State, files: Path, command: Command) -> None:
    command("partners", "enrol", files / "partners.toml")
    command("agreements", "activate", files / "agreements")
    command("agreements", "retire", "AQUILA")
    command("partners", "remove", "BOREAL")
    (entry,) = state.agreements.history("AQUILA")
    refused = command("agreements", "restore", "AQUILA", entry.version)
    assert refused.exit_code == 1
    assert "there is no partner of that name" in refused.stderr
    assert state.agreements.active() == []


def test_what_a_file_would_change_is_told_by_rule_and_by_partner(state: State, files: Path, command: Command) -> None:
    file = files / "agreements" / "aquila.toml"
    command("partners", "enrol", files / "partners.toml")
    new = command("agreements", "diff", file).stdout.splitlines()
    assert new[0].startswith("AQUILA: version none -> ")
    assert new[1] == "rule 'coalition': new"
    assert '    kinds: ["elements"]' in new
    assert new[-1].split(None, 5) == ["BOREAL", "elements", "REAL", "all", "more", "now"]

    command("agreements", "activate", file)
    assert command("agreements", "diff", file).stdout.splitlines()[1] == "the same content"
    file.write_text(AGREEMENT.replace('fields = ["*"]', 'fields = ["*"]\ndelay_s = 60\nresolution = {time_s = 60}'))
    changed = command("agreements", "diff", file)
    assert changed.exit_code == 0
    lines = changed.stdout.splitlines()
    assert "rule 'coalition': changed" in lines
    assert "    delay_s: (not written) -> 60" in lines
    assert '    resolution: (not written) -> {"time_s": 60}' in lines
    assert lines[-1].endswith("less  withheld: payload_sha256; time_s exact -> 60; delay 0 s -> 60 s")
    # Asking has changed nothing.
    assert state.agreements.active() == [(str(file), AGREEMENT)]

    command("agreements", "activate", file)
    first, second = (entry.version for entry in state.agreements.history("AQUILA"))
    assert command("agreements", "diff", "AQUILA", first, second).stdout == changed.stdout
    back = command("agreements", "diff", "AQUILA", second, first).stdout.splitlines()
    assert back[-1].endswith("more  shown: payload_sha256; time_s 60 -> exact; delay 60 s -> 0 s")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("AQUILA", "0123"), "give a file, or an originator and two of his versions"),
        (("AQUILA", "0123", "4567"), "'AQUILA' never had a version '0123' in force; there were: none"),
        (("nowhere.toml",), "No such file"),
    ],
)
def test_a_diff_of_what_is_not_there_is_one_line(
    state: State, command: Command, arguments: tuple[str, ...], words: str
) -> None:
    result = command("agreements", "diff", *arguments)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


@pytest.mark.parametrize("verb", ["check", "activate"])
def test_every_mistake_of_an_agreement_is_a_line_of_its_own_and_nothing_comes_into_force(
    state: State, files: Path, command: Command, verb: str
) -> None:
    wrong = AGREEMENT.replace('["elements"]', '["orbits"]', 1).replace("sees = true", "sees = 1")
    (files / "agreements" / "aquila.toml").write_text(wrong)
    result = command("agreements", verb, files / "agreements")
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"ssa-hub: {files / 'agreements' / 'aquila.toml'}: line ") for line in lines)
    assert state.agreements.active() == []


def test_an_example_that_does_not_hold_keeps_all_agreements_of_the_directory_out(
    state: State, files: Path, command: Command
) -> None:
    command("partners", "enrol", files / "partners.toml")
    second = AGREEMENT.replace('"AQUILA"', '"CIRRUS"').replace("sees = true", "sees = false")
    (files / "agreements" / "cirrus.toml").write_text(second)
    result = command("agreements", "activate", files / "agreements")
    assert result.exit_code == 1
    assert "not to see it and does" in result.stderr
    assert state.agreements.active() == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"x = [", "not a TOML document"), (b'[[partner]]\nname = "caf\xe9"', "not UTF-8"), (b"[[partner]]", "name")],
)
def test_a_file_of_partners_that_cannot_be_read_is_one_line(
    state: State, tmp_path: Path, command: Command, content: bytes, expected: str
) -> None:
    (tmp_path / "partners.toml").write_bytes(content)
    result = command("partners", "enrol", tmp_path / "partners.toml")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"ssa-hub: {tmp_path / 'partners.toml'}: ")
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr
    assert state.partners.all() == []
