"""An export's files while it is made and after: durable parts of shown rows, and the content made of them.

A part is on disk before it is noted; what is not noted is made again. The content is made of all parts in one go, so
that it has the same bytes however often the work was interrupted. Each attempt at the work writes under names of its
own: one that goes on although another has taken over changes nothing of what that one has noted.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from ingest.durable_names import sync_directory
from ssa_hub.history.durable_io import DurableStream, make_directories
from ssa_hub.sharing.export_formats import ExportFormat, written
from ssa_hub.sharing.exporting import ID_BYTES, DependsOn, ShownBatch

# Batches in a part: what is done again after a crash at most.
BATCHES_A_PART = 8


class DamagedError(Exception):
    """A file of an export is not there, or not what was written."""


class Part(msgspec.Struct, frozen=True):
    """A durable part: its rows, the key to go on behind, and what its files are named by.

    ``rows_bytes``: what its rows take until the content is made; ``kept_bytes``: what it depends on, for as long as the
    content is there; ``rows_crc``, ``kept_crc``: their CRC-32.
    """

    rows: int
    after: tuple[Any, ...]
    fraction: float
    rows_bytes: int = 0
    rows_crc: int = 0
    kept_bytes: int = 0
    kept_crc: int = 0
    name: str = ""


class Content(msgspec.Struct, frozen=True):
    """The finished file: its size, and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str

    @property
    def repr_digest(self) -> str:
        """The value of ``Repr-Digest`` (RFC 9530)."""
        return f"sha-256=:{base64.b64encode(bytes.fromhex(self.sha256)).decode()}:"


class ExportFiles:
    """The files of one export in a directory of its own, as one attempt at it writes them."""

    def __init__(self, directory: Path, attempt: str) -> None:
        self.directory, self._attempt = directory, attempt
        self.content = directory / f"content-{attempt}"

    def write_parts(
        self,
        batches: Iterator[ShownBatch],
        parts: Sequence[Part],
        note: Callable[[Sequence[Part]], None],
        go_on: Callable[[int], None],
        batches_a_part: int,
    ) -> list[Part]:
        """Write the batches behind the parts that there are; ``note`` is told of all parts after each. All parts.

        ``go_on`` is told that there is no content yet, and may raise to end the work between two batches.

        Raises OSError.
        """
        make_directories(self.directory)
        done, gathered = list(parts), list[ShownBatch]()
        waiting = iter(batches)
        while True:
            go_on(0)  # before the next batch is made, as that is in the ledger once it is
            batch = next(waiting, None)
            if batch is None:
                break
            gathered.append(batch)
            if len(gathered) == batches_a_part:
                done = self._write_part(gathered, done, note)
                gathered = []
        return self._write_part(gathered, done, note) if gathered else done

    def _write_part(
        self, batches: list[ShownBatch], done: list[Part], note: Callable[[Sequence[Part]], None]
    ) -> list[Part]:
        name = f"{len(done):06}-{self._attempt}"
        depends_on = [batch.depends_on for batch in batches]
        grants = pa.concat_tables([one.grants for one in depends_on])
        ids = np.unique(np.frombuffer(b"".join(one.ids for one in depends_on), dtype=ID_BYTES)).tobytes()
        of_grants = _in_bytes([grants.group_by(grants.column_names).aggregate([])])
        of_rows = _in_bytes([batch.records for batch in batches])
        for path, content in (
            (self._ids(name), ids), (self._grants(name), of_grants), (self._rows(name), of_rows),
        ):  # fmt: skip
            with DurableStream(path) as file:
                file.write(content)
        part = Part(
            rows=sum(batch.records.num_rows for batch in batches),
            after=batches[-1].after,
            fraction=batches[-1].fraction,
            rows_bytes=len(of_rows),
            rows_crc=_crc(of_rows),
            kept_bytes=len(ids) + len(of_grants),
            kept_crc=_crc(ids, of_grants),
            name=name,
        )
        done = [*done, part]
        note(done)
        return done

    def assemble(
        self, parts: Sequence[Part], form: ExportFormat, empty: pa.Table, go_on: Callable[[int], None]
    ) -> Content:
        """Make the content of the parts, durable. ``go_on`` is told its bytes so far and may raise.

        Raises DamagedError, OSError.
        """
        digest = hashlib.sha256()
        make_directories(self.directory)
        size = 0
        with DurableStream(self.content) as file:
            for piece in written(self._batches(parts), form, empty):
                go_on(size)
                digest.update(piece)
                file.write(piece)
                size += len(piece)
        return Content(size, digest.hexdigest())

    def depends_on(self, parts: Sequence[Part]) -> Iterator[DependsOn]:
        """What the content of the parts depends on, part by part. Raises DamagedError, OSError."""
        for part in parts:
            ids, of_grants = _as_written([self._ids(part.name), self._grants(part.name)], part.kept_crc)
            with pa.ipc.open_stream(of_grants) as reader:
                yield DependsOn(ids, reader.read_all())

    def has_parts(self, parts: Sequence[Part]) -> bool:
        """Whether the rows of the parts are there, and what they depend on."""
        return all(path.exists() for path in self._of(parts, self._rows, self._ids, self._grants))

    def has_content(self, parts: Sequence[Part]) -> bool:
        """Whether the content is there, and what it depends on."""
        return self.content.exists() and all(path.exists() for path in self._of(parts, self._ids, self._grants))

    def found(self) -> set[Path]:
        """Every file that is there. Raises OSError."""
        return set(self.directory.iterdir()) if self.directory.exists() else set()

    def keep_parts(self, parts: Sequence[Part], of: set[Path]) -> None:
        """Remove those ``of`` the files that no part is made of, as attempts leave them that are cut off.

        ``of``: found before this attempt began, so that none is of one that has taken over since. Raises OSError.
        """
        for path in of - self._of(parts, self._rows, self._ids, self._grants):
            path.unlink(missing_ok=True)

    def keep_content(self, parts: Sequence[Part]) -> None:
        """Remove all but the content and what it depends on. Raises OSError."""
        for path in self.found() - {self.content, *self._of(parts, self._ids, self._grants)}:
            path.unlink(missing_ok=True)

    def _of(self, parts: Sequence[Part], *named: Callable[[str], Path]) -> set[Path]:
        return {path(part.name) for part in parts for path in named}

    def _batches(self, parts: Sequence[Part]) -> Iterator[pa.Table]:
        for part in parts:
            (of_rows,) = _as_written([self._rows(part.name)], part.rows_crc)
            with pa.ipc.open_stream(of_rows) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch])

    def _rows(self, name: str) -> Path:
        return self.directory / f"rows-{name}.arrow"

    def _grants(self, name: str) -> Path:
        return self.directory / f"grants-{name}.arrow"

    def _ids(self, name: str) -> Path:
        return self.directory / f"ids-{name}.bin"


def remove_files(directory: Path) -> None:
    """Remove an export's files, whoever else removes them. Raises OSError, as where something still writes there."""
    try:
        for path in directory.iterdir():
            path.unlink(missing_ok=True)
        directory.rmdir()
    except FileNotFoundError:
        return
    sync_directory(directory.parent)


def _as_written(paths: Sequence[Path], crc: int) -> list[bytes]:
    """What stands in files that were written with that CRC-32 all together. Raises DamagedError, OSError.

    Arrow checks nothing of what it reads: damaged bytes would be other rows, or damaged ids hide what is withdrawn.
    """
    try:
        contents = [path.read_bytes() for path in paths]
    except FileNotFoundError as error:
        raise DamagedError(f"{error.filename} is gone") from error
    if _crc(*contents) != crc:
        raise DamagedError(f"not what was written: {', '.join(map(str, paths))}")
    return contents


def _crc(*contents: bytes) -> int:
    return reduce(lambda crc, content: zlib.crc32(content, crc), contents, 0)


def _in_bytes(tables: Sequence[pa.Table]) -> bytes:
    """Tables of one schema as an Arrow stream."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, tables[0].schema, options=options) as writer:
        for table in tables:
            writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())
