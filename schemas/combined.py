"""Reads ``<ndm>`` documents that hold messages of several kinds."""

from collections import defaultdict
from functools import partial
from typing import Never

import pyarrow as pa

from schemas.ccsds.collect import collect
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import KINDS, message_kind
from schemas.ccsds.tree import Message, Unread
from schemas.cdm.quality import ConjunctionGathering
from schemas.element_rows import EMPTY_ELEMENTS
from schemas.ephemeris import Ephemeris
from schemas.ocm.read import comprehensive_of
from schemas.oem.record import ephemeris_of
from schemas.omm.from_messages import element_sets_of
from schemas.refusals import RecordRefusedError, Refusal

_EPHEMERIDES = {"OEM": ephemeris_of, "OCM": comprehensive_of}


def read_combined_xml(
    data: bytes, file: str, *, draft: bool = False
) -> tuple[str, pa.RecordBatch, list[Ephemeris], pa.RecordBatch, list[Refusal]]:
    """(encoding, element sets, ephemerides, conjunctions, refusals) of an ``<ndm>``; each kind in the document's order.

    The encoding is that of its messages where they are all of one kind (``omm-xml``), else ``ndm-xml``. Messages that
    we do not read (OPM, TDM, ...) are refused one by one. Raises for no document at all.
    """
    by_kind: dict[str, list[Message | Unread]] = defaultdict(list)
    refusals: list[Refusal] = []
    try:
        for message in read_xml_messages(data, [message_kind(name) for name in KINDS]):
            by_kind[message.kind.message if isinstance(message, Message) else ""].append(message)
    except RecordRefusedError as error:
        refusals.append(error.refusal(file, 1, error.line, data))
    elements = EMPTY_ELEMENTS
    if "OMM" in by_kind:
        reading = element_sets_of(by_kind["OMM"], data, file, "xml")
        elements = reading.elements
        refusals += reading.refusals
    ephemerides: list[Ephemeris] = []
    for name, record_of in _EPHEMERIDES.items():
        records, refused = collect(by_kind[name], data, file, "xml", partial(record_of, data=data))
        ephemerides += records
        refusals += refused
    conjunctions = ConjunctionGathering()
    _, refused = collect(by_kind["CDM"], data, file, "xml", conjunctions.take_message, draft=draft)
    refusals += refused
    _, refused = collect(by_kind[""], data, file, "xml", _unreadable)
    refusals += refused
    ephemerides.sort(key=lambda ephemeris: ephemeris.record)
    refusals.sort(key=lambda refusal: refusal.record)
    kinds = [name.lower() for name, messages in by_kind.items() if messages]
    encoding = f"{kinds[0]}-xml" if len(kinds) == 1 and kinds[0] else "ndm-xml"
    return encoding, elements, ephemerides, conjunctions.batch(), refusals


def _unreadable(message: Message) -> Never:
    raise AssertionError(f"{message.kind.message} is a kind that is read")
