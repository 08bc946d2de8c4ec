"""A hub whose history is in an object store: its settings, and backups, which refuse it."""

from pathlib import Path

import pytest

from ssa_hub.backup.failures import BackupError
from ssa_hub.backup.restoring import Restoration
from ssa_hub.backup.taking import Backup
from ssa_hub.settings import Settings, settings_in


@pytest.fixture
def remote_settings(tmp_path: Path) -> Settings:
    """Of a hub that nobody has started."""
    url = "rest+https://catalogue.example.org"
    return settings_in(tmp_path / "data", catalogue_url=url, warehouse="s3://bucket/prefix")


def test_an_object_store_leaves_a_local_directory_for_what_is_under_way(remote_settings: Settings) -> None:
    assert remote_settings.object_store == "s3://bucket/prefix"
    assert remote_settings.warehouse == remote_settings.data_dir / "history"
    assert remote_settings.catalogue_url == "rest+https://catalogue.example.org"


def test_a_directory_is_no_object_store(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, warehouse=str(tmp_path / "elsewhere"))
    assert settings.object_store is None
    assert settings.warehouse == tmp_path / "elsewhere"
    assert settings_in(tmp_path).warehouse == tmp_path / "history"


def test_backup_and_restore_refuse_it_with_what_to_do(remote_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"docs/backup\.md"):
        Backup(remote_settings, tmp_path / "backup", None, print)
    with pytest.raises(BackupError, match=r"docs/backup\.md"):
        Restoration(tmp_path / "backup", remote_settings, print)
    assert not (tmp_path / "backup").exists()
