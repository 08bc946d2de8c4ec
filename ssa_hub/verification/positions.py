"""State <= history <= end of the log, in every partition."""

from ssa_hub.verification.findings import RESTORE, Report
from ssa_hub.verification.instant import Instant

_CHECK = "positions"


def verify_positions(instant: Instant, report: Report) -> None:
    """Note where positions do not belong together, and how much is under way."""
    history, state, extents = instant.history_positions, instant.state_positions, instant.extents
    waiting = 0
    for partition in sorted(extents):
        name = f"{partition.topic}/{partition.partition}"
        first, end = extents[partition]
        state_next = state.get(partition, 0)
        taken = history.get(partition, state_next)
        if partition in history or partition not in state:
            waiting += max(0, end - taken)
        if state_next > taken:
            meaning = "state speaks of records that history does not have"
            report.wrong(_CHECK, f"{name}: state stands at {state_next}, history at {taken}", meaning, RESTORE)
        if max(taken, state_next) > end:
            at = max(taken, state_next)
            meaning = "the log was put back, exchanged or emptied by itself; new messages would be passed over"
            report.wrong(_CHECK, f"{name}: recorded up to {at}, and the log ends at {end}", meaning, RESTORE)
        if taken < first < end or (first == end and taken < first):
            meaning = "messages were deleted from the log before they were recorded"
            what = f"{name}: recorded up to {taken}, and the log begins at {first}"
            report.wrong(_CHECK, what, meaning, "send these payloads again: ssa-hub keeps them")
    behind = len(instant.between)
    report.saw(_CHECK, f"{len(extents)} partitions; {waiting:,} messages wait, {behind:,} records not yet in state")
