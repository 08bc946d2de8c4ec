"""Reads OMMs in CSV: CelesTrak's (17 columns, nothing quoted) and Space-Track's (40 columns, data quoted)."""

import csv

from schemas.element_rows import Gathering, RefusalLimitError, whole_payload_refused
from schemas.omm.keywords import FLAT_KEYS
from schemas.omm.record import element_row
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError
from schemas.text_lines import numbered_lines

_ENCODING = "omm-csv"
_LINE_LENGTH_MAX = 65_536


def read_omm_csv(data: bytes, file: str) -> Reading:
    """The element sets of a CSV payload, whose first line names the columns; ``file`` is what refusals call it.

    A line is a record, so a quote that is not closed loses its own line only. Accepted and named in ``deviations``:
    see `schemas.omm.record`.
    """
    gathering = Gathering(file)
    header: list[str] | None = None
    record = 0
    try:
        for number, raw in numbered_lines(data):
            body = raw.strip(b"\r\n ")
            if not body:
                continue
            if header is None:
                header = _header(body)
                continue
            record += 1
            try:
                gathering.add(element_row(_texts_of(header, body), record, flat=True))
            except RecordRefusedError as error:
                gathering.refuse(error, record, number, raw)
    except RefusalLimitError:
        pass  # the gathering holds the refusal that says so
    except RecordRefusedError as error:
        return whole_payload_refused(_ENCODING, file, error, data)
    return gathering.reading(_ENCODING)


def _header(body: bytes) -> list[str]:
    names = _cells(body)
    for name in names:
        if name not in FLAT_KEYS:
            raise RecordRefusedError("header", name, "not a key of the OMM, Space-Track or CelesTrak")
        if names.count(name) > 1:
            raise RecordRefusedError("header", name, "a column stands once")
    return names


def _texts_of(header: list[str], body: bytes) -> dict[str, str]:
    cells = _cells(body)
    if len(cells) != len(header):
        raise RecordRefusedError("record", f"{len(cells)} columns", f"{len(header)} columns as in the header")
    return dict(zip(header, cells, strict=True))


def _cells(body: bytes) -> list[str]:
    """The cells of a line. Raises RecordRefusedError for text that is no CSV."""
    if len(body) > _LINE_LENGTH_MAX:
        raise RecordRefusedError("line", body[:40], f"at most {_LINE_LENGTH_MAX} bytes")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("line", body[:200], "UTF-8 text") from error
    if '"' not in text:
        return text.split(",")
    try:
        rows = list(csv.reader((text,), strict=True))
    except csv.Error as error:
        raise RecordRefusedError("line", text, f"CSV: {error}") from error
    return rows[0]
