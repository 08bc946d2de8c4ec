"""Which objects of a catalogue a smaller reference takes: every regime, eccentric and deep-space ones oversampled."""

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

_MINUTES_PER_DAY = 1440.0


def chosen_rows(satellites: list[Satrec], start_jd: float, count: int, seed: int) -> NDArray[np.int64]:
    """Rows, ascending, of `count` objects: a share of every regime drawn by the seed, the rest from all others.

    Only objects with a state at `start_jd` (UTC) are drawn; some of them fail later. Dense shells have large shares, as
    objects drawn thinly from everywhere hardly meet.
    """
    if count >= len(satellites):
        return np.arange(len(satellites))
    motion = np.array([s.no_kozai for s in satellites]) * _MINUTES_PER_DAY / (2.0 * np.pi)
    e = np.array([s.ecco for s in satellites])
    inclination = np.degrees([s.inclo for s in satellites])
    geo = np.abs(motion - 1.0027) < 0.003
    random = np.random.default_rng(seed)
    regimes = (
        (geo & (inclination < 0.2), 0.10),
        (geo & (inclination >= 0.2), 0.07),
        (e > 0.6, 0.10),
        ((e > 0.25) & (e <= 0.6), 0.07),
        ((motion > 1.9) & (motion < 2.2) & (e < 0.1), 0.06),
        ((motion > 2.2) & (motion < 11.0) & (e <= 0.25), 0.06),
        (motion < 0.99, 0.01),
        (motion > 15.9, 0.04),
        ((motion > 13.0) & (motion < 14.2), 0.06),
        ((motion > 14.2) & (motion < 14.4) & (inclination > 96.0), 0.15),
        ((motion > 15.0) & (motion < 15.1), 0.15),
    )
    dead = np.array([satellite.sgp4(start_jd, 0.0)[0] != 0 for satellite in satellites])
    taken = np.zeros(len(satellites), dtype=np.bool_)
    for mask, share in regimes:
        rows = np.flatnonzero(mask & ~taken & ~dead)
        taken[random.choice(rows, min(round(share * count), len(rows)), replace=False)] = True
    rest = np.flatnonzero(~taken & ~dead)
    taken[random.choice(rest, max(count - int(taken.sum()), 0), replace=False)] = True
    return np.flatnonzero(taken)
