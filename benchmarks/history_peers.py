"""The same rows in other stores: a DuckDB file of its own format, and PostgreSQL, asked the same questions."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import psycopg
import pyarrow as pa

from benchmarks.generated_history import Shape, rows_of_commit
from ssa_hub.history.tables import definition_of
from tests.servers.postgres_server import PostgresServer

_FIELDS = definition_of("elements").fields
COLUMNS = ", ".join(field.name for field in _FIELDS)
_TYPES = {pa.string(): "text", pa.int64(): "bigint", pa.int32(): "integer", pa.float64(): "double precision"}
_HISTORY = f"SELECT {COLUMNS} FROM elements WHERE object_id = {{object}} ORDER BY epoch_tai_ns"
_AS_OF = f"""SELECT DISTINCT ON (object_id) {COLUMNS} FROM elements WHERE received_tai_ns <= {{instant}}
    ORDER BY object_id, epoch_tai_ns DESC, received_tai_ns DESC, record_id DESC"""


def _say(name: str, questions: Sequence[Callable[[], int]]) -> None:
    walls, rows = [], 0
    for question in questions:
        begin = time.perf_counter()
        rows += question()
        walls.append(time.perf_counter() - begin)
    p50, p95 = np.percentile(walls, [50, 95]) * 1e3
    print(f"  {name:<46} p50 {p50:9,.0f} ms   p95 {p95:9,.0f} ms   {rows:,} rows", flush=True)


def _commits(shape: Shape, rows: int) -> range:
    """The commits that hold the newest so many rows."""
    return range(shape.commits - rows // shape.rows_a_commit, shape.commits)


def native_duckdb(shape: Shape, directory: Path, rows: int, objects: list[str], instants: list[int]) -> None:
    """A DuckDB file, sorted by object and epoch as the history's files are."""
    file = directory / "native.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as database:
        begin = time.perf_counter()
        for number in _commits(shape, rows):
            batch = rows_of_commit(shape, number)
            database.register("batch", batch)
            database.execute(
                "CREATE TABLE unsorted AS FROM batch" if number == _commits(shape, rows)[0] else
                "INSERT INTO unsorted FROM batch"
            )  # fmt: skip
        database.execute("CREATE TABLE elements AS FROM unsorted ORDER BY object_id, epoch_tai_ns; DROP TABLE unsorted")
        database.execute("CHECKPOINT")
        wall = time.perf_counter() - begin
        # All of the result: until it is read DuckDB answers nothing else.
        ((used,),) = database.execute(
            "SELECT (total_blocks - free_blocks) * block_size FROM pragma_database_size()"
        ).fetchall()
        print(
            f"DuckDB file of {rows:,} rows: {rows / wall / 1e6:.2f} M rows/s with making them, "
            f"{used / rows:.1f} bytes a row"
        )
        _say("history of one object", [
            lambda n=n: database.sql(_HISTORY.format(object=f"'{n}'")).to_arrow_table().num_rows for n in objects
        ])  # fmt: skip
        _say("catalogue as of an instant", [
            lambda t=t: database.sql(_AS_OF.format(instant=t)).to_arrow_table().num_rows for t in instants[:2]
        ])  # fmt: skip
        month = 30 * 86_400 * 10**9
        end = shape.received_tai_ns(shape.rows) - month
        _say("export of one month", [
            lambda: database.sql(
                f"SELECT {COLUMNS} FROM elements WHERE received_tai_ns BETWEEN {end - month} AND {end}"
            ).to_arrow_table().num_rows
        ] * 3)  # fmt: skip
    file.unlink()


def postgresql(shape: Shape, directory: Path, rows: int, objects: list[str], instants: list[int]) -> None:
    """PostgreSQL with an index by object and epoch and one by reception."""
    where = Path(tempfile.mkdtemp(prefix="ssa-hub-postgres-", dir="/var/tmp"))
    where.chmod(0o755)
    server = PostgresServer(where)
    server.start()
    try:
        with psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True) as connection:
            columns = ", ".join(f"{field.name} {_TYPES.get(field.type, 'text[]')}" for field in _FIELDS)
            connection.execute(f"CREATE TABLE elements ({columns})")
            begin, making_s = time.perf_counter(), 0.0
            for number in _commits(shape, rows):
                made = time.perf_counter()
                batch = rows_of_commit(shape, number)
                text = _csv(batch)
                making_s += time.perf_counter() - made
                with connection.cursor().copy(f"COPY elements ({COLUMNS}) FROM STDIN (FORMAT csv)") as copy:
                    copy.write(text)
            connection.execute("CREATE INDEX ON elements (object_id, epoch_tai_ns)")
            connection.execute("CREATE INDEX ON elements (received_tai_ns)")
            connection.execute("ANALYZE elements")
            wall = time.perf_counter() - begin - making_s
            (used,) = connection.execute("SELECT pg_total_relation_size('elements')").fetchone() or (0,)
            print(f"PostgreSQL with {rows:,} rows: {rows / wall / 1e6:.2f} M rows/s, {used / rows:.0f} bytes a row")
            _say("history of one object", [
                lambda n=n: len(connection.execute(_HISTORY.format(object="%s"), (n,)).fetchall()) for n in objects
            ])  # fmt: skip
            _say("catalogue as of an instant", [
                lambda t=t: len(connection.execute(_AS_OF.format(instant="%s"), (t,)).fetchall()) for t in instants[:2]
            ])  # fmt: skip
            month = 30 * 86_400 * 10**9
            end = shape.received_tai_ns(shape.rows) - month
            _say("export of one month (COPY to the client)", [lambda: _copied(connection, end - month, end)] * 2)
    finally:
        server.stop()


def _csv(batch: pa.Table) -> bytes:
    """Rows as PostgreSQL's COPY reads them; no row here has deviations."""
    from pyarrow import csv

    place = batch.column_names.index("deviations")
    texts = batch.set_column(place, "deviations", pa.repeat(pa.scalar("{}"), batch.num_rows))
    sink = pa.BufferOutputStream()
    csv.write_csv(texts, sink, csv.WriteOptions(include_header=False))
    return bytes(sink.getvalue())


def _copied(connection: "psycopg.Connection[tuple[object, ...]]", begin: int, end: int) -> int:
    chosen = f"SELECT {COLUMNS} FROM elements WHERE received_tai_ns BETWEEN {begin} AND {end}"
    sql = f"COPY ({chosen}) TO STDOUT (FORMAT binary)"
    cursor = connection.cursor()
    with cursor.copy(sql) as copy:
        for _ in copy:
            pass
    return int(cursor.rowcount)
