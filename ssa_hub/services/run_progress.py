"""How far a whole run is: noted in state for every process of the hub to show, and who has asked to end it."""

import time
from collections.abc import Callable

import structlog

from conjunction.progress import TimeLeft
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.runs import Runs

_NOTED_EVERY_S = 1.0

log_event = structlog.get_logger("screening")


class RunProgress:
    """Called with each fraction done; notes it at most once a second. ``cancelled_by``: who has asked to end the run.

    A state that cannot be reached does not end a run: it is noted next time.
    """

    def __init__(self, runs: Runs, run_id: int, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._runs, self._run_id, self._clock_s = runs, run_id, clock_s
        self._left = TimeLeft(clock_s())
        self._noted_s: float | None = None
        self.cancelled_by: str | None = None

    def __call__(self, fraction: float) -> None:
        """Take note that so much is done, 0 to 1."""
        now_s, fraction = self._clock_s(), min(fraction, 1.0)  # sums of shares may round beyond it
        self._left.advance(now_s, fraction)
        if self._noted_s is not None and now_s - self._noted_s < _NOTED_EVERY_S:
            return
        self._noted_s = now_s
        try:
            self.cancelled_by = self._runs.advance(
                self._run_id, fraction=fraction, seconds_left=self._left.estimate_s(now_s)
            )
        except StateUnavailableError as error:
            log_event.warning("progress not noted", run_id=self._run_id, error=str(error))
