"""A history of many element sets in the shape of the real one, written by the hub's own store.

Shape: years of reception that bring more each year; objects that are launched, tracked some times a day to some times
a week, and decay; elements that drift as orbits do, with the decimals that two-line element sets and OMMs have; record
ids that no compression makes smaller; payloads of a catalogue each. An object's sets come from few originators, each of
whom gives it one label, and few labels are frequent. What a commit holds follows from the seed and its number alone.
"""

import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.labels import Category, CategoryType, Label
from schemas.records import ELEMENT_SET_SCHEMA
from schemas.timescales import NS_PER_SECOND, format_utc_array, parse_utc
from ssa_hub.history.store import History

_SEED = 5
_DAY_NS = 86_400 * NS_PER_SECOND
_PAYLOAD_ROWS = 27_000
END_UTC = "2026-01-01T00:00:00"


class Shape(NamedTuple):
    """How much, of how many, received within the ``years`` before `END_UTC`."""

    rows: int
    objects: int = 60_000
    originators: int = 20
    labels: int = 5_000
    rows_a_commit: int = 1_000_000
    years: int = 20

    @property
    def commits(self) -> int:
        """How many commits hold all rows."""
        return -(-self.rows // self.rows_a_commit)

    def received_tai_ns(self, row: int) -> int:
        """When the ``row``-th set is received: each year brings more, in the end four times as many as at first."""
        share = (np.sqrt(1.0 + 15.0 * (row / self.rows)) - 1.0) / 3.0
        span_ns = int(self.years * 365.25 * _DAY_NS)
        return parse_utc(END_UTC) - span_ns + int(share * span_ns)


class _Objects(NamedTuple):
    """What stays the same of each object, or drifts; shape (objects,). Days count from the history's first."""

    from_day: NDArray[np.float64]
    to_day: NDArray[np.float64]
    sets_a_day: NDArray[np.float64]
    label: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]
    texts: dict[str, pa.Array]


@cache
def _objects(shape: Shape) -> _Objects:
    random = np.random.default_rng(_SEED)
    n, days = shape.objects, shape.years * 365.25
    # Half of the objects are there when the history begins; half of all have decayed before it ends.
    from_day = np.where(random.random(n) < 0.5, 0.0, random.random(n) * days)
    to_day = np.where(random.random(n) < 0.5, days + 1.0, from_day + (days - from_day) * random.random(n))
    low = random.random(n) < 0.8
    revolutions = np.where(low, random.normal(14.8, 0.5, n), random.uniform(0.9, 12.0, n)).clip(0.5, 16.2)
    values = {
        "mean_motion_rev_per_day": revolutions,
        "eccentricity": np.exp(random.normal(-6.0, 1.2, n)).clip(1e-5, 0.7),
        "inclination_deg": random.choice([28.5, 51.6, 53.0, 65.0, 74.0, 82.5, 86.4, 97.8, 98.6], n)
        + random.normal(0, 0.3, n),
        "node": random.uniform(0, 360, n),
        "node_rate": np.where(low, random.uniform(-7.0, 1.0, n), random.uniform(-0.5, 0.1, n)),
        "perigee": random.uniform(0, 360, n),
        "perigee_rate": np.where(low, random.uniform(-4.0, 8.0, n), random.uniform(-0.2, 0.4, n)),
        "bstar": np.exp(random.normal(-8.5, 1.5, n)),
    }
    names = np.char.add("OBJECT ", np.arange(1, n + 1).astype(str))
    launches = [f"{1980 + i * 45 // n}-{i % 180 + 1:03d}{chr(65 + i % 26)}" for i in range(n)]
    texts = {
        "object_id": pa.array([f"cat-{number}" for number in range(1, n + 1)]),
        "object_name": pa.array(names.tolist()),
        "cospar_id": pa.array(launches),
    }
    sets_a_day = np.where(low, 3.0, 1.0) * random.gamma(4.0, 0.25, n)
    label = np.minimum(random.zipf(1.3, n) - 1, shape.labels // shape.originators - 1)
    return _Objects(from_day, to_day, sets_a_day, label, values, texts)


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


def rows_of_commit(shape: Shape, number: int) -> pa.Table:
    """The rows of one commit, in order of reception."""
    first = number * shape.rows_a_commit
    count = min(shape.rows_a_commit, shape.rows - first)
    random = np.random.default_rng([_SEED, number])
    objects = _objects(shape)
    begin_ns, end_ns = shape.received_tai_ns(first), shape.received_tai_ns(first + count)
    start_ns = shape.received_tai_ns(0)
    # Payloads of a catalogue each come at one instant; the sets in it are of the day before.
    payload = np.arange(count) // _PAYLOAD_ROWS
    share = (payload + 0.5) / (payload[-1] + 1)
    received = (begin_ns + share * (end_ns - begin_ns)).astype(np.int64)
    day = (received - start_ns) / _DAY_NS
    alive = np.flatnonzero((objects.from_day <= day[0]) & (day[0] < objects.to_day))
    rate = objects.sets_a_day[alive]
    which = random.choice(alive, count, p=rate / rate.sum())
    epoch_us = (received - random.integers(0, _DAY_NS, count)) // 1_000
    return _table(shape, random, which, received, epoch_us, day, number)


def _table(
    shape: Shape,
    random: np.random.Generator,
    which: NDArray[np.int64],
    received: NDArray[np.int64],
    epoch_us: NDArray[np.int64],
    day: NDArray[np.float64],
    number: int,
) -> pa.Table:
    count = len(which)
    objects = _objects(shape)
    originator = (which + random.integers(0, 3, count)) % shape.originators
    of_originator = shape.labels // shape.originators
    label = objects.label[which] + originator * of_originator
    label_ids, names = _label_ids(shape), pa.array(originators_of(shape))
    of_object = {name: values[which] for name, values in objects.values.items()}
    drag = of_object["bstar"] * random.normal(1.0, 0.05, count)
    payload_ids = pa.array([random.bytes(32).hex() for _ in range(count // _PAYLOAD_ROWS + 1)])
    given: dict[str, Any] = {
        "record_id": _ids(random, count),
        "originator": names.take(pa.array(originator)),
        "source": names.take(pa.array(originator)),
        "received_tai_ns": received,
        "label_id": label_ids.take(pa.array(label)),
        "payload_sha256": payload_ids.take(pa.array(np.arange(count) // _PAYLOAD_ROWS)),
        **{name: texts.take(pa.array(which)) for name, texts in objects.texts.items()},
        "catalogue_number": which + 1,
        "epoch_tai_ns": epoch_us * 1_000,
        "epoch_utc": format_utc_array(epoch_us * 1_000),
        "mean_motion_rev_per_day": np.round(
            of_object["mean_motion_rev_per_day"] + 1e-5 * day + random.normal(0, 2e-7, count), 8
        ),
        "eccentricity": np.round(np.abs(of_object["eccentricity"] + random.normal(0, 2e-6, count)), 7),
        "inclination_deg": np.round(of_object["inclination_deg"] + random.normal(0, 3e-4, count), 4),
        "ra_of_asc_node_deg": np.round((of_object["node"] + of_object["node_rate"] * day) % 360.0, 4),
        "arg_of_pericenter_deg": np.round((of_object["perigee"] + of_object["perigee_rate"] * day) % 360.0, 4),
        "mean_anomaly_deg": np.round(random.uniform(0, 360, count), 4),
        "bstar_per_earth_radius": _significant(drag, 5),
        "mean_motion_dot_rev_per_day2": np.round(drag * 0.3, 8),
        "element_set_number": (day.astype(np.int32) % 999).astype(np.int32),
        "revolution_at_epoch": (of_object["mean_motion_rev_per_day"] * day).astype(np.int32) % 100_000,
        "payload_record": (np.arange(count) % _PAYLOAD_ROWS + 1).astype(np.int32),
        "deviations": pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string())),
    }
    constant = {
        "data_mode": "REAL", "classification_type": "U", "mean_element_theory": "SGP4", "center_name": "EARTH",
        "ref_frame": "TEME", "time_system": "UTC", "message_originator": "CENTRE",
        "creation_date_utc": f"2024-01-01T00:00:{number % 60:02d}",
    }  # fmt: skip
    columns = []
    for field in ELEMENT_SET_SCHEMA:
        if field.name in given:
            column = given[field.name]
            columns.append((column if isinstance(column, pa.Array) else pa.array(column)).cast(field.type))
        else:
            columns.append(pa.repeat(pa.scalar(constant.get(field.name, 0), field.type), count))
    return pa.table(columns, schema=ELEMENT_SET_SCHEMA)


@cache
def _label_ids(shape: Shape) -> pa.Array:
    return pa.array([label.label_id for label in labels_of(shape)])


def _ids(random: np.random.Generator, count: int) -> pa.Array:
    """32 hexadecimal digits each, without a Python object a row."""
    offsets = pa.py_buffer(np.arange(0, 32 * count + 1, 32, dtype=np.int32))
    return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(random.bytes(16 * count).hex().encode()))


def _significant(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Rounded to so many significant digits, as BSTAR is written."""
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(values))))
    return np.asarray(np.round(values * scale) / scale)


class Filled(NamedTuple):
    """What `fill` appended, and how long the appends took (making the rows is not in it)."""

    rows: int
    append_s: float


def fill(history: History, shape: Shape, up_to: int | None = None) -> Filled:
    """Append what is missing of the first ``up_to`` rows, which are all unless it says so."""
    table = history.table("elements")
    snapshot = table.current_snapshot()
    have = int(snapshot.summary["total-records"]) if snapshot is not None and snapshot.summary is not None else 0
    appended, append_s = 0, 0.0
    for number in range(have // shape.rows_a_commit, -(-(up_to or shape.rows) // shape.rows_a_commit)):
        rows = rows_of_commit(shape, number)
        begin = time.perf_counter()
        history.append("elements", rows, positions={})
        append_s += time.perf_counter() - begin
        appended += rows.num_rows
        print(f"{have + appended:,} rows", flush=True)
    return Filled(appended, append_s)


def opened(directory: Path) -> History:
    """The history in a directory, made where there is none."""
    directory.mkdir(parents=True, exist_ok=True)
    return History.open(directory / "history", f"sqlite:///{directory / 'catalogue.sqlite'}")
