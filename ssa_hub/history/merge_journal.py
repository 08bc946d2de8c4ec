"""What a merge has written so far, kept next to the tables, so that whoever comes after goes on behind it.

One file a kind, replaced durably after every file of a run. It protects its files from the removal of orphans.
"""

from pathlib import Path

import msgspec

from ssa_hub.history.durable_io import DurableStream


class WrittenFile(msgspec.Struct, frozen=True):
    """One finished file: its location, its rows, and the last first sort key in it."""

    location: str
    rows: int
    last_key: str | int


class MergeRecord(msgspec.Struct, frozen=True):
    """One merge: which files become which run, and what of it is durable."""

    inputs: tuple[str, ...]
    level: int
    run: str
    written: tuple[WrittenFile, ...] = ()


class MergeJournal:
    """The record of the merge that is under way in one table. One process at a time may write it."""

    def __init__(self, warehouse: Path, kind: str) -> None:
        self._path = warehouse / "compaction" / f"{kind}.json"

    def read(self) -> MergeRecord | None:
        """The merge under way; None where there is none, or where its record cannot be read.

        Raises OSError.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=MergeRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, record: MergeRecord) -> None:
        """Replace the record, durably. Raises OSError."""
        with DurableStream(self._path) as stream:
            stream.write(msgspec.json.encode(record))

    def clear(self) -> None:
        """No merge is under way. Raises OSError."""
        self._path.unlink(missing_ok=True)
