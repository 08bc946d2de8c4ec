"""check and convert: messages in files, with no hub."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import Result
from lxml import etree
from typer.testing import CliRunner

from schemas.messages import read_payload
from ssa_hub.cli.commands import app
from tests.schemas.generated_elements import data_file
from tests.schemas.seeds import CORPUS, GOOD, seed


def run(*arguments: object, data: bytes | None = None) -> Result:
    """A command; a traceback fails the test."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=data)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def put(directory: Path, name: str, data: bytes) -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


def test_check_says_file_line_record_keyword_value_rule_and_clause(tmp_path: Path) -> None:
    path = put(tmp_path, "a.kvn", seed("omm-kvn", "refused.kvn"))
    result = run("check", path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}:13: record 1: INCLINATION = '1_5.0': a decimal number [CCSDS 502.0-B-3, 7.5]",
        f"{path}: omm-kvn: 1 read, 1 refused",
    ]


def test_check_names_accepted_deviations_and_counts_them(tmp_path: Path) -> None:
    path = put(tmp_path, "gp.xml", seed("omm-xml", "celestrak.xml"))
    result = run("check", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{path}: deviation: empty-creation-date (2)",
        f"{path}: deviation: empty-originator (2)",
        f"{path}: omm-xml: 2 read, 0 refused",
    ]


def test_check_names_quality_flags_of_conjunctions(tmp_path: Path) -> None:
    path = put(tmp_path, "a.cdm", seed("cdm-kvn").replace(b"241.9", b"999.9"))
    lines = run("check", path).stdout.splitlines()
    assert any(line.startswith(f"{path}: quality: miss-distance") for line in lines)
    assert lines[-1] == f"{path}: cdm-kvn: 2 read, 0 refused"


@pytest.mark.parametrize("form", GOOD)
def test_check_reads_every_form_by_its_content_and_not_its_name(form: str, tmp_path: Path) -> None:
    result = run("check", put(tmp_path, "message.dat", seed(form)))
    assert result.exit_code == 0
    assert f": {form}: " in result.stdout


def test_check_reads_compressed_files_and_several(tmp_path: Path) -> None:
    paths = [put(tmp_path, "a.gz", gzip.compress(seed("tle"))), put(tmp_path, "b", seed("meme"))]
    result = run("check", *paths)
    assert result.exit_code == 0
    assert [line.split(": ")[1] for line in result.stdout.splitlines()] == ["tle", "meme"]


def test_check_reads_the_input_where_a_dash_stands() -> None:
    result = run("check", "-", data=seed("oem-kvn"))
    assert (result.exit_code, result.stdout) == (0, "<stdin>: oem-kvn: 1 read, 0 refused\n")
    assert run("check", "-", data=b"").exit_code == 1


def test_check_gives_one_json_document(tmp_path: Path) -> None:
    good, bad = put(tmp_path, "good", seed("tle")), put(tmp_path, "bad", seed("oem-kvn", "refused.oem"))
    result = run("check", "--json", good, bad)
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["records"], document["refused"]) == (2, 1)
    first, second = document["files"]
    assert (first["file"], first["encoding"], first["records"], first["refusals"]) == (str(good), "tle", 1, [])
    assert second["refusals"] == [
        {
            "record": 1,
            "line": 16,
            "keyword": "Y",
            "value": "1e999",
            "rule": "a number that float64 can hold",
            "clause": "CCSDS 502.0-B-3, 7.5.6 and 7.5.7",
        }
    ]


def test_check_reads_the_draft_of_the_next_cdm_behind_its_flag(tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", seed("cdm-json", "nested.json").replace(b'"@version": "1.0"', b'"@version": "2.0"'))
    assert "'2.0'" in run("check", path).stdout
    assert "'2.0'" not in run("check", "--draft", path).stdout


def test_what_cannot_be_opened_ends_with_2_and_a_line(tmp_path: Path) -> None:
    for command in (("check", tmp_path / "absent"), ("convert", tmp_path / "absent", tmp_path / "a.xml")):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"ssa-hub: {tmp_path / 'absent'}: No such file or directory\n"
    assert run("check", tmp_path).stderr == f"ssa-hub: {tmp_path}: Is a directory\n"


def test_nothing_that_a_file_holds_reaches_the_terminal_as_a_control_character(tmp_path: Path) -> None:
    for data in (b"\x1b[31mred\x1b]0;title\x07", seed("omm-kvn").replace(b"51.6416", b"5\x1b[2J1")):
        stdout = run("check", put(tmp_path, "a", data)).stdout
        assert "\\x1b" in stdout
        assert all(character.isprintable() or character == "\n" for character in stdout)


def test_many_refusals_are_counted_and_not_all_shown(tmp_path: Path) -> None:
    path = put(tmp_path, "a.tle", b"1 x\n" * 1_200)
    lines = run("check", path).stdout.splitlines()
    assert len(lines) == 1_002
    assert lines[-2] == f"{path}: 200 more refusals (--json has them all)"
    assert len(json.loads(run("check", "--json", path).stdout)["files"][0]["refusals"]) == 1_200


PAIRS = [
    *(("omm-kvn", to) for to in ("xml", "json", "csv", "tle", "3le")),
    *(("omm-json", to) for to in ("kvn", "xml", "csv", "tle")),
    *(("tle", to) for to in ("kvn", "xml", "json", "csv", "3le")),
    *(("oem-kvn", "xml"), ("oem-xml", "kvn"), ("ocm-kvn", "xml"), ("ocm-xml", "kvn"), ("meme", "kvn"), ("meme", "xml")),
    *(("cdm-kvn", "xml"), ("cdm-kvn", "json"), ("cdm-xml", "kvn"), ("cdm-json", "kvn"), ("cdm-json", "xml")),
]


@pytest.mark.parametrize(("form", "to"), PAIRS)
def test_convert_writes_what_check_reads(form: str, to: str, tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed(form)), tmp_path / f"out.{to}"
    result = run("convert", source, target, "--creation-date", "2026-01-01T00:00:00", "--originator", "TESTERS")
    count = read_payload(seed(form), "in").records
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines()[-1] == f"{target}: {count} record{'s' * (count > 1)} written"
    assert run("check", target).exit_code == 0
    assert read_payload(target.read_bytes(), "out").records == count
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", target.name]


@pytest.mark.parametrize(("form", "key"), [("json", b'"GP_ID"'), ("csv", b"GP_ID")])
def test_convert_writes_the_dialect_that_is_asked_for(form: str, key: bytes, tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed("omm-kvn")), tmp_path / f"out.{form}"
    assert run("convert", source, target).exit_code == 0
    assert key not in target.read_bytes()
    assert run("convert", source, target, "--force", "--dialect", "space-track").exit_code == 0
    assert b"CCSDS_OMM_VERS" in target.read_bytes()
    assert run("convert", source, target, "--force", "--dialect", "other").exit_code == 2


def test_convert_replaces_a_file_only_when_told_so(tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed("tle")), put(tmp_path, "out.json", b"precious")
    result = run("convert", source, target)
    assert (result.exit_code, result.stderr) == (2, f"ssa-hub: {target} exists; --force replaces it\n")
    assert target.read_bytes() == b"precious"
    assert run("convert", "--force", source, target).exit_code == 0
    assert read_payload(target.read_bytes(), "out").encoding == "omm-json"


def test_convert_needs_to_know_the_encoding(tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed("tle")), tmp_path / "out"
    result = run("convert", source, target)
    assert result.exit_code == 2
    assert "which encoding is that? One of kvn, xml, json, csv, tle, 3le" in result.stderr
    assert run("convert", source, target, "--to", "json").exit_code == 0
    assert run("convert", source, tmp_path / "a.xml", "--to", "yaml").exit_code == 2


def test_convert_writes_nothing_where_something_is_refused_unless_told_to_skip_it(tmp_path: Path) -> None:
    source, target = put(tmp_path, "in.kvn", seed("omm-kvn", "refused.kvn")), tmp_path / "out.json"
    result = run("convert", source, target)
    assert result.exit_code == 2
    assert f"{source}:13: record 1: INCLINATION = '1_5.0'" in result.stderr
    assert "1 refused, nothing written (--skip-refused writes the rest)" in result.stderr
    assert not target.exists()
    result = run("convert", "--skip-refused", source, target)
    assert result.exit_code == 1
    assert f"{source}:13: record 1" in result.stderr
    assert read_payload(target.read_bytes(), "out").records == 1


def test_a_number_that_a_tle_cannot_say_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed("omm-json").replace(b"270001", b"340000")), tmp_path / "out.tle"
    result = run("convert", source, target)
    assert result.exit_code == 2
    assert "340000" in result.stderr
    assert list(tmp_path.iterdir()) == [source]


def test_celestraks_empty_header_needs_a_date_and_an_originator_for_xml(tmp_path: Path) -> None:
    source, target = put(tmp_path, "in", seed("omm-kvn", "celestrak.kvn")), tmp_path / "out.xml"
    result = run("convert", source, target)
    assert result.exit_code == 2
    assert "CREATION_DATE and ORIGINATOR" in result.stderr
    assert "--creation-date and --originator" in result.stderr
    assert not target.exists()
    result = run("convert", source, target, "--creation-date", "2026-03-01T00:00:00", "--originator", "TESTERS")
    assert result.exit_code == 0
    assert "note: ECCENTRICITY: '.0006703' written as '0.0006703'" in result.stderr.splitlines()
    schema = data_file("ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd")
    etree.XMLSchema(etree.parse(str(schema))).assertValid(etree.parse(str(target)))


def test_kvn_to_xml_to_kvn_keeps_comments_user_defined_and_number_texts(tmp_path: Path) -> None:
    source = put(tmp_path, "a.kvn", seed("omm-kvn", "comments-and-user-defined.kvn"))
    assert run("convert", source, tmp_path / "b.xml").exit_code == 0
    assert run("convert", tmp_path / "b.xml", tmp_path / "c.kvn").exit_code == 0
    text = (tmp_path / "c.kvn").read_text()
    for said in (
        "COMMENT made for tests",
        "130.5360" if "130.5360" in source.read_text() else "130.536",
        "-0.11606E-4",
    ):
        assert said in text
    assert "USER_DEFINED_EARTH_MODEL" in text
    assert "WGS-84" in text


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    result = run("convert", put(tmp_path, "in", seed("tle")), tmp_path / "no" / "such" / "out.json")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "No such file or directory" in result.stderr


def test_every_seed_of_the_fuzzer_is_checked_without_a_traceback() -> None:
    files = sorted(path for path in CORPUS.rglob("*") if path.is_file())
    assert len(files) > 50
    result = run("check", *files)
    assert result.exit_code == 1
    assert result.stdout.count(" read, ") == len(files)
