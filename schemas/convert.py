"""Writes the messages of a payload in another encoding of the same message.

Between KVN, XML and nested JSON the message itself is carried over, keyword by keyword: comments, user-defined
parameters and the texts of numbers stay as they are. To and from the flat forms (CelesTrak's and Space-Track's JSON and
CSV, TLE) go the element sets that a message holds, and what has no place there is named in the notes.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pyarrow as pa

from schemas.ccsds.collect import collect
from schemas.ccsds.mend import mended, refuse_draft, require_whole_groups
from schemas.ccsds.read_json import read_json_messages
from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.read_xml import read_xml_messages, wrapper_keywords
from schemas.ccsds.table import KINDS, MessageKind, message_kind
from schemas.ccsds.tree import Message, Unread
from schemas.ccsds.write_json import write_json
from schemas.ccsds.write_kvn import write_kvn
from schemas.ccsds.write_xml import write_xml
from schemas.cdm.cdm_public import is_cdm_public
from schemas.cdm.flat_json import is_flat, read_flat_messages
from schemas.decompress import decompressed
from schemas.messages import PAYLOAD_BYTES_MAX, read_as, read_payload
from schemas.oem.write import write_oem_kvn, write_oem_xml
from schemas.omm.write import (
    write_omm_csv,
    write_omm_json,
    write_omm_kvn,
    write_omm_xml,
    write_space_track_csv,
    write_space_track_json,
)
from schemas.recognise import Recognised, recognise, without_byte_order_mark
from schemas.refusals import RecordRefusedError, Refusal
from schemas.timescales import parse_utc
from schemas.tle.write import write_tle

FORMS = ("kvn", "xml", "json", "csv", "tle", "3le")
_SUFFIXES = {
    **dict.fromkeys((".kvn", ".omm", ".oem", ".cdm", ".ocm", ".txt"), "kvn"),
    **dict.fromkeys((".tle", ".2le"), "tle"),
    **{f".{form}": form for form in ("xml", "json", "csv", "3le")},
}
DIALECTS = ("celestrak", "space-track")
_FLAT_WRITERS: dict[tuple[str, str], Callable[[pa.RecordBatch], bytes]] = {
    ("json", "celestrak"): write_omm_json,
    ("json", "space-track"): write_space_track_json,
    ("csv", "celestrak"): write_omm_csv,
    ("csv", "space-track"): write_space_track_csv,
}
_TREE_WRITERS = {"kvn": write_kvn, "xml": write_xml, "json": write_json}
# The forms that keep a message whole. OMM has JSON forms that everybody reads, which are flat.
_TREE_FORMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("OMM", "OEM", "OCM"), ("kvn", "xml")),
    "CDM": ("kvn", "xml", "json"),
    "NDM": ("xml",),
}
_PUBLIC_SUMMARY = "cdm_public is a summary, which lacks most of what a CDM must state: it cannot be written as a CDM"


class ConversionError(ValueError):
    """A conversion that cannot be made, or is asked for in a way that says nothing."""


class Wanted(NamedTuple):
    """What is asked for: ``form`` one of `FORMS`, ``dialect`` one of `DIALECTS` (flat OMM alone).

    ``creation_date`` (UTC text) and ``originator`` are for messages that state none. ``skip_refused``: write the rest
    where some is refused. ``draft``: read the keywords of the CDM 2.0 draft, so that errors name what cannot be
    written.
    """

    form: str
    dialect: str = "celestrak"
    creation_date: str = ""
    originator: str = ""
    skip_refused: bool = False
    draft: bool = False


class Converted(NamedTuple):
    """``content`` is None where something was refused and nothing is to be written. ``notes`` say what was changed."""

    content: bytes | None
    records: int
    refusals: list[Refusal]
    notes: list[str]


def form_of_suffix(name: str, form: str | None = None) -> str:
    """The form that a file's name says, unless one is given. Raises ConversionError where neither says one."""
    known = form or next((form for suffix, form in _SUFFIXES.items() if name.lower().endswith(suffix)), None)
    if known not in FORMS:
        raise ConversionError(f"{form or name}: which encoding is that? One of {', '.join(FORMS)}")
    return known


def converted(data: bytes, file: str, wanted: Wanted) -> Converted:
    """The messages of ``data`` (plain or compressed) as ``wanted``; ``file`` is what refusals call it.

    Raises ConversionError for a form that the message does not have, and CannotRenderError, naming keyword or field,
    for what the form cannot say.
    """
    if wanted.dialect not in DIALECTS:
        raise ConversionError(f"{wanted.dialect}: the dialects are {' and '.join(DIALECTS)}")
    _check_stated(wanted)
    try:
        content = without_byte_order_mark(decompressed(data, PAYLOAD_BYTES_MAX))
        what = recognise(content)
        if what is None:
            return Converted(None, 0, read_payload(data, file).refusals, [])
        made = _converted(content, file, _without_wrapper(what, content), wanted)
        return made._replace(notes=_left_out_of_wrapper(what, content) + made.notes)
    except RecordRefusedError as error:
        return Converted(None, 0, [error.refusal(file, 1, error.line, data)], [])


def _converted(content: bytes, file: str, what: Recognised, wanted: Wanted) -> Converted:
    forms = _TREE_FORMS.get(what.message, ())
    if what.form in forms and wanted.form in forms:
        return _trees(content, file, what, wanted)
    if what.message in ("OMM", "TLE"):
        return _elements(content, file, what, wanted)
    if what.message == "MEME" and wanted.form in ("kvn", "xml"):
        return _ephemerides(content, file, what, wanted)
    if what == Recognised("CDM", "csv"):
        raise ConversionError(_PUBLIC_SUMMARY)
    if what.message == "NDM":
        raise ConversionError("messages of several kinds in one file: only XML has a form for that")
    possible = f" (it can be written as {' or '.join(forms)})" if forms else ""
    raise ConversionError(f"{what.encoding} cannot be written as {wanted.form}{possible}")


def _check_stated(wanted: Wanted) -> None:
    if wanted.creation_date:
        try:
            parse_utc(wanted.creation_date)
        except ValueError as error:
            raise ConversionError(f"creation date: {error}") from error
    if wanted.originator != wanted.originator.strip() or not (wanted.originator + " ").isprintable():
        raise ConversionError(f"originator: {wanted.originator!r} is no printable text without blanks around it")


def _without_wrapper(what: Recognised, content: bytes) -> Recognised:
    """An ``<ndm>`` whose messages are all of one kind is those messages: CelesTrak wraps its OMMs so."""
    if what.message != "NDM":
        return what
    found = read_xml_messages(content, [message_kind(name) for name in KINDS])
    kinds = {message.kind.message for message in found if isinstance(message, Message)}
    return Recognised(kinds.pop(), "xml") if len(kinds) == 1 else what


def _left_out_of_wrapper(what: Recognised, content: bytes) -> list[str]:
    """A note where an ``<ndm>`` has MESSAGE_ID or COMMENT of its own, which no single message has a place for."""
    names = wrapper_keywords(content) if what.message == "NDM" else ()
    return [f"{' and '.join(names)} of the ndm around the messages: left out"] if names else []


def _trees(content: bytes, file: str, what: Recognised, wanted: Wanted) -> Converted:
    kinds = [message_kind(name) for name in (KINDS if what.message == "NDM" else (what.message,))]
    messages = _read_trees(content, what, kinds)
    kept, _ = collect(messages, content, file, what.form, lambda message: message, draft=wanted.draft)
    # The judge knows the table; the message's own reader knows the rest of its rules.
    refusals = read_as(what, content, file, draft=wanted.draft).refusals
    refused = {refusal.record for refusal in refusals}
    kept = [message for message in kept if message.record not in refused]
    notes: list[str] = []
    for message in kept:
        refuse_draft(message)
        told = mended(message, wanted.creation_date, wanted.originator)
        if wanted.form != "kvn":
            require_whole_groups(message)
        if wanted.form == "xml" and message.version != message.kind.versions[-1]:
            told.append(
                f"version {message.version} written as {message.kind.versions[-1]}, whose XML schema is in force"
            )
            message.version = message.kind.versions[-1]
        notes += [note for note in told if note not in notes]
    if (refusals and not wanted.skip_refused) or not kept:
        return Converted(None, 0, refusals, notes)
    empty = {item.keyword for message in kept for block in message.blocks for item in block.items if not item.text}
    _say_what_is_empty(wanted.form, empty, notes)
    return Converted(_TREE_WRITERS[wanted.form](kept, content), len(kept), refusals, notes)


def _say_what_is_empty(form: str, keywords: set[str], notes: list[str]) -> None:
    """CelesTrak's messages have nothing in these keywords, and readers of KVN know that; the XML schema does not."""
    options = {"CREATION_DATE": "--creation-date", "ORIGINATOR": "--originator"}
    missing = [keyword for keyword in options if keyword in keywords]
    if missing:
        said = f"{' and '.join(missing)} empty or absent: state with {' and '.join(options[name] for name in missing)}"
        if form == "xml":
            raise ConversionError(f"{said} (the CCSDS schema takes no XML without)")
        notes.append(said)


def _read_trees(content: bytes, what: Recognised, kinds: list[MessageKind]) -> Iterable[Message | Unread]:
    if what.form == "kvn":
        return read_kvn_messages(content, kinds[0])
    if what.form == "xml":
        return read_xml_messages(content, kinds, runs=False)
    if is_cdm_public(content):
        raise ConversionError(_PUBLIC_SUMMARY)
    return read_flat_messages(content) if is_flat(content) else read_json_messages(content, kinds)


def _ephemerides(content: bytes, file: str, what: Recognised, wanted: Wanted) -> Converted:
    reading = read_as(what, content, file)
    if (reading.refusals and not wanted.skip_refused) or not reading.records:
        return Converted(None, 0, reading.refusals, [])
    if not wanted.originator:
        raise ConversionError(f"{what.message} names no ORIGINATOR, which an OEM must state: --originator")
    ephemerides = [
        dataclasses.replace(
            ephemeris,
            originator=wanted.originator,
            creation_date_tai_ns=parse_utc(wanted.creation_date)
            if wanted.creation_date
            else ephemeris.creation_date_tai_ns,
        )
        for ephemeris in reading.ephemerides
    ]
    write = write_oem_kvn if wanted.form == "kvn" else write_oem_xml
    return Converted(write(ephemerides), reading.records, reading.refusals, ["written as OEM"])


def _elements(content: bytes, file: str, what: Recognised, wanted: Wanted) -> Converted:
    reading = read_as(what, content, file)
    if (reading.refusals and not wanted.skip_refused) or not reading.records:
        return Converted(None, 0, reading.refusals, [])
    elements, form = reading.elements, wanted.form
    stated = {"creation_date_utc": wanted.creation_date, "originator": wanted.originator}
    notes: list[str] = []
    if form in ("kvn", "xml"):
        given = {"CREATION_DATE": wanted.creation_date, "ORIGINATOR": wanted.originator}
        columns = {"CREATION_DATE": "creation_date_utc", "ORIGINATOR": "message_originator"}
        empty = {name for name, column in columns.items() if elements.column(column).null_count and not given[name]}
        _say_what_is_empty(form, empty, notes)
    if form == "kvn":
        written = write_omm_kvn(elements, **stated)
    elif form == "xml":
        written = write_omm_xml(elements, **stated)
    elif form in ("tle", "3le"):
        written = write_tle(elements, form == "3le")
        notes.append("a TLE rounds: eccentricity to 7 decimals, BSTAR to 5 digits, the epoch to 8 decimals of a day")
    else:
        written = _FLAT_WRITERS[form, wanted.dialect](elements)
    if form not in ("tle", "3le") and (elements.column("epoch_tai_ns").to_numpy() % 1_000).any():
        notes.append("EPOCH is written to the microsecond: python-sgp4 and Skyfield read no finer one")
    if what.form in ("kvn", "xml") and form not in ("kvn", "xml"):
        notes.append("comments, spacecraft parameters, covariances and user-defined parameters have no place there")
    return Converted(written, elements.num_rows, reading.refusals, notes)
