"""Instants as text beside the numbers, for those who read answers with their eyes."""

import pyarrow as pa

from schemas.timescales import format_utc


def with_utc_columns(records: pa.Table) -> pa.Table:
    """The table with a ``*_utc`` text column after each ``*_tai_ns`` column that has none."""
    names = records.column_names
    for name in names:
        utc = name.replace("_tai_ns", "_utc")
        if name.endswith("_tai_ns") and utc not in names:
            texts = [None if value is None else format_utc(value, 6) for value in records.column(name).to_pylist()]
            records = records.add_column(records.column_names.index(name) + 1, utc, pa.array(texts, pa.string()))
    return records
