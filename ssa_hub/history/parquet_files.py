"""Arrow rows to Parquet files as Iceberg wants them: field ids, bounds of the columns that prune, nothing in between.

PyIceberg's own writer knows one encoding for all columns and writes statistics of all of them. Here each column has the
encoding that keeps it smallest (measured on element sets with real entropy, docs/history.md), and the Arrow schema is
not stored: field ids name the columns.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ssa_hub.history import object_lists
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.locations import read_path
from ssa_hub.history.object_lists import ObjectListWriter
from ssa_hub.history.runs import file_name, run_of
from ssa_hub.history.tables import RANDOM_TEXTS, TableDefinition

if TYPE_CHECKING:
    from pyiceberg.io import FileIO, OutputStream
    from pyiceberg.manifest import DataFile
    from pyiceberg.schema import Schema
    from pyiceberg.table import Table

# Rows of a file, about: a run is split where the first sort key changes next. Larger files have longer footers, which
# whoever opens one must read; smaller ones are more names.
FILE_ROWS = 500_000
# One object's history touches one or two row groups of each file that holds it, and each costs its decoding; each
# row group of a file that is opened costs its part of the footer. Measured: docs/history.md.
ROW_GROUP_ROWS = 8_192
# Levels of zstd, by what is in a column. Hexadecimal digits: at 3 zstd finds repeats by chance, 16.5 bytes an id
# instead of 16.1, and is slower.
_DOUBLES, _TEXTS, _QUICK = 6, 3, 1
# Files that are written at the same time: encoding and compression hold no lock.
_THREADS = 2
# Numbers that repeat in runs: their dictionaries are as small as differences, and faster.
_REPEATED = frozenset({"received_tai_ns", "catalogue_number", "received_month"})
# Texts of which a row group of sorted rows holds few. A decompressor costs some 30 microseconds before it begins.
_FEW = frozenset({
    *("source", "originator", "data_mode", "object_id", "object_name", "cospar_id", "epoch_utc", "classification_type"),
    *("mean_element_theory", "center_name", "ref_frame", "time_system", "message_originator", "creation_date_utc"),
    "deviations",
})  # fmt: skip
# Of these every row group is different: what is the smallest and largest tells nobody anything.
_WITHOUT_STATISTICS = frozenset({
    *("mean_anomaly_deg_e4", "ra_of_asc_node_deg_e4", "arg_of_pericenter_deg_e4"),
    *("revolution_at_epoch", "payload_record"),
})  # fmt: skip


class ParquetFile:
    """One data file being written, in one row group after another. Leaving by an exception discards it.

    ``finish`` makes it durable and returns what the catalogue is told of it. Raises OSError as on a full disk.
    """

    def __init__(self, table: "Table", definition: TableDefinition, name: str) -> None:
        self.location = f"{table.location().rstrip('/')}/data/{name}"
        self._definition, self._schema = definition, table.schema()
        self._spec_id = table.spec().spec_id
        self._io: FileIO = table.io
        self._arrow_schema = _with_field_ids(definition.stored_schema, self._schema)
        self._waiting = self._arrow_schema.empty_table()
        level = run_of(name).level
        # What is merged soon is not worth a list.
        self._objects = ObjectListWriter() if level and definition.lists_objects else None
        self._stream: OutputStream = self._io.new_output(self.location).create()
        try:
            self._writer = pq.ParquetWriter(self._stream, self._arrow_schema, **_writing(definition, level))
        except BaseException as failure:
            self._stream.__exit__(type(failure), failure, failure.__traceback__)
            raise

    def write(self, rows: pa.Table) -> None:
        """Write rows (columns as stored, sorted); they become row groups once enough of them are there."""
        self._waiting = pa.concat_tables([self._waiting, rows.cast(self._arrow_schema)])
        whole = self._waiting.num_rows // ROW_GROUP_ROWS * ROW_GROUP_ROWS
        self._write_groups(self._waiting.slice(0, whole))
        self._waiting = self._waiting.slice(whole)

    def _write_groups(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
            if self._objects is not None:
                self._objects.add(rows)

    def finish(self) -> "DataFile":
        """Make it durable; what Iceberg's manifest says of it."""
        self._write_groups(self._waiting)
        if self._objects is not None and (listed := self._objects.listed()) is not None:
            self._writer.add_key_value_metadata({object_lists.KEY: object_lists.packed(listed)})
        self._writer.close()
        size = self._stream.tell()
        self._stream.close()
        return _data_file(
            self.location, size, self._writer.writer.metadata, self._schema, self._definition, self._spec_id
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exctype: Any, excinst: Any, exctb: Any) -> None:
        if exctype is not None:
            # Closed by hand, as the writer would otherwise try to when nothing takes its bytes any more.
            with suppress(OSError):
                self._writer.close()
            self._writer.is_open = False
            self._stream.__exit__(exctype, excinst, exctb)


def written_files(
    table: "Table", definition: TableDefinition, stored: pa.Table, *, level: int, run: str
) -> list["DataFile"]:
    """Write rows (as `TableDefinition.stored_rows` gives them) as the files of a run, durably. No rows, no files.

    Raises OSError; files that were finished before stay, unknown to the catalogue.
    """
    parts = list(_parts(stored, definition.sort_keys[0]))

    def written(number: int) -> "DataFile":
        with ParquetFile(table, definition, file_name(level, run, number)) as file:
            file.write(parts[number])
            return file.finish()

    if len(parts) < 2:
        return [written(number) for number in range(len(parts))]
    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(written, range(len(parts))))


def data_file_of(table: "Table", definition: TableDefinition, location: str, access: FileAccess) -> "DataFile":
    """What the catalogue is told of a file that was written and never committed. Raises OSError."""
    path = read_path(location)
    return _data_file(
        location, access.size(path), access.footer(path), table.schema(), definition, table.spec().spec_id
    )


def _parts(stored: pa.Table, key: str) -> Iterator[pa.Table]:
    """Rows in parts of `FILE_ROWS` to twice as many, divided where the key changes."""
    first = 0
    while first < stored.num_rows:
        after = first + FILE_ROWS
        if after + FILE_ROWS // 4 >= stored.num_rows:
            after = stored.num_rows
        else:
            last = stored.column(key)[after - 1]
            same = pc.equal(stored.column(key).slice(after), last)
            other = pc.index(same, False).as_py()
            after = stored.num_rows if other < 0 else after + other
        yield stored.slice(first, after - first)
        first = after


def _writing(definition: TableDefinition, level: int) -> dict[str, Any]:
    """Options of the Parquet writer: encodings and statistics by column. What is merged soon is packed quickly."""
    encodings: dict[str, str] = {}
    dictionaries: list[str] = []
    levels: dict[str, int] = {}
    paths = []
    for field in definition.stored_schema:
        path = f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name
        paths.append(path)
        if field.name in RANDOM_TEXTS:
            encodings[path], levels[path] = "DELTA_LENGTH_BYTE_ARRAY", _QUICK
        elif field.name in _REPEATED or field.name in _FEW:
            dictionaries.append(path)
        elif path != field.name or field.type == pa.string():
            dictionaries.append(path)
            levels[path] = _TEXTS if level else _QUICK
        elif pa.types.is_integer(field.type):
            encodings[path] = "DELTA_BINARY_PACKED"
        else:
            levels[path] = _DOUBLES if level else _QUICK
    return {
        "compression": {path: "zstd" if path in levels else "none" for path in paths},
        "compression_level": levels,
        "use_dictionary": dictionaries,
        "column_encoding": encodings,
        # Conditions leave row groups out by them, and a column that is constant in a row group need not be read.
        "write_statistics": [name for name in definition.stored_schema.names if name not in _WITHOUT_STATISTICS],
        "store_schema": False,
        "write_page_index": False,
    }


def _with_field_ids(schema: pa.Schema, iceberg: "Schema") -> pa.Schema:
    """The Arrow schema with the ids that Iceberg finds columns by."""
    fields = []
    for field in schema:
        stored = iceberg.find_field(field.name)
        kind = field.type
        if pa.types.is_list(kind):
            element = iceberg.find_field(f"{field.name}.element")
            kind = pa.list_(pa.field("element", kind.value_type, True, _field_id(element.field_id)))
        fields.append(pa.field(field.name, kind, not stored.required, _field_id(stored.field_id)))
    return pa.schema(fields)


def _field_id(number: int) -> dict[str, str]:
    return {"PARQUET:field_id": str(number)}


def _data_file(
    location: str, size: int, written: pq.FileMetaData, schema: "Schema", definition: TableDefinition, spec_id: int
) -> "DataFile":
    from pyiceberg.conversions import to_bytes
    from pyiceberg.io.pyarrow import parquet_path_to_id_mapping
    from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
    from pyiceberg.typedef import Record
    from pyiceberg.types import PrimitiveType

    ids = parquet_path_to_id_mapping(schema)
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    nulls: dict[int, int] = {}
    lowest: dict[str, Any] = {}
    highest: dict[str, Any] = {}
    offsets = []
    for number in range(written.num_row_groups):
        group = written.row_group(number)
        offsets.append(group.column(0).dictionary_page_offset or group.column(0).data_page_offset)
        for position in range(written.num_columns):
            column = group.column(position)
            name, key = column.path_in_schema, ids[column.path_in_schema]
            sizes[key] = sizes.get(key, 0) + column.total_compressed_size
            counts[key] = counts.get(key, 0) + column.num_values
            statistics = column.statistics
            if statistics is None:
                continue
            nulls[key] = nulls.get(key, 0) + statistics.null_count
            if statistics.has_min_max and name in definition.pruned_by:
                lowest[name] = min(lowest.get(name, statistics.min), statistics.min)
                highest[name] = max(highest.get(name, statistics.max), statistics.max)
    bounds: list[dict[int, bytes]] = []
    for side in (lowest, highest):
        by_id = {}
        for name, value in side.items():
            kind = schema.find_field(name).field_type
            assert isinstance(kind, PrimitiveType)  # noqa: S101  # lists have no bounds
            by_id[ids[name]] = to_bytes(kind, value)
        bounds.append(by_id)
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=written.num_rows,
        file_size_in_bytes=size,
        sort_order_id=None,
        spec_id=spec_id,
        equality_ids=None,
        key_metadata=None,
        column_sizes=sizes,
        value_counts=counts,
        null_value_counts=nulls,
        nan_value_counts={},
        lower_bounds=bounds[0],
        upper_bounds=bounds[1],
        split_offsets=sorted(offsets),
    )
