"""Histories of random rows for tests of compaction: appended in batches, in the form that readers get back."""

import random
import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ssa_hub.history.store import History
from tests.history.examples import HOUR_NS, START_TAI_NS, conjunction_row, conjunctions, element_row, elements, ids


def element_batches(seed: int, batches: int, rows: int = 7, objects: int = 5) -> Iterator[pa.Table]:
    """Batches of element sets of a few objects, each batch received an hour after the one before."""
    chance = random.Random(seed)
    for batch in range(batches):
        received = START_TAI_NS + batch * HOUR_NS
        yield elements(
            *(
                element_row(
                    f"{batch:04d}-{number:06d}",
                    f"cat-{chance.randrange(objects) + 1}",
                    epoch_tai_ns=START_TAI_NS + chance.randrange(48) * HOUR_NS,
                    received_tai_ns=received,
                    object_name=chance.choice([None, "ÜBER", "B"]),
                    deviations=chance.choice([[], ["one"], ["one", "two"]]),
                    mean_motion_rev_per_day=chance.uniform(1, 16),
                )
                for number in range(rows)
            )
        )


def conjunction_batches(seed: int, batches: int, rows: int = 7) -> Iterator[pa.Table]:
    """Batches of conjunctions within two days."""
    chance = random.Random(seed)
    for batch in range(batches):
        yield conjunctions(
            *(
                conjunction_row(
                    f"{batch:04d}-{number:06d}",
                    tca_tai_ns=START_TAI_NS + chance.randrange(48) * HOUR_NS,
                    received_tai_ns=START_TAI_NS + batch * HOUR_NS,
                    approach_angle_deg=chance.choice([None, 60.0]),
                )
                for number in range(rows)
            )
        )


def append_all(history: History, kind: str, batches: Iterator[pa.Table]) -> None:
    """One commit a batch."""
    for batch in batches:
        history.append(kind, batch, positions={})


def scanned(history: History, kind: str = "elements") -> list[dict[str, object]]:
    """All rows by PyIceberg's own scan, in order of their ids."""
    return in_order(history.table(kind).scan().to_arrow())


def in_order(rows: pa.Table) -> list[dict[str, object]]:
    """Rows in an order of their own, their doubles spelled out."""
    return sorted(map(spelled_out, rows.to_pylist()), key=lambda row: (str(row["record_id"]), str(row)))


def spelled_out(row: dict[str, Any]) -> dict[str, Any]:
    """A stored row with its doubles, as docs/history.md tells other engines to compute them."""
    units = {name: re.fullmatch(r"(.+)_e(\d+)", name) for name in row}
    found = {name: value for name, value in row.items() if units[name] is None}
    for name, match in units.items():
        if match is not None and row[name] is not None:
            assert found[match[1]] is None
            found[match[1]] = row[name] / 10 ** int(match[2])
    return found


def scanned_ids(history: History, kind: str = "elements") -> list[str]:
    """All ids by PyIceberg's own scan, sorted."""
    return sorted(ids(history.table(kind).scan(selected_fields=("record_id",)).to_arrow()))
