"""One exercise: its objects, its planted truth, and the messages of its owners over time.

Everything follows from (seed, objects, planted, start): a stopped exercise goes on from these alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sgp4.api import Satrec

from connectors.exercise.element_sets import ElementSets, moved, quantised, satellites
from connectors.exercise.omm_csv import omm_csv
from connectors.exercise.orbit_fit import FitFailedError, fitted, state_at
from connectors.exercise.owners import OWNER_NAMES
from connectors.exercise.planted import PlantedApproach, plant
from connectors.exercise.population import Population, generate_population
from schemas.timescales import NS_PER_DAY, NS_PER_SECOND

# Objects of planted approaches get no new element sets while the truth is to hold.
TRUTH_HOLDS_NS = NS_PER_DAY
# A new element set is at most so old when it is sent.
_FRESH_S = 600
# SGP4's lunar and solar terms are set up at the epoch, so the mean elements alone would make a deep-space orbit step
# by hundreds of metres at a new one: where they miss by more than this, they are fitted to the orbit's own state.
_REFIT_KM = 0.01
_STEP_KM_MAX = 0.1


@dataclass(frozen=True, slots=True)
class Exercise:
    """``truth``: the planted approaches, which screening of the first element sets must find."""

    seed: int
    start_tai_ns: int
    population: Population
    truth: tuple[PlantedApproach, ...]

    def first_messages(self) -> dict[str, bytes]:
        """OMM CSV by owner: the first element set of every object, owners in their order."""
        return self._by_owner(np.arange(len(self.population)), self.population.element_sets)

    def update_messages(self, instant_tai_ns: int, fraction: float) -> dict[str, bytes]:
        """OMM CSV by owner: new element sets that are sent at an instant after the start.

        A random part of the objects (by seed and instant), each on the orbit of its first element set to 100 m at
        the new epoch, which is at most ten minutes before. Left out: objects that have decayed, those of planted
        approaches while the truth holds, and those that cannot be fitted. Owners with nothing new are left out.
        """
        rows = self._drawn(instant_tai_ns, fraction)
        ages_us = self._rng(instant_tai_ns, 4).integers(0, _FRESH_S * 10**6, rows.size)
        epochs = np.maximum(instant_tai_ns - ages_us * 1_000, self.start_tai_ns)
        first = self.population.element_sets.take(rows)
        known = satellites(first)
        sets, usable = moved(first, epochs, known)
        days = (instant_tai_ns - self.start_tai_ns) // NS_PER_DAY
        sets = quantised(replace(sets, element_set_number=(sets.element_set_number + 1 + days) % 9_999))
        sets = _refitted(known, sets, np.flatnonzero(usable & (_steps_km(known, sets, usable) > _REFIT_KM)))
        kept = np.flatnonzero(usable & (_steps_km(known, sets, usable) < _STEP_KM_MAX))
        return self._by_owner(rows[kept], sets.take(kept))

    def _drawn(self, instant_tai_ns: int, fraction: float) -> NDArray[np.int64]:
        """Rows of the objects that get a new element set, growing."""
        count = max(1, round(len(self.population) * fraction))
        rows = self._rng(instant_tai_ns, 3).choice(len(self.population), count, replace=False)
        if instant_tai_ns < self.start_tai_ns + TRUTH_HOLDS_NS:
            numbers = self.population.element_sets.catalogue_number
            planted = [n for a in self.truth for n in (a.catalogue_number_1, a.catalogue_number_2)]
            rows = rows[~np.isin(numbers[rows], planted)]
        return np.sort(rows).astype(np.int64)

    def _rng(self, instant_tai_ns: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, purpose, (instant_tai_ns - self.start_tai_ns) // NS_PER_SECOND])

    def _by_owner(self, rows: NDArray[np.int64], sets: ElementSets) -> dict[str, bytes]:
        """Messages of the owners who have any of ``rows``; ``sets`` goes with ``rows``."""
        population = self.population
        messages = {}
        for owner in OWNER_NAMES:
            own = np.array([i for i, row in enumerate(rows) if population.owners[row] == owner], dtype=np.int64)
            if own.size:
                names = [population.names[row] for row in rows[own]]
                cospar_ids = [population.cospar_ids[row] for row in rows[own]]
                messages[owner] = omm_csv(names, cospar_ids, sets.take(own))
        return messages


def generate_exercise(seed: int, objects: int, planted: int, start_tai_ns: int) -> Exercise:
    """The exercise of these parameters. Raises ExerciseError where they allow none."""
    population, truth = plant(generate_population(seed, objects, start_tai_ns), seed, planted, start_tai_ns)
    return Exercise(seed, start_tai_ns, population, truth)


def _refitted(known: Sequence[Satrec], sets: ElementSets, rows: NDArray[np.int64]) -> ElementSets:
    """``sets`` with those of ``rows`` fitted to where the known orbit is at their epoch, where they can be."""
    for row in rows.tolist():
        epoch = int(sets.epoch_tai_ns[row])
        try:
            better = fitted(sets.take(np.array([row])), epoch, *state_at(known[row], epoch))
        except FitFailedError:
            continue  # the step stays, and is judged
        sets = sets.with_rows(np.array([row]), quantised(better))
    return sets


def _steps_km(known: Sequence[Satrec], sets: ElementSets, usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance between the old and the new orbit at each new epoch, km; infinite where SGP4 reports an error."""
    steps = np.full(len(sets), np.inf)
    for row, (before, after) in enumerate(zip(known, satellites(sets), strict=True)):
        if usable[row]:
            epoch = int(sets.epoch_tai_ns[row])
            try:
                steps[row] = np.linalg.norm(state_at(after, epoch)[0] - state_at(before, epoch)[0])
            except FitFailedError:
                continue
    return steps
