"""Drawing the exercise's objects from the table of regimes, by seed."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sgp4.api import SatrecArray

from connectors.exercise.constellation import phased
from connectors.exercise.element_sets import ElementSets, moved, quantised, satellites
from connectors.exercise.regimes import REGIMES, Regime
from schemas.timescales import NS_PER_SECOND, utc_julian_date

FIRST_CATALOGUE_NUMBER = 200_001  # far above the real catalogue of 2026, and TLEs can still say it (Alpha-5)
VALID_DAYS = 2
_EARTH_RADIUS_KM = 6_378.135
_MU_KM3_S2 = 398_600.8
_SUN_SYNCHRONOUS_KM = 12_352.0  # a with cos(i) = -(a / this)**3.5, Vallado, 4th edition, 11.4.1
_EPOCH_AGE_S = (600, 86_400)
_PIECE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # COSPAR pieces leave out I and O
_LAST_LAUNCH = 999  # launches count down from here: no year has come near


class ExerciseError(RuntimeError):
    """The exercise cannot be generated with these parameters."""


@dataclass(frozen=True, slots=True)
class Population:
    """The objects, one a row: tuples and element sets in the same order, catalogue numbers growing."""

    names: tuple[str, ...]
    cospar_ids: tuple[str, ...]
    owners: tuple[str, ...]
    regimes: tuple[str, ...]
    element_sets: ElementSets

    def __len__(self) -> int:
        return len(self.names)


def generate_population(seed: int, count: int, start_tai_ns: int) -> Population:
    """``count`` objects whose element sets have epochs within the day before ``start_tai_ns``.

    Equal arguments give equal populations. Each element set is valid for SGP4 until ``VALID_DAYS`` after the start.
    Raises ExerciseError where there are fewer objects than regimes.
    """
    if count < len(REGIMES):
        raise ExerciseError(f"{count} objects are fewer than the {len(REGIMES)} regimes")
    rng = np.random.default_rng([seed, 1])
    names: list[str] = []
    cospar_ids: list[str] = []
    owners: list[str] = []
    regimes: list[str] = []
    ages: list[NDArray[np.float64]] = []
    shapes: list[NDArray[np.float64]] = []
    launches: dict[int, int] = {}
    numbered: Counter[str] = Counter()
    for regime, members in zip(REGIMES, _shares(count), strict=True):
        years, ids = _launched(rng, regime, members, launches)
        numbered[regime.objects] += members
        last = numbered[regime.objects]
        names += [f"{regime.objects} {number}" for number in range(last - members + 1, last + 1)]
        cospar_ids += ids
        known, shares = zip(*regime.owners, strict=True)
        picked = rng.choice(len(known), size=members, p=np.array(shares) / sum(shares))
        owners += [known[index] for index in picked]
        regimes += [regime.name] * members
        ages.append(2026.0 - years + rng.uniform(0.0, 0.5, members))
        shapes.append(_drawn(rng, regime, members))
    columns = np.concatenate(shapes, axis=1)
    sets = _at_start(rng, columns, np.concatenate(ages), start_tai_ns)
    epochs = start_tai_ns - rng.integers(_EPOCH_AGE_S[0] * 10**6, _EPOCH_AGE_S[1] * 10**6, count) * 1_000
    sets = _valid(moved(sets, epochs)[0], start_tai_ns)
    return Population(tuple(names), tuple(cospar_ids), tuple(owners), tuple(regimes), sets)


def _shares(count: int) -> list[int]:
    """How many objects each regime gets: at least one, else by weight, largest remainders first."""
    weights = np.array([regime.weight for regime in REGIMES])
    exact = (count - len(REGIMES)) * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: count - len(REGIMES) - int(whole.sum())]:
        whole[index] += 1
    return [int(share) + 1 for share in whole]


def _launched(
    rng: np.random.Generator, regime: Regime, members: int, launches: dict[int, int]
) -> tuple[NDArray[np.int64], list[str]]:
    """Launch years and COSPAR ids; ``launches`` counts the launches of each year down over all regimes."""
    count = -(-members // regime.per_launch)
    years = np.sort(rng.integers(regime.years[0], regime.years[1] + 1, count))
    ids: list[str] = []
    of_objects = np.repeat(years, regime.per_launch)[:members]
    for launch, year in enumerate(years.tolist()):
        number = launches.get(year, _LAST_LAUNCH)
        launches[year] = number - 1
        if number < 1:
            raise ExerciseError(f"regime {regime.name}: more than {_LAST_LAUNCH} launches in {year}")
        pieces = min(regime.per_launch, members - launch * regime.per_launch)
        ids.extend(f"{year}-{number:03d}{_piece(piece)}" for piece in range(pieces))
    return of_objects, ids


def _piece(index: int) -> str:
    """Letters of the ``index``-th piece of a launch, from 0: A to Z, AA to ZZ, AAA to ZZZ."""
    text = ""
    index += 1
    while index > 0:
        index, digit = divmod(index - 1, len(_PIECE_LETTERS))
        text = _PIECE_LETTERS[digit] + text
    return text


def _drawn(rng: np.random.Generator, regime: Regime, members: int) -> NDArray[np.float64]:
    """Rows: perigee and apogee radius (km), inclination, node, argument of pericentre, mean anomaly (deg), bstar."""
    perigee = rng.uniform(*regime.perigee_km, members)
    if regime.shape == "spread":
        apogee = perigee + rng.uniform(*regime.rise_km, members)
    elif regime.shape == "cloud":
        change = rng.exponential(regime.rise_km[1], members)
        lowered = rng.random(members) < 0.5
        apogee = np.where(lowered, perigee, perigee + change)
        perigee = np.maximum(perigee - change * lowered, 350.0)
    else:
        # The eccentricity that operators keep, a few 1e-4 at most, does not take satellites out of their shell.
        half_rise = (perigee + _EARTH_RADIUS_KM) * rng.uniform(5e-5, 1.5e-4, members)
        perigee, apogee = perigee - half_rise, perigee + half_rise
    axis = (perigee + apogee) / 2 + _EARTH_RADIUS_KM
    if regime.inclination_deg is None:
        inclination = np.degrees(np.arccos(-((axis / _SUN_SYNCHRONOUS_KM) ** 3.5))) + rng.normal(0, 0.08, members)
    else:
        inclination = np.abs(rng.normal(*regime.inclination_deg, members)) + 0.004
    node = rng.uniform(0, 360, members)
    argument = rng.uniform(0, 360, members)
    anomaly = rng.uniform(0, 360, members)
    if regime.argument_deg is not None:
        argument = rng.normal(*regime.argument_deg, members)
    if regime.planes:
        phased_node, latitude = phased(members, regime.planes, float(np.mean(inclination)))
        if regime.planes > 1:
            node = phased_node + rng.normal(0, 0.01, members)
            argument = rng.normal(90, 4, members)
            anomaly = latitude - argument + rng.normal(0, 0.01, members)
        else:  # one ring of longitudes: node and pericentre are free, their sum with the anomaly is not
            anomaly = latitude - node - argument + rng.normal(0, 0.02, members)
    bstar = np.exp(rng.normal(0, regime.bstar[1], members)) * regime.bstar[0]
    return np.stack(
        [perigee + _EARTH_RADIUS_KM, apogee + _EARTH_RADIUS_KM, inclination, node, argument, anomaly, bstar]
    )


def _at_start(
    rng: np.random.Generator, columns: NDArray[np.float64], age_years: NDArray[np.float64], start_tai_ns: int
) -> ElementSets:
    """Element sets with their epoch at the start: constellations are phased at one instant."""
    perigee, apogee, inclination, node, argument, anomaly, bstar = columns
    count = perigee.size
    mean_motion = np.sqrt(_MU_KM3_S2 / ((perigee + apogee) / 2) ** 3) * 86_400 / (2 * np.pi)
    return ElementSets(
        catalogue_number=np.arange(FIRST_CATALOGUE_NUMBER, FIRST_CATALOGUE_NUMBER + count, dtype=np.int64),
        epoch_tai_ns=np.full(count, start_tai_ns, dtype=np.int64),
        mean_motion_rev_per_day=mean_motion,
        eccentricity=(apogee - perigee) / (apogee + perigee),
        inclination_deg=inclination,
        ra_of_asc_node_deg=node,
        arg_of_pericenter_deg=argument,
        mean_anomaly_deg=anomaly,
        bstar_per_earth_radius=bstar,
        mean_motion_dot_rev_per_day2=np.zeros(count),
        element_set_number=rng.integers(1, 999, count),
        revolution_at_epoch=np.mod(age_years * 365.25 * mean_motion, 100_000).astype(np.int64),
    )


def _valid(sets: ElementSets, start_tai_ns: int) -> ElementSets:
    """The element sets as messages carry them, with less drag where SGP4 would let an object decay too soon."""
    sets = quantised(sets)
    for _ in range(4):
        bad = invalid_rows(sets, start_tai_ns)
        if not bad.size:
            return sets
        sets.bstar_per_earth_radius[bad] /= 10
        sets = quantised(sets)
    raise ExerciseError(f"object {sets.catalogue_number[bad[0]]} has no valid orbit")


def invalid_rows(sets: ElementSets, start_tai_ns: int, step_s: int = 7_200) -> NDArray[np.int64]:
    """Rows for which the sgp4 library reports an error between the start and ``VALID_DAYS`` later."""
    offsets = np.arange(0, VALID_DAYS * 86_400 + 1, step_s, dtype=np.int64)
    jd, fraction = utc_julian_date(start_tai_ns + offsets * NS_PER_SECOND)
    wrong = np.zeros(len(sets), dtype=np.bool_)
    made = satellites(sets)
    for first in range(0, len(made), 4_096):  # bounded memory
        errors, _, _ = SatrecArray(made[first : first + 4_096]).sgp4(jd, fraction)
        wrong[first : first + 4_096] = (errors != 0).any(axis=1)
    return np.flatnonzero(wrong)
