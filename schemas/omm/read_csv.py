"""Reads OMMs in CSV: CelesTrak's (17 columns, nothing quoted) and Space-Track's (40 columns, data quoted)."""

import csv
import re
from contextlib import suppress

import numpy as np

from schemas.element_rows import RefusalLimitError, whole_payload_refused
from schemas.omm.csv_lane import LINE_LENGTH_MAX, cut_lines
from schemas.omm.flat import judged_keys
from schemas.omm.gathering import OmmGathering
from schemas.omm.keywords import flat_keys
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError

_ENCODING = "omm-csv"
_PART_BYTES = 1 << 21
_CELL = r'(?:"(?:[^"]|"")*"|[^",]*)'
_WELL_QUOTED = re.compile(f"{_CELL}(?:,{_CELL})*")


def read_omm_csv(data: bytes, file: str, *, lane: bool = True) -> Reading:
    """The element sets of a CSV payload, whose first line names the columns; ``file`` is what refusals call it.

    A line is a record, so a quote that is not closed loses its own line only, and the lines up to the next such one
    where that is near. Accepted and named in ``deviations``:
    see `schemas.omm.rules`. ``lane`` off reads line by line: the same, and slow.
    """
    end = b"\n" if b"\n" in data else b"\r"
    gathering = OmmGathering(data, file, _ENCODING, flat=True)
    try:
        header, start = _header(data, end)
    except RecordRefusedError as error:
        return whole_payload_refused(_ENCODING, file, error, data)
    with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
        record = 0
        while start < len(data):
            stop = _part_end(data, start, end)
            record = _read_part(data, (start, stop), end, header, record, gathering, lane)
            gathering.flush()
            start = stop
    return gathering.reading()


def _header(data: bytes, end: bytes) -> tuple[list[str], int]:
    """(the names of the columns, where the lines below them begin). Raises RecordRefusedError."""
    start = 0
    while start < len(data):
        stop = data.find(end, start) + 1 or len(data)
        if body := data[start:stop].strip(b"\r\n "):
            names = _cells(body)
            for name in names:
                if name not in flat_keys():
                    raise RecordRefusedError("header", name, "not a key of the OMM, Space-Track or CelesTrak")
                if names.count(name) > 1:
                    raise RecordRefusedError("header", name, "a column stands once")
            return names, stop
        start = stop
    return [], start


def _part_end(data: bytes, start: int, end: bytes) -> int:
    """Where a part of whole lines ends, some `_PART_BYTES` on."""
    if len(data) - start <= _PART_BYTES:
        return len(data)
    last = data.rfind(end, start, start + _PART_BYTES)
    return last + 1 if last >= 0 else data.find(end, start) + 1 or len(data)


def _read_part(
    data: bytes, span: tuple[int, int], end: bytes, header: list[str], record: int, gathering: OmmGathering, lane: bool
) -> int:
    """Read the lines of a part of the payload; answers the number of the last record."""
    wanted = [cell for cell, name in enumerate(header) if name in judged_keys()]
    lines = cut_lines(data, *span, end, len(header), wanted)
    records = np.arange(record + 1, record + 1 + len(lines.spans), dtype=np.int64)
    taken = lines.taken if lane else np.zeros_like(lines.taken)
    if taken.any():
        columns = {header[cell]: column for cell, column in lines.columns.items()}
        gathering.add_columns(columns, records[taken], lines.spans[taken])
    for row in np.flatnonzero(~taken).tolist():
        start, stop = lines.spans[row].tolist()
        try:
            if lines.quoted_on[row]:
                # A name with line breaks could else bring in whole records of its own.
                rule = "not between two lines that each leave a quote open: it may be the inside of one cell"
                raise RecordRefusedError(
                    "line", data[start : min(stop, start + 200)].strip(b"\r\n "), rule, "RFC 4180, 2"
                )
            texts = _texts_of(header, data[start:stop].strip(b"\r\n "))
            gathering.add(texts, int(records[row]), (start, stop))
        except RecordRefusedError as error:
            gathering.refuse(error, int(records[row]), (start, stop))
        if gathering.is_full:
            gathering.flush()
    return record + len(lines.spans)


def _texts_of(header: list[str], body: bytes) -> dict[str, str]:
    cells = _cells(body)
    if len(cells) != len(header):
        raise RecordRefusedError("record", f"{len(cells)} columns", f"{len(header)} columns as in the header")
    return {name: cell for name, cell in zip(header, cells, strict=True) if name in judged_keys()}


def _cells(body: bytes) -> list[str]:
    """The cells of a line. Raises RecordRefusedError for text that is no CSV."""
    if len(body) > LINE_LENGTH_MAX:
        raise RecordRefusedError("line", body[:40], f"at most {LINE_LENGTH_MAX} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("line", body[:200], "UTF-8 text") from error
    if '"' not in text:
        return text.split(",")
    if _WELL_QUOTED.fullmatch(text) is None:
        # The rest of a line broken inside quotes would else pass for a record of its own, under a wrong name.
        rule = "quotes stand around a whole cell and are closed in its line; inside it each is doubled"
        raise RecordRefusedError("line", text, rule, "RFC 4180, 2")
    return next(csv.reader((text,), strict=True))
