"""OEM payloads in KVN and XML as ephemeris records; what cannot be read is refused, message by message."""

from schemas.ccsds.collect import collect
from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.read_xml import read_xml_messages
from schemas.ccsds.table import message_kind
from schemas.oem.record import ephemeris_of
from schemas.reading import EphemerisReading


def read_oem_kvn(data: bytes, file: str) -> EphemerisReading:
    """The OEMs of a KVN payload, one or several, version 1.0, 2.0 or 3.0; ``file`` is what refusals call it.

    Nothing is raised: a message that breaks a rule becomes a refusal with field, value, rule, clause and line.
    """
    messages = read_kvn_messages(data, message_kind("OEM"))
    records, refusals = collect(messages, data, file, "kvn", lambda message: ephemeris_of(message, data))
    return EphemerisReading("oem-kvn", records, refusals)


def read_oem_xml(data: bytes, file: str) -> EphemerisReading:
    """The OEMs of an XML payload, alone or in an ``<ndm>``; otherwise as `read_oem_kvn`."""
    messages = read_xml_messages(data, [message_kind("OEM")])
    records, refusals = collect(messages, data, file, "xml", lambda message: ephemeris_of(message, data))
    return EphemerisReading("oem-xml", records, refusals)
