"""What an export asks for, and which rows of a table are visible to it, in columns: as the listings' SQL decides it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.records import Kind
from ssa_hub.history.asked import Asked
from ssa_hub.history.planning import Range
from ssa_hub.history.question import earlier
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS, TableDefinition, definition_of

# What a row of a release table is found by, within a kind and data mode.
COMBINATION = ["originator", "label_id"]

# Columns that an export's rows have besides the record's: the instant as shown, and whether it is shown whole.
SHOWN_INSTANT = "shown_tai_ns"
WHOLE = "whole"

Mask = NDArray[np.bool_]


class ExportedKind(NamedTuple):
    """How a kind is released and ordered. ``grants``: columns of originator and label that must be released;
    ``instant``: its column of time; ``objects``, ``numbers``: columns that name objects.
    """

    release_kind: Kind
    grants: tuple[tuple[str, str], ...]
    instant: str
    objects: tuple[str, ...]
    numbers: tuple[str, ...]


EXPORTED = {
    ELEMENTS: ExportedKind(
        Kind.ELEMENTS, (("originator", "label_id"),), "epoch_tai_ns", ("object_id",), ("catalogue_number",)
    ),
    CONJUNCTIONS: ExportedKind(
        Kind.DERIVED_CONJUNCTIONS,
        tuple((f"parent_originator_{side}", f"parent_label_id_{side}") for side in (1, 2)),
        "tca_tai_ns",
        ("object_id_1", "object_id_2"),
        ("catalogue_number_1", "catalogue_number_2"),
    ),
}


@dataclass(frozen=True)
class Wanted:
    """What is asked for, apart from the release: as in the listings, and a range of reception (TAI ns)."""

    data_mode: str
    now_tai_ns: int
    object_ids: Sequence[str] | None = None
    catalogue_numbers: Sequence[int] | None = None
    instants: Range = Range(None, None)  # noqa: RUF009  # a constant
    received: Range = Range(None, None)  # noqa: RUF009
    known_at_tai_ns: int | None = None


class ExportQuestion:
    """One export through a release table. Raises ValueError for an unknown kind or a malformed release table."""

    def __init__(
        self, kind: str, release: pa.Table, wanted: Wanted, *, order_key: str | None, withdrawn: pa.Table | None
    ) -> None:
        if kind not in EXPORTED:
            raise ValueError(f"no export of kind {kind!r}; there is {', '.join(EXPORTED)}")
        self.definition: TableDefinition = definition_of(kind)
        self.exported, self.wanted, self.order_key = EXPORTED[kind], wanted, order_key
        aliases = tuple(f"r{number}" for number in range(len(self.exported.grants)))
        self.asked = Asked(release, self.exported.release_kind, wanted.data_mode, aliases, order_key, withdrawn)
        self._grants = _GrantTable(self.asked.combinations)
        self.step_ns = self.asked.showing.time_step_ns

    @property
    def chunk_key(self) -> str:
        """The column that the table is sorted by first."""
        return self.definition.sort_keys[0]

    @property
    def order(self) -> tuple[str, ...]:
        """Columns of the canonical order, but for the place among equals, which comes last."""
        names = (SHOWN_INSTANT if n == self.exported.instant else n for n in self.definition.sort_keys)
        return tuple(name for name in names if name != "record_id")

    @property
    def mask_columns(self) -> tuple[str, ...]:
        """The columns of mask ids, named as the listings' queries do."""
        return ("mask_id",) if len(self.exported.grants) == 1 else ("mask_id_1", "mask_id_2")

    def ranges(self, after: Sequence[Any] | None) -> dict[str, Range]:
        """What files and row groups are left out by."""
        wanted = self.wanted
        until = earlier(wanted.now_tai_ns, wanted.known_at_tai_ns)
        highest = until if wanted.received.highest is None else min(until, wanted.received.highest)
        instants = self.asked.showing.widened_instants(wanted.instants)
        found = {self.exported.instant: instants, "received_tai_ns": Range(wanted.received.lowest, highest)}
        if after is not None:
            before = found.get(self.chunk_key, Range(None, None))
            lowest = after[0] if before.lowest is None else max(before.lowest, after[0])
            found[self.chunk_key] = Range(lowest, before.highest)
        return found

    def named(self) -> dict[str, Sequence[Any]]:
        """The values named by column, one of which must match; empty: every row is meant."""
        values = (
            (self.exported.objects, self.wanted.object_ids),
            (self.exported.numbers, self.wanted.catalogue_numbers),
        )
        return {column: given for columns, given in values if given is not None for column in columns}

    def grants_of(self, rows: pa.Table) -> pa.Table:
        """The combinations (originator, label_id) of the release table that visible rows went through, each once."""
        numbers = np.concatenate([self._grants.of(rows, *columns) for columns in self.exported.grants])
        return self.asked.combinations.select(COMBINATION).take(pa.array(np.unique(numbers)))

    def visible(self, rows: pa.Table) -> pa.Table:
        """The rows that are visible and asked for, with their masks, their instant as shown, and whether shown whole.

        ``rows`` have the stored columns, texts plain or dictionary-encoded.
        """
        wanted, combinations = self.wanted, self._grants
        if combinations.count == 0:
            return self._with_shown(rows.slice(0, 0), [])
        grants = [combinations.of(rows, *columns) for columns in self.exported.grants]
        among = np.logical_and.reduce([grant >= 0 for grant in grants])
        among &= _is_one_of(rows.column("data_mode"), pa.array([wanted.data_mode]))
        received = rows.column("received_tai_ns").to_numpy()
        delay = np.maximum.reduce([combinations.delay_ns[grant] for grant in grants])
        among &= received <= wanted.now_tai_ns - delay
        among &= _within(received, Range(wanted.received.lowest, self.ranges(None)["received_tai_ns"].highest))
        among &= _within(self._shown(rows, grants), wanted.instants)
        among &= self._named(rows) & self._kept(rows)
        if among.all():
            return self._with_shown(rows, grants)
        places = np.flatnonzero(among)
        return self._with_shown(rows.take(pa.array(places)), [grant[places] for grant in grants])

    def key_of(self, rows: pa.Table, place: int) -> tuple[Any, ...]:
        """Where a row stands in the canonical order: what to go on after."""
        own = tuple(rows.column(name)[place].as_py() for name in self.order)
        return (*own, self.order_ids(rows.slice(place, 1))[0])

    def order_ids(self, rows: pa.Table) -> list[str]:
        """What rows are ordered by last (`shown_values.Showing.order_id`)."""
        ids: list[str] = rows.column("record_id").to_pylist()
        if self.order_key is None:
            return ids
        key = self.order_key
        return [
            one if whole else hashlib.md5((key + one).encode(), usedforsecurity=False).hexdigest()
            for one, whole in zip(ids, rows.column(WHOLE).to_pylist(), strict=True)
        ]

    def _shown(self, rows: pa.Table, grants: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        instants = np.asarray(rows.column(self.exported.instant).to_numpy(), dtype=np.int64)
        if self.step_ns == 1 or not len(grants):
            return instants
        step = np.maximum.reduce([self._grants.time_step_ns[grant] for grant in grants])
        return np.asarray(instants - np.mod(instants, step))

    def _with_shown(self, rows: pa.Table, grants: Sequence[NDArray[np.int64]]) -> pa.Table:
        none = np.empty(0, np.int64)
        chosen = grants or [none for _ in self.exported.grants]
        shown = self._shown(rows, grants)
        for name, grant in zip(self.mask_columns, chosen, strict=True):
            rows = rows.append_column(
                pa.field(name, pa.int32(), False), pa.array(self._grants.mask_id[grant], pa.int32())
            )
        whole = np.logical_and.reduce([self._grants.whole[grant] for grant in chosen])
        rows = rows.append_column(pa.field(SHOWN_INSTANT, pa.int64(), False), pa.array(shown))
        return rows.append_column(pa.field(WHOLE, pa.bool_(), False), pa.array(whole, pa.bool_()))

    def _named(self, rows: pa.Table) -> Mask:
        named = self.named()
        if not named:
            return np.ones(rows.num_rows, dtype=np.bool_)
        schema = self.definition.record_schema
        found = [
            _is_one_of(rows.column(name), pa.array(sorted(set(given)), schema.field(name).type))
            for name, given in named.items()
        ]
        return np.asarray(np.logical_or.reduce(found))

    def _kept(self, rows: pa.Table) -> Mask:
        withdrawn = self.asked.withdrawn
        if withdrawn is None:
            return np.ones(rows.num_rows, dtype=np.bool_)
        gone = _is_one_of(rows.column("record_id"), withdrawn.column("record_id").combine_chunks())
        if self.exported.release_kind is Kind.DERIVED_CONJUNCTIONS:
            derived = withdrawn.filter(withdrawn.column("derived")).column("record_id").combine_chunks()
            for side in (1, 2):
                gone = gone | _is_one_of(rows.column(f"parent_{side}"), derived)
        return ~gone


class _GrantTable:
    """The release table's combinations by number; originator and label find the number."""

    def __init__(self, combinations: pa.Table) -> None:
        self.count = combinations.num_rows
        names = [combinations.column(name).combine_chunks() for name in COMBINATION]
        self._originators, self._labels = (column.unique().cast(pa.string()) for column in names)
        first = pc.index_in(names[0], value_set=self._originators).to_numpy()
        second = pc.index_in(names[1], value_set=self._labels).to_numpy()
        # One row and one column more, for names that nothing is released of.
        self._numbers = np.full((len(self._originators) + 1, len(self._labels) + 1), -1, dtype=np.int64)
        self._numbers[first, second] = np.arange(self.count)
        self.delay_ns, self.mask_id, self.time_step_ns = (
            np.asarray(combinations.column(name).to_numpy(), dtype=np.int64)
            for name in ("delay_ns", "mask_id", "time_step_ns")
        )
        known = "whole" in combinations.column_names
        whole = combinations.column("whole").to_numpy() if known else np.ones(self.count, dtype=np.bool_)
        self.whole: Mask = np.asarray(whole, dtype=np.bool_)

    def of(self, rows: pa.Table, originator: str, label: str) -> NDArray[np.int64]:
        """The combination of each row, -1 where it is not released."""
        first = _places(rows.column(originator), self._originators)
        second = _places(rows.column(label), self._labels)
        return np.asarray(self._numbers[first, second])


def _places(column: pa.ChunkedArray, values: pa.Array) -> NDArray[np.int64]:
    """Where each entry stands among the values; behind the last where it does not."""

    def of(array: pa.Array) -> NDArray[np.int64]:
        found = pc.index_in(array, value_set=values).fill_null(len(values))
        return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)

    return _by_dictionary(column, of, np.int64)


def _is_one_of(column: pa.ChunkedArray, values: pa.Array) -> Mask:
    return _by_dictionary(
        column, lambda array: pc.is_in(array, value_set=values).to_numpy(zero_copy_only=False), np.bool_
    )


def _by_dictionary(column: pa.ChunkedArray, of: Any, dtype: Any) -> NDArray[Any]:
    """A function of each entry of a column, computed once for each entry of a dictionary."""
    parts = [np.empty(0, dtype)]
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray):
            parts.append(of(chunk.dictionary)[chunk.indices.to_numpy(zero_copy_only=False)])
        else:
            parts.append(of(chunk))
    return np.concatenate(parts)


def _within(values: NDArray[np.int64], wanted: Range) -> Mask:
    among = np.ones(len(values), dtype=np.bool_)
    if wanted.lowest is not None:
        among &= values >= wanted.lowest
    if wanted.highest is not None:
        among &= values <= wanted.highest
    return among


def columns_by_name(named: Mapping[str, Sequence[Any]]) -> list[Mapping[str, Sequence[Any]]]:
    """What `Plan` leaves out files by."""
    return [named] if named else []
