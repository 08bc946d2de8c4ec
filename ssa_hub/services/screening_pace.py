"""When the hub screens: how often services look, wait and try again, and when a whole run is worth another."""

from typing import NamedTuple

from schemas.timescales import NS_PER_SECOND
from ssa_hub.state.runs import Run

# A run whose window starts so near to its own beginning screens from now on, not a configured or a replayed day.
_PRESENT_NS = 600 * NS_PER_SECOND
_CHANGED_EVERY_S = 30.0


class Pace(NamedTuple):
    """When the services look, wait and try again, s.

    A catalogue comes in several batches, so it is screened when no new orbit has come for ``settled_s``; where they
    never stop coming, after ``unsettled_s_max``. While the log has orbits that are not recorded yet (a recorder has
    died, and its partitions are being taken over) it waits for them, ``behind_s_max`` at the most. A run that failed
    is tried again after ``retry_s``, then twice that, up to ``retry_s_max``. Orbits that arrive are looked for every
    ``arrivals_every_s``.
    """

    look_every_s: float = 1.0
    settled_s: float = 4.0
    unsettled_s_max: float = 60.0
    behind_s_max: float = 180.0
    lease_s: float = 30.0
    retry_s: float = 10.0
    retry_s_max: float = 600.0
    arrivals_every_s: float = 0.2

    def retry_after_s(self, failures_in_a_row: int) -> float:
        """How long to wait after so many failures."""
        return float(min(self.retry_s * 2.0 ** (failures_in_a_row - 1), self.retry_s_max))


def half_over(run: Run, now_tai_ns: int) -> bool:
    """Whether half of a run's window is over.

    A window that did not begin with its run (a configured or a replayed day) is not over by passing time.
    """
    began_with_its_run = abs(run.started_tai_ns - run.start_tai_ns) < _PRESENT_NS
    return began_with_its_run and now_tai_ns - run.start_tai_ns > (run.end_tai_ns - run.start_tai_ns) // 2


def worth_another(last: Run, sequence: int, every_s: float, now_tai_ns: int, *, changed: bool = False) -> bool:
    """Whether to screen again after the last complete run: there are new orbits, or half of its window is over.

    ``changed``: orbits were withdrawn that may have taken part in it. Never sooner than ``every_s`` after it, or half a
    minute where what it found is known to be wrong.
    """
    pause_s = min(every_s, _CHANGED_EVERY_S) if changed else every_s
    if last.finished_tai_ns is not None and now_tai_ns - last.finished_tai_ns < pause_s * NS_PER_SECOND:
        return False
    return changed or last.catalogue_seq < sequence or half_over(last, now_tai_ns)
