"""The layout of Starlink's ephemeris text: four header lines, then four lines of seven values a record.

No standard describes it; this is the layout of the published files: states in km and km/s in the mean equator and
equinox of J2000 (EME2000), epochs ``YYYYDDDhhmmss.sss`` in UTC, and the lower triangle of a covariance in UVW, which is
radial, along-track and cross-track (RTN), in km.
"""

import re
from typing import NamedTuple

from schemas.refusals import RecordRefusedError
from schemas.timescales import NS_PER_SECOND, parse_utc

HEADER_LINES = 4
LINES_PER_RECORD = 4
VALUES_PER_LINE = 7
VALUES_PER_RECORD = LINES_PER_RECORD * VALUES_PER_LINE
SOURCE = "layout of Starlink's ephemeris files"
_LINE_LENGTH_MAX = 254
_INSTANT = r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?) UTC"
_CREATED = re.compile(f"created: ?{_INSTANT}", re.ASCII)
_SPAN = re.compile(
    rf"ephemeris_start: ?{_INSTANT} ephemeris_stop: ?{_INSTANT} step_size: ?([0-9]{{1,6}})(?:\.0+)?", re.ASCII
)
_EPHEMERIS_SOURCE = re.compile(r"ephemeris_source: ?([ -~]{1,80})", re.ASCII)
_FILE_NAME = re.compile(
    r"MEME_(?P<number>[0-9]{1,9})_(?P<name>[^_/\\]{1,40})_[0-9]{7}_[A-Za-z]+_[0-9]+_(?P<classification>[A-Z]+)\.txt",
    re.ASCII,
)


class Header(NamedTuple):
    """Instants in TAI ns, the step between records in ns, and where the ephemeris comes from, as written."""

    created_tai_ns: int
    start_tai_ns: int
    stop_tai_ns: int
    step_ns: int
    source: str


class FileName(NamedTuple):
    """What the file's name says of the object; all "" and None where it has another form."""

    object_name: str
    object_id: str
    classification: str | None


def read_header(lines: list[bytes]) -> Header:
    """The header. Raises RecordRefusedError for the first of the four lines that is not as it must be."""
    texts = [line[: _LINE_LENGTH_MAX + 1].decode("latin-1") for line in lines]
    created = _matched(_CREATED, texts, 0, "created", "created:YYYY-MM-DD hh:mm:ss UTC")
    span = _matched(
        _SPAN,
        texts,
        1,
        "ephemeris_start",
        "ephemeris_start:YYYY-MM-DD hh:mm:ss UTC ephemeris_stop:YYYY-MM-DD hh:mm:ss UTC step_size:seconds",
    )
    source = _matched(_EPHEMERIS_SOURCE, texts, 2, "ephemeris_source", "ephemeris_source: and a name")
    if len(texts) < HEADER_LINES or texts[3] != "UVW":
        value = texts[3] if len(texts) > 3 else ""
        raise RecordRefusedError("covariance axes", value, "the fourth line is UVW", SOURCE, HEADER_LINES)
    header = Header(
        created_tai_ns=_instant("created", created[1], created[2], 1),
        start_tai_ns=_instant("ephemeris_start", span[1], span[2], 2),
        stop_tai_ns=_instant("ephemeris_stop", span[3], span[4], 2),
        step_ns=int(span[5]) * NS_PER_SECOND,
        source=source[1],
    )
    if header.step_ns == 0:
        raise RecordRefusedError("step_size", span[5], "more than 0 s", SOURCE, 2)
    if header.stop_tai_ns < header.start_tai_ns:
        raise RecordRefusedError("ephemeris_stop", texts[1], "not before ephemeris_start", SOURCE, 2)
    return header


def read_file_name(file_name: str) -> FileName:
    """Object name, number and classification of ``MEME_<number>_<name>_<dddhhmm>_Operational_<s>_UNCLASSIFIED.txt``.

    The number is the catalogue number by most accounts, by others a serial number of the operator's own.
    """
    match = _FILE_NAME.fullmatch(file_name)
    if match is None:
        return FileName("", "", None)
    return FileName(match["name"], match["number"], match["classification"])


def _matched(pattern: re.Pattern[str], texts: list[str], index: int, field: str, form: str) -> re.Match[str]:
    text = texts[index] if index < len(texts) else ""
    match = pattern.fullmatch(text)
    if match is None:
        raise RecordRefusedError(field, text, f"line {index + 1} is {form}", SOURCE, index + 1)
    return match


def _instant(field: str, date: str, time: str, line: int) -> int:
    try:
        return parse_utc(f"{date}T{time}")
    except ValueError as error:
        raise RecordRefusedError(field, f"{date} {time}", str(error), SOURCE, line) from None
