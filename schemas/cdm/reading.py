"""Reads conjunction messages in KVN, XML and JSON into a batch with a row a message; refuses one by one."""

from collections.abc import Iterable

from schemas.ccsds.collect import collect
from schemas.ccsds.read_json import read_json_messages
from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.tree import Message, Unread
from schemas.cdm.cdm_public import is_cdm_public, read_cdm_public_csv, read_cdm_public_json
from schemas.cdm.columns import CDM
from schemas.cdm.flat_json import is_flat, read_flat_messages
from schemas.cdm.quality import ConjunctionGathering
from schemas.reading import ConjunctionReading


def read_cdm_kvn(data: bytes, file: str, *, draft: bool = False) -> ConjunctionReading:
    """The CDMs of a KVN payload; ``file`` is what refusals call it.

    ``draft`` reads version 2.0 and its keywords by the pink book (508.0-P-1.0.2) too, into ``draft_keywords``.
    """
    return _reading("kvn", read_kvn_messages(data, CDM), data, file, draft)


def read_cdm_xml(data: bytes, file: str, *, draft: bool = False) -> ConjunctionReading:
    """The CDMs of an XML payload, a ``cdm`` or several in an ``ndm``; arguments as `read_cdm_kvn`."""
    return _reading("xml", read_xml_messages(data, [CDM], runs=False), data, file, draft)


def read_cdm_json(data: bytes, file: str, *, draft: bool = False) -> ConjunctionReading:
    """The CDMs of a JSON payload; arguments as `read_cdm_kvn`.

    Three forms: nested as the XML is, Space-Track's flat one (``SAT1_X`` and the like), and its ``cdm_public``.
    """
    if is_cdm_public(data):
        return read_cdm_public_json(data, file)
    messages = read_flat_messages(data) if is_flat(data) else read_json_messages(data, [CDM])
    return _reading("json", messages, data, file, draft)


def read_cdm_csv(data: bytes, file: str) -> ConjunctionReading:
    """The rows of Space-Track's ``cdm_public`` in CSV: a CDM itself has no CSV form."""
    return read_cdm_public_csv(data, file)


def _reading(
    encoding: str, messages: Iterable[Message | Unread], data: bytes, file: str, draft: bool
) -> ConjunctionReading:
    gathering = ConjunctionGathering()
    _, refusals = collect(messages, data, file, encoding, gathering.take_message, draft=draft)
    return ConjunctionReading(f"cdm-{encoding}", gathering.batch(), refusals)
