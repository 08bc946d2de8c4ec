"""How long a run will still take, told from how fast it has been: measured, or nothing."""

import threading
from collections import deque
from typing import NamedTuple

_ELAPSED_S_MIN = 3.0
_ADVANCES_MIN = 3
_SAMPLES_MAX = 4096


class _Sample(NamedTuple):
    elapsed_s: float
    fraction: float


class TimeLeft:
    """Seconds left of a run that tells its fraction done, from the rate over the last half of the time passed.

    Half of the time passed: a slow beginning (loading, compiling) or a quick one (a resumed run takes its stored
    pieces at once) is soon forgotten, and the longer a run lasts, the steadier the estimate. Nothing is said before
    three seconds have passed and three advances were seen in that half, nor when there was no advance in it: a rate
    that was not measured is not guessed. Instants are seconds of any one monotonic clock. One thread may tell while
    another asks.
    """

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._samples: deque[_Sample] = deque([_Sample(0.0, 0.0)], maxlen=_SAMPLES_MAX)
        self._lock = threading.Lock()

    def advance(self, now_s: float, fraction: float) -> None:
        """Take note of the fraction done, 0 to 1. One that is not above the last is none; neither is an earlier time.

        Raises ValueError for a fraction outside 0 to 1.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"a fraction lies from 0 to 1: {fraction}")
        elapsed_s = now_s - self._began_s
        with self._lock:
            last = self._samples[-1]
            if fraction > last.fraction and elapsed_s >= last.elapsed_s:
                self._samples.append(_Sample(elapsed_s, fraction))

    def estimate_s(self, now_s: float) -> float | None:
        """Seconds left as of ``now_s``, 0 when all is done; None as long as nothing can be said."""
        elapsed_s = now_s - self._began_s
        with self._lock:
            last = self._samples[-1]
            start, advances = self._measured_from(elapsed_s / 2.0)
        if last.fraction >= 1.0:
            return 0.0
        if elapsed_s < _ELAPSED_S_MIN or advances < _ADVANCES_MIN or last.elapsed_s <= start.elapsed_s:
            return None
        since_last_s = elapsed_s - last.elapsed_s
        between_s = (last.elapsed_s - start.elapsed_s) / advances
        if since_last_s <= 2.0 * between_s:
            rate = (last.fraction - start.fraction) / (last.elapsed_s - start.elapsed_s)
            return max((1.0 - last.fraction) / rate - since_last_s, 0.0)
        # It stalls: the time without an advance counts, so that the estimate grows and does not count down to nothing.
        rate = (last.fraction - start.fraction) / (elapsed_s - start.elapsed_s)
        return (1.0 - last.fraction) / rate

    def _measured_from(self, elapsed_s: float) -> tuple[_Sample, int]:
        """The last sample at or before an instant (else the oldest), and how many there are after it."""
        chosen = self._samples[0]
        after = 0
        for sample in reversed(self._samples):
            chosen = sample
            if sample.elapsed_s <= elapsed_s:
                break
            after += 1
        else:
            after -= 1
        return chosen, after


def in_words(seconds: float | None) -> str:
    """An estimate as precise as estimates are: ``about 40 s left``; an empty text where there is none.

    >>> in_words(0.4), in_words(37.0), in_words(754.0), in_words(11_000.0), in_words(None)
    ('about 1 s left', 'about 35 s left', 'about 13 min left', 'about 3 h left', '')
    """
    if seconds is None:
        return ""
    if seconds < 10.0:
        return f"about {max(round(seconds), 1)} s left"
    if seconds < 90.0:
        return f"about {5 * round(seconds / 5.0)} s left"
    if seconds < 5400.0:
        return f"about {round(seconds / 60.0)} min left"
    hours = seconds / 3600.0
    return f"about {round(hours)} h left" if hours < 48.0 else f"about {round(hours / 24.0)} days left"
