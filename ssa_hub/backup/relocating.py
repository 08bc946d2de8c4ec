"""A history's tables in another directory: Iceberg's metadata name every file by its absolute path.

So metadata, manifest lists and manifests are written anew with the new paths, and nothing else of them changed: field
ids, partition specs, bounds, snapshot ids, and above all sequence numbers, by which checkpoints say what they cover.
The present snapshot alone is kept.
"""

import uuid
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssa_hub.backup.failures import BackupError
from ssa_hub.history.locations import local_path

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestFile
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot


class Relocation:
    """From the backup's copies of files that lay in ``old`` to a warehouse in ``new``."""

    def __init__(self, copies: Path, old: Path, new: Path) -> None:
        from ssa_hub.history.durable_io import DurableFileIO

        self._copies, self._old, self._new = copies, old, new
        self._io = DurableFileIO()

    def table(self, metadata_file: str) -> str:
        """Write a table's metadata for the new place; where they lie. Raises BackupError, OSError."""
        from pyiceberg.serializers import FromInputFile, ToOutputFile

        read = FromInputFile.table_metadata(self._io.new_input(str(self._copies / metadata_file)))
        location = self._moved(read.location)
        snapshot = read.current_snapshot()
        kept = None if snapshot is None else self._snapshot(snapshot, read, f"{location}/metadata")
        changes: dict[str, Any] = {
            "location": location,
            "snapshots": [] if kept is None else [kept],
            "snapshot_log": []
            if kept is None
            else [e for e in read.snapshot_log if e.snapshot_id == kept.snapshot_id][-1:],
            "refs": {name: ref for name, ref in read.refs.items() if name == "main"} if kept is not None else {},
            "metadata_log": [],
            "statistics": [],
            "partition_statistics": [],
        }
        # PyIceberg numbers metadata files; the number that the name carries goes on from there.
        number = Path(metadata_file).name.split("-", 1)[0]
        target = f"{location}/metadata/{number}-{uuid.uuid4()}.metadata.json"
        ToOutputFile.table_metadata(read.model_copy(update=changes), self._io.new_output(target))
        return target

    def _snapshot(self, snapshot: "Snapshot", metadata: "TableMetadata", directory: str) -> "Snapshot":
        from pyiceberg.manifest import read_manifest_list, write_manifest_list

        version = 2 if metadata.format_version == 2 else 1
        if version != metadata.format_version:
            raise BackupError(f"a table has format version {metadata.format_version}, which cannot be moved yet")
        old_list = self._io.new_input(str(self._copy_of(snapshot.manifest_list)))
        moved = [
            self._manifest(manifest, snapshot.snapshot_id, metadata, directory)
            for manifest in read_manifest_list(old_list)
        ]
        manifests = [manifest for manifest in moved if manifest is not None]
        target = f"{directory}/snap-{snapshot.snapshot_id}-0-{uuid.uuid4()}.avro"
        with write_manifest_list(
            format_version=version,
            output_file=self._io.new_output(target),
            snapshot_id=snapshot.snapshot_id,
            parent_snapshot_id=None,
            sequence_number=snapshot.sequence_number,
            avro_compression="deflate",
        ) as writer:
            writer.add_manifests(manifests)
        return snapshot.model_copy(update={"manifest_list": target, "parent_snapshot_id": None})

    def _manifest(
        self, manifest: "ManifestFile", snapshot_id: int, metadata: "TableMetadata", directory: str
    ) -> "ManifestFile | None":
        """A manifest with the same live files at their new places, each with the numbers that it has.

        None for one that only says what was removed, as compaction writes them.
        """
        from pyiceberg.manifest import write_manifest

        there = deepcopy(manifest)
        there[0] = str(self._copy_of(manifest.manifest_path))
        entries = there.fetch_manifest_entry(self._io, discard_deleted=True)
        if not entries:
            return None
        with write_manifest(
            format_version=metadata.format_version,
            spec=metadata.specs()[manifest.partition_spec_id],
            schema=metadata.schema(),
            output_file=self._io.new_output(f"{directory}/{uuid.uuid4()}-m0.avro"),
            snapshot_id=snapshot_id,
            avro_compression="deflate",
        ) as writer:
            for entry in entries:
                entry.data_file[1] = self._moved(entry.data_file.file_path)
                writer.existing(entry)
        return writer.to_manifest_file()

    def _copy_of(self, location: str) -> Path:
        return self._copies / self._relative(location)

    def _moved(self, location: str) -> str:
        prefix = "file://" if location.startswith("file:") else ""
        return f"{prefix}{self._new / self._relative(location)}"

    def _relative(self, location: str) -> Path:
        try:
            return local_path(location).relative_to(self._old)
        except ValueError:
            raise BackupError(f"{location} does not lie in {self._old}") from None
