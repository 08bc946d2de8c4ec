"""The manifest of a backup: what is in it, of which instant, with the SHA-256 of every file.

It is written last: a directory without one is no backup.
"""

from pathlib import Path

import msgspec

from ssa_hub.backup.failures import BackupError
from ssa_hub.backup.files import write_durably

MANIFEST_FILE = "manifest.json"
FORMAT = 1


class FileEntry(msgspec.Struct, frozen=True):
    """One file of the backup."""

    sha256: str
    bytes: int


class StateEntry(msgspec.Struct, frozen=True):
    """How the state was kept: ``sqlite``, one file; or ``postgresql``, one file in COPY's text format a table.

    ``columns``: of each table in the order of insertion; ``sequences``: the last number that each one gave.
    """

    kind: str
    revision: str
    columns: dict[str, list[str]] = {}
    sequences: dict[str, int] = {}


class HistoryEntry(msgspec.Struct, frozen=True):
    """The history: where its warehouse was, its catalogue's name, and of each table its metadata file (relative)."""

    warehouse: str
    catalogue: str
    tables: dict[str, str]
    positions: dict[str, dict[str, int]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A backup. What was acknowledged by ``taken_tai_ns`` (TAI ns) is in it. ``log``: ``embedded`` or ``kafka``."""

    format: int = FORMAT
    hub_version: str
    taken_tai_ns: int
    taken_utc: str
    data_mode: str = ""
    log: str
    state: StateEntry
    history: HistoryEntry
    files: dict[str, FileEntry]


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write it durably. Raises OSError."""
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    write_durably(directory / MANIFEST_FILE, data)


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError where there is none that this version can read."""
    path = directory / MANIFEST_FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise BackupError(
            f"{directory} is no backup, or one that was never finished: it has no {MANIFEST_FILE}"
        ) from None
    except msgspec.MsgspecError as error:
        raise BackupError(f"{path} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path} has format {manifest.format}; this version reads {FORMAT}")
    for name in manifest.files:
        parts = Path(name).parts
        if Path(name).is_absolute() or ".." in parts or not parts:
            raise BackupError(f"{path} names {name!r}, which lies outside the backup")
    return manifest
