"""The form of CelesTrak's gp.php: what is asked, and whether what comes back is data at all.

The form answers some refusals with status 200 and a sentence ("GP data has not updated since your last successful
download", "No GP data found", "Invalid query"), and a proxy in between may answer with a page of HTML. None of them
may ever be taken as data: an empty catalogue and a refusal are different things.
"""

import re

from connectors.sources import GpFormat

_LOOKED_AT_BYTES = 4_096
_NOT_UPDATED = re.compile(rb"has not (been )?updated since your last successful", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"

# How the first bytes of data look. Reading them strictly is the readers' work; this keeps sentences out.
_DATA = {
    GpFormat.JSON: re.compile(rb"\s*\[\s*\{"),
    GpFormat.CSV: re.compile(rb'\s*(?=[^\r\n]*\bEPOCH\b)(?=[^\r\n]*\bNORAD_CAT_ID\b)"?[A-Z_]+"?,'),
    GpFormat.XML: re.compile(rb"\s*+(?!<!doctype html|<html)(?=<)(?=.*<(\w+:)?(ndm|omm)\b)", re.IGNORECASE | re.DOTALL),
    GpFormat.KVN: re.compile(rb"\s*CCSDS_OMM_VERS\s*="),
    GpFormat.TLE: re.compile(rb"(?:[^\r\n]{0,80}\r?\n)?1 [0-9A-Z ]{5}[UCS ][^\r\n]{60,62}[ \t]*\r?\n2 "),
}


def query(group: str, encoding: GpFormat) -> dict[str, str]:
    """The parameters of one request."""
    return {"GROUP": group, "FORMAT": encoding.value.upper()}


def is_data(body: bytes, encoding: GpFormat) -> bool:
    """Whether the body looks like element sets in the encoding that was asked for."""
    return _DATA[encoding].match(body[:_LOOKED_AT_BYTES].removeprefix(_BOM)) is not None


def says_not_updated(body: bytes) -> bool:
    """Whether the server says, in words, that there is nothing newer than what it gave before."""
    return _NOT_UPDATED.search(body[:_LOOKED_AT_BYTES]) is not None


def first_words(body: bytes) -> str:
    """The beginning of a refusal, for the log: printable, at most 200 characters."""
    text = body[:800].decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
