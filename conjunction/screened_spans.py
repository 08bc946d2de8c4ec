"""From when and up to when each row of a catalogue is screened: in the window, while it has states, until it fails."""

import numpy as np
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.irregular import Failure
from conjunction.sieve import Window


def alive_at_start(
    catalogue: Catalogue, rows: NDArray[np.int32], window: Window
) -> tuple[NDArray[np.bool_], list[Failure]]:
    """Which of the rows (m,) are screened at all, and the failures at the window's start, by place in `rows`.

    An ephemeris may begin later; an element set must have a state at the start.
    """
    alive = ~np.isin(rows, list(catalogue.unusable))
    alive &= catalogue.valid_from_tai_ns[rows] < window.stop_tai_ns
    alive &= catalogue.valid_until_tai_ns[rows] > window.start_tai_ns
    check = np.flatnonzero(alive)
    code = catalogue.states(rows[check], np.maximum(window.start_tai_ns, catalogue.valid_from_tai_ns[rows[check]])).code
    bad = np.flatnonzero(code)
    alive[check[bad]] = False
    return alive, [Failure(int(check[k]), window.start_tai_ns, int(code[k])) for k in bad]


def valid_ns(
    catalogue: Catalogue, failures: list[Failure], window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From when and up to when each row of a catalogue is screened, both (n,), both included."""
    starts = np.maximum(catalogue.valid_from_tai_ns, window.start_tai_ns)
    ends = np.minimum(catalogue.valid_until_tai_ns, window.stop_tai_ns)
    for failure in failures:
        ends[failure.row] = min(ends[failure.row], failure.from_tai_ns - 1)
    return starts, ends
