"""A history of many element sets, written by the hub's own store: what the filter's cost is measured on.

Objects, originators and labels occur as they would: each object's sets come from few originators, and few labels are
frequent. Orbital elements vary little from set to set, so the files are smaller than real ones.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.labels import Category, CategoryType, Label
from schemas.records import ELEMENT_SET_SCHEMA
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.history.store import History

_SEED = 5
_START_TAI_NS = parse_utc("2024-01-01T00:00:00")
_DAY_NS = 86_400 * NS_PER_SECOND


class Shape(NamedTuple):
    """How much, of how many."""

    rows: int
    objects: int = 30_000
    originators: int = 20
    labels: int = 5_000
    rows_a_commit: int = 1_000_000


def labels_of(shape: Shape) -> tuple[Label, ...]:
    """So many distinct labels; a third of them releasable to PARTNER."""
    found = []
    for number in range(shape.labels):
        values = tuple(sorted((f"N{number}", "OTHER" if number % 3 else "PARTNER")))
        category = Category("Releasable To", CategoryType.PERMISSIVE, values)
        found.append(Label("PUBLIC", "UNCLASSIFIED" if number % 5 else "SECRET", (category,)))
    return tuple(found)


def originators_of(shape: Shape) -> tuple[str, ...]:
    """Their names."""
    return tuple(f"CENTRE-{number:02d}" for number in range(shape.originators))


def fill(history: History, shape: Shape) -> int:
    """Append what is missing; how many rows the history has then."""
    table = history.table("elements")
    snapshot = table.current_snapshot()
    have = int(snapshot.summary["total-records"]) if snapshot is not None and snapshot.summary is not None else 0
    label_ids = pa.array([label.label_id for label in labels_of(shape)])
    names = pa.array(originators_of(shape))
    while have < shape.rows:
        count = min(shape.rows_a_commit, shape.rows - have)
        history.append("elements", _rows(have, count, shape, label_ids, names), positions={})
        have += count
        print(f"{have:,} rows", flush=True)
    return have


def _rows(first: int, count: int, shape: Shape, label_ids: pa.Array, names: pa.Array) -> pa.Table:
    random = np.random.default_rng([_SEED, first])
    number = random.integers(0, shape.objects, count)
    originator = (number + random.integers(0, 3, count)) % shape.originators
    label = np.minimum(random.zipf(1.3, count) - 1 + originator * (shape.labels // shape.originators), shape.labels - 1)
    # A million sets cover about a day and a half of a busy world.
    received = _START_TAI_NS + (np.sort(random.random(count)) + first / shape.rows_a_commit) * 1.5 * _DAY_NS
    received_tai_ns = received.astype(np.int64)
    epoch_tai_ns = received_tai_ns - random.integers(0, _DAY_NS, count)
    seconds = pa.array(epoch_tai_ns // NS_PER_SECOND).cast(pa.timestamp("s"))
    texts = pa.compute.strftime(seconds, "%Y-%m-%dT%H:%M:%S")
    object_ids = pa.array([f"cat-{n}" for n in range(1, shape.objects + 1)])
    object_names = pa.array([f"OBJECT {n}" for n in range(1, shape.objects + 1)])
    ids = random.bytes(16 * count).hex()
    given = {
        "record_id": pa.array([ids[at : at + 32] for at in range(0, 32 * count, 32)]),
        "originator": names.take(pa.array(originator)),
        "source": names.take(pa.array(originator)),
        "received_tai_ns": pa.array(received_tai_ns),
        "label_id": label_ids.take(pa.array(label)),
        "object_id": object_ids.take(pa.array(number)),
        "object_name": object_names.take(pa.array(number)),
        "catalogue_number": pa.array(number + 1),
        "epoch_tai_ns": pa.array(epoch_tai_ns),
        "epoch_utc": texts,
        "mean_motion_rev_per_day": pa.array(np.round(15.0 + number / shape.objects, 4)),
        "mean_anomaly_deg": pa.array(random.integers(0, 36_000, count) / 100.0),
        "payload_record": pa.array((np.arange(count) % 27_000 + 1).astype(np.int32)),
    }
    constant = {
        "data_mode": "REAL", "payload_sha256": "ab" * 32, "cospar_id": "1998-067A", "classification_type": "U",
        "mean_element_theory": "SGP4", "center_name": "EARTH", "ref_frame": "TEME", "time_system": "UTC",
        "message_originator": "CENTRE", "creation_date_utc": "2024-01-01T00:00:00",
    }  # fmt: skip
    columns = []
    for field in ELEMENT_SET_SCHEMA:
        if field.name in given:
            columns.append(given[field.name].cast(field.type))
        elif field.name == "deviations":
            columns.append(pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string())))
        else:
            columns.append(pa.repeat(pa.scalar(constant.get(field.name, 0), field.type), count))
    return pa.table(columns, schema=ELEMENT_SET_SCHEMA)


def opened(directory: Path) -> History:
    """The history in a directory, made where there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    return History.open(directory / "history", f"sqlite:///{directory / 'catalogue.sqlite'}")
