"""Verification: a sound hub is found sound, and each thing that is wrong is named."""

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.embedded_log import EmbeddedLog
from ssa_hub.services.hub import open_hub
from ssa_hub.services.recorder import Recorder
from ssa_hub.settings import Settings
from ssa_hub.state.store import open_state
from tests.deployment.processes import command
from tests.hub.rooms import running_until
from tests.ingest.tle import element_set
from tests.operating.filled_hub import (
    OBJECTS,
    append_again,
    filled_hub,
    in_sqlite,
    list_falsely,
    payload,
    recorded,
    undone,
    verified,
)

Damage = Callable[[Settings], None]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return filled_hub(tmp_path_factory.mktemp("filled") / "hub")


@pytest.fixture
def hub(filled: Settings, tmp_path: Path) -> Iterator[Settings]:
    """The filled hub, whose damage is undone."""
    with undone(filled.data_dir, tmp_path / "saved"):
        yield filled


def state(*statements: str) -> Damage:
    return lambda settings: in_sqlite(settings.data_dir / "state.sqlite", *statements)


def log(*statements: str) -> Damage:
    return lambda settings: in_sqlite(settings.data_dir / "log" / "log.sqlite3", *statements)


def a_payload(settings: Settings, text: str = "40001") -> Path:
    """The payload of the good object number 1, or the refused one."""
    wanted = element_set(1).encode()[:20]
    return next(p for p in sorted(settings.data_dir.glob("payloads/*/*")) if wanted in p.read_bytes())


def refused_payload(settings: Settings) -> Path:
    return next(p for p in sorted(settings.data_dir.glob("payloads/*/*")) if b"51.64x0" in p.read_bytes())


def a_data_file(settings: Settings) -> Path:
    return sorted(settings.warehouse.rglob("*.parquet"))[0]


def flip_a_byte(settings: Settings) -> None:
    path = a_payload(settings)
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)


def garble_pages(settings: Settings) -> None:
    path = a_data_file(settings)
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)


def shorten(settings: Settings) -> None:
    path = a_data_file(settings)
    path.write_bytes(path.read_bytes()[:-1])


def remove_manifests(settings: Settings) -> None:
    for path in settings.warehouse.rglob("*-m*.avro"):
        path.unlink()


OLDER = (
    "(SELECT r.record_id FROM recorded r WHERE r.object_id_1 = newest.object_id AND r.record_id <> newest.record_id"
    " AND r.kind = 'elements')"
)
STRANGER = (
    "INSERT INTO recorded (record_id, kind, object_id_1, combination_1, received_tai_ns, recorded_tai_ns, body)"
    " SELECT 'ff' || substr(record_id, 3), kind, object_id_1, combination_1, received_tai_ns, recorded_tai_ns, body"
    " FROM recorded LIMIT 1"
)
DAMAGES: list[tuple[str, Damage, str, str]] = [
    ("a payload's byte", flip_a_byte, "payloads", "bytes have changed of"),
    ("a payload gone", lambda s: a_payload(s).unlink(), "journal", "1 payloads are noted and not there"),
    ("a refused one gone", lambda s: refused_payload(s).unlink(), "quarantine", "payloads of refused records"),
    ("a data file gone", lambda s: a_data_file(s).unlink(), "history/elements", "is not there"),
    ("a data file short", shorten, "history/elements", "and its manifest says"),
    ("pages garbled", garble_pages, "history/elements", "cannot be read"),
    ("manifests gone", remove_manifests, "history/elements", "its manifests cannot be read"),
    ("rows twice", append_again, "records/elements", "2 record ids stand in history more than once"),
    ("a record forgotten", state(f"UPDATE newest SET record_id = {OLDER} WHERE object_id = 'cat-1'",
                                 "DELETE FROM recorded WHERE object_id_1 = 'cat-1' AND record_id NOT IN"
                                 " (SELECT record_id FROM newest)"),
     "records/elements", "1 records are in history and not in state"),
    ("a record invented", state(STRANGER), "records/elements", "1 records are in state and not in history"),
    ("an older newest", state(f"UPDATE newest SET record_id = {OLDER} WHERE object_id = 'cat-2'"),
     "newest", "1 newest orbits are not history's newest: cat-2 of CENTRE, REAL"),
    ("a newest gone", state("DELETE FROM newest WHERE object_id = 'cat-3'"),
     "newest", "1 objects of history have no newest orbit: cat-3"),
    ("a newest too many", state("INSERT INTO newest SELECT 'cat-77', combination_id, epoch_tai_ns, received_tai_ns,"
                                " record_id FROM newest LIMIT 1"),
     "newest", "1 newest orbits are of objects that history does not have: cat-77"),
    ("a label gone", state("DELETE FROM labels"), "labels", "1 labels are named by records and not kept"),
    ("a label changed", state("UPDATE labels SET body = replace(body, 'UNCLASSIFIED', 'SECRET')"),
     "labels", "1 labels are not what their ids say"),
    ("state ahead", state("UPDATE positions SET next_offset = next_offset + 3 WHERE topic = 'elements'"),
     "positions", "history at"),
    ("the log cut", log("DELETE FROM record WHERE topic = 'elements'"),
     "positions", "and the log ends at 0"),
    ("a message unknown to history", log("UPDATE record SET value = CAST(replace(CAST(value AS TEXT),"
                                         " substr(CAST(value AS TEXT), 15, 2), 'zz') AS BLOB)"
                                         " WHERE topic = 'elements' AND CAST(value AS TEXT) LIKE '%cat-4\"%'"),
     "log/elements", "messages were recorded and are not in history"),
    ("a refusal forgotten", state("DELETE FROM quarantine WHERE source = 'log:elements'"),
     "quarantine", "messages that are no records are not in quarantine: elements/"),
    ("a withdrawal of nothing",
     state("INSERT INTO withdrawals (originator, reason, derived, withdrawn_tai_ns, withdrawn_by)"
           " VALUES ('CENTRE', 'x', 'flag', 1, 'x')",
           "INSERT INTO withdrawn_records SELECT 'ee', id, 'elements', 'REAL' FROM withdrawals"),
     "withdrawals", "1 withdrawn records are not recorded: ee"),
    ("a ledger entry changed",
     state("INSERT INTO ledger_entries VALUES (1, 20000, 1, 'B', 'CENTRE', 'x', 'elements', 'REAL', 'p', 'a', 'r',"
           " 'peacetime', 0, 1, x'00112233445566778899aabbccddeeff', x'00')"),
     "ledger", "entry 1"),
]  # fmt: skip


def test_a_sound_hub_is_found_sound_and_what_was_looked_at_is_told(filled: Settings) -> None:
    report = verified(filled)
    assert report.findings == []
    assert report.remnants == []
    assert report.checked["history/elements"].startswith(f"{2 * OBJECTS} rows in ")
    assert report.checked["payloads"] == f"{OBJECTS + 1} files, bytes against their SHA-256"
    assert {"positions", "log/elements", "newest", "labels", "journal", "withdrawals", "ledger"} <= set(report.checked)
    assert verified(filled, quick=True).findings == []
    assert not list(filled.data_dir.glob("verify-*"))


@pytest.mark.parametrize(("damage", "check", "words"), [pytest.param(*row[1:], id=row[0]) for row in DAMAGES])
def test_each_thing_that_is_wrong_is_named(hub: Settings, damage: Damage, check: str, words: str) -> None:
    damage(hub)
    report = verified(hub)
    assert not report.sound
    found = [str(finding) for finding in report.findings if finding.check == check]
    assert any(words in text for text in found), report.findings
    assert all("\n" not in str(finding) for finding in report.findings)
    assert all(finding.meaning and finding.mend for finding in report.findings)


def test_a_list_of_objects_that_is_not_what_the_rows_are_is_found(
    hub: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_falsely(hub, monkeypatch)
    found = [str(finding) for finding in verified(hub).findings]
    assert len(found) == 1
    assert "has a list of objects that does not agree with its rows" in found[0]


QUICK = {
    *("a payload gone", "a data file gone", "a data file short", "manifests gone", "rows twice", "a label gone"),
    *("a record forgotten", "a record invented", "state ahead", "the log cut", "a withdrawal of nothing"),
}


@pytest.mark.parametrize("damage", [pytest.param(row[1], id=row[0]) for row in DAMAGES if row[0] in QUICK])
def test_the_quick_look_finds_what_is_missing_or_too_much(hub: Settings, damage: Damage) -> None:
    damage(hub)
    assert not verified(hub, quick=True).sound


def test_bodies_that_are_given_up_and_a_log_that_is_trimmed_are_no_disagreement(hub: Settings) -> None:
    state("UPDATE recorded SET body = x'' WHERE record_id NOT IN (SELECT record_id FROM newest)")(hub)

    async def trim() -> None:
        with open_state(hub.database_url) as opened:
            held = opened.positions.all()
        async with EmbeddedLog(hub.data_dir / "log") as opened_log:
            await opened_log.trim(held)
            assert await opened_log.read(max(held, key=lambda at: held[at]), 0, 10) == []

    asyncio.run(trim())
    for quick in (False, True):
        assert [str(finding) for finding in verified(hub, quick=quick).findings] == []


def test_newest_orbits_without_bodies_are_found(hub: Settings) -> None:
    state("UPDATE recorded SET body = x''")(hub)
    for quick in (False, True):
        assert any("have no body" in str(finding) for finding in verified(hub, quick=quick).findings)


def test_what_a_killed_process_leaves_harms_nothing_and_is_told(hub: Settings) -> None:
    folder = hub.data_dir / "payloads" / "ab"
    folder.mkdir(exist_ok=True)
    (folder / ("ab" * 32)).write_bytes(b"never noted")
    (folder / ".unfinished").write_bytes(b"")
    (hub.warehouse / "pins").mkdir()
    (hub.warehouse / "pins" / "backup-1").write_text("")
    report = verified(hub, quick=True)
    assert report.sound
    assert [remnant.split(":")[0] for remnant in report.remnants] == ["payloads", "payloads", "pins"]


async def _take_in_and_leave_at(settings: Settings, place: str) -> None:
    """Take in one more payload: onto the log only, or into history and not into state."""
    async with open_hub(settings) as hub:
        await hub.ingest.accept(payload(element_set(8)))
        if place == "log":
            return
        recorder = Recorder(hub.log, hub.history, hub.state)

        def dies(*_: object) -> None:
            raise RuntimeError("killed")

        recorder._into_state = dies  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="killed"):
            await running_until(lambda: False, recorder.run())


@pytest.mark.parametrize("place", ["log", "history"])
def test_what_is_under_way_is_no_disagreement_and_is_counted(hub: Settings, place: str) -> None:
    asyncio.run(_take_in_and_leave_at(hub, place))
    report = verified(hub)
    assert report.findings == []
    waiting, behind = (1, 0) if place == "log" else (0, 1)
    assert f"{waiting} messages wait, {behind} records not yet in state" in report.checked["positions"]
    assert verified(hub, quick=True).findings == []


def test_a_record_beside_the_one_under_way_is_still_missed(hub: Settings) -> None:
    asyncio.run(_take_in_and_leave_at(hub, "history"))
    in_sqlite(hub.data_dir / "state.sqlite", "DELETE FROM recorded WHERE object_id_1 = 'cat-1'")
    found = [finding.what for finding in verified(hub).findings if finding.check == "records/elements"]
    assert len(found) == 1
    assert found[0].startswith("2 records are in history and not in state")


def test_the_command_ends_with_one_where_something_is_wrong_and_speaks_json(hub: Settings) -> None:
    arguments = [*command(), "verify", "--data-dir", str(hub.data_dir)]
    good = subprocess.run([*arguments, "--json"], capture_output=True, text=True)
    assert (good.returncode, json.loads(good.stdout)["sound"], good.stderr) == (0, True, "")
    a_payload(hub).unlink()
    bad = subprocess.run([*arguments, "--quick"], capture_output=True, text=True)
    assert bad.returncode == 1
    assert bad.stdout.splitlines()[-1] == "1 things disagree"
    assert [line for line in bad.stdout.splitlines() if line.startswith("WRONG        journal: ")]
    assert json.loads(subprocess.run([*arguments, "--json"], capture_output=True, text=True).stdout)["findings"]


async def _while_recording(settings: Settings) -> None:
    async with open_hub(settings) as hub:
        recorder = asyncio.create_task(Recorder(hub.log, hub.history, hub.state).run())
        before = recorded(hub)
        for number in range(100, 140):
            await hub.ingest.accept(payload(element_set(number)))
            if number % 8 == 0:
                report = await asyncio.to_thread(verified, settings, quick=number % 16 == 0)
                assert report.findings == []
        await running_until(lambda: recorded(hub) == before + 40)
        recorder.cancel()
        await asyncio.gather(recorder, return_exceptions=True)


def test_a_hub_that_runs_is_found_sound_at_every_look(hub: Settings) -> None:
    asyncio.run(_while_recording(hub))
    assert verified(hub).findings == []
