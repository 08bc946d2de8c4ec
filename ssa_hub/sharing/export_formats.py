"""Exports as bytes: batches of shown rows in, pieces of a file out, the same bytes for the same batches.

How each form shows that it is not whole: a Parquet file without its footer does not open; an Arrow stream ends with an
end-of-stream marker; CSV and NDJSON have nothing of the kind, so the transfer itself must be cut off (over HTTP: the
last chunk is missing, which clients report as an error).
"""

import io
from collections.abc import Iterator
from enum import StrEnum

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ssa_hub.sharing.utc import with_utc_columns


class ExportFormat(StrEnum):
    """Forms that an export can take."""

    PARQUET = "parquet"
    ARROW = "arrow"
    CSV = "csv"
    NDJSON = "ndjson"


MEDIA_TYPES = {
    ExportFormat.PARQUET: "application/vnd.apache.parquet",
    ExportFormat.ARROW: "application/vnd.apache.arrow.stream",
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.NDJSON: "application/x-ndjson",
}


class _Sink(io.RawIOBase):
    """Takes what a writer writes until it is drained; knows how much there was, as Parquet's offsets need."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        """True."""
        return True

    def write(self, data: object) -> int:
        """Take bytes."""
        taken = bytes(memoryview(data))  # type: ignore[arg-type]  # pyarrow gives bytes or buffers
        self._parts.append(taken)
        self._at += len(taken)
        return len(taken)

    def tell(self) -> int:
        """Bytes taken so far."""
        return self._at

    def drain(self) -> bytes:
        """What was taken since the last time."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def written(batches: Iterator[pa.Table], form: ExportFormat, empty: pa.Table) -> Iterator[bytes]:
    """The file of the batches, a piece a batch, none of them empty. ``empty``: a table without rows for the schema."""
    pieces = {
        ExportFormat.PARQUET: _parquet,
        ExportFormat.ARROW: _arrow,
        ExportFormat.CSV: _csv,
        ExportFormat.NDJSON: _ndjson,
    }[form](map(with_utc_columns, batches), with_utc_columns(empty))
    return (piece for piece in pieces if piece)


def _parquet(batches: Iterator[pa.Table], empty: pa.Table) -> Iterator[bytes]:
    sink = _Sink()
    writer = pa.parquet.ParquetWriter(sink, empty.schema, compression="zstd")
    for batch in batches:
        writer.write_table(batch)
        yield sink.drain()
    # Only here: after an error nothing that closes the writer may give a broken file a footer.
    writer.close()
    yield sink.drain()


def _arrow(batches: Iterator[pa.Table], empty: pa.Table) -> Iterator[bytes]:
    sink = _Sink()
    writer = pa.ipc.new_stream(sink, empty.schema)
    yield sink.drain()
    for batch in batches:
        writer.write_table(batch.combine_chunks())
        yield sink.drain()
    writer.close()
    yield sink.drain()


def _csv(batches: Iterator[pa.Table], empty: pa.Table) -> Iterator[bytes]:
    yield _csv_of(empty, header=True)
    for batch in batches:
        yield _csv_of(batch, header=False)


def _csv_of(table: pa.Table, *, header: bool) -> bytes:
    for index, field in enumerate(table.schema):
        if pa.types.is_list(field.type):
            texts = [None if row is None else " ".join(row) for row in table.column(index).to_pylist()]
            table = table.set_column(index, field.name, pa.array(texts, pa.string()))
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(include_header=header))
    return bytes(sink.getvalue())


def _ndjson(batches: Iterator[pa.Table], empty: pa.Table) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    for batch in batches:
        yield encoder.encode_lines(batch.to_pylist())
