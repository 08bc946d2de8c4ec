"""The newest element set of each object from each originator under each label, and through a release table."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, and_, func, select

from schemas.records import ELEMENT_SET_SCHEMA, Kind
from ssa_hub.history.tables import ELEMENTS
from ssa_hub.state.bulk_insert import insert_columns
from ssa_hub.state.combinations import Combination, combination_ids, intern_combinations, released_combinations
from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.tables import combinations, newest, recorded

_NEWER = """\
ON CONFLICT (object_id, combination_id) DO UPDATE SET
    epoch_tai_ns = excluded.epoch_tai_ns,
    received_tai_ns = excluded.received_tai_ns,
    record_id = excluded.record_id
WHERE (excluded.epoch_tai_ns, excluded.received_tai_ns, excluded.record_id)
    > (newest.epoch_tai_ns, newest.received_tai_ns, newest.record_id)"""


class Newest:
    """Newest means: later epoch, then later received, then greater record id; as in history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(self, connection: Connection, rows: pa.Table) -> None:
        """Take element sets in, where they are newer. They must be recorded already (`Recorded.insert`)."""
        if rows.num_rows == 0:
            return
        lock_table(connection, newest.name)
        names = ("object_id", "epoch_tai_ns", "received_tai_ns", "record_id", "data_mode", "originator", "label_id")
        table = list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))
        ids = intern_combinations(connection, {Combination(*row[4:]) for row in table})
        # A row: what it is the newest of, then what newer means.
        best: dict[tuple[str, int], tuple[int, int, str]] = {}
        for object_id, *order, mode, originator, label_id in table:
            key, offered = (object_id, ids[Combination(mode, originator, label_id)]), (order[0], order[1], order[2])
            held = best.get(key)
            if held is None or held < offered:
                best[key] = offered
        in_order = sorted(best)
        columns: dict[str, Sequence[Any]] = {
            "object_id": [object_id for object_id, _ in in_order],
            "combination_id": [combination for _, combination in in_order],
            "epoch_tai_ns": [best[key][0] for key in in_order],
            "received_tai_ns": [best[key][1] for key in in_order],
            "record_id": [best[key][2] for key in in_order],
        }
        insert_columns(connection, newest, columns, _NEWER)

    def elements(self, data_mode: str) -> pa.Table:
        """All of a data mode, for screening: columns of ELEMENT_SET, by (object_id, originator, label_id)."""
        chosen = (
            select(recorded.c.body)
            .join_from(newest, recorded, newest.c.record_id == recorded.c.record_id)
            .join(combinations, newest.c.combination_id == combinations.c.id)
            .where(combinations.c.data_mode == data_mode)
            .order_by(newest.c.object_id, combinations.c.originator, combinations.c.label_id)
        )
        with self._database.snapshot() as connection:
            return read_bodies(list(connection.execute(chosen).scalars()), ELEMENTS)

    def elements_between(self, data_mode: str, after_seq: int, up_to_seq: int, *, limit: int) -> pa.Table:
        """Those of `elements` that were recorded after a number and up to another, by number; ``limit`` at the most."""
        chosen = (
            select(recorded.c.body)
            .join_from(recorded, newest, and_(
                newest.c.object_id == recorded.c.object_id_1,
                newest.c.combination_id == recorded.c.combination_1,
                newest.c.record_id == recorded.c.record_id,
            ))
            .join(combinations, newest.c.combination_id == combinations.c.id)
            .where(
                recorded.c.seq > after_seq,
                recorded.c.seq <= up_to_seq,
                recorded.c.kind == ELEMENTS,
                combinations.c.data_mode == data_mode,
            )
            .order_by(recorded.c.seq)
            .limit(limit)
        )  # fmt: skip
        with self._database.snapshot() as connection:
            return read_bodies(list(connection.execute(chosen).scalars()), ELEMENTS)

    def combinations(self) -> set[Combination]:
        """Every combination that any orbit has had."""
        with self._database.snapshot() as connection:
            return set(combination_ids(connection))

    def released(self, release: pa.Table, *, data_mode: str) -> pa.Table:
        """All that `elements` has in the combinations of a release table without delays, whatever its kind.

        Columns of ELEMENT_SET and ``mask_id``, by (object_id, originator, label_id). The release table says which
        originators' and labels' orbits may take part in something derived from them. Raises ValueError for a delay
        or coarse instants.
        """
        kinds = release.column("kind").unique().to_pylist()
        schema = ELEMENT_SET_SCHEMA.append(release.schema.field("mask_id"))
        with self._database.snapshot() as connection:
            allowed = {
                number: found
                for kind in kinds
                for number, found in released_combinations(connection, release, Kind(kind), data_mode).items()
            }
            if any(found.delay_ns for found in allowed.values()):
                raise ValueError("newest orbits under a delay are answered by history, not from state")
            _refuse_coarse_epochs(release, data_mode)
            chosen = (
                select(recorded.c.body, newest.c.combination_id)
                .join_from(newest, recorded, newest.c.record_id == recorded.c.record_id)
                .join(combinations, newest.c.combination_id == combinations.c.id)
                .where(newest.c.combination_id.in_(list(allowed)))
                .order_by(newest.c.object_id, combinations.c.originator, combinations.c.label_id)
            )
            rows = connection.execute(chosen).all() if allowed else []
        masks = pa.array([allowed[row.combination_id].mask_id for row in rows], schema.field("mask_id").type)
        return read_bodies([row.body for row in rows], ELEMENTS).append_column(schema.field("mask_id"), masks)

    def visible(
        self,
        release: pa.Table,
        *,
        data_mode: str,
        limit: int,
        object_ids: Sequence[str] | None = None,
        after: str | None = None,
    ) -> pa.Table:
        """Per object the newest that the release table lets through, by object_id: ELEMENT_SET and ``mask_id``.

        Only for release tables without delays and with exact epochs for this kind and mode: what was visible before a
        delay has ended, and which is the newest where epochs are coarsened, is known to history alone. Raises
        ValueError for another one.
        """
        with self._database.snapshot() as connection:
            allowed = released_combinations(connection, release, Kind.ELEMENTS, data_mode)
            if any(released.delay_ns for released in allowed.values()):
                raise ValueError("newest orbits under a delay are answered by history, not from state")
            _refuse_coarse_epochs(release, data_mode)
            schema = ELEMENT_SET_SCHEMA.append(release.schema.field("mask_id"))
            if not allowed:
                return schema.empty_table()
            candidates = select(newest).where(newest.c.combination_id.in_(list(allowed)))
            if object_ids is not None:
                candidates = candidates.where(newest.c.object_id.in_(list(object_ids)))
            if after is not None:
                candidates = candidates.where(newest.c.object_id > after)
            objects = candidates.with_only_columns(newest.c.object_id).distinct()
            page = objects.order_by(newest.c.object_id).limit(limit).subquery("page")
            candidates = candidates.join(page, page.c.object_id == newest.c.object_id)
            order = (newest.c.epoch_tai_ns.desc(), newest.c.received_tai_ns.desc(), newest.c.record_id.desc())
            rank = func.row_number().over(partition_by=newest.c.object_id, order_by=order).label("rank")
            ranked = candidates.add_columns(rank).subquery("ranked")
            chosen = (
                select(recorded.c.body, ranked.c.combination_id)
                .join_from(ranked, recorded, ranked.c.record_id == recorded.c.record_id)
                .where(ranked.c.rank == 1)
                .order_by(ranked.c.object_id)
            )
            rows = connection.execute(chosen).all()
        masks = pa.array([allowed[row.combination_id].mask_id for row in rows], schema.field("mask_id").type)
        return read_bodies([row.body for row in rows], ELEMENTS).append_column(schema.field("mask_id"), masks)


def _refuse_coarse_epochs(release: pa.Table, data_mode: str) -> None:
    """Kept is the newest by exact epoch: among coarsened ones it would tell which of them is the later."""
    of_mode = pc.equal(release.column("data_mode"), data_mode)
    if pc.any(pc.and_(of_mode, pc.greater(release.column("time_step_ns"), 1))).as_py():
        raise ValueError("newest orbits by coarsened epochs are answered by history, not from state")
