"""The private what-if: a partner's hypothetical orbits against those that he may have conjunctions of.

What takes part is decided before anything is computed (`ssa_hub.sharing.visible_orbits`), so that neither the answer
nor the time that it takes says anything of other orbits. Nothing of it is kept: neither what he sent, nor the answer;
logs say neither. The ledger of disclosures counts the conjunctions that were told of each originator's orbits.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records import DataMode
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND, now_tai_ns
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.release.partner import Partner
from ssa_hub.services.resident_orbits import megabytes_of
from ssa_hub.settings import ScreeningSettings
from ssa_hub.sharing.candidates import Candidates, UnusableBodyError, read_candidates
from ssa_hub.sharing.disclosures import Disclosure
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.visible_orbits import orbits_taking_part
from ssa_hub.sharing.what_if_records import left_out_items, what_if_disclosures, what_if_records
from ssa_hub.state.store import State

HOURS_MIN, HOURS_MAX = 0.01, 168.0
THRESHOLD_KM_MIN, THRESHOLD_KM_MAX = 0.001, 50.0
SECONDS_MAX = 600.0
# As for a whole run: elements that are further from now say nothing of it, and a replayed day is meant.
_STALE_NS = 14 * NS_PER_DAY


class Question(NamedTuple):
    """What is asked of the orbits sent. None: start and span as the orbits themselves suggest, the hub's threshold."""

    data_mode: DataMode
    object_id: str | None = None
    start_tai_ns: int | None = None
    hours: float | None = None
    threshold_km: float | None = None


class Window(NamedTuple):
    """What is screened: conjunctions up to a miss distance, from an instant on."""

    start_tai_ns: int
    stop_tai_ns: int
    threshold_km: float

    @property
    def duration_s(self) -> float:
        """Its length."""
        return (self.stop_tai_ns - self.start_tai_ns) / NS_PER_SECOND


class Answer(NamedTuple):
    """Masked records of `what_if_records`, and what was left out. ``objects``: how many orbits took part.

    ``disclosures`` must be recorded before any of it is sent.
    """

    records: pa.Table
    left_out: list[dict[str, Any]]
    candidates: int
    objects: int
    window: Window
    policy_version: str
    data_mode: str
    disclosures: tuple[Disclosure, ...]


class GivenUpError(Exception):
    """Nobody waits for the answer any more."""


class TooLongError(Exception):
    """The answer took longer than `SECONDS_MAX`."""


class BusyError(Exception):
    """The partner has one under way."""


class WhatIf:
    """Answers what-ifs, one at a time for each partner. Threads may share one."""

    def __init__(
        self,
        state: State,
        queries: HistoryQueries,
        policies: Policies,
        settings: ScreeningSettings,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._state, self._queries, self._policies = state, queries, policies
        self._settings, self._clock_tai_ns = settings, clock_tai_ns
        self._under_way: set[str] = set()

    @contextmanager
    def turn(self, partner: Partner) -> Iterator[None]:
        """The partner's turn, for the length of the block, on the event loop. Raises BusyError."""
        if partner.name in self._under_way:
            raise BusyError
        self._under_way.add(partner.name)
        try:
            yield
        finally:
            self._under_way.discard(partner.name)

    def answer(self, partner: Partner, data: bytes, question: Question, given_up: Callable[[], bool]) -> Answer:
        """The conjunctions of the orbits in ``data``. ``given_up`` is asked now and then.

        Raises UnusableBodyError, GivenUpError, TooLongError, StateUnavailableError, HistoryUnavailableError.
        """
        deadline_s = time.monotonic() + SECONDS_MAX

        def go_on() -> None:
            if given_up():
                raise GivenUpError
            if time.monotonic() > deadline_s:
                raise TooLongError

        now = self._clock_tai_ns()
        candidates = read_candidates(data, question.object_id, f"push:{partner.name}")
        window = self._window(candidates, question, now)
        go_on()
        released = self._policies.released_to(partner, now)
        table = released.table
        orbits = orbits_taking_part(self._state, self._queries, table, question.data_mode, now, released.withdrawn)
        go_on()
        held = megabytes_of(orbits.num_rows, window.duration_s) <= self._settings.resident_megabytes_max
        with ThreadPoolExecutor(self._settings.threads, "what-if") as executor:
            screened = (_screened if held else _screened_in_passing)(candidates, orbits, window, executor, go_on)
        records = what_if_records(screened.conjunctions, candidates, orbits, released, question.data_mode.value)
        return Answer(
            records=records,
            left_out=left_out_items(screened.of_candidates, screened.of_orbits, orbits),
            candidates=len(candidates.who),
            objects=orbits.num_rows,
            window=window,
            policy_version=table.policy_version,
            data_mode=question.data_mode.value,
            disclosures=tuple(what_if_disclosures(records, released)),
        )

    def _window(self, candidates: Candidates, question: Question, now_tai_ns: int) -> Window:
        """By what was asked and sent, and the clock, alone: what the hub holds has no say in it."""
        catalogue = candidates.catalogue
        usable = np.ones(catalogue.n, dtype=np.bool_)
        usable[list(catalogue.unusable)] = False
        ephemeris = usable & catalogue.is_ephemeris
        first, last = catalogue.valid_from_tai_ns[ephemeris], catalogue.valid_until_tai_ns[ephemeris]
        start = question.start_tai_ns
        if start is None and ephemeris.any():
            begins, ends = int(first.min()), int(last.max())
            start = now_tai_ns if begins <= now_tai_ns < ends else begins
        elif start is None:
            newest = int(catalogue.epoch_tai_ns[usable].max())
            start = now_tai_ns if abs(newest - now_tai_ns) <= _STALE_NS else newest
        if question.hours is not None:
            length_ns = round(question.hours * 3600.0 * NS_PER_SECOND)
        elif ephemeris.any():
            length_ns = min(int(last.max()) - start, round(HOURS_MAX * 3600.0 * NS_PER_SECOND))
        else:
            length_ns = round(self._settings.window_hours * 3600.0 * NS_PER_SECOND)
        if length_ns <= 0:
            raise UnusableBodyError(("start", "after the end of the ephemerides in the body"))
        threshold_km = self._settings.threshold_km if question.threshold_km is None else question.threshold_km
        return Window(start, start + length_ns, threshold_km)


class _Screening(NamedTuple):
    """Conjunctions (orbit of the candidates, row of the orbits), and what was left out of either."""

    conjunctions: pa.Table
    of_candidates: pa.Table
    of_orbits: pa.Table


def _screened(
    candidates: Candidates, orbits: pa.Table, window: Window, executor: Executor, go_on: Callable[[], None]
) -> _Screening:
    """One against all: the orbits are made ready for the window, and the candidates are screened against them."""
    from conjunction.catalogue import Catalogue
    from conjunction.resident import ResidentCatalogue

    group, of_orbits = _groups(candidates, orbits)
    resident = ResidentCatalogue.build(
        Catalogue.from_elements(orbits),
        start_tai_ns=window.start_tai_ns,
        duration_s=window.duration_s,
        threshold_km=window.threshold_km,
        executor=executor,
        progress=lambda fraction: go_on(),
    )
    go_on()
    result = resident.screen(candidates.catalogue, group=group, of_resident=of_orbits, executor=executor)
    go_on()
    return _Screening(result.conjunctions, result.left_out, resident.left_out)


def _screened_in_passing(
    candidates: Candidates, orbits: pa.Table, window: Window, executor: Executor, go_on: Callable[[], None]
) -> _Screening:
    """The same without holding positions of the whole window: slower, in memory that does not grow with it."""
    from conjunction.catalogue import Catalogue
    from conjunction.screening import screen

    count, rows = candidates.catalogue.orbit_count, candidates.catalogue.n
    of_row = np.concatenate(_groups(candidates, orbits))

    def left_out(one: NDArray[np.int32], other: NDArray[np.int32]) -> NDArray[np.bool_]:
        same: NDArray[np.bool_] = (of_row[one] >= 0) & (of_row[one] == of_row[other])
        return same | (one >= rows) | (other < rows)

    result = screen(
        Catalogue.joined([candidates.catalogue, Catalogue.from_elements(orbits)]),
        start_tai_ns=window.start_tai_ns,
        duration_s=window.duration_s,
        threshold_km=window.threshold_km,
        pairs_excluded=left_out,
        executor=executor,
        progress=lambda fraction: go_on(),
    )
    index = np.asarray(result.left_out.column("index").to_numpy())
    return _Screening(
        _less(result.conjunctions, "index_2", count),
        result.left_out.filter(pa.array(index < count)),
        _less(result.left_out.filter(pa.array(index >= count)), "index", count),
    )


def _less(table: pa.Table, name: str, count: int) -> pa.Table:
    """The table with so much less in a column of indices."""
    place = table.schema.get_field_index(name)
    values = pa.array(np.asarray(table.column(name).to_numpy()) - count, pa.int32())
    return table.set_column(place, table.schema.field(place), values)


def _groups(candidates: Candidates, orbits: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each row's object: what a candidate stands for is no pair with it. -1: stands for none."""
    numbers: dict[str, int] = {}
    of_candidate = [
        -1 if one.object_id is None else numbers.setdefault(one.object_id, len(numbers)) for one in candidates.who
    ]
    group = np.array(of_candidate, dtype=np.int64)[candidates.catalogue.orbit]
    of_orbits = [numbers.get(name, -1) for name in orbits.column("object_id").to_pylist()]
    return group, np.array(of_orbits, dtype=np.int64)
