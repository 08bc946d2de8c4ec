"""Starlink's ephemeris text (MEME) as an ephemeris record, column by column, without an object a value."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.byte_spans import byte_array, gather
from schemas.ephemeris import COVARIANCE_SCHEMA, COVARIANCE_TERMS, STATE_SCHEMA, Ephemeris, EphemerisSegment
from schemas.epoch_matrix import parse_epoch_matrix
from schemas.meme.layout import (
    HEADER_LINES,
    LINES_PER_RECORD,
    SOURCE,
    VALUES_PER_LINE,
    VALUES_PER_RECORD,
    Header,
    read_file_name,
    read_header,
)
from schemas.oem.rules import STATES_SHORT_OF_SPAN
from schemas.oem.state_lines import epoch_of, float_of
from schemas.reading import EphemerisReading
from schemas.refusals import RecordRefusedError

BYTES_MAX = 32 << 20  # a real file has under 2 MB
_EPOCH_DIGITS = 13  # YYYYDDDhhmmss
_STATE_FIELDS = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
_FIELDS = ("EPOCH", *_STATE_FIELDS, *(f"covariance {term + 1}" for term in range(COVARIANCE_TERMS)))
_VARIANCES = np.array([0, 2, 5, 9, 14, 20])
_VALUE_BYTES = 200


class _Values(NamedTuple):
    """Spans of the n * 28 values of n records in the payload."""

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]


def read_meme(data: bytes, file: str, file_name: str = "") -> EphemerisReading:
    """The ephemeris of a payload, which is one record; ``file`` is what refusals call it.

    ``file_name`` is the name that its maker gave the file: of the form ``MEME_<number>_<name>_...txt`` it gives object
    name, identifier and classification, else they are "" and None. States are km, km/s in EME2000, UTC; covariances km
    in RTN. A file that ends before ``ephemeris_stop`` is read, with the deviation ``states-do-not-cover-span``. Nothing
    is raised: all else that is not as it must be refuses the payload, with field, value, rule and line.
    """
    try:
        ephemeris = _ephemeris(data, file_name)
    except RecordRefusedError as error:
        return EphemerisReading("meme", [], [error.refusal(file, 1, error.line, data)])
    return EphemerisReading("meme", [ephemeris], [])


def _ephemeris(data: bytes, file_name: str) -> Ephemeris:
    if len(data) > BYTES_MAX:
        raise RecordRefusedError("payload", "", f"at most {BYTES_MAX} bytes, this has {len(data)}", SOURCE)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    header_lines = data.split(b"\n", HEADER_LINES)
    header = read_header(header_lines[:HEADER_LINES])
    if len(header_lines) <= HEADER_LINES:
        raise RecordRefusedError("record", "", "records follow the header", SOURCE, HEADER_LINES)
    values = _values(data, len(data) - len(header_lines[HEADER_LINES]))
    rows = len(values.starts) // VALUES_PER_RECORD
    lines = HEADER_LINES + 1 + np.arange(rows) * LINES_PER_RECORD
    epochs = _epochs(data, values, lines)
    notices: set[str] = set()
    numbers = _numbers(data, values, lines, notices)
    deviations = _check_epochs(epochs, header, lines)
    states = [pa.array(epochs), *(pa.array(numbers[:, column].copy()) for column in range(len(_STATE_FIELDS)))]
    states += [pa.nulls(rows, pa.float64())] * (len(STATE_SCHEMA) - len(states))
    name = read_file_name(file_name)
    segment = EphemerisSegment(
        object_name=name.object_name,
        object_id=name.object_id,
        center_name="EARTH",
        ref_frame="EME2000",
        ref_frame_epoch_tai_ns=None,
        time_system="UTC",
        start_tai_ns=header.start_tai_ns,
        usable_start_tai_ns=None,
        usable_stop_tai_ns=None,
        stop_tai_ns=header.stop_tai_ns,
        interpolation=None,
        states=pa.RecordBatch.from_arrays(states, schema=STATE_SCHEMA),
        covariances=_covariances(epochs, numbers[:, len(_STATE_FIELDS) :], lines),
    )
    return Ephemeris(
        message="MEME",
        version="",
        creation_date_tai_ns=header.created_tai_ns,
        originator=None,
        message_id=None,
        classification=name.classification,
        segments=(segment,),
        header_comments=(f"ephemeris_source: {header.source}",),
        deviations=(*deviations, *sorted(notices)),
    )


def _values(data: bytes, start: int) -> _Values:
    """Where the values stand. Raises RecordRefusedError unless each line has seven, and each record four lines."""
    body = byte_array(data)[start:]
    strange = (body < 0x20) | (body > 0x7E)
    strange &= body != 0x0A
    if strange.any():
        at = start + int(np.argmax(strange))
        line = 1 + data.count(b"\n", 0, at)
        shown = ascii(data[at : at + 1])[2:-1]
        raise RecordRefusedError("line", shown, "printable ASCII characters, no tabs", SOURCE, line)
    is_value = np.zeros(len(body) + 2, dtype=np.bool_)
    is_value[1:-1] = body > 0x20
    change = is_value[1:] != is_value[:-1]
    edges = np.flatnonzero(change)
    starts, stops = edges[::2], edges[1::2]
    ends = np.flatnonzero(body == 0x0A)
    last = int(stops[-1]) if len(stops) else 0
    line_stops = np.append(ends[ends < last], len(body))  # what comes after the last value is blank
    per_line = np.diff(np.searchsorted(starts, line_stops), prepend=0)
    odd = np.flatnonzero(per_line != VALUES_PER_LINE)
    if odd.size:
        row = int(odd[0])
        begin = 0 if row == 0 else int(line_stops[row - 1]) + 1
        text = body[begin : min(begin + _VALUE_BYTES, int(line_stops[row]))].tobytes()
        rule = f"a line of a record has {VALUES_PER_LINE} values, not {int(per_line[row])}"
        raise RecordRefusedError("line", text, rule, SOURCE, HEADER_LINES + 1 + row)
    if len(per_line) % LINES_PER_RECORD:
        rule = f"a record has {LINES_PER_RECORD} lines; the last has {len(per_line) % LINES_PER_RECORD}"
        raise RecordRefusedError("record", "", rule, SOURCE, HEADER_LINES + len(per_line))
    return _Values(starts + start, stops + start)


def _numbers(data: bytes, values: _Values, lines: NDArray[np.int64], notices: set[str]) -> NDArray[np.float64]:
    """The 27 numbers behind the epoch of every record, (n, 27)."""
    from schemas.oem.state_lane import numbers_of_texts  # loads numba

    rows = len(lines)
    starts = values.starts.reshape(rows, VALUES_PER_RECORD)[:, 1:].ravel()
    stops = values.stops.reshape(rows, VALUES_PER_RECORD)[:, 1:].ravel()
    texts = gather(data, starts, stops)
    numbers, good, deviations = numbers_of_texts(texts)
    notices |= deviations
    for at in np.flatnonzero(~good).tolist():
        row, value = divmod(at, VALUES_PER_RECORD - 1)
        line = int(lines[row]) + (value + 1) // VALUES_PER_LINE
        numbers[at] = float_of(_FIELDS[value + 1], texts[at].as_py(), line, notices)
    return numbers.reshape(rows, VALUES_PER_RECORD - 1)


def _epochs(data: bytes, values: _Values, lines: NDArray[np.int64]) -> NDArray[np.int64]:
    """TAI ns (n,) of the epochs ``YYYYDDDhhmmss.sss``."""
    starts = values.starts[::VALUES_PER_RECORD]
    widths = values.stops[::VALUES_PER_RECORD] - starts
    payload = byte_array(data)
    form = "an epoch is YYYYDDDhhmmss.sss, with one to nine decimals, as wide in every record"
    width = int(widths[0])
    odd = np.flatnonzero((widths != width) | (width <= _EPOCH_DIGITS + 1) | (width > _EPOCH_DIGITS + 10))
    if odd.size:
        row = int(odd[0])
        text = data[int(starts[row]) : int(starts[row]) + min(int(widths[row]), _VALUE_BYTES)]
        raise RecordRefusedError("EPOCH", text, form, SOURCE, int(lines[row]))
    raw = payload[starts[:, None] + np.arange(width)]
    matrix = np.empty((len(raw), width + 4), dtype=np.uint8)
    for at, mark in ((4, "-"), (8, "T"), (11, ":"), (14, ":")):
        matrix[:, at] = ord(mark)
    pieces = ((0, 0, 4), (5, 4, 7), (9, 7, 9), (12, 9, 11), (15, 11, width))
    for to, begin, end in pieces:
        matrix[:, to : to + end - begin] = raw[:, begin:end]
    tai_ns, good = parse_epoch_matrix(matrix, "UTC")
    # Z may end a CCSDS time, not this one.
    good &= raw[:, -1] != ord("Z")
    for row in np.flatnonzero(~good).tolist():
        text = raw[row].tobytes()
        if not text.replace(b".", b"", 1).isdigit():
            raise RecordRefusedError("EPOCH", text, form, SOURCE, int(lines[row]))
        tai_ns[row] = epoch_of("EPOCH", matrix[row].tobytes().decode("ascii"), "UTC", int(lines[row]))
    return tai_ns


def _check_epochs(epochs: NDArray[np.int64], header: Header, lines: NDArray[np.int64]) -> list[str]:
    """Deviations. Raises RecordRefusedError unless epochs go in steps from ephemeris_start, to the stop at most."""

    def refused(row: int, rule: str) -> RecordRefusedError:
        return RecordRefusedError("EPOCH", "", rule, SOURCE, int(lines[row]))

    if int(epochs[0]) != header.start_tai_ns:
        raise refused(0, "the first epoch is ephemeris_start")
    odd = np.flatnonzero(np.diff(epochs) != header.step_ns)
    if odd.size:
        raise refused(int(odd[0]) + 1, "epochs are step_size apart")
    if int(epochs[-1]) > header.stop_tai_ns:
        late = int(np.searchsorted(epochs, header.stop_tai_ns, side="right"))
        raise refused(late, "not after ephemeris_stop")
    return [STATES_SHORT_OF_SPAN] if int(epochs[-1]) < header.stop_tai_ns else []


def _covariances(epochs: NDArray[np.int64], terms: NDArray[np.float64], lines: NDArray[np.int64]) -> pa.RecordBatch:
    negative = np.argwhere(terms[:, _VARIANCES] < 0.0)
    if len(negative):
        row, term = int(negative[0][0]), int(_VARIANCES[negative[0][1]])
        line = int(lines[row]) + 1 + term // VALUES_PER_LINE
        field = _FIELDS[1 + len(_STATE_FIELDS) + term]
        raise RecordRefusedError(field, str(terms[row, term]), "a variance is not negative", SOURCE, line)
    triangles = pa.FixedSizeListArray.from_arrays(pa.array(terms.ravel()), COVARIANCE_TERMS)
    frames = pa.repeat(pa.scalar("RTN", pa.string()), len(epochs))
    arrays = [pa.array(epochs), frames, triangles.cast(COVARIANCE_SCHEMA[2].type)]
    return pa.RecordBatch.from_arrays(arrays, schema=COVARIANCE_SCHEMA)
