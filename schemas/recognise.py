"""Which message in which encoding some bytes hold, told by what they are and not by a name."""

import re
from typing import NamedTuple

_LOOKED_AT = 65_536
# What begins so is CCSDS, whether we read that message or not: a clear word beats "unknown".
_MESSAGES = "omm|oem|cdm|ocm|opm|tdm|rdm|aem|apm|acm"
_KVN = re.compile(
    rb"(?:COMMENT\b[^\r\n]*[\r\n]\s*)*CCSDS_(?P<name>" + _MESSAGES.upper().encode() + rb")_VERS[ ]*=",
)
# Before the root stand a declaration, comments and instructions, which may name any message.
_BEFORE_ROOT = {b"<?": b"?>", b"<!--": b"-->"}
_BLANKS = re.compile(rb"\s*")
_ROOT = re.compile(rb"<\?.*?\?>|<!--.*?-->", re.DOTALL)
_ROOT = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?P<name>ndm|" + _MESSAGES.encode() + rb")[\s/>]")
_NESTED = re.compile(rb'[\s\[]*\{\s*"(?P<name>' + _MESSAGES.encode() + rb')"\s*:\s*\{')
_FIRST_LINE = re.compile(rb"[^\r\n]*")
_FIRST_OBJECT = re.compile(rb"[\s\[]*\{[^}]*")
_TLE = re.compile(rb"(?:\A|[\r\n])[ \t]*[12][ \t]")
_MEME = re.compile(rb"created:[^\r\n]*[\r\n]+ephemeris_start:", re.IGNORECASE)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Recognised(NamedTuple):
    """``message`` is TLE, OMM, OEM, CDM, OCM, MEME, NDM (an XML document of several), or one that we know and do not
    read (OPM, TDM, RDM, AEM, APM, ACM). ``form`` is tle, kvn, xml, json, csv or text.
    """

    message: str
    form: str

    @property
    def encoding(self) -> str:
        """As readings name it: ``tle``, ``omm-kvn``, ``meme``.

        >>> Recognised("OMM", "kvn").encoding, Recognised("MEME", "text").encoding
        ('omm-kvn', 'meme')
        """
        return self.message.lower() if self.form in ("tle", "text") else f"{self.message.lower()}-{self.form}"


def without_byte_order_mark(content: bytes) -> bytes:
    """The content without a UTF-8 byte order mark before it."""
    return content.removeprefix(_BYTE_ORDER_MARK)


def recognise(content: bytes) -> Recognised | None:
    """What the content is, or None where it fits nothing; for decompressed content without a byte order mark.

    It looks for the first sign of an encoding within 64 KiB; whether the content keeps its rules is for the reader.

    >>> recognise(b"CCSDS_OMM_VERS = 3.0"), recognise(b"hello")
    (Recognised(message='OMM', form='kvn'), None)
    """
    start = content[:_LOOKED_AT].lstrip()
    if start.startswith(b"<"):
        root = _ROOT.search(start, _root_at(start))
        return Recognised(root["name"].decode().upper(), "xml") if root else None
    if start.startswith((b"[", b"{")):
        return _recognise_json(start)
    if kvn := _KVN.match(start):
        return Recognised(kvn["name"].decode(), "kvn")
    if _MEME.match(start):
        return Recognised("MEME", "text")
    if message := _of_flat_keys(_FIRST_LINE.match(start)):
        return Recognised(message, "csv")
    return Recognised("TLE", "tle") if _TLE.search(start) else None


def _root_at(start: bytes) -> int:
    """Where the root of an XML document may begin; what stands there that is none is for the XML reader to refuse."""
    at = 0
    while opened := next((sign for sign in _BEFORE_ROOT if start.startswith(sign, at)), None):
        close = _BEFORE_ROOT[opened]
        stop = start.find(close, at)
        if stop < 0:
            return len(start)
        blanks = _BLANKS.match(start, stop + len(close))
        at = stop + len(close) if blanks is None else blanks.end()
    return at


def _recognise_json(start: bytes) -> Recognised | None:
    if nested := _NESTED.match(start):
        return Recognised(nested["name"].decode().upper(), "json")
    # An array with nothing in it, and an object that we cannot place, are for the reader that words refusals best.
    return Recognised(_of_flat_keys(_FIRST_OBJECT.match(start)) or "OMM", "json")


def _of_flat_keys(text: re.Match[bytes] | None) -> str | None:
    """OMM or CDM by the keys of a flat message or the header of a CSV."""
    if text is None:
        return None
    if b"NORAD_CAT_ID" in text[0] and b"EPOCH" in text[0]:
        return "OMM"
    if b"TCA" in text[0] and (b"CDM_ID" in text[0] or b"CCSDS_CDM_VERS" in text[0]):
        return "CDM"
    return None
