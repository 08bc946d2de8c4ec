"""Local files that survive a power failure: a PyIceberg FileIO that syncs what it writes.

PyIceberg 0.12 syncs nothing that it writes itself (only SQLite does): after a power failure the catalogue could
point to a metadata file that is empty. Here every file is written under a temporary name, synced, renamed, and its
directory synced, so that a name that is visible has all its bytes on disk before the catalogue can mention it.

Named to PyIceberg by ``py-io-impl``. Import is heavy (it loads PyIceberg): only PyIceberg imports this module.
"""

import os
import uuid
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from pyiceberg.io import InputFile, OutputFile, OutputStream
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import EMPTY_DICT, Properties

from ingest.durable_names import sync_directory
from ssa_hub.history.locations import local_path

TEMPORARY_SUFFIX = ".part"


def make_directories(directory: Path) -> None:
    """Create a directory and its missing parents, durably."""
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        sync_directory(path.parent)


class DurableStream:
    """A file being written. `close` makes it durable and visible; leaving the context by an exception discards it."""

    def __init__(self, path: Path) -> None:
        make_directories(path.parent)
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{TEMPORARY_SUFFIX}")
        self._file: BinaryIO = self._temporary.open("xb")

    @property
    def closed(self) -> bool:
        """True once closed or discarded."""
        return self._file.closed

    def write(self, data: bytes) -> int:
        """Append bytes. Raises OSError, as on a full disk."""
        return self._file.write(data)

    def tell(self) -> int:
        """Bytes written so far."""
        return self._file.tell()

    def flush(self) -> None:
        """Hand the bytes to the operating system (not yet durable)."""
        self._file.flush()

    def close(self) -> None:
        """Sync, rename to the final name, sync the directory. Raises OSError and leaves no final name if it fails."""
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._temporary.replace(self._path)
        except BaseException:
            self.discard()
            raise
        sync_directory(self._path.parent)

    def discard(self) -> None:
        """Forget everything written."""
        try:
            self._file.close()
        finally:
            self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exctype: type[BaseException] | None, excinst: BaseException | None, exctb: TracebackType | None
    ) -> None:
        if exctype is None:
            self.close()
        else:
            self.discard()


class DurableOutputFile(OutputFile):
    """A local file that appears under its name only when it is whole and durable."""

    def __init__(self, location: str, io: "DurableFileIO") -> None:
        super().__init__(location)
        self._io = io
        self._path = local_path(location)

    def __len__(self) -> int:
        """Size in bytes. Raises FileNotFoundError."""
        return self._path.stat().st_size

    def exists(self) -> bool:
        """Whether the final name exists."""
        return self._path.exists()

    def to_input_file(self) -> InputFile:
        """The same file for reading."""
        return self._io.new_input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        """A stream to write. Raises FileExistsError unless ``overwrite`` (PyIceberg's names carry a UUID)."""
        if not overwrite and self._path.exists():
            raise FileExistsError(f"{self.location} already exists")
        return DurableStream(self._path)


class DurableFileIO(PyArrowFileIO):
    """Reads as PyIceberg's own FileIO does, writes durably. Local files only."""

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        super().__init__(properties=properties)

    def new_output(self, location: str) -> OutputFile:  # type: ignore[override]  # the base narrows to PyArrowFile
        """A file to write. Raises ValueError for a location that is not local."""
        return DurableOutputFile(location, self)
