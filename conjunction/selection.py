"""Which orbits somebody means: by catalogue number, range of numbers, international designator, or name."""

import re
from fnmatch import translate

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.cospar import is_cospar_id

_NUMBER = re.compile(r"[0-9]{1,9}")
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_PATTERN_SIGNS = frozenset("*?[")


class Selection:
    """Finds orbits of a table with `conjunction.orbits.ORBITS_SCHEMA`."""

    def __init__(self, objects: pa.Table) -> None:
        self._number = objects.column("catalogue_number").fill_null(-1).to_numpy()
        self._names = [(name or "").casefold() for name in objects.column("object_name").to_pylist()]
        self._ids = [object_id or "" for object_id in objects.column("object_id").to_pylist()]

    def chosen(self, text: str) -> NDArray[np.int64]:
        """Row numbers, rising, of what ``text`` means; none where nothing is meant.

        ``25544``: catalogue number. ``44713-44772``: numbers, both included. ``1998-067A``: international designator,
        or any other id that an ephemeris states. ``STARLINK-1007``, ``STARLINK*``: name, with ``*``, ``?`` and
        ``[...]`` as in a shell, whether in capitals or not. ``*``: every orbit. Raises ValueError for an empty text and
        a range that runs backwards.
        """
        text = text.strip()
        if not text:
            raise ValueError("an empty text means no object")
        if _NUMBER.fullmatch(text):
            found = np.flatnonzero(self._number == int(text))
            return found if len(found) else self._with_id(text)
        if bounds := _RANGE.fullmatch(text):
            low, high = int(bounds[1]), int(bounds[2])
            if low > high:
                raise ValueError(f"{text}: a range of catalogue numbers runs from the smaller to the larger")
            return np.flatnonzero((self._number >= low) & (self._number <= high))
        if is_cospar_id(text):
            return self._with_id(text)
        if text == "*":
            return np.arange(len(self._names))
        matches = re.compile(translate(text.casefold())).match
        found = np.flatnonzero([matches(name) is not None for name in self._names])
        return found if len(found) or _PATTERN_SIGNS & set(text) else self._with_id(text)

    def _with_id(self, text: str) -> NDArray[np.int64]:
        return np.flatnonzero([object_id == text for object_id in self._ids])


def is_pattern(text: str) -> bool:
    """Whether a text may mean many objects: a range or a name with wildcards. One that means one object goes before."""
    return bool(_PATTERN_SIGNS & set(text)) or _RANGE.fullmatch(text.strip()) is not None
