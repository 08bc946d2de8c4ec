"""The orbits of one data mode held ready, so that one that arrives is screened against all the others at once.

They are the newest of each object from each originator under each label, as in a whole run, over the window of the last
one: a whole run over these orbits and that window finds the same conjunctions.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.timescales import NS_PER_SECOND
from ssa_hub.services.object_order import exchanged
from ssa_hub.state.runs import Run

if TYPE_CHECKING:  # numba and the kernels take seconds to import: only a process that screens pays
    from conjunction.catalogue import Catalogue
    from conjunction.resident import ResidentCatalogue

# What records say of their parents; the rest of an element set is in the resident catalogue.
_COLUMNS = ("record_id", "object_id", "originator", "label_id", "catalogue_number", "object_name")
# Measured over 26,905 objects: 172 MB for a day, 903 MB for seven (blocks are filled up to a whole number of chunks).
_BYTES_AN_ORBIT_AND_HOUR = 270.0
_Key = tuple[str, str, str]


class Arrived(NamedTuple):
    """Orbits that were taken in: their catalogue, and their rows among all, (k,)."""

    catalogue: "Catalogue"
    rows: NDArray[np.int32]


def megabytes_of(orbits: int, window_s: float) -> float:
    """About how much memory so many orbits take over a window."""
    return orbits * window_s / 3600.0 * _BYTES_AN_ORBIT_AND_HOUR / 1e6


class ResidentOrbits:
    """Orbits over the window of ``run``. For one thread at a time.

    ``up_to_seq``: the last that has been screened. ``withdrawn_up_to``: the last withdrawal that they are without.
    """

    def __init__(self, run: Run, elements: pa.Table, resident: "ResidentCatalogue") -> None:
        self.run, self.up_to_seq, self.withdrawn_up_to = run, run.up_to_seq, 0
        self._resident = resident
        self.orbits = _identities(elements)
        self._row_of = {key: row for row, key in enumerate(_keys(self.orbits))}
        self._number_of_object: dict[str, int] = {}
        self._object = self._objects(self.orbits)

    @classmethod
    def build(
        cls, run: Run, elements: pa.Table, executor: Executor, progress: Callable[[float], None] | None = None
    ) -> "ResidentOrbits":
        """Hold element sets (columns of ELEMENT_SET, the newest of each object, originator and label)."""
        from conjunction.catalogue import Catalogue
        from conjunction.resident import ResidentCatalogue

        resident = ResidentCatalogue.build(
            Catalogue.from_elements(elements),
            start_tai_ns=run.start_tai_ns,
            duration_s=(run.end_tai_ns - run.start_tai_ns) / NS_PER_SECOND,
            threshold_km=run.threshold_km,
            executor=executor,
            progress=progress,
        )
        return cls(run, elements, resident)

    def take_in(self, elements: pa.Table) -> Arrived:
        """Put orbits in the places of those that they follow, and new ones beside; the same ones twice change nothing.

        Of each object, originator and label there may be one.
        """
        from conjunction.catalogue import Catalogue

        catalogue, news = Catalogue.from_elements(elements), _identities(elements)
        keys = _keys(news)
        known = np.array([key in self._row_of for key in keys], dtype=np.bool_)
        rows = np.full(len(keys), -1, dtype=np.int32)
        rows[known] = [self._row_of[key] for key in keys if key in self._row_of]
        if known.any():
            self._resident.replace(rows[known], catalogue.take(np.flatnonzero(known)))
        if not known.all():
            rows[~known] = self._resident.append(catalogue.take(np.flatnonzero(~known)))
        self._note(news, keys, rows)
        return Arrived(catalogue, rows)

    def screen(self, arrived: Arrived, part: slice, executor: Executor) -> pa.Table:
        """Conjunctions of a part of what arrived with everything here, its own kind included, each pair once.

        Columns of `conjunction.ScreeningResult.conjunctions`; indices are rows of ``orbits``, object 1 has the smaller
        object id. A pair of which both have arrived is found with the part that has its object 1.
        """
        rows = arrived.rows[part]
        places = np.arange(len(arrived.rows))[part]
        result = self._resident.screen(
            arrived.catalogue.take(places), group=self._object[rows], of_resident=self._object, executor=executor
        )
        found = result.conjunctions
        first = rows[np.asarray(found.column("index_1").to_numpy())]
        second = np.asarray(found.column("index_2").to_numpy())
        found = found.set_column(0, found.schema.field("index_1"), pa.array(first, pa.int32()))
        ids = np.asarray(self.orbits.column("object_id").to_pylist(), dtype=object)
        swap = np.asarray(ids[first] > ids[second], dtype=np.bool_)
        told_elsewhere = swap & np.isin(second, arrived.rows)
        if (swap & ~told_elsewhere).any():
            found = exchanged(found, swap & ~told_elsewhere, self._resident.catalogue)
        return found.filter(pa.array(~told_elsewhere))

    def _note(self, news: pa.Table, keys: list[_Key], rows: NDArray[np.int32]) -> None:
        """Bring identities, rows by key and objects up to what the resident catalogue holds now."""
        before = self.orbits.num_rows
        source = np.arange(max(before, int(rows.max(initial=-1)) + 1))
        source[rows] = before + np.arange(len(rows))
        self.orbits = pa.concat_tables([self.orbits, news]).take(pa.array(source)).combine_chunks()
        self._row_of.update(zip(keys, rows.tolist(), strict=True))
        objects = np.full(len(source), -1, dtype=np.int64)
        objects[:before] = self._object
        objects[rows] = self._objects(news)
        self._object = objects

    def _objects(self, orbits: pa.Table) -> NDArray[np.int64]:
        """A number for each row's object: two originators' orbits of one object have one number."""
        numbers = self._number_of_object
        names = orbits.column("object_id").to_pylist()
        return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def _identities(elements: pa.Table) -> pa.Table:
    return elements.select(list(_COLUMNS)).combine_chunks()


def _keys(orbits: pa.Table) -> list[_Key]:
    names = ("object_id", "originator", "label_id")
    return list(zip(*(orbits.column(name).to_pylist() for name in names), strict=True))
