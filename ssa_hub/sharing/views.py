"""The views: a partner's questions, answered from history through his release table.

Every method filters before it sorts, pages or picks the newest, so that an answer is a function of what the partner
may see and of nothing else; then it withholds the masked fields, in columns. Instants and distances that are coarsened
select, sort and page as they are shown. Among rows that are equal in all that they are sorted by, those that are shown
in part come in an order that says nothing of their content (`history.shown_values`); a key to go on after ends with
their place in that order, of other rows with the record id.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.labels import Label
from schemas.records import ELEMENT_FIELDS, ELEMENT_SET, PROVENANCE, DataMode, Field, Kind
from schemas.spif import SecurityPolicy
from schemas.timescales import now_tai_ns
from ssa_hub.history.queries import HistoryQueries
from ssa_hub.history.terms import KnownTerms, Terms
from ssa_hub.release.masks import WITHHELD
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import DECIDING_COLUMNS
from ssa_hub.sharing.change_columns import with_previous
from ssa_hub.sharing.disclosures import Channel, disclosures_of
from ssa_hub.sharing.page import Key, Page
from ssa_hub.sharing.policies import Policies, Released
from ssa_hub.sharing.shown_rows import shown_rows

_OBJECT_COLUMNS = (
    "object_id",
    "catalogue_number",
    "object_name",
    "cospar_id",
    "originator",
    "data_mode",
    "record_id",
    "epoch_tai_ns",
    "epoch_utc",
)
OBJECT_FIELDS: tuple[Field, ...] = tuple(
    field
    for name in _OBJECT_COLUMNS
    for field in (*PROVENANCE, *ELEMENT_SET[len(PROVENANCE) : -len(ELEMENT_FIELDS)], *ELEMENT_FIELDS)
    if field.name == name
)


class Selection(NamedTuple):
    """What a question is about. Named objects and numbers: a record of any of them; none named: every object."""

    data_mode: DataMode
    object_ids: list[str] | None = None
    catalogue_numbers: list[int] | None = None
    known_at_tai_ns: int | None = None


class Views:
    """The sharing side of the hub. Threads may share one."""

    def __init__(
        self, queries: HistoryQueries, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns
    ) -> None:
        self._queries, self._policies, self._clock_tai_ns = queries, policies, clock_tai_ns

    def newest_elements(self, partner: Partner, chosen: Selection, *, after: Key | None, limit: int) -> Page:
        """The newest visible element set of each object, by object id; ``after`` is (object id,)."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        found = self._queries.elements_newest(
            released.elements,
            after=None if after is None else str(after[0]),
            **as_known(released, Kind.ELEMENTS, chosen, now, limit),
        )
        return page_of(found, released, now, Kind.ELEMENTS, chosen.data_mode, limit, ("object_id",))

    def elements_history(
        self,
        partner: Partner,
        chosen: Selection,
        *,
        epoch_from_tai_ns: int | None,
        epoch_to_tai_ns: int | None,
        after: Key | None,
        limit: int,
    ) -> Page:
        """Visible element sets by (object id, epoch, reception, order among equals), which ``after`` holds too."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        found = self._queries.elements_history(
            released.elements,
            epoch_from_tai_ns=epoch_from_tai_ns,
            epoch_to_tai_ns=epoch_to_tai_ns,
            after=None if after is None else (str(after[0]), int(after[1]), int(after[2]), str(after[3])),
            **as_known(released, Kind.ELEMENTS, chosen, now, limit),
        )
        order = ("object_id", "epoch_tai_ns", "received_tai_ns", "order_id")
        return page_of(found, released, now, Kind.ELEMENTS, chosen.data_mode, limit, order)

    def elements_side_by_side(self, partner: Partner, chosen: Selection, *, after: Key | None, limit: int) -> Page:
        """The newest visible element set of each (object id, originator, source), in this order; ``after`` is one."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        found = self._queries.elements_side_by_side(
            released.elements,
            after=None if after is None else (str(after[0]), str(after[1]), str(after[2])),
            **as_known(released, Kind.ELEMENTS, chosen, now, limit),
        )
        order = ("object_id", "originator", "source")
        return page_of(found, released, now, Kind.ELEMENTS, chosen.data_mode, limit, order)

    def elements_changes(
        self, partner: Partner, chosen: Selection, *, from_tai_ns: int, to_tai_ns: int, after: Key | None, limit: int
    ) -> Page:
        """Objects whose newest visible element set changed between two instants of knowledge, by object id.

        The rows are the newest sets by ``to``, with `change_columns.CHANGE_FIELDS` of those by ``from`` behind
        (`ssa_hub.history.changes`); what is said of either is disclosed. ``after`` is (object id,). Raises ValueError
        for ``from`` after ``to``.
        """
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        found = self._queries.elements_changes(
            released.elements,
            from_tai_ns=from_tai_ns,
            to_tai_ns=to_tai_ns,
            after=None if after is None else str(after[0]),
            catalogue_numbers=chosen.catalogue_numbers,
            **through(released, Kind.ELEMENTS, chosen, now, limit),
        )
        page = page_of(found.newest, released, now, Kind.ELEMENTS, chosen.data_mode, limit, ("object_id",))
        replaced = found.replaced.slice(0, page.records.num_rows)
        count = pc.sum(replaced.cast(pa.int64()), min_count=0).as_py()
        before = page_of(
            found.previous.slice(0, count), released, now, Kind.ELEMENTS, chosen.data_mode, limit, ("object_id",)
        )
        return page._replace(
            records=with_previous(page.records, before.records, replaced),
            disclosures=(*page.disclosures, *before.disclosures),
            label_ids=tuple(sorted({*page.label_ids, *before.label_ids})),
            coarsened=page.coarsened or before.coarsened,
        )

    def objects(self, partner: Partner, chosen: Selection, *, after: Key | None, limit: int) -> Page:
        """Objects with a visible element set, by object id, as the newest of those describes them."""
        page = self.newest_elements(partner, chosen, after=after, limit=limit)
        records = page.records.select([*_OBJECT_COLUMNS, WITHHELD])
        # Only what this listing would have shown can be withheld from it.
        withheld = [
            [name for name in names if name in _OBJECT_COLUMNS] for names in records.column(WITHHELD).to_pylist()
        ]
        index = records.column_names.index(WITHHELD)
        field = records.schema.field(WITHHELD)
        return page._replace(records=records.set_column(index, field, pa.array(withheld, field.type)))

    def conjunctions(
        self,
        partner: Partner,
        chosen: Selection,
        *,
        tca_from_tai_ns: int | None,
        tca_to_tai_ns: int | None,
        miss_distance_max_m: float | None,
        after: Key | None,
        limit: int,
    ) -> Page:
        """Conjunctions that both parents' originators release, by (TCA, order among equals), which ``after`` holds.

        Where the miss distance is withheld from the partner he cannot ask by it either: a bound would tell it.
        """
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        found = self._queries.conjunctions(
            released.conjunctions if miss_distance_max_m is None else released.conjunctions_by_miss_distance,
            tca_from_tai_ns=tca_from_tai_ns,
            tca_to_tai_ns=tca_to_tai_ns,
            miss_distance_max_m=miss_distance_max_m,
            after=None if after is None else (int(after[0]), str(after[1])),
            **as_known(released, Kind.DERIVED_CONJUNCTIONS, chosen, now, limit),
        )
        found = released.table.with_combined_masks(found)
        return page_of(
            found, released, now, Kind.DERIVED_CONJUNCTIONS, chosen.data_mode, limit, ("tca_tai_ns", "order_id")
        )

    def labels_of(self, page: Page) -> tuple[list[Label], dict[str, SecurityPolicy]]:
        """The labels of a page's rows, and the security policies that are known, by name."""
        rules = self._policies.rules()
        return [rules.labels[label_id] for label_id in page.label_ids], rules.security_policies


def through(released: Released, kind: Kind, chosen: Selection, now_tai_ns: int, limit: int) -> Terms:
    """The terms that a partner's question is asked on; with one row more than he wants, for `page_of`."""
    return {
        "now_tai_ns": now_tai_ns,
        "data_mode": chosen.data_mode,
        "object_ids": chosen.object_ids,
        "limit": limit + 1,
        "order_key": released.order_key(kind),
        "withdrawn": released.withdrawn,
    }


def as_known(released: Released, kind: Kind, chosen: Selection, now_tai_ns: int, limit: int) -> KnownTerms:
    """`through`, with all else that was chosen."""
    return {
        **through(released, kind, chosen, now_tai_ns, limit),
        "catalogue_numbers": chosen.catalogue_numbers,
        "known_at_tai_ns": chosen.known_at_tai_ns,
    }


def page_of(
    found: pa.Table,
    released: Released,
    now_tai_ns: int,
    kind: Kind,
    data_mode: DataMode,
    limit: int,
    order: tuple[str, ...],
) -> Page:
    """The first ``limit`` rows, masked; one row more was asked for, to know whether there is a next page.

    ``order``: the columns of the sort key, ``order_id`` for the order among equals.
    """
    # DuckDB leaves whatever lies in memory in the slots of nulls, other rows' values among it, and Arrow answers
    # carry those bytes. Taking by index writes zeros there, and one chunk whatever the query's batches were.
    rows = found.take(pa.array(np.arange(min(limit, found.num_rows)))).combine_chunks()
    order_ids = rows.column("order_id" if "order_id" in rows.column_names else "record_id")
    rows = rows.select([name for name in rows.column_names if name != "order_id"])
    records = shown_rows(rows, kind, released)
    last_key: Key | None = None
    if found.num_rows > limit:
        # Of what is shown, so that no key holds more than the page does.
        keys = [order_ids if name == "order_id" else records.column(name) for name in order]
        last_key = tuple(column[limit - 1].as_py() for column in keys)
    disclosures = disclosures_of(rows, kind, released.table, partner=released.table.partner, channel=Channel.PAGE)
    labels = [rows.column(name) for _, name in DECIDING_COLUMNS[kind]]
    return Page(
        records,
        released.table.policy_version,
        data_mode.value,
        last_key,
        tuple(disclosures),
        tuple(sorted({label_id for column in labels for label_id in column.unique().to_pylist()})),
        now_tai_ns,
        any(not released.table.masks[mask].resolution.is_exact for mask in rows.column("mask_id").unique().to_pylist()),
    )
