"""Removing files that no snapshot names any more, after a grace in which readers with an older plan finish.

Merges and deletions take files out of the table and leave them on disk. What was killed leaves files that never were
in it. Both are found by listing: on disk, but named by no retained snapshot. A file is removed once it has been found
so for the length of the grace, and has not been written to for as long; since when is kept on disk, so that
a restart does not begin again. A file that a merge under way has written is no orphan, nor one that a backup under
way copies.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ssa_hub.history.availability import availability
from ssa_hub.history.durable_io import DurableStream
from ssa_hub.history.locations import read_path
from ssa_hub.history.merge_journal import MergeJournal
from ssa_hub.history.pinned import files_of_pins
from ssa_hub.history.store import History

if TYPE_CHECKING:
    from pyiceberg.table import Table

GRACE_S = 3600.0


def remove_orphans(history: History, kind: str, *, grace_s: float = GRACE_S, now_unix_s: float | None = None) -> int:
    """Remove what no snapshot has named for ``grace_s``; how many files. Raises HistoryUnavailableError.

    One process at a time (the maintenance lease). A file must be committed within the grace after it was written, or
    it counts as an orphan: `History.append` does so within seconds.
    """
    now = time.time() if now_unix_s is None else now_unix_s
    with availability(f"orphans of {kind}"):
        # Listed before the snapshots are read: what is committed in between is named by them.
        table = history.table(kind)
        listed = history.files.listed(table.location())
        named = (
            _named_files(history.table(kind)) | _of_merge_under_way(history, kind) | files_of_pins(history.warehouse)
        )
        noted = _Noted(history.warehouse, kind)
        since = noted.read()
        orphans = {path: min(since.get(path, now), now) for path in listed if path not in named}
        removed = 0
        for path, found_at in list(orphans.items()):
            if now - max(found_at, listed[path]) >= grace_s:
                history.files.remove(path)
                del orphans[path]
                removed += 1
        if orphans != since:
            noted.write(orphans)
    return removed


class _Noted:
    """Since when (Unix s) files have been orphans."""

    def __init__(self, warehouse: Path, kind: str) -> None:
        self._path = warehouse / "orphans" / f"{kind}.json"

    def read(self) -> dict[str, float]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, float])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}

    def write(self, since: dict[str, float]) -> None:
        with DurableStream(self._path) as stream:
            stream.write(msgspec.json.encode(since))


def _named_files(table: "Table") -> set[str]:
    """Paths of everything that the table's metadata, its retained snapshots and their manifests name."""
    metadata = table.metadata
    locations = {table.metadata_location, *(entry.metadata_file for entry in metadata.metadata_log)}
    locations |= {statistics.statistics_path for statistics in metadata.statistics}
    manifests = {}
    for snapshot in table.snapshots():
        locations.add(snapshot.manifest_list)
        manifests.update({manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)})
    locations |= manifests.keys()
    for manifest in manifests.values():
        # Entries of removed files name files that this very snapshot no longer has.
        locations |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return {read_path(location) for location in locations}


def _of_merge_under_way(history: History, kind: str) -> set[str]:
    record = MergeJournal(history.warehouse, kind).read()
    return set() if record is None else {read_path(file.location) for file in record.written}
