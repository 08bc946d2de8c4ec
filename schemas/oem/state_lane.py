"""The fast lane for states: the compiled kernel, and the way back to `schemas.oem.state_lines` for what it leaves.

Importing this module loads numba and the kernel (some 0.8 s of processor time), so only payloads that are worth it may
import it. Both lanes give the same numbers, bit by bit.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.byte_spans import byte_array
from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.tree import Lines
from schemas.epoch_matrix import parse_epoch_matrix
from schemas.oem.state_kernel import DONE, EPOCH_WIDTH_MAX, UNSURE, Bytes, Progress, read_lines, read_texts
from schemas.oem.state_lines import (
    DEVIATIONS,
    Columns,
    epoch_at_row,
    epoch_of,
    fields_of,
    state_of,
)
from schemas.refusals import RecordRefusedError

_EPOCHS_AT_ONCE = 65_536
_SHORTEST_LINE = len("YYYY-DDDThh:mm:ss 0 0 0 0 0 0\n")


def lines_by_kernel(data: bytes, lines: Lines, columns: int, time_system: str) -> Columns:
    """The states of data lines of 7 or 10 columns. Raises RecordRefusedError for the first line that is wrong."""
    newline = line_ending(data)
    # Lines may be blank, so their count alone would let a payload of line ends ask for much memory.
    room = min(data.count(newline, lines.start, lines.stop), (lines.stop - lines.start) // _SHORTEST_LINE) + 1
    epoch_tai_ns = np.empty(room, dtype=np.int64)
    numbers = np.empty((columns - 1, room), dtype=np.float64)
    notices: set[str] = set()
    epochs = np.empty((min(room, _EPOCHS_AT_ONCE), EPOCH_WIDTH_MAX), dtype=np.uint8)
    widths = np.zeros(len(epochs), dtype=np.int64)
    payload = byte_array(data)
    deviates = np.zeros(len(DEVIATIONS), dtype=np.bool_)
    progress = Progress(0, lines.start, lines.line, UNSURE)
    while progress.state != DONE:
        before = progress.row
        # In a file that is good, no epoch is bad: what comes after it in the block is read in vain only once.
        progress = read_lines(payload, lines.stop, newline[0], progress, numbers, epochs, widths, deviates)
        count = progress.row - before
        read, good = _epochs(epochs[:count], widths[:count], time_system)
        epoch_tai_ns[before : progress.row] = read
        for row in np.flatnonzero(~good).tolist():
            text = epochs[row, : widths[row]].tobytes().decode("latin-1")
            try:
                epoch_tai_ns[before + row] = epoch_of("EPOCH", text, time_system, 0)
            except RecordRefusedError as error:
                _, error.line = epoch_at_row(data, lines, before + row)
                raise
        if progress.state == UNSURE:
            end = data.find(newline, progress.position, lines.stop)
            end = lines.stop if end < 0 else end
            data_line = fields_of(data[progress.position : end], progress.line)
            row = progress.row
            if data_line is not None:
                epoch_tai_ns[row], numbers[:, row] = state_of(data_line, columns, time_system, notices)
                row += 1
            progress = Progress(row, end + 1, progress.line + 1, UNSURE)
    return Columns(epoch_tai_ns[: progress.row], numbers[:, : progress.row], notices | _named(deviates))


def numbers_of_texts(texts: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_], set[str]]:
    """(numbers (n,), read (n,), deviations) of n texts; one that is not ``read`` is for `schemas.oem.state_lines`."""
    offsets, payload = _buffers(texts)
    deviates = np.zeros(len(DEVIATIONS), dtype=np.bool_)
    numbers, good = read_texts(payload, offsets, deviates)
    return numbers, good, _named(deviates)


def epochs_of_texts(texts: pa.Array, lines: NDArray[np.int64], time_system: str) -> NDArray[np.int64]:
    """TAI ns (n,) of n epochs. Raises RecordRefusedError, with its line, for the first that is none."""
    offsets, payload = _buffers(texts)
    widths = np.diff(offsets).astype(np.int64)
    tai_ns = np.zeros(len(widths), dtype=np.int64)
    good = np.zeros(len(widths), dtype=np.bool_)
    for begin in range(0, len(widths), _EPOCHS_AT_ONCE):
        part = slice(begin, begin + _EPOCHS_AT_ONCE)
        for width in np.unique(widths[part]).tolist():
            if 0 < width <= EPOCH_WIDTH_MAX:
                rows = begin + np.flatnonzero(widths[part] == width)
                matrix = payload[offsets[rows].astype(np.int64)[:, None] + np.arange(width)]
                tai_ns[rows], good[rows] = parse_epoch_matrix(matrix, time_system)
    for row in np.flatnonzero(~good).tolist():
        tai_ns[row] = epoch_of("EPOCH", texts[row].as_py(), time_system, int(lines[row]))
    return tai_ns


def _epochs(epochs: Bytes, widths: NDArray[np.int64], time_system: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """`parse_epoch_matrix` of epochs of several widths; nearly always there is one."""
    tai_ns = np.zeros(len(widths), dtype=np.int64)
    good = np.zeros(len(widths), dtype=np.bool_)
    for width in np.flatnonzero(np.bincount(widths)).tolist() if len(widths) else ():
        rows = np.flatnonzero(widths == width)
        whole = len(rows) == len(widths)
        matrix = np.ascontiguousarray(epochs[:, :width] if whole else epochs[rows, :width])
        tai_ns[rows], good[rows] = parse_epoch_matrix(matrix, time_system)
    return tai_ns, good


def _named(deviates: NDArray[np.bool_]) -> set[str]:
    return {name for name, noticed in zip(DEVIATIONS, deviates.tolist(), strict=True) if noticed}


def _buffers(texts: pa.Array) -> tuple[NDArray[np.int32], Bytes]:
    """(n + 1 offsets, bytes) of an array of texts without nulls."""
    _, offsets, payload = texts.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds, np.frombuffer(payload, dtype=np.uint8) if payload is not None else np.empty(0, dtype=np.uint8)
