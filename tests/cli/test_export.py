"""``ssa-hub export``: a file of what a partner may see, with its digest, made offline."""

import errno
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.cli.commands import app
from ssa_hub.sharing.export_parts import ExportFiles
from tests.api.conftest import ELEMENTS, PARTNERS
from tests.api.records import PUBLIC, SECRET
from tests.api.rules import ALPHA, DELTA, OMEGA
from tests.api.served_hub import served_hub


def filled(data: Path) -> list[dict[str, Any]]:
    """A data directory with records; those that ALPHA is shown."""
    with served_hub(data) as hub:
        hub.enrol(PARTNERS)
        hub.agree(ALPHA, DELTA, OMEGA)
        # The clock of the tests is years ahead of the command's, so these were received by the command's.
        received_tai_ns = now_tai_ns() - 3_600 * NS_PER_SECOND
        hub.record([{**row, "received_tai_ns": received_tai_ns} for row in ELEMENTS], labels=(PUBLIC, SECRET))
        return list(hub.client("ALPHA").get("/v1/elements/history").json()["items"])


@pytest.mark.parametrize("known", [True, False])
def test_an_export_writes_what_the_partner_may_see_and_its_digest(tmp_path: Path, known: bool) -> None:
    data, output = tmp_path / "hub", tmp_path / "out.ndjson"
    listed = filled(data)
    partner = "ALPHA" if known else "NOBODY-KNOWN"
    arguments = ["export", "elements", str(output), "--partner", partner, "--data-dir", str(data), "--format", "ndjson"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == (0 if known else 1), result.output
    if not known:
        assert not output.exists()
        return
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    named = {item["record_id"] for item in listed}
    assert {row["record_id"] for row in rows} == named != set()
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    assert (tmp_path / "out.ndjson.sha256").read_text() == f"{digest}  out.ndjson\n"
    assert not (tmp_path / "out.ndjson.export").exists()


@pytest.mark.parametrize("parts_are_there", [True, False])
def test_an_export_that_was_cut_off_is_finished_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts_are_there: bool
) -> None:
    data, output = tmp_path / "hub", tmp_path / "out.csv"
    filled(data)
    arguments = ["export", "elements", str(output), "--partner", "ALPHA", "--data-dir", str(data), "--format", "csv"]

    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(ExportFiles, "assemble", is_full)
    assert CliRunner().invoke(app, arguments).exit_code == 1
    monkeypatch.undo()
    parts = list((tmp_path / "out.csv.export").glob("rows-*"))
    assert parts
    if not parts_are_there:
        for path in parts:
            path.unlink()
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert ("begun anew" in result.output) is not parts_are_there
    content = output.read_bytes()
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert output.read_bytes() == content
