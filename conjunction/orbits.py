"""Orbits that are to be screened: the catalogue, and what each orbit is called and where it comes from.

Which of several element sets of an object counts, and which orbits are of the same object, is decided here.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from conjunction.catalogue import Catalogue
from conjunction.element_tables import ELEMENT_COLUMNS
from conjunction.orbit_inputs import Gathered, gather
from schemas.ephemeris import Ephemeris
from schemas.identity import object_id_of
from schemas.refusals import Refusal

ORBITS_SCHEMA = pa.schema(
    [
        pa.field("catalogue_number", pa.int64()),
        pa.field("object_name", pa.string()),
        pa.field("object_id", pa.string()),  # international designator, or what an ephemeris states as its object's id
        pa.field("kind", pa.string(), False),  # elements, ephemeris, catalogue (a row of a Catalogue, not named)
        pa.field("epoch_tai_ns", pa.int64()),  # of elements
        pa.field("source", pa.string(), False),  # the file, or what the input is called
        pa.field("input_row", pa.int64(), False),  # record of the file or row of the input, from 0
    ]
)
ELEMENTS, EPHEMERIS, CATALOGUE_ROW = "elements", "ephemeris", "catalogue"

# Catalogue numbers have been written with five digits and more since the fifties; a shorter id may be anybody's own.
_NUMBER = re.compile(r"[0-9]{5,9}")
_NO_ID = frozenset({"", "UNKNOWN"})


@dataclass(frozen=True)
class Orbits:
    """``catalogue`` and, an orbit a row (`catalogue.orbit` are row numbers), ``objects`` with `ORBITS_SCHEMA`.

    same_object (orbit_count,) int64: orbits of one number are of one object. ``superseded_count`` element sets were
    left for newer ones of their object; ``refusals`` are records that could not be read, or not be screened;
    ``messages_passed_by`` conjunction messages stood among them, which are no orbits.
    """

    catalogue: Catalogue
    objects: pa.Table
    same_object: NDArray[np.int64]
    superseded_count: int
    refusals: list[Refusal]
    messages_passed_by: int

    def of_rows(self, of_orbit: NDArray[Any]) -> NDArray[Any]:
        """Values of orbits as values of the catalogue's rows."""
        return of_orbit[self.catalogue.orbit]

    def rows_of(self, orbits: NDArray[np.int64]) -> NDArray[np.int32]:
        """The catalogue's rows of some orbits: an ephemeris with gaps has several."""
        return np.flatnonzero(np.isin(self.catalogue.orbit, orbits)).astype(np.int32)


def read_orbits(orbits: Any, *, newest_only: bool = True) -> Orbits:
    """Orbits of anything that `conjunction.orbit_inputs.gather` takes, in the order: elements, ephemerides, catalogues.

    Of several element sets of one catalogue number the newest counts (of two of one epoch, the later in the input),
    unless newest_only is off. An analyst's number (`schemas.identity`) is an object's in one source only. Of one object
    are: orbits of the same catalogue number; an ephemeris and element sets of its international designator, where it is
    one catalogue number's alone; orbits without number of the same designator. An ephemeris whose id is digits (five or
    more) has this catalogue number, unless the element set of this number has another name.

    Raises as `gather` does.
    """
    gathered = orbits if isinstance(orbits, Gathered) else gather(orbits)
    elements, superseded = _elements(gathered, newest_only)
    refusals = list(gathered.refusals)
    parts = [Catalogue.from_elements(elements.select(ELEMENT_COLUMNS.names))]
    tables = [_objects_of_elements(elements)]
    taken: list[tuple[str, Ephemeris]] = []
    for called, ephemeris in gathered.ephemerides:
        try:
            parts.append(Catalogue.from_ephemerides([ephemeris.segments]))
        except ValueError as error:
            refusals.append(_refused(called, ephemeris, error))
        else:
            taken.append((called, ephemeris))
    tables.append(_objects_of_ephemerides(taken, tables[0]))
    for called, catalogue in gathered.catalogues:
        parts.append(catalogue)
        tables.append(_objects_of_catalogue(called, catalogue))
    objects = pa.concat_tables(tables).combine_chunks()
    used = [part for part in parts if part.n]
    catalogue = used[0] if len(used) == 1 else Catalogue.joined(used or parts[:1])
    return Orbits(catalogue, objects, _same_object(objects), superseded, refusals, gathered.messages_passed_by)


def _elements(gathered: Gathered, newest_only: bool) -> tuple[pa.Table, int]:
    """All element sets with ``source`` and ``input_row`` beside them, the newest of each number; how many are older."""
    tables = [
        table.append_column("source", pa.repeat(called, len(row))).append_column("input_row", pa.array(row))
        for called, table, row in gathered.elements
    ]
    if not tables:
        empty = ELEMENT_COLUMNS.empty_table()
        return empty.append_column("source", pa.array([], pa.string())).append_column(
            "input_row", pa.array([], pa.int64())
        ), 0
    everything = pa.concat_tables(tables).combine_chunks()
    if not newest_only:
        return everything, 0
    numbers, sources = (everything.column(name).to_pylist() for name in ("catalogue_number", "source"))
    known: dict[object, int] = {}
    of_object = np.array(
        [
            known.setdefault(row if number is None else _numbered(number, source), len(known))
            for row, (number, source) in enumerate(zip(numbers, sources, strict=True))
        ],
        dtype=np.int64,
    )
    order = np.lexsort((everything.column("epoch_tai_ns").to_numpy(), of_object))  # stable: the later of one epoch wins
    newest = np.append(of_object[order][1:] != of_object[order][:-1], len(order) > 0)[: len(order)]
    kept = np.sort(order[newest])
    return everything.take(kept), len(of_object) - len(kept)


def _numbered(number: int, source: str) -> str:
    """Which object a catalogue number stands for: an analyst's number is a source's own (`schemas.identity`)."""
    return object_id_of(number, source) if 1 <= number <= 999_999_999 else f"{source} {number}"


def _objects_of_elements(elements: pa.Table) -> pa.Table:
    number = elements.column("catalogue_number")
    return pa.table(
        {
            "catalogue_number": number,
            "object_name": elements.column("object_name"),
            "object_id": elements.column("cospar_id"),
            "kind": pa.repeat(ELEMENTS, elements.num_rows),
            "epoch_tai_ns": elements.column("epoch_tai_ns"),
            "source": elements.column("source"),
            "input_row": elements.column("input_row"),
        },
        schema=ORBITS_SCHEMA,
    )


def _objects_of_ephemerides(taken: Sequence[tuple[str, Ephemeris]], elements: pa.Table) -> pa.Table:
    names_of_number = dict(
        zip(elements.column("catalogue_number").to_pylist(), elements.column("object_name").to_pylist(), strict=True)
    )
    numbers_of_id = _numbers_of_id(elements)
    rows = []
    for called, ephemeris in taken:
        first = ephemeris.segments[0]
        name, object_id = (None if text.strip() in _NO_ID else text.strip() for text in _words(first))
        number = _number_of(object_id, name, names_of_number)
        if number is not None:
            object_id = None
        elif object_id is not None and len(numbers_of_id.get(object_id, ())) == 1:
            number = next(iter(numbers_of_id[object_id]))
        rows.append(
            {
                "catalogue_number": number,
                "object_name": name,
                "object_id": object_id,
                "kind": EPHEMERIS,
                "epoch_tai_ns": None,
                "source": called,
                "input_row": ephemeris.record - 1,
            }
        )
    return pa.Table.from_pylist(rows, schema=ORBITS_SCHEMA)


def _words(segment: Any) -> tuple[str, str]:
    return segment.object_name or "", segment.object_id or ""


def _number_of(object_id: str | None, name: str | None, names: dict[int | None, str | None]) -> int | None:
    """The catalogue number that an ephemeris states as its id; None where it may be another number."""
    if object_id is None or _NUMBER.fullmatch(object_id) is None:
        return None
    number = int(object_id)
    other = names.get(number)
    if name is not None and other is not None and _plain(name) != _plain(other):
        return None
    return number


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def _numbers_of_id(objects: pa.Table) -> dict[str, set[int]]:
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for object_id, number in zip(
        objects.column("object_id").to_pylist(), objects.column("catalogue_number").to_pylist(), strict=True
    ):
        if object_id is not None and number is not None:
            numbers[object_id].add(number)
    return numbers


def _objects_of_catalogue(called: str, catalogue: Catalogue) -> pa.Table:
    n = catalogue.orbit_count
    columns = {field.name: pa.nulls(n, field.type) for field in ORBITS_SCHEMA}
    columns |= {
        "kind": pa.repeat(CATALOGUE_ROW, n),
        "source": pa.repeat(called, n),
        "input_row": pa.array(np.arange(n, dtype=np.int64)),
    }
    return pa.table(columns, schema=ORBITS_SCHEMA)


def _same_object(objects: pa.Table) -> NDArray[np.int64]:
    """A number for each orbit, one for all of an object: by catalogue number, else by id, else each its own."""
    known: dict[tuple[str, Any], int] = {}
    group = np.empty(objects.num_rows, dtype=np.int64)
    columns = (objects.column(name).to_pylist() for name in ("catalogue_number", "object_id", "source"))
    for row, (number, object_id, source) in enumerate(zip(*columns, strict=True)):
        if number is not None:
            key: tuple[str, Any] = ("number", _numbered(number, source))
        elif object_id is not None:
            key = ("id", object_id)
        else:
            key = ("row", row)
        group[row] = known.setdefault(key, len(known))
    return group


def _refused(called: str, ephemeris: Ephemeris, error: ValueError) -> Refusal:
    first = ephemeris.segments[0] if ephemeris.segments else None
    name = first.object_name if first is not None else ""
    return Refusal(
        file=called, record=ephemeris.record, line=0, field="ephemeris", value=name, rule=f"cannot be screened: {error}"
    )
