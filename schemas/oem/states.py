"""The states of an OEM segment as columns: data lines of KVN, or texts by column of XML.

Payloads of some size go through the compiled kernel (`schemas.oem.state_lane`), small ones line by line
(`schemas.oem.state_lines`). Both give the same numbers, bit by bit, and the same refusals.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.tree import Lines, Run
from schemas.ephemeris import STATE_SCHEMA
from schemas.oem.state_lines import (
    CLAUSE,
    STATE_KEYWORDS,
    WITH_ACCELERATION,
    WITHOUT_ACCELERATION,
    DataLine,
    columns_of,
    epoch_of,
    fields_of,
    float_of,
    lines_one_by_one,
)
from schemas.refusals import RecordRefusedError

FAST_LANE_PAYS_BYTES = 1 << 20  # less is read line by line before numba would be loaded
FAST_LANE_PAYS_ROWS = 4_096


class States(NamedTuple):
    """``batch`` has `STATE_SCHEMA`; ``deviations`` are those that its texts have."""

    batch: pa.RecordBatch
    deviations: set[str]


def states_of(data: bytes, lines: Lines, time_system: str, version: str) -> States:
    """The states of data lines. Epochs are not ordered or bounded here (`schemas.oem.rules`).

    Raises RecordRefusedError with line, field (EPOCH, X, ...), value, rule and clause for the first line that is wrong,
    and where there is no data line at all. ``data`` is the payload that ``lines`` points into.
    """
    first = _first_line(data, lines, line_ending(data))
    if first is None:
        rule = "at least one data line follows the metadata"
        raise RecordRefusedError("data line", "", rule, CLAUSE, lines.line)
    columns = columns_of(first, version)
    if lines.stop - lines.start >= FAST_LANE_PAYS_BYTES:
        from schemas.oem.state_lane import lines_by_kernel  # loads numba

        read = lines_by_kernel(data, lines, columns, time_system)
    else:
        read = lines_one_by_one(data, lines, columns, time_system)
    return States(_batch(read.epoch_tai_ns, read.numbers), read.deviations)


def states_of_runs(runs: list[Run], time_system: str, version: str) -> States:
    """The states of runs of texts by column, in order; otherwise as `states_of`."""
    notices: set[str] = set()
    layouts = {run.keywords for run in runs if run.length}
    if not layouts:
        raise RecordRefusedError("stateVector", "", "at least one state follows the metadata", CLAUSE)
    if len(layouts) > 1 or next(iter(layouts)) not in (
        STATE_KEYWORDS[:WITHOUT_ACCELERATION],
        STATE_KEYWORDS[:WITH_ACCELERATION],
    ):
        odd = (
            next(run for run in runs if run.length and run.keywords != runs[0].keywords)
            if len(layouts) > 1
            else runs[0]
        )
        rule = "all states of a segment have EPOCH X Y Z X_DOT Y_DOT Z_DOT, and all or none X_DDOT Y_DDOT Z_DDOT"
        raise RecordRefusedError("stateVector", " ".join(odd.keywords), rule, CLAUSE, int(odd.lines[0]))
    runs = [run for run in runs if run.length]
    lines = np.concatenate([run.lines for run in runs])
    keywords = next(iter(layouts))
    columns_of(DataLine(list(keywords), int(lines[0])), version)
    epochs, *columns = (_one_array([run.columns[column] for run in runs]) for column in range(len(keywords)))
    if len(lines) >= FAST_LANE_PAYS_ROWS:
        from schemas.oem.state_lane import epochs_of_texts, numbers_of_texts  # loads numba

        epoch_tai_ns = epochs_of_texts(epochs, lines, time_system)
        numbers = np.empty((len(columns), len(lines)), dtype=np.float64)
        for row, (keyword, column) in enumerate(zip(keywords[1:], columns, strict=True)):
            numbers[row], good, deviations = numbers_of_texts(column)
            notices |= deviations
            for at in np.flatnonzero(~good).tolist():
                numbers[row, at] = float_of(keyword, column[at].as_py(), int(lines[at]), notices)
    else:
        epoch_tai_ns = np.array(
            [
                epoch_of("EPOCH", text, time_system, line)
                for text, line in zip(epochs.to_pylist(), lines.tolist(), strict=True)
            ],
            dtype=np.int64,
        )
        numbers = np.array(
            [
                [
                    float_of(keyword, text, line, notices)
                    for text, line in zip(column.to_pylist(), lines.tolist(), strict=True)
                ]
                for keyword, column in zip(keywords[1:], columns, strict=True)
            ]
        )
    return States(_batch(epoch_tai_ns, numbers), notices)


def _first_line(data: bytes, lines: Lines, newline: bytes) -> DataLine | None:
    """The first line that holds something."""
    position, number = lines.start, lines.line
    while position < lines.stop:
        end = data.find(newline, position, lines.stop)
        end = lines.stop if end < 0 else end
        found = fields_of(data[position:end], number)
        if found is not None:
            return found
        position, number = end + 1, number + 1
    return None


def _one_array(texts: list[pa.Array]) -> pa.Array:
    """The arrays as one; most often there is one."""
    return texts[0] if len(texts) == 1 else pa.concat_arrays(texts)


def _batch(epoch_tai_ns: NDArray[np.int64], numbers: NDArray[np.float64]) -> pa.RecordBatch:
    """The batch over these arrays, without a copy."""
    count = len(epoch_tai_ns)
    # From buffers: pa.array() of a numpy array imports pandas, which takes half a second.
    epochs = pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(epoch_tai_ns)])
    columns = [epochs]
    columns += [pa.Array.from_buffers(pa.float64(), count, [None, pa.py_buffer(column)]) for column in numbers]
    columns += [pa.nulls(count, pa.float64())] * (len(STATE_SCHEMA) - len(columns))
    return pa.RecordBatch.from_arrays(columns, schema=STATE_SCHEMA)
