"""Space-Track's ``cdm_public`` in CSV and JSON: the summary of a CDM, which says far less than one.

One row a message as in the CDM, with null for all that a summary does not state: originator, relative vector, states,
covariances. ``PC`` comes without its method.
"""

import csv
import re
from collections.abc import Iterator

import numpy as np

from schemas.ccsds.tree import Unread
from schemas.ccsds.values import number_of
from schemas.cdm.columns import OBJECTS, column_name, empty_row
from schemas.cdm.json_objects import flat_objects
from schemas.cdm.quality import ConjunctionGathering
from schemas.cdm.row import DESIGNATORS_EQUAL, RowDigits, StatedConjunction
from schemas.cdm.rules import PROBABILITY_WITHOUT_METHOD
from schemas.reading import ConjunctionReading
from schemas.refusals import REFUSALS_MAX, RecordRefusedError, Refusal
from schemas.timescales import format_utc, parse_utc

COLUMNS = (
    "CDM_ID",
    "CREATED",
    "EMERGENCY_REPORTABLE",
    "TCA",
    "MIN_RNG",
    "PC",
    "SAT_1_ID",
    "SAT_1_NAME",
    "SAT1_OBJECT_TYPE",
    "SAT1_RCS",
    "SAT_1_EXCL_VOL",
    "SAT_2_ID",
    "SAT_2_NAME",
    "SAT2_OBJECT_TYPE",
    "SAT2_RCS",
    "SAT_2_EXCL_VOL",
)
_LINE_BYTES_MAX = 65_536
_NAME_LENGTH_MAX = 4_000
_PROBED_BYTES = 65_536
_PUBLIC_KEY = re.compile(rb'"SAT_[12]_ID"\s*:')
_CREATED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?)")
_NUMBER_OF_OBJECT = re.compile(r"[0-9]{1,9}")
_CDM_ID = re.compile(r"[0-9]{1,18}")
_TO_BE_ASSIGNED = "TBA"
_OBJECT_TYPES = ("PAYLOAD", "ROCKET BODY", "DEBRIS", "UNKNOWN", "OTHER", _TO_BE_ASSIGNED)
_RCS_SIZES = ("", "SMALL", "MEDIUM", "LARGE")
_NAN = float("nan")
_NO_DIGITS = RowDigits(_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, np.full((2, 21), _NAN))


def is_cdm_public(data: bytes) -> bool:
    """True for JSON whose beginning has keys of ``cdm_public``."""
    return _PUBLIC_KEY.search(data, 0, _PROBED_BYTES) is not None


def read_cdm_public_csv(data: bytes, file: str) -> ConjunctionReading:
    """The rows of ``cdm_public`` in CSV, whose header must be `COLUMNS`; ``file`` is what refusals call it.

    A row that breaks a rule is refused alone.
    """
    gathering = _Gathering(file)
    for record, line, start, stop in _lines(data):
        raw = data[start:stop]
        try:
            if record == 0:
                _check_header(raw)
            else:
                cells = _cells(raw)
                gathering.add(dict(zip(COLUMNS, cells, strict=True)), record)
        except RecordRefusedError as error:
            if not gathering.refuse(error, max(record, 1), line, raw) or record == 0:
                break
    return gathering.reading("cdm-csv")


def read_cdm_public_json(data: bytes, file: str) -> ConjunctionReading:
    """The rows of ``cdm_public`` in JSON: an array of flat objects of strings, null where a value is empty."""
    gathering = _Gathering(file)
    try:
        for found in flat_objects(data):
            try:
                if isinstance(found, Unread):
                    raise found.error
                _check_keys(found.texts)
                gathering.add({key: text or "" for key, text in found.texts.items()}, found.record)
            except RecordRefusedError as error:
                if not gathering.refuse(error, found.record, found.line, data[found.start : found.stop]):
                    break
    except RecordRefusedError as error:
        gathering.refuse(error, 1, 0, data)
    return gathering.reading("cdm-json")


class _Gathering:
    """Rows and refusals of one payload."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._conjunctions = ConjunctionGathering()
        self._refusals: list[Refusal] = []

    def add(self, texts: dict[str, str], record: int) -> None:
        """Take a row. Raises RecordRefusedError."""
        self._conjunctions.take(_stated(texts, record))

    def refuse(self, error: RecordRefusedError, record: int, line: int, data: bytes) -> bool:
        """Take a refusal; False where there are too many."""
        if len(self._refusals) == REFUSALS_MAX:
            rule = f"more than {REFUSALS_MAX} records were refused, so the rest of the payload was not read"
            error, data = RecordRefusedError("payload", "", rule), b""
        self._refusals.append(error.refusal(self._file, record, line, data))
        return len(self._refusals) <= REFUSALS_MAX

    def reading(self, encoding: str) -> ConjunctionReading:
        """What was gathered."""
        return ConjunctionReading(encoding, self._conjunctions.batch(), self._refusals)


def _lines(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(record, line, start, stop) of the lines that are not empty; record 0 is the header. LF or CRLF."""
    start, line, record = (3 if data.startswith(b"\xef\xbb\xbf") else 0), 0, 0
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = len(data) if stop < 0 else stop
        line += 1
        end = stop - 1 if data[stop - 1 : stop] == b"\r" and stop > start else stop
        if end > start:
            yield record, line, start, end
            record += 1
        start = stop + 1


def _cells(raw: bytes) -> list[str]:
    if len(raw) > _LINE_BYTES_MAX:
        raise RecordRefusedError("line", raw, f"at most {_LINE_BYTES_MAX} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("line", raw, "UTF-8 text") from error
    if not text.isprintable():
        raise RecordRefusedError("line", text, "printable characters, no control characters")
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise RecordRefusedError("line", text, f"CSV: {error}") from error
    if len(rows) != 1 or len(rows[0]) != len(COLUMNS):
        raise RecordRefusedError("line", text, f"{len(COLUMNS)} cells, as the header has")
    return rows[0]


def _check_header(raw: bytes) -> None:
    rule = f"the columns {','.join(COLUMNS)}"
    try:
        cells = _cells(raw)
    except RecordRefusedError as error:
        raise RecordRefusedError("header", raw, rule) from error
    if tuple(cells) != COLUMNS:
        raise RecordRefusedError("header", raw, rule)


def _check_keys(texts: dict[str, str | None]) -> None:
    for key in texts:
        if key not in COLUMNS:
            raise RecordRefusedError(key, texts[key] or "", "a column of cdm_public")
    for key in COLUMNS:
        if key not in texts:
            raise RecordRefusedError(key, "", "this column must be there")


def _stated(texts: dict[str, str], record: int) -> StatedConjunction:
    row = empty_row()
    row["space_track_cdm_id"] = _matched("CDM_ID", texts, _CDM_ID, "the number of the CDM")
    row[column_name("CREATION_DATE")] = _created(texts)
    row["emergency_reportable"] = _one_of("EMERGENCY_REPORTABLE", texts, ("Y", "N")) == "Y"
    row[column_name("TCA")] = tca = _instant("TCA", texts["TCA"])
    row["tca_utc"] = format_utc(tca, 9)
    row[column_name("MISS_DISTANCE")] = _bounded("MIN_RNG", texts, None)
    if texts["PC"]:
        row[column_name("COLLISION_PROBABILITY")] = _bounded("PC", texts, 1.0)
        row["deviations"].append(PROBABILITY_WITHOUT_METHOD)
    for segment in OBJECTS:
        number = _matched(f"SAT_{segment}_ID", texts, _NUMBER_OF_OBJECT, "a catalogue number")
        row[column_name("OBJECT_DESIGNATOR", segment)] = number
        row[f"object{segment}_catalogue_number"] = int(number)
        row[column_name("OBJECT_NAME", segment)] = _name(f"SAT_{segment}_NAME", texts)
        kind = _one_of(f"SAT{segment}_OBJECT_TYPE", texts, _OBJECT_TYPES)
        if kind == _TO_BE_ASSIGNED:
            kind, row["deviations"] = "UNKNOWN", [*row["deviations"], f"object{segment}-type-to-be-assigned"]
        row[column_name("OBJECT_TYPE", segment)] = kind
        row[f"object{segment}_rcs_size"] = _one_of(f"SAT{segment}_RCS", texts, _RCS_SIZES) or None
        row[f"object{segment}_exclusion_volume_radius_m"] = _bounded(f"SAT_{segment}_EXCL_VOL", texts, None)
    if row["object1_catalogue_number"] == row["object2_catalogue_number"]:
        row["quality"].append(DESIGNATORS_EQUAL)
    row["payload_record"] = record
    return StatedConjunction(row, _NO_DIGITS)


def _matched(column: str, texts: dict[str, str], pattern: re.Pattern[str], rule: str) -> str:
    if pattern.fullmatch(texts[column]) is None:
        raise RecordRefusedError(column, texts[column], rule)
    return texts[column]


def _one_of(column: str, texts: dict[str, str], choices: tuple[str, ...]) -> str:
    if texts[column] not in choices:
        rule = f"one of {', '.join(choice or 'nothing' for choice in choices)}"
        raise RecordRefusedError(column, texts[column], rule)
    return texts[column]


def _name(column: str, texts: dict[str, str]) -> str:
    name = texts[column]
    if not name or not name.isprintable() or len(name) > _NAME_LENGTH_MAX:
        raise RecordRefusedError(column, name, f"1 to {_NAME_LENGTH_MAX} printable characters")
    return name


def _bounded(column: str, texts: dict[str, str], high: float | None) -> float:
    value = number_of(column, texts[column])
    if value < 0.0 or (high is not None and value > high):
        raise RecordRefusedError(column, texts[column], "0 or more" if high is None else f"0 to {high:g}")
    return value


def _instant(column: str, text: str) -> int:
    try:
        return parse_utc(text)
    except ValueError as error:
        raise RecordRefusedError(column, text, str(error)) from error


def _created(texts: dict[str, str]) -> int:
    match = _CREATED.fullmatch(texts["CREATED"])
    if match is None:
        raise RecordRefusedError("CREATED", texts["CREATED"], "a UTC time YYYY-MM-DD hh:mm:ss[.d*]")
    return _instant("CREATED", f"{match[1]}T{match[2]}")
