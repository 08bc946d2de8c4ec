"""What release costs: `python -m benchmarks.release_filter DIRECTORY --rows 100000000`.

The directory holds a generated history (`benchmarks.generated_history`); what it lacks is written first. Each question
is asked of the hub's own queries through a release table, and of plain DuckDB over the same files without any,
in turns; the median of each and their ratio are printed. Then decisions and release tables: how many a second, and how
long all partners' tables take to be built anew.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.catalogues import processor, versions
from benchmarks.generated_history import Shape, fill, labels_of, opened, originators_of
from schemas.labels import Category, CategoryType
from schemas.records import DataMode, Kind
from schemas.timescales import parse_utc
from ssa_hub.history.planning import Planner
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.question import columns_sql
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.decision import decide
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.table import ReleaseTable, build_release_table

NOW_TAI_NS = parse_utc("2026-01-01T00:00:00")
TURNS = 7
_COLUMNS = columns_sql("e", "elements")
_FULL_SCAN = """SELECT count(*), sum(e.mean_anomaly_deg_e4) FROM read_parquet($files) e {join}
    WHERE e.data_mode = 'REAL' AND e.received_tai_ns <= $now {delay}"""
_JOIN = "JOIN release r ON r.data_mode = e.data_mode AND r.originator = e.originator AND r.label_id = e.label_id"


def agreement_text(originator: str, partners: int, masked: bool) -> str:
    """One originator's rules: a brief rule with a delay, a full one."""
    fields = '["object_name", "mean_motion_rev_per_day", "inclination_deg"]' if masked else '["*"]'
    names = ", ".join(f'"PARTNER-{number:02d}"' for number in range(partners))
    return (
        f'originator = "{originator}"\n[[rule]]\nid = "crisis"\nkinds = ["elements", "derived-conjunctions"]\n'
        f'partners = [{names}]\ndata_modes = ["EXERCISE"]\nfields = ["*"]\n'
        f'[[rule]]\nid = "all"\nkinds = ["elements", "derived-conjunctions"]\npartners = [{names}]\n'
        f'data_modes = ["REAL"]\nfields = {fields}\ndelay_s = {3600 if masked else 0}\n'
    )


def partner(number: int) -> Partner:
    """Cleared for what is UNCLASSIFIED, and releasable to him or to one of a hundred others."""
    values = tuple(sorted({"PARTNER", *(f"N{value}" for value in range(number, 5_000, 50))}))
    category = Category("Releasable To", CategoryType.PERMISSIVE, values)
    return Partner(f"PARTNER-{number:02d}", clearances=(Clearance("PUBLIC", ("UNCLASSIFIED",), (category,)),))


def released_table(shape: Shape) -> ReleaseTable:
    """The release table of a partner whom every other originator shows a few fields an hour later."""
    agreements = {
        name: read_agreement(agreement_text(name, 1, masked=number % 2 == 0), f"{name}.toml")
        for number, name in enumerate(originators_of(shape))
    }
    labels = {label.label_id: label for label in labels_of(shape)}
    return build_release_table(partner(0), agreements, labels, agreements, Posture.PEACETIME, NOW_TAI_NS)


def median_s(question: Callable[[], object], turns: int) -> float:
    """The median wall time of a question."""
    walls = []
    for _ in range(turns):
        begin = time.perf_counter()
        question()
        walls.append(time.perf_counter() - begin)
    return statistics.median(walls)


def compare(name: str, with_release: Callable[[], object], without: Callable[[], object], turns: int = TURNS) -> None:
    """Both in turns, after one of each that warms the caches."""
    with_release(), without()
    walls: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for one, question in zip(walls, (with_release, without), strict=True):
            one.append(median_s(question, 1))
    released, plain = (statistics.median(one) for one in walls)
    print(f"{name:<58} {released * 1e3:9.1f} ms {plain * 1e3:9.1f} ms   {released / plain:5.2f}", flush=True)


def filters(directory: Path, shape: Shape, table: ReleaseTable) -> None:
    """Pages and scans of the history, with and without the release table."""
    history = opened(directory)
    fill(history, shape)
    queries = HistoryQueries(history)
    release = table.to_arrow(Kind.ELEMENTS).combine_chunks()
    files = Planner(history).plan("elements").paths({})
    plain = duckdb.connect()
    plain.execute("SET parquet_metadata_cache = true")
    plain.register("release", release)

    def sql(text: str, **parameters: Any) -> pa.Table:
        return plain.cursor().sql(text, params={"files": files, **parameters}).to_arrow_table()

    joined = plain.cursor()
    joined.register("release", release)
    scan = _FULL_SCAN.format(join=_JOIN, delay="- r.delay_ns")
    count = joined.execute(scan, {"files": files, "now": NOW_TAI_NS}).fetchone()
    everything = plain.execute(_FULL_SCAN.format(join="", delay=""), {"files": files, "now": NOW_TAI_NS}).fetchone()
    print(f"{everything[0]:,} rows in {len(files)} files")
    print(f"{release.num_rows:,} released combinations let {count[0]:,} through")
    print(f"{'':<58} {'with release':>12} {'without':>12}   ratio")
    compare(
        "full scan: count and sum of one column",
        lambda: joined.execute(scan, {"files": files, "now": NOW_TAI_NS}).fetchone(),
        lambda: plain.execute(_FULL_SCAN.format(join="", delay=""), {"files": files, "now": NOW_TAI_NS}).fetchone(),
    )
    common = {"now_tai_ns": NOW_TAI_NS, "data_mode": "REAL"}
    page = f"""SELECT {_COLUMNS} FROM read_parquet($files) e WHERE e.data_mode = 'REAL' AND e.received_tai_ns <= $now
        AND e.object_id IN ('cat-777') AND e.object_id BETWEEN 'cat-777' AND 'cat-777'
        ORDER BY e.object_id, e.epoch_tai_ns, e.received_tai_ns, e.record_id LIMIT 1000"""
    compare(
        "page: 1,000 sets of one object's history",
        lambda: queries.elements_history(release, limit=1_000, object_ids=["cat-777"], **common),
        lambda: sql(page, now=NOW_TAI_NS),
    )
    page = f"""SELECT {_COLUMNS} FROM read_parquet($files) e WHERE e.data_mode = 'REAL' AND e.received_tai_ns <= $now
        AND e.object_id >= 'cat-29' ORDER BY e.object_id, e.epoch_tai_ns, e.received_tai_ns, e.record_id LIMIT 1000"""
    compare(
        "page: 1,000 sets in the middle of all history",
        lambda: queries.elements_history(release, limit=1_000, after=("cat-29", 0, 0, ""), **common),
        lambda: sql(page, now=NOW_TAI_NS),
        turns=3,
    )
    queries.close()
    history.close()


def decisions(shape: Shape, partners: int) -> None:
    """Single decisions, and all tables at once."""
    agreements = {
        name: read_agreement(agreement_text(name, partners, masked=number % 2 == 0), f"{name}.toml")
        for number, name in enumerate(originators_of(shape))
    }
    labels = {label.label_id: label for label in labels_of(shape)}
    known = [partner(number) for number in range(partners)]
    asked = [(who, name, label) for who in known[:5] for name in agreements for label in list(labels.values())[:500]]
    begin = time.perf_counter()
    for who, name, label in asked:
        decide(
            who, agreements[name], originator=name, label=label, kind=Kind.ELEMENTS, data_mode=DataMode.REAL,
            posture=Posture.PEACETIME, now_tai_ns=NOW_TAI_NS,
        )  # fmt: skip
    wall = time.perf_counter() - begin
    print(f"{len(asked) / wall:,.0f} single decisions a second")

    def rebuilt() -> list[ReleaseTable]:
        return [
            build_release_table(who, agreements, labels, agreements, Posture.PEACETIME, NOW_TAI_NS) for who in known
        ]

    first = median_s(rebuilt, 1)
    again = median_s(rebuilt, 5)
    arrow = median_s(lambda: [table.to_arrow(Kind.ELEMENTS) for table in rebuilt()], 5) - again
    rows = sum(table.to_arrow().num_rows for table in rebuilt())
    print(
        f"{partners} partners' tables over {len(labels):,} labels and {len(agreements)} originators ({rows:,} rows): "
        f"{first * 1e3:.0f} ms the first time, {again * 1e3:.0f} ms again, and {arrow * 1e3:.0f} ms more as Arrow"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--partners", type=int, default=50)
    given = parser.parse_args()
    print(f"{processor()}; {versions('duckdb', 'pyarrow', 'pyiceberg')}")
    shape = Shape(rows=given.rows)
    decisions(shape, given.partners)
    filters(given.directory, shape, released_table(shape))


if __name__ == "__main__":
    main()
