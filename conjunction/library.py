"""The front door: `screen` takes orbits as people have them, and answers in tables that they can use."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from conjunction import screening
from conjunction.checkpoint import Checkpoint
from conjunction.choices import Choices, Owner, chosen
from conjunction.events import Conjunctions
from conjunction.instants import Instant, tai_ns_of
from conjunction.orbits import Orbits, read_orbits
from conjunction.volumes import ScreeningVolume

SECONDS_PER_DAY = 86_400.0


def screen(
    orbits: Any,
    *,
    start: Instant,
    days: float | None = None,
    duration_s: float | None = None,
    threshold_km: float = 5.0,
    volumes: Mapping[str, ScreeningVolume] | None = None,
    leave_out: Iterable[tuple[str, str]] = (),
    owners: Iterable[Owner] = (),
    primaries: Iterable[str] | None = None,
    newest_only: bool = True,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    resume: str | os.PathLike[str] | Checkpoint | None = None,
) -> Conjunctions:
    """Every close approach of the orbits with one another, from ``start`` for so many ``days`` (or ``duration_s``).

    orbits: paths of files (TLE, OMM, OEM, OCM, MEME; plain or compressed), text of TLE, an Arrow table or pandas
    DataFrame of element sets (OMM keywords as in CelesTrak's gp.csv, or `schemas.records.ELEMENT_FIELDS`), a NumPy
    structured array with such fields, `sgp4.api.Satrec`, a `Catalogue`; or several of these in a list. Of an object's
    element sets the newest counts (``newest_only``); an element set and an ephemeris of one object are no pair
    (`conjunction.orbits`).

    start: UTC as text, a datetime with time zone, numpy.datetime64 (UTC), or TAI ns. threshold_km: the sphere about an
    object without a volume. volumes, leave_out, owners, primaries: objects by number, designator or name
    (`conjunction.selection`), as `conjunction.choices.Choices` says. threads: of this process, as many as it may use
    unless given; or any ``concurrent.futures`` executor. progress is told a fraction from 0 to 1. resume: a directory
    where the run keeps what it has done, so that the same call takes it up again after it was killed; its pieces stay
    until ``Checkpoint.clear``.

    What is found is screening, never advice to manoeuvre. What counts as a conjunction, and what is guaranteed:
    docs/screening.md.

    Raises OSError for a file that cannot be read; ValueError (`ChoiceError` for objects that cannot be chosen) and
    TypeError for arguments that make no sense; `conjunction.screening.ScreeningCancelled` where ``cancelled`` says so.
    Records that break their message's rules, and orbits that SGP4 has no states for, are left out and told in the
    result.
    """
    began_s = time.perf_counter()
    length_s = _duration_s(days, duration_s)
    start_tai_ns = tai_ns_of(start)
    if threads is not None and (executor is not None or threads < 1):
        raise ValueError("threads is a number from 1 on, and goes without an executor")
    read = orbits if isinstance(orbits, Orbits) else read_orbits(orbits, newest_only=newest_only)
    choice = chosen(Choices(volumes, leave_out, owners, primaries), read)
    with ExitStack() as stack:
        if threads is not None:
            executor = stack.enter_context(ThreadPoolExecutor(threads, "screening"))
        result = screening.screen(
            read.catalogue,
            start_tai_ns=start_tai_ns,
            duration_s=length_s,
            threshold_km=threshold_km,
            volumes=choice.volumes,
            pairs_excluded=choice.pairs_excluded,
            executor=executor,
            progress=progress,
            cancelled=cancelled,
            checkpoint=_checkpoint(resume),
        )
    wall_s = time.perf_counter() - began_s
    return Conjunctions(
        result, read, start_tai_ns, length_s, threshold_km, choice.volumes, choice.without_orbit, wall_s
    )


def _duration_s(days: float | None, duration_s: float | None) -> float:
    if (days is None) == (duration_s is None):
        raise ValueError("the window's length is needed, as days or as duration_s")
    return float(duration_s) if duration_s is not None else float(days or 0.0) * SECONDS_PER_DAY


def _checkpoint(resume: str | os.PathLike[str] | Checkpoint | None) -> Checkpoint | None:
    return resume if resume is None or isinstance(resume, Checkpoint) else Checkpoint(Path(resume))
