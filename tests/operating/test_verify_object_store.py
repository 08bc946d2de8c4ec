"""Verification of a hub whose history is in an object store, behind a REST catalogue."""

import asyncio
import subprocess
from collections.abc import Callable

import pytest

from schemas.records import DataMode
from ssa_hub.history.object_files import key_of, s3_filesystem
from ssa_hub.settings import Settings, settings_in
from tests.deployment.processes import command
from tests.history.remote import Remote
from tests.operating.filled_hub import OBJECTS, append_again, fill, in_sqlite, verified

pytestmark = pytest.mark.iceberg

Damage = Callable[[Settings, str], None]


@pytest.fixture
def hub(remote: Remote) -> Settings:
    """A filled hub, closed."""
    directory = remote.directory.with_name("hub")
    settings = settings_in(
        directory, catalogue_url=remote.catalogue_url, warehouse=remote.object_store, data_mode=DataMode.REAL
    )
    asyncio.run(fill(settings))
    return settings


def read(path: str) -> bytes:
    with s3_filesystem().open_input_file(key_of(path)) as file:
        return bytes(file.read())


def write(path: str, data: bytes) -> None:
    with s3_filesystem().open_output_stream(key_of(path)) as stream:
        stream.write(data)


def forget(settings: Settings, _: str) -> None:
    newest = "SELECT record_id FROM newest"
    in_sqlite(
        settings.data_dir / "state.sqlite",
        f"DELETE FROM recorded WHERE object_id_1 = 'cat-1' AND record_id NOT IN ({newest})",
    )


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "gone": (lambda _, path: s3_filesystem().delete_file(key_of(path)), "history/elements", "is not there"),
    "short": (lambda _, path: write(path, read(path)[:-1]), "history/elements", "and its manifest says"),
    "garbled": (
        lambda _, path: write(path, read(path)[:4] + bytes(396) + read(path)[400:]),
        "history/elements",
        "cannot be read",
    ),
    "twice": (
        lambda settings, _: append_again(settings),
        "records/elements",
        "2 record ids stand in history more than once",
    ),
    "forgotten": (forget, "records/elements", "1 records are in history and not in state"),
}


def test_a_sound_hub_is_found_sound(hub: Settings) -> None:
    report = verified(hub)
    assert report.findings == []
    assert report.checked["history/elements"].startswith(f"{2 * OBJECTS} rows in ")
    assert {"positions", "log/elements", "newest", "labels", "ledger"} <= set(report.checked)
    assert verified(hub, quick=True).findings == []


@pytest.mark.parametrize("name", DAMAGES)
def test_each_thing_that_is_wrong_is_named(hub: Settings, remote: Remote, name: str) -> None:
    damage, check, words = DAMAGES[name]
    damage(hub, min(path for path in remote.objects() if path.endswith(".parquet")))
    found = [finding for finding in verified(hub).findings if finding.check == check]
    assert any(words in str(finding) for finding in found), found


def test_the_command_tells_a_sound_hub_from_a_bucket_that_is_not_there(hub: Settings) -> None:
    arguments = [*command(), "verify", "--data-dir", str(hub.data_dir), "--catalogue-url", hub.catalogue_url]
    good = subprocess.run([*arguments, "--warehouse", str(hub.object_store)], capture_output=True, text=True)
    assert (good.returncode, good.stdout.splitlines()[-1], good.stderr) == (0, "nothing disagrees", "")
    bad = subprocess.run([*arguments, "--warehouse", "s3://no-such-bucket/place"], capture_output=True, text=True)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "there is no bucket no-such-bucket" in bad.stderr
