"""Instants as text beside the numbers, for those who read answers with their eyes."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.timescales import format_utc, format_utc_column

_DIGITS = 6


def with_utc_columns(records: pa.Table) -> pa.Table:
    """The table with a ``*_utc`` text column after each ``*_tai_ns`` column that has none; null for null."""
    for name in utc_names(records.column_names):
        instants = records.column_names.index(name.replace("_utc", "_tai_ns"))
        column = records.column(instants)
        texts = pa.array(format_utc_column(np.asarray(column.drop_null().to_numpy()), _DIGITS), pa.string())
        if column.null_count:
            said = np.asarray(pc.is_valid(column).to_numpy())
            texts = texts.take(pa.array(np.cumsum(said) - 1, mask=~said))
        field = pa.field(name, pa.string(), records.schema.field(instants).nullable)
        records = records.add_column(instants + 1, field, texts)
    return records


def utc_texts(instants: Sequence[int | None]) -> list[str | None]:
    """UTC texts of instants (TAI ns) as in the columns; None stays None."""
    return [None if tai_ns is None else format_utc(tai_ns, _DIGITS) for tai_ns in instants]


def utc_names(names: list[str]) -> list[str]:
    """The columns that `with_utc_columns` adds to a table with the given columns."""
    wanted = [name.replace("_tai_ns", "_utc") for name in names if name.endswith("_tai_ns")]
    return [name for name in wanted if name not in names]
