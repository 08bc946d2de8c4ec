"""Backups: what is refused, what is noticed, what is linked; the tables' files in another place."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.records import DataMode
from ssa_hub.backup.failures import BackupError
from ssa_hub.backup.manifest import read_manifest
from ssa_hub.backup.restoring import Restoration
from ssa_hub.backup.taking import Backup
from ssa_hub.history.pinned import pinned_tables
from ssa_hub.history.store import History
from ssa_hub.services.hub import open_hub
from ssa_hub.services.recorder import Recorder
from ssa_hub.settings import Settings, settings_in
from ssa_hub.state.store import open_state
from tests.hub.rooms import running_until
from tests.ingest.tle import element_set
from tests.operating.filled_hub import OBJECTS, filled_hub, in_sqlite, payload, recorded, verified


def silent(_: str) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return filled_hub(tmp_path_factory.mktemp("filled") / "hub")


@pytest.fixture(scope="module")
def backup(filled: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("backups") / "first"
    Backup(filled, directory, None, silent).take()
    return directory


def at(directory: Path) -> Settings:
    return settings_in(directory, data_mode=DataMode.REAL)


async def _goes_on(settings: Settings) -> int:
    async with open_hub(settings) as hub:
        before = recorded(hub)
        await hub.ingest.accept(payload(element_set(50)))
        await hub.ingest.accept(payload(element_set(1)))  # known: the restored hub knows it, too
        await running_until(lambda: recorded(hub) > before, Recorder(hub.log, hub.history, hub.state).run())
        return recorded(hub) - before


def test_a_restored_hub_is_sound_and_goes_on_where_the_other_stood(backup: Path, tmp_path: Path) -> None:
    settings = at(tmp_path / "a place with spaces" / "hub")
    Restoration(backup, settings, silent).restore()
    report = verified(settings)
    assert report.findings == []
    assert report.checked["history/elements"].startswith(f"{2 * OBJECTS} rows")
    assert asyncio.run(_goes_on(settings)) == 1
    assert verified(settings).findings == []


def test_nothing_in_a_restored_history_names_the_old_place_and_its_numbers_are_the_same(
    filled: Settings, backup: Path, tmp_path: Path
) -> None:
    settings = at(tmp_path / "hub")
    Restoration(backup, settings, silent).restore()
    before, after = pinned_tables(filled.catalogue_url), pinned_tables(settings.catalogue_url)
    old = str(filled.data_dir)
    assert before.keys() == after.keys()
    for kind, table in after.items():
        assert old not in table.metadata_location
        assert old not in table.table.metadata.model_dump_json()
        assert all(old not in manifest.manifest_path for manifest in table.manifests())
        assert [old in file.file_path for file in table.data_files()] == [False] * len(table.files())
        assert table.positions == before[kind].positions
        assert _numbers(table) == _numbers(before[kind])
        assert table.table.metadata.last_sequence_number == before[kind].table.metadata.last_sequence_number
        assert [field.field_id for field in table.table.schema().fields] == [
            field.field_id for field in before[kind].table.schema().fields
        ]


def _numbers(table) -> list[tuple[str, int, int, int]]:  # type: ignore[no-untyped-def]
    return sorted(
        (Path(e.data_file.file_path).name, e.sequence_number, e.file_sequence_number, e.data_file.record_count)
        for manifest in table.manifests()
        for e in manifest.fetch_manifest_entry(table.table.io, discard_deleted=True)
    )


def test_files_that_were_replaced_by_others_are_left_behind(filled: Settings, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    settings = filled_hub(hub)
    with History.open(settings.warehouse, settings.catalogue_url) as history:
        rows = _rows(settings)
        added = history.write_data_files("elements", rows, level=1, run="0" * 12)
        old = [str(file.path) for file in pinned_tables(settings.catalogue_url)["elements"].files()]
        history.replace("elements", old, added)
    Backup(settings, tmp_path / "backup", None, silent).take()
    assert not {Path(path).name for path in old} & {path.name for path in (tmp_path / "backup").rglob("*.parquet")}
    restored = at(tmp_path / "restored")
    Restoration(tmp_path / "backup", restored, silent).restore()
    assert verified(restored).findings == []


def _rows(settings: Settings):  # type: ignore[no-untyped-def]
    from ssa_hub.state.recorded import read_bodies

    with open_state(settings.database_url) as state, state.database.snapshot() as connection:
        return read_bodies(list(connection.exec_driver_sql("SELECT body FROM recorded").scalars()), "elements")


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [flipped, Path.unlink], ids=["changed", "gone"])
@pytest.mark.parametrize("name", ["payloads/*/*", "*.parquet", "*-m0.avro", "state.sqlite", "log.sqlite3"])
def test_a_file_that_is_not_as_it_was_is_named_and_nothing_can_start_there(
    backup: Path, tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    path = sorted(path for path in copy.rglob(name) if path.is_file())[0]
    harm(path)
    settings = at(tmp_path / "hub")
    with pytest.raises(BackupError, match=path.name):
        Restoration(copy, settings, silent).restore()
    assert not (settings.data_dir / "log" / "log.sqlite3").exists()


def test_an_unfinished_backup_is_none(backup: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    (copy / "manifest.json").unlink()
    with pytest.raises(BackupError, match="no backup, or one that was never finished"):
        Restoration(copy, at(tmp_path / "hub"), silent)


def test_a_manifest_that_leads_out_of_the_backup_is_refused(backup: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backup, copy)
    text = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(text.replace('"data/payloads/', '"data/../../payloads/', 1))
    with pytest.raises(BackupError, match="outside the backup"):
        Restoration(copy, at(tmp_path / "hub"), silent)


def test_places_that_hold_something_are_refused(filled: Settings, backup: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(BackupError, match="is not empty"):
        Restoration(backup, at(tmp_path / "full"), silent)
    with pytest.raises(BackupError, match="is not empty"):
        Backup(filled, tmp_path / "full", None, silent)
    with pytest.raises(BackupError, match="lies inside"):
        Backup(filled, filled.data_dir / "backup", None, silent)
    with pytest.raises(BackupError, match="is no backup"):
        Backup(filled, tmp_path / "new", tmp_path / "full", silent)


def test_a_backup_of_another_kind_of_log_or_database_is_refused(backup: Path, tmp_path: Path) -> None:
    kafka = settings_in(tmp_path / "hub", log_url="kafka://127.0.0.1:1")
    with pytest.raises(BackupError, match="give --log-url"):
        Restoration(backup, kafka, silent)
    postgres = settings_in(tmp_path / "hub", database_url="postgresql+psycopg://a@127.0.0.1:1/a")
    with pytest.raises(BackupError, match="give --database-url"):
        Restoration(backup, postgres, silent)


def test_what_has_not_changed_is_linked_and_only_its_owner_can_read_it(
    filled: Settings, backup: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    Backup(filled, second, backup, silent).take()
    first_files, files = read_manifest(backup).files, read_manifest(second).files
    immutable = [name for name in files if name.endswith(".parquet") or name.startswith("data/payloads/")]
    assert len(immutable) >= OBJECTS + 1
    assert all((second / name).samefile(backup / name) and files[name] == first_files[name] for name in immutable)
    assert not (second / "state" / "state.sqlite").samefile(backup / "state" / "state.sqlite")
    assert (second.stat().st_mode & 0o777, backup.stat().st_mode & 0o777) == (0o700, 0o700)
    assert not list(filled.warehouse.glob("pins/*"))


def test_a_linked_file_that_was_cut_short_is_copied_anew(filled: Settings, backup: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    shutil.copytree(backup, first)
    short = sorted(first.rglob("*.parquet"))[0]
    short.write_bytes(short.read_bytes()[:-1])
    Backup(filled, tmp_path / "second", first, silent).take()
    Restoration(tmp_path / "second", at(tmp_path / "hub"), silent).restore()


def test_while_a_deletion_is_under_way_no_backup_is_taken(tmp_path: Path) -> None:
    settings = filled_hub(tmp_path / "hub")
    in_sqlite(
        settings.data_dir / "state.sqlite",
        "INSERT INTO deletions (status, kind, originator, rule, agreement_version, cutoff_tai_ns, began_tai_ns,"
        " records, places) VALUES ('running', 'elements', 'CENTRE', 'r', 'v', 1, 1, 0, '{}')",
    )
    with pytest.raises(BackupError, match="a deletion that an agreement demands is under way"):
        Backup(settings, tmp_path / "backup", None, silent).take()
    assert not (tmp_path / "backup" / "manifest.json").exists()
