"""What an export costs: `python -m benchmarks.export DIRECTORY --rows 3000000`.

DIRECTORY gets a generated history (`benchmarks.generated_history`) once as it is appended and once as one sorted run.
Each is exported in a process of its own: out of the history into Arrow, and on into each form (masks and ledger take
no part). Printed: rows a second by the clock and by the processor, and the process's largest memory. Rows a second by
the processor are those that one core does: a machine that does other things as well shows in the other figure only.
"""

import argparse
import multiprocessing
import time
from pathlib import Path

import pyarrow as pa

from benchmarks.catalogues import processor, versions
from benchmarks.generated_history import Shape, fill, labels_of, opened, originators_of, rows_of_commit
from benchmarks.release_filter import NOW_TAI_NS
from ssa_hub.history.export_question import ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.runs import new_run_id
from ssa_hub.sharing.export_formats import ExportFormat, written

_ROWS_A_COMMIT = 500_000


def released(shape: Shape) -> pa.Table:
    """A release table that shows everything."""
    labels = [label.label_id for label in labels_of(shape)]
    originators = [name for name in originators_of(shape) for _ in labels]
    count = len(originators)
    return pa.table(
        {
            "kind": ["elements"] * count,
            "data_mode": ["REAL"] * count,
            "originator": originators,
            "label_id": labels * shape.originators,
            "delay_ns": pa.array([0] * count, pa.int64()),
            "mask_id": pa.array([0] * count, pa.int32()),
            "time_step_ns": pa.array([1] * count, pa.int64()),
            "distance_step_m": pa.array([0.0] * count),
        }
    )


def prepare(directory: Path, shape: Shape) -> None:
    """Write both histories where they are absent."""
    with opened(directory / "appended") as history:
        fill(history, shape)
    if not (directory / "sorted").exists():
        with opened(directory / "sorted") as history:
            rows = pa.concat_tables([rows_of_commit(shape, number) for number in range(shape.commits)])
            files = history.write_data_files("elements", rows, level=1, run=new_run_id())
            history.replace("elements", [], files)


def measure(directory: Path, shape: Shape, form: str) -> None:
    """Export once, and print what it took."""
    with opened(directory) as history:
        wanted = Wanted("REAL", NOW_TAI_NS)
        question = ExportQuestion("elements", released(shape), wanted, order_key=None, withdrawn=None)
        wall_s, cpu_s, rows, size = time.perf_counter(), time.process_time(), 0, 0
        if form == "rows":
            for table in Exporter(history).rows(question):
                rows += table.num_rows
        else:
            tables = (
                table.select(question.definition.record_schema.names) for table in Exporter(history).rows(question)
            )
            empty = question.definition.record_schema.empty_table()
            for piece in written(tables, ExportFormat(form), empty):
                size += len(piece)
            rows = shape.rows
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    peak_mb = _peak_mb()
    print(
        f"{directory.name:9} {form:8} {rows:,} rows, {size / 1e6:,.0f} MB: {wall_s:.2f} s, {rows / wall_s / 1e6:.2f} M "
        f"rows/s; processor {cpu_s:.2f} s, {rows / cpu_s / 1e6:.2f} M rows/s a core; {peak_mb:,.0f} MB at most",
        flush=True,
    )


def _peak_mb() -> float:
    """This program's largest memory, MB. What `resource` tells would be its parent's where that had more."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1_024


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--form", choices=["rows", *ExportFormat], action="append")
    chosen = parser.parse_args()
    shape = Shape(rows=chosen.rows, rows_a_commit=_ROWS_A_COMMIT, years=1)
    print(processor(), versions("pyarrow", "numpy"))
    prepare(chosen.directory, shape)
    for name in ("appended", "sorted"):
        for form in chosen.form or ["rows", *ExportFormat]:
            # Of a new process, so that its largest memory is this export's.
            process = multiprocessing.get_context("spawn").Process(
                target=measure, args=(chosen.directory / name, shape, form)
            )
            process.start()
            process.join()


if __name__ == "__main__":
    main()
