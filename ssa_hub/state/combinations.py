"""The distinct (data mode, originator, label) of orbits, interned: release is decided on them, not on rows."""

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
from sqlalchemy import Connection, select

from schemas.records import Kind
from ssa_hub.state import tables
from ssa_hub.state.database import upsert


class Combination(NamedTuple):
    """What release rules can distinguish about an orbit."""

    data_mode: str
    originator: str
    label_id: str


class Released(NamedTuple):
    """What the release table says of one combination. ``mask_id`` is handed through."""

    delay_ns: int
    mask_id: int


def combination_ids(connection: Connection) -> dict[Combination, int]:
    """The number of every combination that any record has had."""
    columns = tables.combinations.c
    rows = connection.execute(select(columns.data_mode, columns.originator, columns.label_id, columns.id)).all()
    return {Combination(*row[:3]): row[3] for row in rows}


def intern_combinations(connection: Connection, wanted: Iterable[Combination]) -> dict[Combination, int]:
    """Numbers for combinations, new ones where needed."""
    known = combination_ids(connection)
    missing = sorted(set(wanted) - known.keys())
    if missing:
        statement = upsert(connection, tables.combinations).on_conflict_do_nothing()
        connection.execute(statement, [combination._asdict() for combination in missing])
        known = combination_ids(connection)
    return known


def released_combinations(connection: Connection, release: pa.Table, kind: Kind, data_mode: str) -> dict[int, Released]:
    """The combinations that a release table lets through for a kind and data mode, by number.

    Raises ValueError where the table names a combination twice or has a negative delay.
    """
    ids = combination_ids(connection)
    names = ("kind", "data_mode", "originator", "label_id", "delay_ns", "mask_id")
    found: dict[Combination, Released] = {}
    for row in zip(*(release.column(name).to_pylist() for name in names), strict=True):
        combination = Combination(*row[1:4])
        if row[0] != kind or combination.data_mode != data_mode:
            continue
        if combination in found or row[4] < 0:
            raise ValueError(f"the release table names {combination} twice for {kind}, or delays it by less than 0")
        found[combination] = Released(row[4], row[5])
    return {ids[combination]: released for combination, released in found.items() if combination in ids}
