"""Keeping a history in order, one turn after another: checkpoints, merges, old snapshots, files nobody names.

Pure sequence of the parts; who calls it holds the maintenance lease. Each part can be interrupted by what ``paced``
raises and is gone on with at the next turn.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ssa_hub.history.checkpoints import bring_up_to_date
from ssa_hub.history.compactor import Compactor
from ssa_hub.history.failures import StaleFilesError
from ssa_hub.history.orphans import GRACE_S, remove_orphans
from ssa_hub.history.snapshots import expire
from ssa_hub.history.store import History
from ssa_hub.history.tables import TABLES

# Listing files and reading the manifests of all snapshots: not at every turn.
_REMOVAL_EVERY_S = 600.0

log_event = structlog.get_logger("maintenance")


class TurnReport(NamedTuple):
    """What one turn has done: checkpoints made or revised, merges, rows that these rewrote, snapshots forgotten, files
    removed.
    """

    checkpoints: int = 0
    merges: int = 0
    rows: int = 0
    snapshots: int = 0
    files: int = 0


class Upkeep:
    """``grace_s``: how long files that nobody names any more stay for readers with an older plan. ``room`` is asked
    between pieces of merging and raises where no more may be written; removing files goes on then.
    """

    def __init__(
        self,
        history: History,
        paced: Callable[[], None] = lambda: None,
        *,
        grace_s: float = GRACE_S,
        room: Callable[[], None] = lambda: None,
    ) -> None:
        self._history, self._paced, self._grace_s, self._room = history, paced, grace_s, room
        self._removed_at: float | None = None

    def turn(self) -> TurnReport:
        """Do all that is due. Raises HistoryUnavailableError, HistoryLayoutError, and what ``paced`` raises."""
        snapshots, files = self._remove()
        # Before merging: what is merged must be in the checkpoints that it belongs to.
        made = bring_up_to_date(self._history, paced=self._paced_writing)
        merges, rows = self._compact()
        return TurnReport(made.new + made.revised, merges, rows, snapshots, files)

    def _remove(self) -> tuple[int, int]:
        snapshots, files = 0, 0
        now = time.monotonic()
        if self._removed_at is None or now - self._removed_at >= min(_REMOVAL_EVERY_S, self._grace_s):
            for kind in TABLES:
                self._paced()
                snapshots += expire(self._history, kind, int((time.time() - self._grace_s) * 1000))
                files += remove_orphans(self._history, kind, grace_s=self._grace_s)
            self._removed_at = now
        return snapshots, files

    def _paced_writing(self) -> None:
        self._room()
        self._paced()

    def _compact(self) -> tuple[int, int]:
        merges, rows = 0, 0
        for kind in TABLES:
            compactor = Compactor(self._history, kind, self._paced_writing)
            while True:
                self._paced()
                try:
                    merge = compactor.merge_next()
                except StaleFilesError as error:
                    # A deletion took an input away: what is due now is planned again.
                    log_event.info("merge given up", kind=kind, error=str(error))
                    continue
                if merge is None:
                    break
                merges, rows = merges + 1, rows + merge.rows
                log_event.info("runs merged", kind=kind, level=merge.level, runs=len(merge.runs), rows=merge.rows)
        return merges, rows
