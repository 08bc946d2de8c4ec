"""Many rows into one table in one statement, without an object a row and column in between.

PostgreSQL: the columns as arrays, unnested in order; so one message and one plan, whether there is one row or are
20,000, and serial numbers in the order of the rows. (COPY needs a temporary table for ON CONFLICT, which costs more
than a single record does, and leaves dead rows in the system's catalogue with every batch.) SQLite: thousands of rows
a statement. The driver gives Python's lock away for each statement, and where other threads work it gets it back after
milliseconds only: with a row a statement that was most of what inserting took.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, LargeBinary, Table

# SQLite takes 32,766 at most.
_SQLITE_PARAMETERS = 30_000
_ARRAY_TYPES = {BigInteger: "bigint[]", Integer: "integer[]", LargeBinary: "bytea[]"}


def insert_columns(connection: Connection, table: Table, columns: dict[str, Sequence[Any]], on_conflict: str) -> int:
    """Insert rows given as equally long columns by name, in their order; how many were inserted or changed.

    ``on_conflict`` is the statement's ON CONFLICT clause, in SQL that both databases know. Values are what the driver
    takes: str, int, bytes, None. Raises ValueError for columns of different lengths.
    """
    names = list(columns)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    if lengths == {0}:
        return 0
    into = f"INSERT INTO {table.name} ({', '.join(names)})"  # names of our own tables
    if connection.dialect.name == "sqlite":
        return _into_sqlite(connection, into, list(zip(*columns.values(), strict=True)), on_conflict)
    arrays = ", ".join(f"%b::{_array_type(table, name)}" for name in names)
    given = f"unnest({arrays}) WITH ORDINALITY AS given ({', '.join(names)}, place)"
    chosen = ", ".join(f"given.{name}" for name in names)
    statement = f"{into} SELECT {chosen} FROM {given} ORDER BY place {on_conflict}"
    return connection.exec_driver_sql(statement, tuple(list(values) for values in columns.values())).rowcount


def _into_sqlite(connection: Connection, into: str, rows: list[tuple[Any, ...]], on_conflict: str) -> int:
    at_a_time = _SQLITE_PARAMETERS // len(rows[0])
    row = f"({', '.join('?' * len(rows[0]))})"
    changed = 0
    for first in range(0, len(rows), at_a_time):
        part = rows[first : first + at_a_time]
        statement = f"{into} VALUES {', '.join([row] * len(part))} {on_conflict}"
        changed += connection.exec_driver_sql(statement, tuple(chain.from_iterable(part))).rowcount
    return changed


def _array_type(table: Table, name: str) -> str:
    """The array type of a column; all that is no number and no bytes is text."""
    return _ARRAY_TYPES.get(type(table.c[name].type), "text[]")
