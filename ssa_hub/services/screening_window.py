"""Which window the hub screens: from now on, or, for a catalogue that is being replayed, from its newest epochs on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, format_utc, parse_utc

# Beyond two weeks SGP4's errors are tens of kilometres and more (standard practice: catalogues are refreshed daily),
# so a catalogue of which half is older than that is not a picture of today.
_STALE_NS = 14 * NS_PER_DAY


class Window(NamedTuple):
    """A screening window, and why it starts where it does, for people to read."""

    start_tai_ns: int
    duration_s: float
    reason: str


def screening_window(
    epochs_tai_ns: NDArray[np.int64], *, now_tai_ns: int, hours: float, start_utc: str | None
) -> Window:
    """The window for a catalogue with the given epochs, shape (n,), n > 0.

    ``start_utc`` given: there. Else now, unless the median epoch is more than 14 days off: then the catalogue is a
    replayed one, and the window starts at the 99th percentile of its epochs (a few epochs lie in the future), at the
    next whole minute. Raises ValueError for a ``start_utc`` that is no UTC time.
    """
    if start_utc is not None:
        return Window(parse_utc(start_utc), hours * 3600.0, "as configured")
    age_ns = now_tai_ns - int(np.median(epochs_tai_ns))
    if abs(age_ns) <= _STALE_NS:
        return Window(now_tai_ns, hours * 3600.0, "now")
    newest = int(np.sort(epochs_tai_ns)[int(0.99 * (len(epochs_tai_ns) - 1))])
    whole_minute = parse_utc(format_utc(newest, 0)[:-2] + "00") + 60 * NS_PER_SECOND
    return Window(
        whole_minute,
        hours * 3600.0,
        f"the catalogue is a replayed one: half of its epochs are more than 14 days from now, "
        f"and the newest are of {format_utc(newest, 0)}",
    )
