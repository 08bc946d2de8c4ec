"""Whether the machine's clock can be believed: a wrong instant on a record stays on it for ever.

A record that is stamped a year ahead is shown to nobody for a year, and everything recorded after it neither, as what
is recorded goes up only; and while the clock stands a year ahead, every delay that an agreement demands is over. So
nothing is taken in, recorded or shown while the clock of the day disagrees with the one that only counts seconds, or
stands before what is recorded already.
"""

import threading
import time
from collections.abc import Callable

from ingest.log import LogUnavailableError
from schemas.timescales import NS_PER_SECOND, format_utc, now_tai_ns

# A clock is corrected little by little (at most 500 parts in a million, adjtimex(2)); more than this at once is a jump.
_STEP_MAX_NS = 5 * NS_PER_SECOND
_SLEWED_PER_NS = 1e-3


class ClockJumpedError(LogUnavailableError):
    """The machine's clock has jumped, or stands before what is recorded: instants that it gives cannot be believed."""


def _steady_ns() -> int:
    """Nanoseconds since some instant, sleep of the machine included, never set by anybody (clock_gettime(2))."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Compares the clock of the day with the steady one since this was made. Threads may share one.

    ``newest_tai_ns``: the instant of the newest record there was then; the clock must not stand before it.
    """

    def __init__(
        self,
        newest_tai_ns: int = 0,
        *,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        steady_ns: Callable[[], int] = _steady_ns,
    ) -> None:
        self._newest_tai_ns = newest_tai_ns
        self._clock_tai_ns, self._steady_ns = clock_tai_ns, steady_ns
        self._lock = threading.Lock()
        self._checked_ns = steady_ns()
        self._offset_ns = clock_tai_ns() - self._checked_ns

    def now_tai_ns(self) -> int:
        """The present instant, TAI ns. Raises ClockJumpedError where the clock cannot be believed."""
        self.check()
        return self._clock_tai_ns()

    def check(self) -> None:
        """Raise ClockJumpedError while the clock is more than 5 s from where it must be.

        It may come back by itself. A clock that is right now and was wrong when the process was started is believed
        again after a restart: that is a person's decision, not the program's.
        """
        steady, now = self._steady_ns(), self._clock_tai_ns()
        apart = now - steady - self._offset_ns
        if abs(apart) > _STEP_MAX_NS:
            raise ClockJumpedError(
                f"the machine's clock says {format_utc(now, 0)} and has jumped by {apart / NS_PER_SECOND:+.0f} s since "
                "the hub was started: set it right, or, if it is right now, start the hub again"
            )
        if now + _STEP_MAX_NS < self._newest_tai_ns:
            raise ClockJumpedError(
                f"the machine's clock says {format_utc(now, 0)}, before the newest record, "
                f"{format_utc(self._newest_tai_ns, 0)}: set it right"
            )
        with self._lock:
            followed = max(0, round((steady - self._checked_ns) * _SLEWED_PER_NS))
            self._offset_ns += max(-followed, min(followed, apart))
            self._checked_ns = max(steady, self._checked_ns)
