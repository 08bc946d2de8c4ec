"""Reads element sets from bytes of any of the known encodings, recognised by what they are, not by a name."""

import re

from schemas.element_rows import EMPTY_ELEMENTS, whole_payload_refused
from schemas.gunzip import GZIP_MAGIC, gunzip
from schemas.omm.read_csv import read_omm_csv
from schemas.omm.read_json import read_omm_json
from schemas.omm.read_kvn import read_omm_kvn
from schemas.omm.read_xml import read_omm_xml
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError
from schemas.tle.read import read_tle

__all__ = ["EMPTY_ELEMENTS", "PAYLOAD_BYTES_MAX", "encoding_of", "read_elements"]

PAYLOAD_BYTES_MAX = 1 << 30
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT = 65_536
_KVN = re.compile(rb"(?:COMMENT\b[^\r\n]*[\r\n]\s*)*CCSDS_OMM_VERS[ ]*=")
_CSV = re.compile(rb"[^\r\n]*,[^\r\n]*")
_TLE = re.compile(rb"(?:\A|[\r\n])[ \t]*[12][ \t]")

_READERS = {
    "tle": read_tle,
    "omm-kvn": read_omm_kvn,
    "omm-xml": read_omm_xml,
    "omm-json": read_omm_json,
    "omm-csv": read_omm_csv,
}


def read_elements(data: bytes, file: str, bytes_max: int = PAYLOAD_BYTES_MAX) -> Reading:
    """The element sets of a payload, plain or gzip; ``file`` is what refusals call it. Raises for no bytes at all.

    A payload that is larger than ``bytes_max`` (decompressed), damaged gzip, empty, or in no known encoding comes
    back without records and with one refusal for the whole of it. A UTF-8 byte order mark is passed over.
    """
    if len(data) > bytes_max:
        error = RecordRefusedError("payload", f"{len(data)} bytes", f"at most {bytes_max} bytes")
        return whole_payload_refused("unknown", file, error, data)
    content = data
    if data.startswith(GZIP_MAGIC):
        try:
            content = gunzip(data, bytes_max)
        except RecordRefusedError as error:
            return whole_payload_refused("unknown", file, error, data)
    content = content.removeprefix(_BYTE_ORDER_MARK)
    encoding = encoding_of(content)
    if encoding is None:
        start = content[:40]
        rule = "TLE, or OMM in KVN, XML, JSON or CSV" if content.strip() else "a payload with something in it"
        return whole_payload_refused("unknown", file, RecordRefusedError("payload", start, rule), data)
    return _READERS[encoding](content, file)


def encoding_of(content: bytes) -> str | None:
    """``tle``, ``omm-kvn``, ``omm-xml``, ``omm-json`` or ``omm-csv``, or None where the content fits none.

    Recognition looks for the first sign of an encoding; whether the content keeps its rules is for the reader.

    >>> encoding_of(b"CCSDS_OMM_VERS = 3.0"), encoding_of(b"<?xml"), encoding_of(b"hello")
    ('omm-kvn', 'omm-xml', None)
    """
    start = content[:_LOOKED_AT].lstrip()
    if start.startswith(b"<"):
        return "omm-xml"
    if start.startswith((b"[", b"{")):
        return "omm-json"
    if _KVN.match(start):
        return "omm-kvn"
    first_line = _CSV.match(start)
    if first_line and b"NORAD_CAT_ID" in first_line[0] and b"EPOCH" in first_line[0]:
        return "omm-csv"
    return "tle" if _TLE.search(start) else None
