"""Conjunctions in files: Parquet, Arrow, CSV, JSON, NDJSON, as the suffix says."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from conjunction.events import Conjunctions

NOTE = "screening, never advice to manoeuvre"
SUFFIXES = (".parquet", ".arrow", ".feather", ".csv", ".json", ".ndjson", ".jsonl")
_OF_ORBITS = ("index_1", "index_2")  # rows of a table that is in no file
_DIGITS = 6


def event_table(conjunctions: "Conjunctions") -> "pa.Table":
    """The columns of the files, with the window in the table's metadata."""
    from schemas.timescales import format_utc

    metadata = {
        "note": NOTE,
        "start_utc": format_utc(conjunctions.start_tai_ns),
        "duration_s": repr(conjunctions.duration_s),
        "threshold_km": repr(conjunctions.threshold_km),
    }
    return conjunctions.to_arrow().drop_columns(list(_OF_ORBITS)).replace_schema_metadata(metadata)


def text_table(conjunctions: "Conjunctions") -> "pa.Table":
    """The same with UTC as text (ISO 8601, microseconds, leap seconds written as such)."""
    import pyarrow as pa

    from schemas.timescales import format_utc_column

    table = event_table(conjunctions)
    for name in ("tca", "entry", "exit"):
        instants = conjunctions.result.conjunctions.column(f"{name}_tai_ns").to_numpy()
        texts = pa.array(format_utc_column(instants, _DIGITS), pa.string())
        table = table.set_column(table.column_names.index(f"{name}_utc"), f"{name}_utc", texts)
    return table


def writer_of(conjunctions: "Conjunctions", suffix: str) -> Callable[[Path], object]:
    """What writes the conjunctions to a path in the form of one of `SUFFIXES`."""
    if suffix == ".parquet":
        return lambda path: _write_parquet(event_table(conjunctions), path)
    if suffix in (".arrow", ".feather"):
        return lambda path: _write_arrow(event_table(conjunctions), path)
    if suffix == ".csv":
        return lambda path: _write_csv(text_table(conjunctions), path)
    return lambda path: path.write_bytes(_json(text_table(conjunctions), as_lines=suffix != ".json"))


def _write_parquet(table: "pa.Table", path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _write_arrow(table: "pa.Table", path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _write_csv(table: "pa.Table", path: Path) -> None:
    import pyarrow.csv

    pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(quoting_style="needed", quoting_header="none"))


def _json(table: "pa.Table", *, as_lines: bool) -> bytes:
    import msgspec

    rows: list[dict[str, Any]] = table.to_pylist()
    if as_lines:
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    return msgspec.json.encode(rows)
