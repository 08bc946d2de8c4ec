"""The history's tables: fields of the records plus the month of reception, and the order of rows in a file.

The tables are not partitioned: files are left out by the bounds of their columns. The column ``received_month`` (int,
YYYYMM of the UTC calendar) stays, as existing tables have it and other engines may group by it. Answers never contain
it.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.message_records import CONJUNCTION_MESSAGE, EPHEMERIS
from schemas.records import CONJUNCTION, ELEMENT_SET, Field, arrow_schema
from schemas.timescales import format_utc, parse_utc
from ssa_hub.history.stored_columns import packed, whole_column

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.table.sorting import SortOrder

NAMESPACE = "ssa_hub"
ELEMENTS = "elements"
CONJUNCTIONS = "conjunctions"
ELEMENT_CHECKPOINTS = "element_checkpoints"
CONJUNCTION_MESSAGES = "conjunction_messages"
EPHEMERIDES = "ephemerides"
WITHDRAWALS = "withdrawals"

# Hexadecimal digits of hashes, which do not repeat: no dictionary and no common prefix, zstd halves them.
RANDOM_TEXTS = frozenset({"record_id", "parent_1", "parent_2"})
_ROWS_FOR_THREADS = 100_000

RECEIVED_MONTH = Field("received_month", pa.int32(), False, "month of reception, YYYYMM of the UTC calendar")
# What a row of a checkpoint says besides its element set.
CHECKPOINT_FIELDS = (
    Field("checkpoint_tai_ns", pa.int64(), False, "the instant as of which the element set was the newest, TAI ns"),
    Field("older_left_out", pa.int32(), False, "1: the object has further, older combinations that were left out"),
)

# One row a withdrawn record. What the originator says of it stays in state, where the notices are made from.
WITHDRAWN_RECORD_FIELDS = (
    Field("record_id", pa.string(), False, "the record that was withdrawn"),
    Field("record_kind", pa.string(), False, "table of the record"),
    Field("data_mode", pa.string(), False, "data mode of the record"),
    Field("originator", pa.string(), False, "who has withdrawn it"),
    Field("derived", pa.string(), False, "flag or withdraw: what becomes of conjunctions of the record"),
    Field("received_tai_ns", pa.int64(), False, "when it was withdrawn, TAI ns"),
    Field("withdrawal", pa.int64(), False, "the withdrawal's number, of all originators together: never shown"),
)

# The decimals that two-line element sets and OMMs are written with.
_ELEMENT_DECIMALS = (
    ("mean_motion_rev_per_day", 8),
    ("eccentricity", 7),
    ("inclination_deg", 4),
    ("ra_of_asc_node_deg", 4),
    ("arg_of_pericenter_deg", 4),
    ("mean_anomaly_deg", 4),
    ("bstar_per_earth_radius", 10),
    ("mean_motion_dot_rev_per_day2", 8),
    ("mean_motion_ddot_rev_per_day3", 12),
)


class TableDefinition(NamedTuple):
    """One table. ``sort_keys``: the order of rows in a file; ``pruned_by``: columns whose bounds are kept whole.

    ``utc_texts``: columns of UTC text by the column of TAI ns that they repeat; ``decimals``: columns of doubles and
    how many decimals they mostly stand for (`ssa_hub.history.stored_columns`). ``compacted``: whether its runs are
    merged; ``lists_objects``: whether merged files say where each object's rows stand (`ssa_hub.history.object_lists`).
    """

    kind: str
    fields: tuple[Field, ...]
    sort_keys: tuple[str, ...]
    pruned_by: tuple[str, ...]
    utc_texts: tuple[tuple[str, str], ...] = ()
    compacted: bool = True
    decimals: tuple[tuple[str, int], ...] = ()
    lists_objects: bool = False

    @property
    def identifier(self) -> tuple[str, str]:
        """Namespace and name in the catalogue."""
        return (NAMESPACE, self.kind)

    @property
    def record_schema(self) -> pa.Schema:
        """The columns of the records, as callers append them and get them back."""
        return arrow_schema(self.fields)

    @property
    def stored_schema(self) -> pa.Schema:
        """The columns as stored: the records', those that others are packed into, ``received_month``."""
        return arrow_schema(self.stored_fields)

    @property
    def stored_fields(self) -> tuple[Field, ...]:
        """The fields as stored."""
        derivable = self.derivable
        fields = (field._replace(nullable=field.nullable or field.name in derivable) for field in self.fields)
        wholes = (
            Field(whole_column(name, digits), pa.int64(), True, f"{name} in units of 1e-{digits}, where it is null")
            for name, digits in self.decimals
        )
        return (*fields, *wholes, RECEIVED_MONTH)

    @property
    def derivable(self) -> frozenset[str]:
        """Columns of the record that may be stored as null because others give them back."""
        return frozenset(name for name, _ in (*self.utc_texts, *self.decimals))

    def stored_rows(self, rows: pa.Table) -> pa.Table:
        """Rows as they are written: the schema's columns in its order, the month added, sorted.

        Raises ValueError (pyarrow.ArrowInvalid, KeyError for a missing column) where the rows do not fit the schema.
        """
        schema = self.record_schema
        if set(rows.column_names) != set(schema.names):
            differing = sorted(set(rows.column_names) ^ set(schema.names))
            raise ValueError(f"{self.kind}: these columns are missing or unknown: {', '.join(differing)}")
        cast = rows.select(schema.names).cast(schema).combine_chunks()
        order = pc.sort_indices(cast, [(name, "ascending") for name in self.sort_keys])
        sorted_rows = taken(packed(cast, self), order)
        months = received_months(sorted_rows.column("received_tai_ns").to_numpy())
        stored = sorted_rows.append_column(pa.field("received_month", pa.int32(), nullable=False), [pa.array(months)])
        return stored.select(self.stored_schema.names).cast(self.stored_schema)

    def as_stored(self, rows: pa.Table) -> pa.Table:
        """Rows of a data file of any age as this version stores them: its columns, null where the file has none.

        Raises ValueError where a column is missing that must not be null.
        """
        columns = []
        for field in self.stored_schema:
            if field.name in rows.column_names:
                columns.append(rows.column(field.name).cast(field.type))
            else:
                columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
        found = pa.table(columns, schema=self.stored_schema)
        missing = [
            field.name for field in self.stored_schema if not field.nullable and field.name not in rows.column_names
        ]
        if missing:
            raise ValueError(f"{self.kind}: a data file lacks {', '.join(missing)}")
        return packed(found, self).cast(self.stored_schema)


TABLES = {
    definition.kind: definition
    for definition in (
        TableDefinition(
            ELEMENTS,
            ELEMENT_SET,
            ("object_id", "epoch_tai_ns", "received_tai_ns", "record_id"),
            ("object_id", "catalogue_number", "epoch_tai_ns", "received_tai_ns"),
            (("epoch_utc", "epoch_tai_ns"),),
            decimals=_ELEMENT_DECIMALS,
            lists_objects=True,
        ),
        TableDefinition(
            ELEMENT_CHECKPOINTS,
            (*ELEMENT_SET, *CHECKPOINT_FIELDS),
            ("object_id", "epoch_tai_ns", "received_tai_ns", "record_id"),
            ("object_id", "received_tai_ns", "checkpoint_tai_ns", "older_left_out"),
            (("epoch_utc", "epoch_tai_ns"),),
            compacted=False,
            decimals=_ELEMENT_DECIMALS,
        ),
        TableDefinition(
            CONJUNCTIONS,
            CONJUNCTION,
            ("tca_tai_ns", "record_id"),
            (
                *("object_id_1", "object_id_2", "catalogue_number_1", "catalogue_number_2"),
                *("tca_tai_ns", "received_tai_ns", "miss_distance_m"),
            ),
        ),
        TableDefinition(
            CONJUNCTION_MESSAGES,
            CONJUNCTION_MESSAGE,
            ("tca_tai_ns", "record_id"),
            (
                *("object_id_1", "object_id_2", "object1_catalogue_number", "object2_catalogue_number"),
                *("tca_tai_ns", "received_tai_ns"),
            ),
        ),
        TableDefinition(
            EPHEMERIDES,
            EPHEMERIS,
            ("received_tai_ns", "record_id"),
            ("received_tai_ns", "usable_start_tai_ns", "usable_stop_tai_ns"),
        ),
        TableDefinition(
            WITHDRAWALS,
            WITHDRAWN_RECORD_FIELDS,
            ("received_tai_ns", "record_id"),
            ("received_tai_ns", "withdrawal"),
        ),
    )
}


def definition_of(kind: str) -> TableDefinition:
    """The table of a kind. Raises ValueError for an unknown kind."""
    if kind not in TABLES:
        raise ValueError(f"no history of kind {kind!r}; there is {', '.join(sorted(TABLES))}")
    return TABLES[kind]


def taken(rows: pa.Table, order: pa.Array) -> pa.Table:
    """``rows.take(order)``, several times as fast where texts repeat: their dictionary's numbers are taken.

    Columns must be of one chunk each. Large tables use two threads, as Arrow does not by itself.
    """

    def column_taken(field: pa.Field) -> pa.Array:
        column = rows.column(field.name).combine_chunks()
        if column.null_count == len(column):
            return pa.nulls(len(column), field.type)
        if field.type == pa.string() and field.name not in RANDOM_TEXTS:
            return column.dictionary_encode().take(order).dictionary_decode()
        return column.take(order)

    if rows.num_rows < _ROWS_FOR_THREADS:
        return pa.table([column_taken(field) for field in rows.schema], schema=rows.schema)
    with ThreadPoolExecutor(2) as threads:
        return pa.table(list(threads.map(column_taken, rows.schema)), schema=rows.schema)


@lru_cache(maxsize=4096)
def _month_start_tai_ns(month_index: int) -> int:
    """TAI ns of the first instant of a month; months count from 1972-01."""
    year, month = divmod(month_index, 12)
    return parse_utc(f"{1972 + year:04d}-{month + 1:02d}-01T00:00:00")


def received_month(tai_ns: int) -> int:
    """YYYYMM of the UTC month that holds an instant.

    >>> received_month(parse_utc("2016-12-31T23:59:60.9")), received_month(parse_utc("2017-01-01T00:00:00"))
    (201612, 201701)
    """
    # Nine decimals round nothing, so that an instant just before midnight stays in its month.
    text = format_utc(tai_ns, digits=9)
    return int(text[0:4]) * 100 + int(text[5:7])


def received_months(tai_ns: NDArray[np.int64]) -> NDArray[np.int32]:
    """YYYYMM of each instant, shape (n,)."""
    if tai_ns.size == 0:
        return np.empty(0, dtype=np.int32)
    first, last = received_month(int(tai_ns.min())), received_month(int(tai_ns.max()))
    if first == last:
        return np.full(tai_ns.shape, first, dtype=np.int32)
    first_index, last_index = ((m // 100 - 1972) * 12 + m % 100 - 1 for m in (first, last))
    indices = np.arange(first_index, last_index + 1)
    starts = np.array([_month_start_tai_ns(int(i)) for i in indices], dtype=np.int64)
    found = indices[np.searchsorted(starts, tai_ns, side="right") - 1]
    return ((found // 12 + 1972) * 100 + found % 12 + 1).astype(np.int32)


def table_properties(definition: TableDefinition) -> dict[str, str]:
    """Iceberg properties of a new table.

    No retries by PyIceberg: it would repeat a conflicting commit on newer metadata without checking our positions.
    Bounds are kept whole only for the columns that prune; old metadata files are deleted once 100 newer exist.
    """
    properties = {
        "commit.retry.num-retries": "0",
        "commit.manifest-merge.enabled": "true",
        "write.parquet.compression-codec": "zstd",
        "write.metadata.metrics.default": "counts",
        "write.metadata.delete-after-commit.enabled": "true",
        "write.metadata.previous-versions-max": "100",
    }
    properties.update({f"write.metadata.metrics.column.{name}": "full" for name in definition.pruned_by})
    return properties


def iceberg_schema(definition: TableDefinition) -> "Schema":
    """The Iceberg schema of a table, each field's meaning as its documentation."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import (
        BinaryType,
        BooleanType,
        DoubleType,
        IcebergType,
        IntegerType,
        ListType,
        LongType,
        NestedField,
        StringType,
    )

    plain = {
        pa.bool_(): BooleanType(),
        pa.int32(): IntegerType(),
        pa.int64(): LongType(),
        pa.float64(): DoubleType(),
        pa.string(): StringType(),
        pa.binary(): BinaryType(),
    }
    fields = definition.stored_fields
    columns = []
    for number, field in enumerate(fields, start=1):
        if field.type == pa.list_(pa.string()):
            element_id = len(fields) + number
            iceberg_type: IcebergType = ListType(
                element_id=element_id, element_type=StringType(), element_required=False
            )
        else:
            iceberg_type = plain[field.type]
        columns.append(NestedField(number, field.name, iceberg_type, required=not field.nullable, doc=field.meaning))
    return Schema(*columns)


def sort_order(schema: "Schema", definition: TableDefinition) -> "SortOrder":
    """The order of rows in a file, told to other engines that may rewrite files."""
    from pyiceberg.table.sorting import SortField, SortOrder
    from pyiceberg.transforms import IdentityTransform

    ids = [schema.find_field(name).field_id for name in definition.sort_keys]
    return SortOrder(*[SortField(source_id=i, transform=IdentityTransform()) for i in ids])
