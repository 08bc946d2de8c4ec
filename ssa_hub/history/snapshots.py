"""Expiry of old snapshots: the tables' own history of commits, which readers with an older plan no longer need.

What was known at a past instant is answered from times of reception, never from old snapshots. A snapshot that is kept
costs: it stands in the metadata that every commit writes again, and keeps the files that it names from being removed.
"""

from ssa_hub.history.availability import availability
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.store import History

SNAPSHOTS_MAX = 100
_COMMIT_ATTEMPTS_MAX = 5


def expire(history: History, kind: str, older_than_unix_ms: int, *, snapshots_max: int = SNAPSHOTS_MAX) -> int:
    """Forget the snapshots from before an instant (Unix ms), and all but the ``snapshots_max`` newest; how many.

    Branch and tag heads stay. No file is removed here (`ssa_hub.history.orphans` does). Raises
    HistoryUnavailableError.
    """
    from pyiceberg.exceptions import CommitFailedException

    with availability(f"snapshots of {kind}"):
        for _ in range(_COMMIT_ATTEMPTS_MAX):
            with history.turn(kind):
                table = history.table(kind)
                heads = {reference.snapshot_id for reference in table.refs().values()}
                newest_last = sorted(table.snapshots(), key=lambda snapshot: snapshot.sequence_number or 0)
                too_many = max(0, len(newest_last) - snapshots_max)
                ids = [
                    snapshot.snapshot_id
                    for number, snapshot in enumerate(newest_last)
                    if snapshot.snapshot_id not in heads
                    and (number < too_many or snapshot.timestamp_ms < older_than_unix_ms)
                ]
                if not ids:
                    return 0
                try:
                    table.maintenance.expire_snapshots().by_ids(ids).commit()
                except CommitFailedException:
                    continue
                return len(ids)
    raise HistoryUnavailableError(f"snapshots of {kind}: {_COMMIT_ATTEMPTS_MAX} conflicts with other writers in a row")
