"""The fast lane: the kernel's buffers as Arrow batches, and the way back to the column reader for the rest.

Importing this module loads numba and the kernel, so only payloads that are worth it may import it.
"""

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.element_rows import Gathering
from schemas.reading import Reading
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.timescales import tai_minus_utc_s
from schemas.tle.column_kernel import (
    ANOMALY,
    BSTAR,
    COSPAR_LENGTH_MAX,
    COSPAR_OFFSETS,
    DATE_LENGTH,
    DDOT,
    DEVIATES,
    DOT,
    ECCENTRICITY,
    EPHEMERIS_TYPE,
    EPOCH_LENGTH,
    EPOCH_TAI_NS,
    FIRST_MJD,
    GOOD,
    HAS_COSPAR,
    HAS_NAME,
    HAS_REVOLUTION,
    HAS_SET_NUMBER,
    INCLINATION,
    LAST_MJD,
    MEAN_MOTION,
    NAME_OFFSETS,
    NODE,
    NUMBER,
    PERICENTER,
    REVOLUTION,
    SET_NUMBER,
    UNIX_EPOCH_MJD,
    Bytes,
    Columns,
    Counters,
    Days,
    Floats,
    Integers,
    Mask,
    Places,
    read_columns,
)
from schemas.tle.column_reader import COSPAR_ID_NOT_STANDARD, read_frames
from schemas.tle.framing import Frame, Stray, frames
from schemas.tle.framing_kernel import (
    AFTER,
    END1,
    END2,
    LINE1,
    LINE2,
    LINES_BEFORE,
    NAME,
    NAME_END,
    PLACES,
    SHORTEST_SET,
    START,
    find_sets,
)

_BLOCK_BYTES = 4 << 20


class _Block(NamedTuple):
    """What the kernels made of a part of the payload that holds n sets.

    ``good`` (n,) says which of them ``columns`` hold well. ``left`` (k, 5) are the stretches of bytes for the column
    reader, in order: first byte, byte after the last, lines of the block before it, sets before it, and 1 where the
    stretch is itself the next set, else 0.
    """

    columns: dict[str, pa.Array]
    good: Mask
    left: Integers
    line_count: int


def read_by_kernels(data: bytes, file: str) -> Reading:
    """What ``schemas.tle.read.read_tle`` promises: all that the column reader alone would give, the same in each bit.

    Raises RefusalLimitError where too many records are refused, and ValueError for lines that end in CR alone: where
    the column reader stops, and what a line is, only it knows.
    """
    if b"\n" not in data and b"\r" in data:
        raise ValueError("lines that end in CR alone are for the column reader")
    payload = np.frombuffer(data, dtype=np.uint8)
    payload.flags.writeable = False  # one type for numba, whatever ``data`` is
    blocks = [_read_block(payload, start, end) for start, end in _block_bounds(data)]
    gathering = Gathering(file)
    numbers: list[Integers] = []
    read_frames(_left_frames(data, blocks, numbers), gathering)
    left = gathering.reading("tle")
    batches = [_batch(block, of_sets) for block, of_sets in zip(blocks, numbers, strict=True) if block.good.any()]
    if not batches:
        return left
    if left.elements.num_rows:
        batches.append(left.elements)
    elements = batches[0]
    if len(batches) > 1:
        (elements,) = pa.Table.from_batches(batches).combine_chunks().to_batches()
    if left.elements.num_rows:
        elements = elements.take(np.argsort(elements["payload_record"].to_numpy()))
    return Reading("tle", elements, left.refusals)


def _block_bounds(data: bytes) -> Iterator[tuple[int, int]]:
    """Parts of the payload, each but the last ending behind a line that begins with ``2 ``."""
    start = 0
    while start < len(data):
        line2 = data.find(b"\n2 ", start + _BLOCK_BYTES)
        line_end = data.find(b"\n", line2 + 1) if line2 >= 0 else -1
        end = line_end + 1 if line_end >= 0 else len(data)
        yield start, end
        start = end


def _read_block(payload: Bytes, start: int, end: int) -> _Block:
    most = (end - start) // SHORTEST_SET + 1
    places = np.empty((PLACES, most), dtype=np.int64)
    stretches = np.zeros((most + 1, 5), dtype=np.int64)
    n, stretch_count, line_count = find_sets(payload, start, end, places, stretches)
    places = places[:, :n]
    lines = Places(*(places[row] for row in (NAME, NAME_END, LINE1, END1, LINE2, END2)))
    columns = Columns(
        floats=np.empty((9, n)),
        integers=np.empty((2, n), dtype=np.int64),
        counters=np.empty((3, n), dtype=np.int32),
        masks=np.empty((6, n), dtype=np.bool_),
        epochs=np.empty(n * EPOCH_LENGTH, dtype=np.uint8),
        classes=np.empty(n, dtype=np.uint8),
        cospar_ids=np.empty(n * COSPAR_LENGTH_MAX, dtype=np.uint8),
        names=np.empty(int((lines.name_end - lines.name).sum()), dtype=np.uint8),
        offsets=np.empty((2, n + 1), dtype=np.int32),
    )
    read_columns(payload, lines, _days_of_tles(), columns)
    good = columns.masks[GOOD]
    bad = np.flatnonzero(~good)
    bad_sets = [places[START, bad], places[AFTER, bad], places[LINES_BEFORE, bad], bad, np.ones_like(bad)]
    left = np.concatenate([stretches[:stretch_count], np.stack(bad_sets, axis=1)])
    # Stable: a stretch that stands before a set stays before it.
    return _Block(_arrays(columns, n), good, left[np.argsort(left[:, 3], kind="stable")], line_count)


@lru_cache(maxsize=1)
def _days_of_tles() -> Days:
    """Each day that a TLE can name."""
    mjd = np.arange(FIRST_MJD, LAST_MJD + 1, dtype=np.int64)
    dates = np.datetime_as_string((mjd - UNIX_EPOCH_MJD).astype("datetime64[D]")).astype(f"S{DATE_LENGTH}")
    return Days(tai_minus_utc_s(mjd), dates.view(np.uint8))


def _left_frames(data: bytes, blocks: list[_Block], numbers: list[Integers]) -> Iterator[Frame | Stray]:
    """The records that the kernels left, numbered as in the payload; adds the numbers of each block's sets, (n,)."""
    records = lines = 0  # of the blocks before
    for block in blocks:
        others = np.zeros(block.good.size + 1, dtype=np.int64)  # records between the sets
        total_others = 0
        for start, end, lines_before, sets_before, is_set in block.left.tolist():
            before = last = records + sets_before + total_others
            numbered = enumerate(io.BytesIO(data[start:end]), start=lines + lines_before + 1)
            for unit in frames(numbered, before):
                last = unit.record
                yield unit
            if not is_set:
                others[sets_before] += last - before
                total_others += last - before
        numbers.append(records + np.arange(1, block.good.size + 1) + np.cumsum(others)[:-1])
        records += block.good.size + total_others
        lines += block.line_count


def _batch(block: _Block, numbers: Integers) -> pa.RecordBatch:
    """The good sets of a block; ``numbers`` are those of all its sets, (n,)."""
    columns = block.columns | {"payload_record": pa.array(numbers.astype(np.int32))}
    ordered = [columns[name] for name in ELEMENT_FIELDS_SCHEMA.names]
    batch = pa.RecordBatch.from_arrays(ordered, schema=ELEMENT_FIELDS_SCHEMA)
    return batch if block.good.all() else batch.filter(pa.array(block.good))


def _arrays(columns: Columns, n: int) -> dict[str, pa.Array]:
    """The batch's columns but for ``payload_record``, over the kernels' own buffers."""
    text = pa.string()
    floats, counters, masks, offsets = columns.floats, columns.counters, columns.masks, columns.offsets
    return {
        "catalogue_number": _numbers(columns.integers[NUMBER]),
        "object_name": _texts(columns.names, offsets[NAME_OFFSETS], masks[HAS_NAME]),
        "cospar_id": _texts(columns.cospar_ids, offsets[COSPAR_OFFSETS], masks[HAS_COSPAR]),
        "epoch_tai_ns": _numbers(columns.integers[EPOCH_TAI_NS]),
        "epoch_utc": _texts(columns.epochs, _even_offsets(n, EPOCH_LENGTH)),
        "mean_motion_rev_per_day": _numbers(floats[MEAN_MOTION]),
        "eccentricity": _numbers(floats[ECCENTRICITY]),
        "inclination_deg": _numbers(floats[INCLINATION]),
        "ra_of_asc_node_deg": _numbers(floats[NODE]),
        "arg_of_pericenter_deg": _numbers(floats[PERICENTER]),
        "mean_anomaly_deg": _numbers(floats[ANOMALY]),
        "bstar_per_earth_radius": _numbers(floats[BSTAR]),
        "mean_motion_dot_rev_per_day2": _numbers(floats[DOT]),
        "mean_motion_ddot_rev_per_day3": _numbers(floats[DDOT]),
        "ephemeris_type": _numbers(counters[EPHEMERIS_TYPE]),
        "classification_type": _texts(columns.classes, _even_offsets(n, 1)),
        "element_set_number": _numbers(counters[SET_NUMBER], masks[HAS_SET_NUMBER]),
        "revolution_at_epoch": _numbers(counters[REVOLUTION], masks[HAS_REVOLUTION]),
        "mean_element_theory": pa.repeat(pa.scalar("SGP4", text), n),
        "center_name": pa.repeat(pa.scalar("EARTH", text), n),
        "ref_frame": pa.repeat(pa.scalar("TEME", text), n),
        "time_system": pa.repeat(pa.scalar("UTC", text), n),
        "message_originator": pa.nulls(n, text),
        "creation_date_utc": pa.nulls(n, text),
        "deviations": _deviations(masks[DEVIATES]),
    }


def _numbers(values: Integers | Counters | Floats, present: Mask | None = None) -> pa.Array:
    """Numbers without a copy; ``present`` says which are there, None: all."""
    buffers = [_bitmap(present), pa.py_buffer(values)]
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), values.size, buffers)


def _texts(letters: Bytes, offsets: Counters, present: Mask | None = None) -> pa.Array:
    """Texts without a copy; the kernels have let only ASCII pass."""
    buffers = [_bitmap(present), pa.py_buffer(offsets), pa.py_buffer(letters[: offsets[-1]])]
    return pa.Array.from_buffers(pa.string(), offsets.size - 1, buffers)


def _bitmap(present: Mask | None) -> pa.Buffer | None:
    return None if present is None or present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))


def _even_offsets(n: int, width: int) -> Counters:
    return np.arange(0, (n + 1) * width, width, dtype=np.int32)


def _deviations(deviates: Mask) -> pa.Array:
    """A list a row: with the one deviation that the kernel accepts, or empty."""
    offsets = np.zeros(deviates.size + 1, dtype=np.int32)
    np.cumsum(deviates, out=offsets[1:])
    names = pa.repeat(pa.scalar(COSPAR_ID_NOT_STANDARD, pa.string()), int(offsets[-1]))
    return pa.ListArray.from_arrays(pa.array(offsets), names)
