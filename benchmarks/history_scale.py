"""Decades of element sets on one machine: `python -m benchmarks.history_scale DIRECTORY --steps 25000000 100000000`.

At each step the generated history (`benchmarks.generated_history`) grows to that many rows through the hub's own
store, and the checkpoints are made that maintenance makes by then. Then, before and after compaction: bytes a row; one
object's whole history, over random objects; the catalogue as known at random past instants, and now; one month to
Arrow. Each is asked of the hub's own queries through a release table of 20 originators and 5,000 labels, which shows a
quarter ("released"), and of plain DuckDB over the same files without one ("plain"), which gives the columns as they are
stored: it need not turn integers back into doubles.
With ``--native-rows`` and ``--postgresql-rows`` the newest so many rows are loaded into a DuckDB file and into
PostgreSQL and asked the same.
"""

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.catalogues import processor, versions
from benchmarks.generated_history import Shape, fill, labels_of, opened, originators_of
from benchmarks.history_peers import native_duckdb, postgresql
from benchmarks.release_filter import released_table
from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND
from ssa_hub.history.checkpoints import bring_up_to_date
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.export_question import ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.orphans import remove_orphans
from ssa_hub.history.planning import Planner, Range
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.question import columns_sql
from ssa_hub.history.snapshots import expire
from ssa_hub.history.store import History

COLUMNS = columns_sql("e", "elements")
_MONTH_NS = 30 * 86_400 * NS_PER_SECOND
_SEED = 11
HISTORIES, INSTANTS, PLAIN_INSTANTS = 200, 20, 2


class Timing(NamedTuple):
    """Wall times of one question, s."""

    walls: list[float]
    rows: int

    def __str__(self) -> str:
        p50, p95 = np.percentile(self.walls, [50, 95]) * 1e3
        return f"p50 {p50:9,.0f} ms   p95 {p95:9,.0f} ms   max {max(self.walls) * 1e3:9,.0f} ms   {self.rows:,} rows"


def timed(questions: Sequence[Callable[[], int]]) -> Timing:
    """Ask one after the other; each answers how many rows it gave."""
    walls, rows = [], 0
    for question in questions:
        begin = time.perf_counter()
        rows += question()
        walls.append(time.perf_counter() - begin)
    return Timing(walls, rows)


def told(name: str, timing: Timing) -> None:
    print(f"  {name:<46} {timing}", flush=True)


def random_objects(shape: Shape, count: int) -> list[str]:
    """Ids of objects, drawn evenly."""
    random = np.random.default_rng(_SEED)
    return [f"cat-{number}" for number in random.integers(1, shape.objects + 1, count)]


def random_instants(shape: Shape, rows: int, count: int) -> list[int]:
    """Instants of reception of random rows among the first ``rows``, TAI ns."""
    random = np.random.default_rng(_SEED + 1)
    return [shape.received_tai_ns(int(row)) for row in random.integers(rows // 50, rows, count)]


def measure(history: History, shape: Shape, rows: int) -> None:
    """All questions on what is there now."""
    files = history.table("elements").inspect.files()
    size = sum(files.column("file_size_in_bytes").to_pylist())
    live = sum(files.column("record_count").to_pylist())
    print(f"  {live:,} rows in {files.num_rows} files, {size / live:.1f} bytes a row, {size / 1e9:.2f} GB")
    release = released_table(shape).to_arrow(Kind.ELEMENTS).combine_chunks()
    everything = all_released(shape, release.schema)
    plain = duckdb.connect()
    plain.execute("SET parquet_metadata_cache = true")
    now_tai_ns = shape.received_tai_ns(rows) + 2 * 3_600 * NS_PER_SECOND
    common = {"now_tai_ns": now_tai_ns, "data_mode": str(DataMode.REAL), "limit": 10_000_000}
    plan = Planner(history).plan("elements")

    def plain_history(name: str) -> int:
        some = plan.paths({}, [{"object_id": [name]}])
        sql = f"SELECT {COLUMNS} FROM read_parquet($files) e WHERE object_id = $name ORDER BY epoch_tai_ns"
        return int(plain.cursor().sql(sql, params={"files": some, "name": name}).to_arrow_table().num_rows)

    def plain_as_of(instant: int) -> int:
        sql = f"""WITH best AS (SELECT object_id, max((epoch_tai_ns, received_tai_ns, record_id)) AS b
                FROM read_parquet($files) WHERE received_tai_ns <= $t GROUP BY object_id)
            SELECT {COLUMNS} FROM best JOIN read_parquet($files) e USING (object_id)
            WHERE epoch_tai_ns = b[1] AND record_id = b[3] AND received_tai_ns = b[2] ORDER BY object_id"""
        params = {"files": plan.paths({}), "t": instant}
        return int(plain.cursor().sql(sql, params=params).to_arrow_table().num_rows)

    begin_tai_ns = shape.received_tai_ns(rows) - 2 * _MONTH_NS

    def plain_export(begin: int) -> int:
        sql = f"SELECT {COLUMNS} FROM read_parquet($files) e WHERE received_tai_ns BETWEEN $a AND $b"
        params = {"files": plan.paths({}), "a": begin, "b": begin + _MONTH_NS}
        return int(plain.cursor().sql(sql, params=params).to_arrow_table().num_rows)

    with HistoryQueries(history) as queries:
        objects, instants = random_objects(shape, HISTORIES), random_instants(shape, rows, INSTANTS)
        begin = time.perf_counter()
        footers = queries.read_ahead().result()
        print(
            f"  {footers} footers read ahead, as at a hub's start, in {time.perf_counter() - begin:.1f} s", flush=True
        )
        told(
            f"history of {HISTORIES} objects, released",
            timed([lambda n=n: queries.elements_history(release, object_ids=[n], **common).num_rows for n in objects]),
        )
        told(f"history of {HISTORIES} objects, plain", timed([lambda n=n: plain_history(n) for n in objects]))
        told(
            f"catalogue as of {INSTANTS} instants, released",
            timed(
                [lambda t=t: queries.elements_newest(release, known_at_tai_ns=t, **common).num_rows for t in instants]
            ),
        )
        told(
            f"catalogue as of {PLAIN_INSTANTS} instants, plain",
            timed([lambda t=t: plain_as_of(t) for t in instants[:PLAIN_INSTANTS]]),
        )
        told(
            "catalogue now, released, 5 times", timed([lambda: queries.elements_newest(release, **common).num_rows] * 5)
        )
        for name, begin in (("newest", begin_tai_ns), ("old", random_instants(shape, rows, 3)[-1])):
            released = timed([lambda b=begin: exported(history, release, b, now_tai_ns)] * 3)
            whole = timed([lambda b=begin: exported(history, everything, b, now_tai_ns)] * 3)
            bare = timed([lambda b=begin: plain_export(b)] * 3)
            for how, timing in (("released", released), ("all released", whole), ("plain", bare)):
                rate = timing.rows / sum(timing.walls) / 1e6
                told(f"export of one {name} month, {how}: {rate:.2f} M rows/s", timing)


def all_released(shape: Shape, schema: pa.Schema) -> pa.Table:
    """A release table by which every row is shown whole and at once."""
    of_each = shape.labels // shape.originators
    labels = [label.label_id for label in labels_of(shape)]
    rows = [
        {
            "kind": str(Kind.ELEMENTS), "data_mode": str(DataMode.REAL), "originator": name,
            "label_id": labels[number * of_each + place], "delay_ns": 0, "mask_id": 0, "time_step_ns": 1,
            "distance_step_m": 0.0, "whole": True,
        }
        for number, name in enumerate(originators_of(shape)) for place in range(of_each)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def exported(history: History, release: pa.Table, begin_tai_ns: int, now_tai_ns: int) -> int:
    """One month of reception in the export's order, batch after batch."""
    wanted = Wanted(
        now_tai_ns=now_tai_ns, data_mode=str(DataMode.REAL), received=Range(begin_tai_ns, begin_tai_ns + _MONTH_NS)
    )
    question = ExportQuestion("elements", release, wanted, order_key=None, withdrawn=None)
    return sum(rows.num_rows for rows in Exporter(history).rows(question))


def checkpointed(history: History) -> None:
    """Checkpoints as maintenance makes them, timed."""
    begin = time.perf_counter()
    made = bring_up_to_date(history)
    print(f"  {made.new} checkpoints made in {time.perf_counter() - begin:.1f} s", flush=True)


def compacted(history: History) -> None:
    """Merges as maintenance does them, timed; then the files that nobody names any more removed."""
    compactor, rows, merges = Compactor(history, "elements"), 0, 0
    begin = time.perf_counter()
    while (merge := compactor.merge_next()) is not None:
        rows, merges = rows + merge.rows, merges + 1
    wall = time.perf_counter() - begin
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"  {merges} merges of {rows:,} rows in {wall:.1f} s: {rows / max(wall, 1e-9) / 1e6:.2f} M rows/s; "
        f"largest memory of the process so far {memory_gb:.2f} GB",
        flush=True,
    )
    for kind in ("elements", "element_checkpoints"):
        expire(history, kind, int(time.time() * 1000))
        remove_orphans(history, kind, grace_s=0.0)
    sizes = {}
    for kind in ("elements", "element_checkpoints"):
        files = history.table(kind).inspect.files()
        sizes[kind] = sum(files.column("file_size_in_bytes").to_pylist())
    print(f"  checkpoints take {sizes['element_checkpoints'] / sizes['elements']:.1%} of what the element sets take")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--steps", type=int, nargs="+", default=[5_000_000])
    parser.add_argument("--rows", type=int, help="the shape's rows, where the last step is fewer")
    parser.add_argument("--native-rows", type=int, default=0)
    parser.add_argument("--postgresql-rows", type=int, default=0)
    given = parser.parse_args()
    print(f"{processor()}; {versions('duckdb', 'pyarrow', 'pyiceberg')}")
    whole = Shape(rows=given.rows or given.steps[-1])
    with opened(given.directory) as history:
        for rows in given.steps:
            print(f"to {rows:,} rows", flush=True)
            loaded = fill(history, whole, up_to=rows)
            if loaded.rows:
                print(
                    f"  {loaded.rows:,} rows appended, {loaded.rows / loaded.append_s / 1e6:.2f} M rows/s", flush=True
                )
            checkpointed(history)
            measure(history, whole, rows)
            compacted(history)
            measure(history, whole, rows)
        objects, instants = random_objects(whole, HISTORIES), random_instants(whole, given.steps[-1], INSTANTS)
    for peer, count in ((native_duckdb, given.native_rows), (postgresql, given.postgresql_rows)):
        if count:
            peer(whole, given.directory, count, objects, instants)


if __name__ == "__main__":
    main()
