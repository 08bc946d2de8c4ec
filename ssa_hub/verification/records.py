"""Records: each once in history, and state and log and history know the same ones.

By ids, in bounded memory however many there are: ids go into Parquet files in a directory of their own, and DuckDB
compares them in shares by the hash of the id, spilling to that directory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select

from ssa_hub.history.file_access import FileAccess
from ssa_hub.state.tables import recorded
from ssa_hub.verification.findings import REPORT, RESTORE, Report, examples
from ssa_hub.verification.instant import Instant

_MEMORY = "1GB"
_SHARE_ROWS = 20_000_000
_BATCH = 100_000
_EXAMPLES = 3
_IDS = pa.schema([pa.field("record_id", pa.string()), pa.field("place", pa.string())])


Lawful = Callable[[Sequence[str]], set[str]]


class Ids:
    """Sets of record ids on disk, and the questions about them and about files of history (``access``)."""

    def __init__(self, directory: Path, access: FileAccess) -> None:
        self._directory, self._access = directory, access
        self._database = duckdb.connect(":memory:", config={"autoload_known_extensions": "false"})
        self._database.execute(f"SET memory_limit = '{_MEMORY}'")
        self._database.execute("SET temp_directory = ?", [str(directory)])
        self._database.execute("SET threads = 2")
        access.prepare(self._database)

    def close(self) -> None:
        """Close DuckDB."""
        self._database.close()

    def write(self, name: str, ids: Iterable[tuple[str, str]]) -> str:
        """Keep (id, place) pairs as a file."""
        path = str(self._directory / f"{name}.parquet")
        with pq.ParquetWriter(path, _IDS) as writer:
            for part in _parts(ids):
                writer.write_table(pa.table({"record_id": [i for i, _ in part], "place": [p for _, p in part]}, _IDS))
        return path

    def twice(self, files: Sequence[str]) -> tuple[int, list[str]]:
        """How many ids stand more than once in the files, and some of them."""
        return self._in_shares(
            "SELECT record_id FROM read_parquet($some) WHERE {share} GROUP BY record_id HAVING count(*) > 1", files
        )

    def missing(
        self, files: Sequence[str], others: Sequence[str], but: str, lawful: Lawful | None = None
    ) -> tuple[int, list[str]]:
        """How many distinct ids of ``files`` are neither in ``others`` nor in ``but``, and some of them with place.

        ``lawful`` answers those ids that are rightly missing, as they were deleted.
        """
        place = ", any_value(place)" if files and self._is_own(files[0]) else ""
        return self._in_shares(
            f"""SELECT record_id{place} FROM read_parquet($some) a WHERE {{share}}
                AND NOT EXISTS (FROM read_parquet($others) b WHERE b.record_id = a.record_id)
                AND NOT EXISTS (FROM read_parquet($but) c WHERE c.record_id = a.record_id) GROUP BY record_id""",
            files,
            others,
            but,
            lawful,
        )

    def newest(self, files: Sequence[str], but: str) -> pa.Table:
        """Per object, data mode, originator and label the id of the newest, of those that are not in ``but``."""
        query = """
            SELECT object_id, data_mode, originator, label_id,
                   max({'e': epoch_tai_ns, 'r': received_tai_ns, 'i': record_id}).i AS record_id
            FROM read_parquet($some) a
            WHERE NOT EXISTS (FROM read_parquet($but) b WHERE b.record_id = a.record_id) GROUP BY ALL"""
        values = {"some": list(files), "but": [but]}
        newest: pa.Table = self._database.sql(query, params=values).to_arrow_table()
        return newest

    def distinct(self, files: Sequence[str], column: str) -> set[str]:
        """The values of a column."""
        query = f"SELECT DISTINCT {column} FROM read_parquet($some)"
        return {str(row[0]) for row in self._database.execute(query, {"some": list(files)}).fetchall()}

    def _in_shares(
        self,
        query: str,
        files: Sequence[str],
        others: Sequence[str] = (),
        but: str | None = None,
        lawful: Lawful | None = None,
    ) -> tuple[int, list[str]]:
        if not files:
            return 0, []
        rows = sum(self._rows(path) for path in (*files, *others))
        shares = max(1, -(-rows // _SHARE_ROWS))
        count = 0
        found: list[str] = []
        for share in range(shares):
            condition = f"hash(record_id) % {shares} = {share}"
            values: dict[str, object] = {"some": list(files)}
            if but is not None:
                values |= {"others": list(others or [but]), "but": [but]}
            result = self._database.execute(query.format(share=condition), values)
            while part := result.fetchmany(_BATCH):
                if lawful is not None:
                    rightly = lawful([row[0] for row in part])
                    part = [row for row in part if row[0] not in rightly]
                count += len(part)
                found += [" at ".join(map(str, row)) for row in part[: _EXAMPLES - len(found)]]
        return count, found

    def _is_own(self, path: str) -> bool:
        return Path(path).parent == self._directory

    def _rows(self, path: str) -> int:
        footer = pq.read_metadata(path) if self._is_own(path) else self._access.footer(path)
        return int(footer.num_rows)


def verify_counts(instant: Instant, report: Report) -> None:
    """Rows in history against records in state, with what is exactly under way between the two."""
    for kind in instant.recorded_kinds:
        rows = sum(file.rows for file in instant.tables[kind].files())
        chosen = select(func.count()).select_from(recorded).where(recorded.c.kind == kind)
        known: int = instant.connection.execute(chosen).scalar_one()
        under_way = len(instant.between)
        if known > rows or rows > known + under_way:
            what = f"history has {rows:,} rows, state {known:,} records, {under_way:,} may be under way"
            meaning = "a record is in one and not in the other, or twice"
            report.wrong(f"records/{kind}", what, meaning, "run ssa-hub verify without --quick: it names them")
        report.saw(f"records/{kind}", f"{rows:,} rows in history, {known:,} records in state")


def verify_ids(
    instant: Instant,
    ids: Ids,
    report: Report,
    kinds: Sequence[str],
    lawful: Lawful | None,
    turn: Callable[[str], None],
) -> None:
    """Each record once in history; history and state know the same ones, both ways.

    ``lawful``: given where a deletion is under way, whose records may be in one and no more in the other.
    """
    under_way = ids.write("between", ((record_id, "") for record_id in sorted(instant.between)))
    nothing = ids.write("nothing", ())
    for kind in kinds:
        check = f"records/{kind}"
        turn(check)
        files = [file.path for file in instant.tables[kind].files() if file.rows]
        count, found = ids.twice(files)
        if count:
            what = f"{count:,} record ids stand in history more than once: {examples(found, count)}"
            report.wrong(check, what, "answers have these rows twice", REPORT)
        known = ids.write(f"state-{kind}", _recorded_ids(instant.connection, kind))
        count, found = ids.missing(files, [known], under_way, lawful)
        if count:
            what = f"{count:,} records are in history and not in state: {examples(found, count)}"
            report.wrong(check, what, "the stream passes them over, and they could be recorded twice", RESTORE)
        count, found = ids.missing([known], files or [nothing], nothing, lawful)
        if count:
            what = f"{count:,} records are in state and not in history: {examples(found, count)}"
            report.wrong(check, what, "they were acknowledged and listings lack them", RESTORE)


def _recorded_ids(connection: Connection, kind: str) -> Iterator[tuple[str, str]]:
    chosen = select(recorded.c.record_id, recorded.c.seq).where(recorded.c.kind == kind)
    for record_id, seq in connection.execution_options(yield_per=_BATCH).execute(chosen):
        yield record_id, f"number {seq}"


def _parts(ids: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    part: list[tuple[str, str]] = []
    for pair in ids:
        part.append(pair)
        if len(part) >= _BATCH:
            yield part
            part = []
    if part:
        yield part
