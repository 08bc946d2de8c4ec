"""Rows of named objects: the row groups that hold them are read by Arrow, and nothing else of any file.

DuckDB looks at every row group of each file that it opens, some 60 microseconds each, whatever is asked: with footers
in memory one object's rows in thirty files are thirty row groups. Questions then run over the rows that were found as
over files.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate, groupby
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.identity import object_id_of
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.footers import Footer, Footers
from ssa_hub.history.stored_columns import whole_column
from ssa_hub.history.tables import ELEMENTS, RECEIVED_MONTH, definition_of

# Where named objects lie in more rows than these, DuckDB's scan of the files is the faster way.
ROWS_MAX = 4_000_000
# Columns whose statistics are not looked at: they tell rows apart, or no row group has one value of them.
_VARYING = frozenset({
    *("object_id", "catalogue_number", "record_id", "epoch_tai_ns", "received_tai_ns", "payload_record"),
    *("revolution_at_epoch", "element_set_number"),
    *(whole_column(*of) for of in definition_of(ELEMENTS).decimals if of[0] != "mean_motion_ddot_rev_per_day3"),
})  # fmt: skip
# More pieces of rows than these are copied together: each slice of a table is some objects a column.
_SLICES_MAX = 8
# Texts that hardly repeat gain nothing from being read as dictionaries.
_PLAIN = frozenset({"record_id"})
# Every object id outside the shared catalogue lies between these.
_OF_SOURCES = ("src-", "src.")


class _Part(NamedTuple):
    """Row groups of a file. ``pieces``: which rows of the file, where its footer says so; None: to be looked for."""

    path: str
    footer: Footer
    groups: list[int]
    pieces: list[tuple[int, int]] | None


class _Found(NamedTuple):
    """What a part holds of the objects: columns that were read, those that are one value throughout by their names."""

    rows: pa.Table
    constants: Mapping[str, Any]


class ObjectRows:
    """Reads element sets of named objects. ``executor`` reads several files at a time. Threads may share one.

    ``look_first``: whether an object's name is looked for by itself before all columns of a row group are read. Its
    bounds include many that are not there: of files that are near it saves time, of files far away it is one more
    request.
    """

    def __init__(
        self, access: FileAccess, executor: Executor, *, look_first: bool = True, rows_max: int = ROWS_MAX
    ) -> None:
        self._access = access
        self._executor, self._look_first, self._rows_max = executor, look_first, rows_max
        self._footers = Footers(access, ("object_id", "catalogue_number"), objects=True)
        # The month is asked for by nobody.
        month = definition_of(ELEMENTS).stored_schema.get_field_index(RECEIVED_MONTH.name)
        self._stored = definition_of(ELEMENTS).stored_schema.remove(month)
        self._maybe_constant = [name for name in self._stored.names if name not in _VARYING]
        self._dictionaries = [
            field.name for field in self._stored if field.type == pa.string() and field.name not in _PLAIN
        ]
        # DuckDB takes texts as dictionaries, another in each chunk, so nobody needs to spell them out.
        self._answered = pa.schema([
            field.with_type(pa.dictionary(pa.int32(), pa.string())) if field.name in self._dictionaries else field
            for field in self._stored
        ])  # fmt: skip

    def read(self, paths: Sequence[str], named: Mapping[str, Sequence[Any]]) -> pa.Table | None:
        """The rows with one of the object ids or catalogue numbers named, as stored but for the month of reception.

        None: better read otherwise.

        Texts that repeat are dictionaries, of their own in each chunk.
        ``paths``: files that may hold them; ``named``: values by column, one of which must match. Raises OSError,
        pyarrow.ArrowInvalid.
        """
        ids = sorted(set(named.get("object_id", ())))
        numbers = sorted(set(named.get("catalogue_number", ())))
        names = _names_of(ids, numbers)
        kept = {path: self._footers.kept(path) for path in paths}
        unread = [path for path, footer in kept.items() if footer is None]
        read = dict(zip(unread, self._executor.map(self._footers.of, unread), strict=True))
        parts = [_part_of(path, kept[path] or read[path], ids, numbers, names) for path in paths]
        parts = [part for part in parts if part.groups]
        if sum(part.footer.rows_of(part.groups) for part in parts) > self._rows_max:
            return None
        found = [one for one in self._executor.map(lambda part: self._read_part(part, ids, numbers), parts) if one]
        if not found:
            return self._answered.empty_table()
        # To make an array takes as long as to read a column: what is the same in all parts is made once.
        same = dict(set.intersection(*(set(one.constants.items()) for one in found)))
        some = {name for one in found for name, value in one.constants.items() if value is not None}
        joined = self._joined([one.rows for one in found])
        held = {name: number for number, name in enumerate(joined.schema.names)}
        columns = []
        for field in self._answered:
            if field.name in same:
                columns.append(_repeated(same[field.name], field.type, joined.num_rows))
            elif field.name in some:
                columns.append(_mixed(found, field))
            else:
                columns.append(_as(field.type, joined.column(held[field.name])))
        return pa.table(columns, schema=self._answered)

    def _joined(self, parts: Sequence[pa.Table]) -> pa.Table:
        """The rows of all parts, null where a part lacks a column: in one call, however many columns and parts."""
        try:
            return pa.concat_tables(parts, promote_options="default")
        except pa.ArrowTypeError:  # files of former versions, with columns of other types
            alike = [self._as_answered(part) for part in parts]
            return pa.concat_tables(alike, promote_options="default")

    def _as_answered(self, part: pa.Table) -> pa.Table:
        names = part.column_names
        return pa.table([_as(self._answered.field(name).type, part.column(name)) for name in names], names)

    def read_ahead(self, paths: Sequence[str], going_on: Callable[[], bool]) -> int:
        """Read footers for questions to come, as long as ``going_on`` and there is room; how many.

        Raises OSError, pyarrow.ArrowInvalid.
        """
        for number, path in enumerate(paths):
            if not going_on() or not self._footers.ahead(path):
                return number
        return len(paths)

    def _read_part(self, part: _Part, ids: list[str], numbers: list[int]) -> _Found | None:
        """What the part holds of them; None: nothing."""
        constants = {name: None for name in self._stored.names if name not in part.footer.columns}
        # Arrow does not know columns that the file lacks.
        dictionaries = [name for name in self._dictionaries if name in part.footer.columns]
        with self._access.parquet(part.path, metadata=part.footer.metadata, read_dictionary=dictionaries) as file:
            places = None
            if part.pieces is None and self._look_first:
                keys = [name for name, values in (("object_id", ids), ("catalogue_number", numbers)) if values]
                held = file.read_row_groups(part.groups, columns=keys, use_threads=False)
                places = _places(held, ids, numbers)
                if not len(places):
                    return None
            # Each column that is read costs some 40 microseconds, however few its rows.
            constants |= part.footer.constants(self._maybe_constant, part.groups)
            names = [name for name in self._stored.names if name not in constants]
            rows = file.read_row_groups(part.groups, columns=names, use_threads=False)
        if part.pieces is not None:
            return _Found(_pieces_of(rows, part), constants)
        places = _places(rows, ids, numbers) if places is None else places
        return _Found(_chosen(rows, places), constants) if len(places) else None


def _part_of(
    path: str, footer: Footer, ids: Sequence[str], numbers: Sequence[int], names: Sequence[str] | None
) -> _Part:
    """What of a file may hold one of the ids or numbers, which are the objects ``names`` where that is known."""
    if names is None or footer.objects is None:
        return _Part(path, footer, groups_of(footer, ids, numbers), None)
    pieces = footer.objects.rows_of(names)
    return _Part(path, footer, footer.groups_with_rows(pieces), pieces)


def _names_of(ids: Sequence[str], numbers: Sequence[int]) -> list[str] | None:
    """Ids of all objects that are named; None where a number may be several objects, each source's own."""
    shared = [_shared_id_of(number) for number in numbers]
    return None if None in shared else sorted({*ids, *(name for name in shared if name is not None)})


def _pieces_of(rows: pa.Table, part: _Part) -> pa.Table:
    """The rows of a part's pieces among those of its row groups."""
    sizes = [part.footer.rows_of([group]) for group in part.groups]
    # How many rows of the file before each row group that was read were not.
    left_out = [
        part.footer.begin_of(group) - read for group, read in zip(part.groups, accumulate([0, *sizes]), strict=False)
    ]
    found = []
    for begin, end in part.pieces or ():
        before = left_out[part.groups.index(int(np.searchsorted(part.footer.ends, begin, side="right")))]
        found.append((begin - before, end - before))
    if len(found) > _SLICES_MAX:
        return rows.take(pa.array(np.concatenate([np.arange(begin, end) for begin, end in found])))
    slices = [rows.slice(begin, end - begin) for begin, end in found]
    return slices[0] if len(slices) == 1 else pa.concat_tables(slices)


def _mixed(found: Sequence[_Found], field: pa.Field) -> pa.ChunkedArray:
    """A column that some parts have, and others have one value of; neighbours with the same one share an array."""
    chunks: list[pa.Array] = []
    for constant, parts in groupby(
        found, lambda part: (part.constants[field.name],) if field.name in part.constants else ()
    ):
        if constant:
            chunks.append(_repeated(constant[0], field.type, sum(part.rows.num_rows for part in parts)))
        else:
            for part in parts:
                chunks.extend(_as(field.type, part.rows.column(field.name)).chunks)
    return pa.chunked_array(chunks, field.type)


def _as(wanted: pa.DataType, column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if column.type == wanted else column.cast(wanted)


def _places(rows: pa.Table, ids: Sequence[str], numbers: Sequence[int]) -> NDArray[np.int64]:
    """Where the rows with one of the ids or numbers stand, ascending."""
    wanted = np.zeros(rows.num_rows, dtype=np.bool_)
    if ids:
        wanted |= _is_one_of(rows.column("object_id"), ids)
    if numbers:
        wanted |= np.isin(rows.column("catalogue_number").to_numpy(), np.array(numbers, np.int64))
    return np.flatnonzero(wanted)


def _chosen(rows: pa.Table, places: NDArray[np.int64]) -> pa.Table:
    """The rows at ascending places. One object's stand together in a run, and a slice copies nothing."""
    if len(places) and places[-1] - places[0] == len(places) - 1:
        return rows.slice(places[0], len(places))
    return rows.take(pa.array(places))


def _repeated(value: Any, of: pa.DataType, count: int) -> pa.Array:
    """An array of one value; of a text as a dictionary (`pyarrow.repeat` of a text takes 90 microseconds)."""
    if pa.types.is_dictionary(of):
        return pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([value], of.value_type))
    return pa.repeat(pa.scalar(value, of), count)


def groups_of(footer: Footer, ids: Sequence[str], numbers: Sequence[int]) -> list[int]:
    """Row groups that may hold one of the object ids or of the catalogue numbers, both in ascending order.

    A catalogue number of the shared catalogue stands in its object's id (`schemas.identity.object_id_of`), by which
    rows are sorted; others stand in ids that begin with their source.
    """
    shared = {number: name for number in numbers if (name := _shared_id_of(number)) is not None}
    found = set(footer.groups_with_one_of("object_id", sorted({*ids, *shared.values()})))
    others = [number for number in numbers if number not in shared]
    if others:
        lowest, highest = footer.bounds["object_id"]
        for number in footer.groups_with_one_of("catalogue_number", others):
            low, high = lowest[number], highest[number]
            if low is None or high is None or (high >= _OF_SOURCES[0] and low < _OF_SOURCES[1]):
                found.add(number)
    return sorted(found)


def _shared_id_of(catalogue_number: int) -> str | None:
    """The id of the object with that number in the shared catalogue, None where it is not of that catalogue."""
    if not 1 <= catalogue_number <= 999_999_999:
        return None
    name = object_id_of(catalogue_number, "")
    return name if name.startswith("cat-") else None


def _is_one_of(column: pa.ChunkedArray, values: Sequence[str]) -> NDArray[np.bool_]:
    """Which entries of a column of texts are one of the values."""
    wanted = pa.array(values, pa.string())
    parts = [np.zeros(0, np.bool_)]
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            among = pc.is_in(chunk.dictionary, value_set=wanted).to_numpy(zero_copy_only=False)
            if among.any():
                parts.append(among[chunk.indices.to_numpy(zero_copy_only=False)])
            else:
                parts.append(np.zeros(len(chunk), np.bool_))
        else:
            parts.append(pc.is_in(chunk, value_set=wanted).to_numpy(zero_copy_only=False))
    return np.concatenate(parts)
