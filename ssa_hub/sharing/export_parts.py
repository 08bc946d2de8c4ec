"""An export's files while it is made and after: durable parts of shown rows, and the content made of them.

A part is on disk before it is noted; what is not noted is made again. The content is made of all parts in one go, so
that it has the same bytes however often the work was interrupted.
"""

import base64
import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from ingest.durable_names import sync_directory
from ssa_hub.history.durable_io import DurableStream, make_directories
from ssa_hub.sharing.export_formats import ExportFormat, written
from ssa_hub.sharing.exporting import ShownBatch

# Batches in a part: what is done again after a crash at most.
BATCHES_A_PART = 8


class Part(msgspec.Struct, frozen=True):
    """A durable part: its rows and the key to go on behind."""

    rows: int
    after: tuple[Any, ...]
    fraction: float


class Content(msgspec.Struct, frozen=True):
    """The finished file: its size, and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str

    @property
    def repr_digest(self) -> str:
        """The value of ``Repr-Digest`` (RFC 9530)."""
        return f"sha-256=:{base64.b64encode(bytes.fromhex(self.sha256)).decode()}:"


class ExportFiles:
    """The files of one export in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.content = directory / "content"

    def write_parts(
        self,
        batches: Iterator[ShownBatch],
        parts: Sequence[Part],
        note: Callable[[Sequence[Part]], None],
        room: Callable[[], None],
        batches_a_part: int = BATCHES_A_PART,
    ) -> list[Part]:
        """Write the batches behind the parts that there are; ``note`` is told of all parts after each. All parts.

        ``room`` raises where the disk has none, and may raise to end the work between two batches. Raises OSError.
        """
        make_directories(self.directory)
        done, gathered = list(parts), []
        for batch in batches:
            room()
            gathered.append(batch)
            if len(gathered) == batches_a_part:
                done = self._write_part(gathered, done, note)
                gathered = []
        return self._write_part(gathered, done, note) if gathered else done

    def _write_part(
        self, batches: list[ShownBatch], done: list[Part], note: Callable[[Sequence[Part]], None]
    ) -> list[Part]:
        number = len(done)
        with DurableStream(self._ids(number)) as file:
            file.write(b"".join(batch.depends_on for batch in batches))
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(sink, batches[0].records.schema, options=options) as writer:
            for batch in batches:
                writer.write_table(batch.records)
        with DurableStream(self._part(number)) as file:
            file.write(sink.getvalue().to_pybytes())
        rows = sum(batch.records.num_rows for batch in batches)
        done = [*done, Part(rows, batches[-1].after, batches[-1].fraction)]
        note(done)
        return done

    def assemble(self, parts: int, form: ExportFormat, empty: pa.Table, between: Callable[[], None]) -> Content:
        """Make the content of that many parts, durable; the parts are removed. Raises OSError."""
        digest = hashlib.sha256()
        make_directories(self.directory)
        size = 0
        with DurableStream(self.content) as file:
            for piece in written(self._batches(parts), form, empty):
                between()
                digest.update(piece)
                file.write(piece)
                size += len(piece)
        return Content(size, digest.hexdigest())

    def remove_parts(self) -> None:
        """Remove the parts' rows; what the content depends on stays."""
        for path in self.directory.glob("part-*.arrow"):
            path.unlink(missing_ok=True)

    def depends_on(self) -> Iterator[bytes]:
        """The ids that the content depends on, part by part. Raises OSError."""
        for path in sorted(self.directory.glob("ids-*.bin")):
            yield path.read_bytes()

    def remove(self) -> None:
        """Remove everything. Raises OSError."""
        if self.directory.exists():
            shutil.rmtree(self.directory)
            sync_directory(self.directory.parent)

    def _batches(self, parts: int) -> Iterator[pa.Table]:
        for number in range(parts):
            with pa.OSFile(str(self._part(number))) as file, pa.ipc.open_stream(file) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])

    def _part(self, number: int) -> Path:
        return self.directory / f"part-{number:06}.arrow"

    def _ids(self, number: int) -> Path:
        return self.directory / f"ids-{number:06}.bin"
