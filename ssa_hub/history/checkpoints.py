"""Checkpoints of the catalogue: at some instants in the past, the newest element set of each combination.

Who asks for the catalogue as of an instant reads the checkpoint before it and what was received after that, instead of
everything. Checkpoints are made from the history alone and can be thrown away and made again at any time; they hold no
release and no withdrawal, which questions apply to them as to all rows.

What makes them exact (docs/history-questions.md): ``ssa-hub.checkpointed-sequence`` on the checkpoints' table says up
to which commit of the history all of them hold everything that belongs to them. Rows of later commits that were
received before a checkpoint (a payload that was journaled and published late) are looked for by questions until they
are merged in here. Compaction takes only files up to the same property of the elements' table, which is set after it.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ssa_hub.history.checkpoint_instants import due_instants
from ssa_hub.history.compaction import RUN_ROWS_MAX
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.newest_rows import COMBINATIONS_MAX, NewestRows
from ssa_hub.history.planning import Plan, PlannedFile, Planner
from ssa_hub.history.runs import new_run_id
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import unpacked
from ssa_hub.history.tables import ELEMENT_CHECKPOINTS, ELEMENTS, definition_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

COVERED = "ssa-hub.checkpointed-sequence"
# A question reads the run of the rows received since a checkpoint (`ssa_hub.history.compaction`, which seals the runs
# between two); making one writes about as many rows as there are objects and combinations of each.
ROWS_BETWEEN = RUN_ROWS_MAX
# Checkpoints take at most this share of the history's rows.
_SHARE = 8
# Rows that are received before the newest checkpoint and recorded after it have it written anew.
SETTLED_NS = 15 * 60 * 1_000_000_000
_ATTEMPTS_MAX = 5
_BEGINNING = -(2**63)


class Checkpoint(NamedTuple):
    """A checkpoint's instant and files."""

    instant_tai_ns: int
    files: tuple[PlannedFile, ...]

    @property
    def paths(self) -> list[str]:
        """Paths of its files."""
        return [file.path for file in self.files]

    @property
    def rows(self) -> int:
        """Rows in it."""
        return sum(file.rows for file in self.files)

    @property
    def is_partial(self) -> bool:
        """Whether of any object older combinations were left out."""
        bounds = [file.bounds.get("older_left_out") for file in self.files]
        return any(bound is None or bound.highest > 0 for bound in bounds)


class Made(NamedTuple):
    """What `bring_up_to_date` did: checkpoints that are new, and those that were written anew for late rows."""

    new: int = 0
    revised: int = 0


def checkpoints_of(plan: Plan) -> list[Checkpoint]:
    """The checkpoints in their table's plan, by instant."""
    files: dict[int, list[PlannedFile]] = {}
    for file in plan.files:
        files.setdefault(int(file.bounds["checkpoint_tai_ns"].lowest), []).append(file)
    return [Checkpoint(instant, tuple(files[instant])) for instant in sorted(files)]


def uncovered(plan: Plan, covered_sequence: int) -> list[PlannedFile]:
    """The history's files that checkpoints may not know of: appended after the commit up to which they are right."""
    return [file for file in plan.files if file.level == 0 and file.sequence > covered_sequence]


def bring_up_to_date(
    history: History,
    *,
    rows_between: int = ROWS_BETWEEN,
    settled_ns: int = SETTLED_NS,
    combinations_max: int = COMBINATIONS_MAX,
    paced: Callable[[], None] = lambda: None,
) -> Made:
    """Merge late rows into the checkpoints that they belong to, and make the checkpoints that are due.

    Every checkpoint is a commit of its own: interrupted, also by what ``paced`` raises between two, it goes on from
    there at the next call. Nothing to do changes nothing. The newest is at least ``settled_ns`` before the last
    reception. One process at a time; whoever comes second gives up with HistoryUnavailableError. Raises that also where
    files or catalogue fail.
    """
    if not _opened(history)[1].whole:
        # They were written before a column was added: made anew, with it, rather than read in two ways.
        drop_from(history, _BEGINNING)
    computed = NewestRows(history.files, str(history.warehouse / "duckdb-spill"), combinations_max)
    try:
        return _Work(history, computed, paced).done(rows_between, settled_ns)
    finally:
        computed.close()


def drop_from(history: History, tai_ns: int) -> int:
    """Forget the checkpoints at or after an instant; how many. `bring_up_to_date` makes them anew.

    To be called after rows received at ``tai_ns`` or later have been taken out of the history: a checkpoint that is
    just being made from the rows of before is not committed after this. Raises HistoryUnavailableError.
    """
    for _ in range(_ATTEMPTS_MAX):
        table, plan = _opened(history)
        gone = [checkpoint for checkpoint in checkpoints_of(plan) if checkpoint.instant_tai_ns >= tai_ns]
        # A commit in any case: it is what a checkpoint in the making fails on.
        if history.replace_unless_changed(table, [path for one in gone for path in one.paths], []):
            return len(gone)
    raise HistoryUnavailableError("checkpoints: others commit all the time")


def covered_sequence_of(plan: Plan) -> int:
    """Up to which commit of the history the checkpoints in their table are right; 0: unknown, all is looked at."""
    return int(plan.properties.get(COVERED, 0))


def _opened(history: History) -> "tuple[Table, Plan]":
    """The checkpoints' table, and its plan, at one commit."""
    planner = Planner(history)
    for _ in range(_ATTEMPTS_MAX):
        table, plan = history.table(ELEMENT_CHECKPOINTS), planner.plan(ELEMENT_CHECKPOINTS)
        if table.metadata_location == plan.metadata_location:
            return table, plan
    raise HistoryUnavailableError("checkpoints: others commit all the time")


class _Work:
    """One call of `bring_up_to_date`, on one plan of the history."""

    def __init__(self, history: History, computed: NewestRows, paced: Callable[[], None]) -> None:
        self._history, self._computed, self._paced = history, computed, paced
        self._table, plan = _opened(history)
        self._checkpoints = checkpoints_of(plan)
        self._plan = Planner(history).plan(ELEMENTS)
        self._covered = covered_sequence_of(plan)

    def done(self, rows_between: int, settled_ns: int) -> Made:
        revised = self._revise() if self._checkpoints else 0
        new = self._make(rows_between, settled_ns)
        covered = max((file.sequence for file in self._plan.files), default=0)
        if self._checkpoints and covered > self._covered:
            self._commit([], [], {COVERED: str(covered)})
            self._covered = covered
        self._tell_compaction()
        return Made(new, revised)

    def _tell_compaction(self) -> None:
        """After the checkpoints' own property, never before it: what it says must be true."""
        told = self._history.table(ELEMENTS).properties.get(COVERED)
        if self._checkpoints and (told is None or int(told) < self._covered):
            self._history.replace(ELEMENTS, [], [], properties={COVERED: str(self._covered)})

    def _revise(self) -> int:
        """Write anew the checkpoints to which rows of files that they do not cover belong."""
        revised = 0
        late = uncovered(self._plan, self._covered)
        for number, checkpoint in enumerate(self._checkpoints):
            instant = checkpoint.instant_tai_ns
            files = [file.path for file in late if _begins_by(file, instant)]
            if files:
                self._paced()
                rows = self._computed.of(instant, checkpoint.paths, self._plan, files, None)
                self._checkpoints[number] = self._committed(rows, instant, checkpoint.paths)
                revised += 1
        return revised

    def _make(self, rows_between: int, settled_ns: int) -> int:
        received = [bound.highest for file in self._plan.files if (bound := file.bounds.get("received_tai_ns"))]
        new = 0
        while received:
            last = self._checkpoints[-1] if self._checkpoints else None
            after = None if last is None else last.instant_tai_ns
            between = max(rows_between, _SHARE * (0 if last is None else last.rows))
            due = due_instants(self._plan.files, after, max(received) - settled_ns, between)
            if not due:
                break
            self._paced()
            since = [
                file.path
                for file in self._plan.files
                if _begins_by(file, due[0]) and (after is None or _ends_after(file, after))
            ]
            rows = self._computed.of(due[0], [] if last is None else last.paths, self._plan, since, after)
            self._checkpoints.append(self._committed(rows, due[0], []))
            new += 1
        return new

    def _committed(self, rows: "pa.Table", instant_tai_ns: int, replaced: Sequence[str]) -> Checkpoint:
        whole = unpacked(rows, definition_of(ELEMENT_CHECKPOINTS))
        files = self._history.write_data_files(ELEMENT_CHECKPOINTS, whole, level=0, run=new_run_id())
        self._commit(replaced, files, {})
        plan = Planner(self._history).plan(ELEMENT_CHECKPOINTS)
        return next(one for one in checkpoints_of(plan) if one.instant_tai_ns == instant_tai_ns)

    def _commit(self, removed: Sequence[str], added: "Sequence[DataFile]", properties: dict[str, str]) -> None:
        # The commit moves the table that it is made on: whoever else commits in between makes the next one fail.
        if not self._history.replace_unless_changed(self._table, removed, added, properties=properties):
            raise HistoryUnavailableError("checkpoints: another process has changed them meanwhile")


def _begins_by(file: PlannedFile, instant_tai_ns: int) -> bool:
    bound = file.bounds.get("received_tai_ns")
    return bound is None or bool(bound.lowest <= instant_tai_ns)


def _ends_after(file: PlannedFile, instant_tai_ns: int) -> bool:
    bound = file.bounds.get("received_tai_ns")
    return bound is None or bool(bound.highest > instant_tai_ns)
