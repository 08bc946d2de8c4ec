"""Instants as text beside the numbers, for those who read answers with their eyes."""

import numpy as np
import pyarrow as pa

from schemas.timescales import format_utc_column

_DIGITS = 6


def with_utc_columns(records: pa.Table) -> pa.Table:
    """The table with a ``*_utc`` text column after each ``*_tai_ns`` column that has none. No instant may be null."""
    for name in utc_names(records.column_names):
        instants = records.column_names.index(name.replace("_utc", "_tai_ns"))
        texts = format_utc_column(np.asarray(records.column(instants).to_numpy()), _DIGITS)
        records = records.add_column(instants + 1, pa.field(name, pa.string(), False), pa.array(texts, pa.string()))
    return records


def utc_names(names: list[str]) -> list[str]:
    """The columns that `with_utc_columns` adds to a table with the given columns."""
    wanted = [name.replace("_tai_ns", "_utc") for name in names if name.endswith("_tai_ns")]
    return [name for name in wanted if name not in names]
