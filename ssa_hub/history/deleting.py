"""Deleting records from history: which are due, and the files without them.

Data files never change: one that holds deleted records is written anew without them and replaced in one commit. The old
one stays on disk until readers with an older plan are done (`ssa_hub.history.orphans`); only then is the record gone.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Kind
from ssa_hub.history.availability import availability
from ssa_hub.history.checkpoints import drop_from
from ssa_hub.history.failures import StaleFilesError
from ssa_hub.history.planning import PlannedFile, Planner, Range
from ssa_hub.history.runs import new_run_id
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import unpacked
from ssa_hub.history.tables import (
    CONJUNCTION_MESSAGES,
    CONJUNCTIONS,
    ELEMENT_CHECKPOINTS,
    ELEMENTS,
    EPHEMERIDES,
    definition_of,
)
from ssa_hub.release.retention import Demand

_ATTEMPTS_MAX = 5
_TABLES = {
    Kind.ELEMENTS: ELEMENTS,
    Kind.DERIVED_CONJUNCTIONS: CONJUNCTIONS,
    Kind.CONJUNCTION_MESSAGES: CONJUNCTION_MESSAGES,
    Kind.EPHEMERIDES: EPHEMERIDES,
}
BLOB_COLUMNS = ("states_sha256", "covariances_sha256")
Deleted = Callable[[Sequence[str]], set[str]]


class DueRecords(NamedTuple):
    """Records of one kind that are to be deleted because they are kept for ``keep_ns``, received before the cutoff.

    ``first_tai_ns``: when the first of them was received, or earlier.
    """

    keep_ns: int
    cutoff_tai_ns: int
    first_tai_ns: int
    record_ids: list[str]


class Replaced(NamedTuple):
    """Rows removed, and files that no longer belong to the table."""

    rows: int
    files: int


def table_of(kind: Kind) -> str:
    """The history's table of a kind of record."""
    return _TABLES[kind]


def due_records(history: History, kind: Kind, demand: Demand, now_tai_ns: int, *, records_max: int) -> list[DueRecords]:
    """What is due of an originator's records at an instant, at most ``records_max`` (the rest at the next question).

    A derived conjunction is due when either of its orbits' originators demands it. Raises HistoryUnavailableError.
    """
    shortest_ns = demand.shortest_ns(kind)
    if shortest_ns is None:
        return []
    by_keeping: dict[int, list[str]] = {}
    found, first_tai_ns = 0, now_tai_ns
    for rows in _candidates(history, kind, demand.originator, now_tai_ns - shortest_ns):
        streams = rows.select(["source", "data_mode"]).group_by(["source", "data_mode"]).aggregate([]).to_pylist()
        for stream in streams:
            keep_ns = demand.keep_ns(kind, stream["source"], stream["data_mode"])
            if keep_ns is None:
                continue
            chosen = pc.and_(
                pc.and_(pc.equal(rows["source"], stream["source"]), pc.equal(rows["data_mode"], stream["data_mode"])),
                pc.less(rows["received_tai_ns"], now_tai_ns - keep_ns),
            )
            ids = rows["record_id"].filter(chosen).to_pylist()[: records_max - found]
            by_keeping.setdefault(keep_ns, []).extend(ids)
            found += len(ids)
        if rows.num_rows:
            first_tai_ns = min(first_tai_ns, pc.min(rows["received_tai_ns"]).as_py())
        if found >= records_max:
            break
    return [
        DueRecords(keep_ns, now_tai_ns - keep_ns, first_tai_ns, ids)
        for keep_ns, ids in sorted(by_keeping.items())
        if ids
    ]


def overdue(history: History, kind: Kind, demand: Demand, now_tai_ns: int) -> int:
    """How many records there are that should be deleted at an instant; for verification."""
    due = due_records(history, kind, demand, now_tai_ns, records_max=1_000_000)
    return sum(len(part.record_ids) for part in due)


def remove_records(
    history: History, kind: Kind, originator: str, cutoff_tai_ns: int, deleted: Deleted, *,
    leaving: Callable[[list[str], list[str]], None], paced: Callable[[], None] = lambda: None,
) -> Replaced:  # fmt: skip
    """Write every file anew that holds deleted records of an originator from before an instant.

    ``leaving`` is told the path of each file before it is taken out of the table, and the blobs (SHA-256) that removed
    rows name, so that whoever waits for their end knows of them whatever dies. Called again it goes on with what is
    left. Raises HistoryUnavailableError, ValueError, and what ``paced`` raises between two files.
    """
    planner, rows, files = Planner(history), 0, 0
    table = table_of(kind)
    for attempt in range(_ATTEMPTS_MAX):
        try:
            for file in _files(planner, table, cutoff_tai_ns):
                gone = _deleted_in(history, file, kind, originator, cutoff_tai_ns, deleted)
                if gone:
                    leaving([file.path], _blobs_of(history, file, kind, gone))
                    _replace_without(history, table, file, gone)
                    rows, files = rows + len(gone), files + 1
                paced()
        except StaleFilesError:  # a merge has taken it meanwhile: what it has written is looked at anew
            if attempt == _ATTEMPTS_MAX - 1:
                raise
        else:
            break
    return Replaced(rows, files)


def drop_checkpoints(history: History, first_tai_ns: int, leaving: Callable[[list[str], list[str]], None]) -> int:
    """Forget the checkpoints that may hold, or have been computed with, element sets received from an instant on."""
    files = Planner(history).plan(ELEMENT_CHECKPOINTS).files
    paths = [file.path for file in files if file.may_hold("checkpoint_tai_ns", Range(first_tai_ns, None))]
    if paths:
        leaving(paths, [])
    return drop_from(history, first_tai_ns)


def candidate_ids(history: History, kind: Kind, originator: str, before_tai_ns: int) -> Iterator[list[str]]:
    """Ids of an originator's records from before an instant, file by file. Raises HistoryUnavailableError."""
    for rows in _candidates(history, kind, originator, before_tai_ns):
        if rows.num_rows:
            yield rows["record_id"].to_pylist()


def files_still_there(history: History, paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the files that are not removed yet. Raises HistoryUnavailableError."""
    with availability("files to be removed"):
        return tuple(path for path in paths if history.files.exists(path))


def payloads_in_use(history: History, receptions: dict[str, set[int]]) -> set[str]:
    """Payloads (SHA-256) of which history still has records. ``receptions``: instants at which each came, TAI ns."""
    used: set[str] = set()
    if not receptions:
        return used
    instants = sorted({instant for each in receptions.values() for instant in each})
    wanted = pa.array(sorted(receptions), pa.string())
    planner = Planner(history)
    for kind, table in _TABLES.items():
        if kind is Kind.DERIVED_CONJUNCTIONS:
            continue  # of no payload
        for file in planner.plan(table).files:
            if file.may_hold_one_of("received_tai_ns", instants):
                with availability(f"payloads of {kind}"):
                    column = history.files.table(file.path, columns=["payload_sha256"]).column(0)
                used.update(pc.unique(column.filter(pc.is_in(column, wanted))).to_pylist())
    return used


def blobs_in_use(history: History, blobs: Sequence[str]) -> set[str]:
    """Those of the blobs (SHA-256) that a row of history still names."""
    used: set[str] = set()
    for file in Planner(history).plan(EPHEMERIDES).files if blobs else ():
        with availability("blobs of ephemerides"):
            named = history.files.table(file.path, columns=list(BLOB_COLUMNS))
        used.update(value for name in BLOB_COLUMNS for value in named[name].unique().to_pylist() if value is not None)
    return used.intersection(blobs)


def _blobs_of(history: History, file: PlannedFile, kind: Kind, record_ids: set[str]) -> list[str]:
    if kind is not Kind.EPHEMERIDES:
        return []
    with availability("blobs of ephemerides"):
        rows = history.files.table(file.path, columns=["record_id", *BLOB_COLUMNS])
    rows = rows.filter(pc.is_in(rows["record_id"], pa.array(sorted(record_ids), pa.string())))
    return sorted({value for name in BLOB_COLUMNS for value in rows[name].to_pylist() if value is not None})


def _originators(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.DERIVED_CONJUNCTIONS:
        return ("parent_originator_1", "parent_originator_2")
    return ("originator",)


def _files(planner: Planner, table: str, before_tai_ns: int) -> list[PlannedFile]:
    wanted = Range(None, before_tai_ns - 1)
    return [file for file in planner.plan(table).files if file.may_hold("received_tai_ns", wanted)]


def _candidates(history: History, kind: Kind, originator: str, before_tai_ns: int) -> Iterator[pa.Table]:
    for file in _files(Planner(history), table_of(kind), before_tai_ns):
        yield _older_of(history, file, kind, originator, before_tai_ns)


def _older_of(history: History, file: PlannedFile, kind: Kind, originator: str, before_tai_ns: int) -> pa.Table:
    """An originator's rows of a file from before an instant."""
    names = ["record_id", "source", "data_mode", "received_tai_ns", *_originators(kind)]
    with availability(f"records of {originator}"):
        rows = history.files.table(file.path, columns=names)
    own = pa.array(np.zeros(rows.num_rows, bool))
    for name in _originators(kind):
        own = pc.or_(own, pc.equal(rows[name], originator))
    return rows.filter(pc.and_(own, pc.less(rows["received_tai_ns"], before_tai_ns)))


def _deleted_in(
    history: History, file: PlannedFile, kind: Kind, originator: str, before_tai_ns: int, deleted: Deleted
) -> set[str]:
    ids = _older_of(history, file, kind, originator, before_tai_ns)["record_id"].to_pylist()
    return deleted(ids) if ids else set()


def _replace_without(history: History, table: str, file: PlannedFile, gone: set[str]) -> None:
    definition = definition_of(table)
    with availability(f"deletion from {table}"):
        rows = definition.as_stored(history.files.table(file.path))
    kept = rows.filter(pc.invert(pc.is_in(rows["record_id"], pa.array(sorted(gone), pa.string()))))
    added = []
    if kept.num_rows:
        schema = definition.record_schema
        whole = unpacked(kept, definition).select(schema.names).cast(schema)
        # A file from before there were runs has a name that no run has.
        level, run = (file.level, file.run) if file.run.isalnum() else (0, new_run_id())
        added = history.write_data_files(table, whole, level=level, run=run)
    history.replace(table, [file.path], added)
