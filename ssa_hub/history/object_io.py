"""PyIceberg's FileIO for an object store: the store that `ssa_hub.history.object_files` reads from the environment.

An object appears when its upload is completed, with all its bytes, or not at all: nothing is synced or renamed.
Named to PyIceberg by ``py-io-impl``. Import is heavy (it loads PyIceberg): only PyIceberg imports this module.
"""

from contextlib import suppress
from types import TracebackType
from typing import Self

from pyarrow import fs
from pyiceberg.io import OutputStream
from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from ssa_hub.history.locations import is_object
from ssa_hub.history.object_files import key_of, s3_filesystem


class ObjectStream:
    """An object being uploaded. `close` completes it; leaving the context by an exception discards it."""

    def __init__(self, store: fs.S3FileSystem, key: str) -> None:
        self._store, self._key = store, key
        self._file = store.open_output_stream(key, compression=None)

    @property
    def closed(self) -> bool:
        """True once closed or discarded."""
        return bool(self._file.closed)

    def write(self, data: bytes) -> int:
        """Append bytes. Raises OSError."""
        self._file.write(data)
        return len(data)

    def tell(self) -> int:
        """Bytes written so far."""
        return int(self._file.tell())

    def flush(self) -> None:
        """Nothing: what is uploaded counts from its completion on."""

    def close(self) -> None:
        """Complete the upload. Raises OSError; the object may be there all the same then, and nothing names it."""
        self._file.close()

    def discard(self) -> None:
        """Forget everything written. pyarrow cannot abort an upload, so it is completed and removed; names are never
        used again, and what cannot be removed is an orphan.
        """
        with suppress(OSError):
            self._file.close()
            self._store.delete_file(self._key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exctype: type[BaseException] | None, excinst: BaseException | None, exctb: TracebackType | None
    ) -> None:
        if exctype is None:
            self.close()
        else:
            self.discard()


class ObjectFile(PyArrowFile):
    """An object that appears only when it is whole."""

    def create(self, overwrite: bool = False) -> OutputStream:
        """A stream to write. Raises FileExistsError unless ``overwrite`` (PyIceberg's names carry a UUID)."""
        if not overwrite and self.exists():
            raise FileExistsError(f"{self.location} already exists")
        return ObjectStream(self._filesystem, self._path)


class ObjectFileIO(PyArrowFileIO):
    """Reads and writes objects of the one store. What a catalogue says of stores and credentials is not followed."""

    def _initialize_fs(self, scheme: str, netloc: str | None = None) -> fs.FileSystem:
        return s3_filesystem()

    def new_output(self, location: str) -> PyArrowFile:
        """An object to write. Raises ValueError for a location that is none."""
        if not is_object(location):
            raise ValueError(f"{location!r} is not an object's location")
        return ObjectFile(location, key_of(location), s3_filesystem())
