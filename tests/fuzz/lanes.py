"""The fast lanes against the readers of single records: whatever comes in, both must say the same."""

import re
from collections.abc import Callable
from functools import partial

from schemas.ccsds.collect import collect
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import message_kind
from schemas.ccsds.tree import Message
from schemas.ephemeris import Ephemeris
from schemas.ocm.read import comprehensive_of
from schemas.oem.record import ephemeris_of
from schemas.omm.read_csv import read_omm_csv
from schemas.omm.read_json import read_omm_json
from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.reading import EphemerisReading, Reading
from schemas.recognise import Recognised
from schemas.refusals import RecordRefusedError
from schemas.tle.fast_lane import read_by_kernels
from schemas.tle.read import read_by_columns

_COPIES = 4  # a lane begins where records repeat
_REPEATED_BYTES_MAX = 16_384
_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]*\?>")
_ONE_REPLACED = re.compile(rb"25544")


def _read_ephemerides(
    data: bytes, file: str, *, kind: str, record_of: Callable[[Message, bytes], Ephemeris], runs: bool
) -> EphemerisReading:
    try:
        messages = read_xml_messages(data, [message_kind(kind)], runs=runs)
        return EphemerisReading("xml", *collect(messages, data, file, "xml", lambda message: record_of(message, data)))
    except RecordRefusedError as error:
        return EphemerisReading("xml", [], [error.refusal(file, 1, error.line, data)])


_OEM = partial(_read_ephemerides, kind="OEM", record_of=ephemeris_of)
_OCM = partial(_read_ephemerides, kind="OCM", record_of=comprehensive_of)
_Read = Callable[[bytes, str], Reading] | Callable[[bytes, str], EphemerisReading]
# The reader with its lane, and the same without it.
LANES: dict[Recognised, tuple[_Read, _Read]] = {
    Recognised("TLE", "tle"): (read_by_kernels, read_by_columns),
    **{
        Recognised("OMM", form): (read, partial(read, lane=False))
        for form, read in (
            ("kvn", read_omm_kvn),
            ("xml", read_omm_xml),
            ("json", read_omm_json),
            ("csv", read_omm_csv),
        )
    },
    Recognised("OEM", "xml"): (partial(_OEM, runs=True), partial(_OEM, runs=False)),
    Recognised("OCM", "xml"): (partial(_OCM, runs=True), partial(_OCM, runs=False)),
}


def repeated(what: Recognised, data: bytes) -> bytes:
    """A payload that holds the records of ``data`` several times; one copy differs from the others by a number."""
    other = _ONE_REPLACED.sub(b"270001", data)
    if what.form == "xml":
        bare, other = _DECLARATION.sub(b"", data), _DECLARATION.sub(b"", other)
        return b"<ndm>\n" + bare * (_COPIES - 1) + other + b"</ndm>"
    if what.form == "json":
        bare, other = data.strip(b"[] \r\n"), other.strip(b"[] \r\n")
        return b"[" + b",".join([bare] * (_COPIES - 1) + [other]) + b"]"
    if what.form == "csv":
        header, newline, rows = data.partition(b"\n")
        return header + newline + rows * _COPIES
    return data * (_COPIES - 1) + other


def require_lanes_agree(what: Recognised, data: bytes) -> None:
    """Records and refusals are the same with a lane and without, of the payload and of copies of it."""
    if what not in LANES:
        return
    fast, slow = LANES[what]
    payloads = [data]
    if len(data) <= _REPEATED_BYTES_MAX:
        payloads.append(repeated(what, data))
    for payload in payloads:
        with_lane, without = fast(payload, "fuzz"), slow(payload, "fuzz")
        assert with_lane.refusals == without.refusals, (with_lane.refusals[:3], without.refusals[:3])
        if isinstance(with_lane, Reading) and isinstance(without, Reading):
            assert with_lane.elements.to_pylist() == without.elements.to_pylist()
        elif isinstance(with_lane, EphemerisReading) and isinstance(without, EphemerisReading):
            assert with_lane.ephemerides == without.ephemerides
