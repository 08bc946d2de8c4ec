"""Doing one merge: read the runs, write the new one, replace the files in one commit. Killed anywhere, it goes on.

Only one process at a time may compact a table (the maintenance lease). Appends go on meanwhile; a deletion that takes
one of the inputs away makes the merge fail with StaleFilesError, and what it wrote becomes orphans.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from ssa_hub.history.checkpoints import checkpoints_of
from ssa_hub.history.compaction import FAN_IN, RUN_ROWS_MAX, Merge, Run, next_merge, runs_of
from ssa_hub.history.failures import HistoryLayoutError, HistoryUnavailableError, StaleFilesError
from ssa_hub.history.locations import read_path
from ssa_hub.history.merge_journal import MergeJournal, MergeRecord, WrittenFile
from ssa_hub.history.merging import merged_files
from ssa_hub.history.parquet_files import data_file_of
from ssa_hub.history.planning import PlannedFile, Planner
from ssa_hub.history.runs import new_run_id
from ssa_hub.history.store import History
from ssa_hub.history.tables import ELEMENT_CHECKPOINTS, ELEMENTS, TableDefinition, definition_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile

# Up to which commit of a table everything is in checkpoints (`ssa_hub.history.checkpoints`); no such property: no
# checkpoints.
CHECKPOINTED_SEQUENCE = "ssa-hub.checkpointed-sequence"


class Compactor:
    """Merges the runs of one table. ``paced`` is called between pieces of work (some hundred thousand rows), and may
    wait, or raise to stop; what is written by then is used by the next call.
    """

    def __init__(
        self,
        history: History,
        kind: str,
        paced: Callable[[], None] = lambda: None,
        *,
        fan_in: int = FAN_IN,
        rows_max: int = RUN_ROWS_MAX,
    ) -> None:
        self._history, self._definition, self._paced = history, definition_of(kind), paced
        self._fan_in, self._rows_max = fan_in, rows_max
        self._planner = Planner(history)
        self._journal = MergeJournal(history.warehouse, kind)

    def next(self) -> Merge | None:
        """The merge that is due now, of files that checkpoints have covered. Raises HistoryUnavailableError."""
        if not self._definition.compacted:
            return None
        kind = self._definition.kind
        covered = self._history.table(kind).properties.get(CHECKPOINTED_SEQUENCE)
        runs = runs_of(self._planner.plan(kind).files)
        return next_merge(
            [run for run in runs if covered is None or _is_covered(run, int(covered))],
            self._checkpoint_instants() if kind == ELEMENTS else (),
            fan_in=self._fan_in,
            rows_max=self._rows_max,
        )

    def _checkpoint_instants(self) -> list[int]:
        return [one.instant_tai_ns for one in checkpoints_of(self._planner.plan(ELEMENT_CHECKPOINTS))]

    def merge_next(self) -> Merge | None:
        """Go on with the merge that was interrupted, or do the one that is due; which it was, None: nothing is due.

        Raises StaleFilesError where a file was replaced meanwhile (call again), HistoryUnavailableError,
        HistoryLayoutError where files do not hold what they should.
        """
        merge = self._interrupted() or self.next()
        if merge is None:
            return None
        try:
            self._do(merge)
        except (OSError, pa.ArrowInvalid) as failure:
            raise HistoryUnavailableError(f"compaction of {self._definition.kind}: {failure}") from failure
        return merge

    def _interrupted(self) -> Merge | None:
        """The merge that the journal tells of, as long as all its inputs are live."""
        record = self._journal.read()
        if record is None:
            return None
        live = {file.path: file for file in self._planner.plan(self._definition.kind).files}
        if not live.keys() >= set(record.inputs):
            self._journal.clear()  # committed, or overtaken by a deletion
            return None
        return Merge(record.level, tuple(runs_of(live[path] for path in record.inputs)))

    def _do(self, merge: Merge) -> None:
        kind, table = self._definition.kind, self._history.table(self._definition.kind)
        record = self._journal.read()
        if record is None or set(record.inputs) != set(merge.paths) or not self._all_exist(record.written):
            record = MergeRecord(tuple(merge.paths), merge.level, new_run_id())
            self._journal.write(record)
        added = [data_file_of(table, self._definition, file.location, self._history.files) for file in record.written]
        written = merged_files(
            table,
            self._definition,
            [chain for run in merge.runs for chain in _chains(run, self._definition)],
            level=record.level,
            run=record.run,
            begin_number=len(added),
            after=record.written[-1].last_key if record.written else None,
            paced=self._paced,
            access=self._history.files,
        )
        for file, last_key in written:
            added.append(file)
            done = WrittenFile(file.file_path, file.record_count, last_key)
            record = MergeRecord(record.inputs, record.level, record.run, (*record.written, done))
            self._journal.write(record)
        self._check_rows(merge, added)
        try:
            self._history.replace(kind, merge.paths, added)
        except StaleFilesError:
            self._journal.clear()
            raise
        self._journal.clear()

    def _all_exist(self, written: Sequence[WrittenFile]) -> bool:
        return all(self._history.files.exists(read_path(file.location)) for file in written)

    def _check_rows(self, merge: Merge, added: Sequence["DataFile"]) -> None:
        rows = sum(file.record_count for file in added)
        if rows != merge.rows:
            self._journal.clear()
            raise HistoryLayoutError(
                f"{self._definition.kind}: {merge.rows} rows to merge, {rows} written; nothing is replaced"
            )


def _is_covered(run: Run, sequence: int) -> bool:
    """Files of later levels were covered before they were merged."""
    return all(file.level > 0 or file.sequence <= sequence for file in run.files)


def _chains(run: Run, definition: TableDefinition) -> list[list[str]]:
    """A run's files in sequences that can each be read as one sorted file."""
    key = definition.sort_keys[0]
    chains: list[list[PlannedFile]] = []
    for file in sorted(run.files, key=lambda file: (str(type(file.bounds.get(key))), file.bounds.get(key), file.path)):
        before = chains[-1][-1].bounds.get(key) if chains else None
        bound = file.bounds.get(key)
        if before is not None and bound is not None and before.highest < bound.lowest:
            chains[-1].append(file)
        else:
            chains.append([file])
    return [[file.path for file in chain] for chain in chains]
