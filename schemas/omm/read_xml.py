"""Reads OMMs in XML: one ``<omm>``, or many in an ``<ndm>``, with or without a default namespace."""

from schemas.ccsds.read_xml import read_xml_messages
from schemas.element_rows import whole_payload_refused
from schemas.omm.from_messages import MessageTexts
from schemas.omm.gathering import OmmGathering
from schemas.omm.keywords import omm
from schemas.reading import Reading
from schemas.refusals import RecordRefusedError

_ENCODING = "omm-xml"


def read_omm_xml(data: bytes, file: str, *, lane: bool = True) -> Reading:
    """The element sets of an XML payload; ``file`` is what refusals call it.

    A message that breaks a rule is refused alone. Where the document stops being XML, the messages before that place
    are kept and the rest is one refusal. Accepted and named in ``deviations``: see `schemas.omm.rules`, and what
    `schemas.ccsds.judge` names. ``lane`` off reads message by message: the same, and slow.
    """
    texts = MessageTexts(OmmGathering(data, file, _ENCODING, flat=False), "xml")
    try:
        return texts.read(read_xml_messages(data, (omm(),), runs=lane))
    except RecordRefusedError as error:
        return whole_payload_refused(_ENCODING, file, error, data)
