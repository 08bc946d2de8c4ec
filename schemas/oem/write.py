"""Ephemeris records as OEM payloads."""

from collections.abc import Iterable
from dataclasses import replace

from schemas.ccsds.judge import judge
from schemas.ccsds.tree import Message
from schemas.ccsds.write_kvn import write_kvn
from schemas.ccsds.write_xml import write_xml
from schemas.ephemeris import Ephemeris
from schemas.oem.message import message_of
from schemas.refusals import CannotRenderError, RecordRefusedError

_XML_VERSION = "3.0"


def write_oem_kvn(ephemerides: Iterable[Ephemeris]) -> bytes:
    """OEMs in KVN, one after the other. Raises CannotRenderError as `message_of`, and for what KVN cannot say."""
    return write_kvn([_judged(message_of(ephemeris), "kvn") for ephemeris in ephemerides])


def write_oem_xml(ephemerides: Iterable[Ephemeris]) -> bytes:
    """OEMs in XML, several in an ``<ndm>``. Raises CannotRenderError as `message_of`.

    Version 3.0 whatever the record's own: the schemas in force (ndmxml-4.0.0) know no other, and it can say all that
    the earlier ones can.
    """
    current = (replace(ephemeris, version=_XML_VERSION) for ephemeris in ephemerides)
    return write_xml([_judged(message_of(ephemeris), "xml") for ephemeris in current])


def _judged(message: Message, encoding: str) -> Message:
    """The message, which its table lets pass."""
    try:
        judge(message, encoding=encoding)
    except RecordRefusedError as error:
        place = f" [{error.clause}]" if error.clause else ""
        raise CannotRenderError(f"{error.field} = {error.value!r}: {error.rule}{place}") from error
    return message
