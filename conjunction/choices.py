"""What is asked for by the names of objects (volumes, pairs and owners left out, primaries), made arrays of rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.exclusion import PairsLeftOut, every_pair
from conjunction.orbits import Orbits
from conjunction.selection import Selection, is_pattern
from conjunction.volumes import ScreeningVolume, Volumes


class ChoiceError(ValueError):
    """What was asked for in words cannot be done, and why."""


class Owner(NamedTuple):
    """Who owns an object (``object``: as `conjunction.selection` reads it), and whether pairs of his are left out."""

    object: str
    owner: str
    flagged: bool = True


@dataclass(frozen=True)
class Choices:
    """What is asked for; each object as `conjunction.selection.Selection.chosen` reads it.

    volumes: what each object or class of objects has for a screening volume, half-widths or semi-axes in km along its
    own R, T and N; a single object goes before a class, and of two classes the first. leave_out: pairs, such as docked
    objects. owners: pairs of one owner's are left out where both are flagged. primaries: only pairs with one of them.
    """

    volumes: Mapping[str, ScreeningVolume] | None = None
    leave_out: Iterable[tuple[str, str]] = ()
    owners: Iterable[Owner] = ()
    primaries: Iterable[str] | None = None


class Chosen(NamedTuple):
    """What `screen` is told, and which words meant no orbit at all."""

    volumes: Volumes | None
    pairs_excluded: PairsLeftOut
    without_orbit: list[str]


def chosen(choices: Choices, orbits: Orbits) -> Chosen:
    """Raises ChoiceError for words that are no selection, and for primaries of which none is there."""
    words = _Words(Selection(orbits.objects))
    volumes = _volumes(choices.volumes or {}, orbits, words)
    owner = flagged = None
    owners = list(choices.owners)
    if owners:
        owner, flagged = _owned(owners, orbits, words)
    excluded = PairsLeftOut(
        same_object=orbits.of_rows(orbits.same_object),
        owner=owner,
        owner_flagged=flagged,
        pairs=_pairs(choices.leave_out, orbits, words),
        primary=_primary(choices.primaries, orbits, words),
    )
    return Chosen(volumes, excluded, list(dict.fromkeys(words.without_orbit)))


class _Words:
    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.without_orbit: list[str] = []

    def orbits(self, text: str) -> NDArray[np.int64]:
        try:
            found = self._selection.chosen(text)
        except ValueError as error:
            raise ChoiceError(str(error)) from error
        if not len(found):
            self.without_orbit.append(text)
        return found


def _volumes(wanted: Mapping[str, ScreeningVolume], orbits: Orbits, words: _Words) -> Volumes | None:
    if not wanted:
        return None
    of_orbit = np.full(orbits.objects.num_rows, -1, dtype=np.int32)
    # The last that is written wins, so: classes from the last to the first, then single objects.
    texts = list(wanted)
    for text in [*reversed([one for one in texts if is_pattern(one)]), *(one for one in texts if not is_pattern(one))]:
        of_orbit[words.orbits(text)] = texts.index(text)
    return Volumes(tuple(wanted.values()), orbits.of_rows(of_orbit))


def _owned(owners: list[Owner], orbits: Orbits, words: _Words) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    names = {name: place for place, name in enumerate(dict.fromkeys(one.owner for one in owners))}
    owner = np.full(orbits.objects.num_rows, -1, dtype=np.int64)
    flagged = np.zeros(orbits.objects.num_rows, dtype=np.bool_)
    for one in owners:
        rows = words.orbits(one.object)
        owner[rows], flagged[rows] = names[one.owner], one.flagged
    return orbits.of_rows(owner), orbits.of_rows(flagged)


def _pairs(leave_out: Iterable[tuple[str, str]], orbits: Orbits, words: _Words) -> NDArray[np.int32] | None:
    pairs = [every_pair(*(orbits.rows_of(words.orbits(text)) for text in pair)) for pair in leave_out]
    return np.concatenate(pairs) if pairs else None


def _primary(primaries: Iterable[str] | None, orbits: Orbits, words: _Words) -> NDArray[np.bool_] | None:
    if primaries is None:
        return None
    primary = np.zeros(orbits.objects.num_rows, dtype=np.bool_)
    for text in primaries:
        primary[words.orbits(text)] = True
    if not primary.any():
        raise ChoiceError("none of the primaries is among the orbits")
    return orbits.of_rows(primary)
