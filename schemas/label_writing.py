"""Writes ADatP-4774 labels as XML that is valid against the schema (1.3) and keeps to the prose.

A `Label` without an originator, a creation or a review date is good inside the hub; as XML it needs the dates. Where a
label lacks them the writer refuses: when a label was made is for the one who made it to say. `with_dates` adds them.
"""

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

import msgspec

from schemas.label_error import NoLabelMappingError
from schemas.label_instants import write_date_time
from schemas.label_xml import NAMESPACE, LabelRole, is_uri
from schemas.labels import Category, Label, Succession, instant_text

_SCHEME = "ADatP-4774 XML"
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Readers turn a bare carriage return into a line feed, and blanks in an attribute into spaces.
_ESCAPES = {"\r": "&#13;"}
_ATTRIBUTE_ESCAPES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
_TOKEN = re.compile(r"[^ \t\r\n]+( [^ \t\r\n]+)*")


def with_dates(label: Label, *, creation_tai_ns: int | None, review_tai_ns: int | None) -> Label:
    """The label, its alternatives and successors with the dates (TAI ns) that XML demands, where they have none.

    A review date is added only where there is neither one nor a succession; None adds none.
    """
    changes: dict[str, object] = {}
    if label.creation_utc is None and creation_tai_ns is not None:
        changes["creation_utc"] = instant_text(creation_tai_ns)
    if label.review_utc is None and label.succession is None and review_tai_ns is not None:
        changes["review_utc"] = instant_text(review_tai_ns)
    if label.succession is not None:
        successor = with_dates(label.succession.label, creation_tai_ns=creation_tai_ns, review_tai_ns=None)
        changes["succession"] = Succession(label.succession.at_utc, successor)
    changes["alternatives"] = tuple(
        with_dates(alternative, creation_tai_ns=creation_tai_ns, review_tai_ns=review_tai_ns)
        for alternative in label.alternatives
    )
    return msgspec.structs.replace(label, **changes)


def write_label_xml(label: Label, role: LabelRole = LabelRole.ORIGINATOR) -> bytes:
    """A document with one label. Raises NoLabelMappingError for what the XML form has no place for.

    That is: a missing creation or review date, alternatives (which stand in a binding, `schemas.label_binding`),
    texts that XML or xs:token cannot carry, and second 60.
    """
    if label.alternatives:
        raise NoLabelMappingError(_SCHEME, "alternatives", "several labels stand in a binding, not in one label's file")
    lines = "\n".join(label_lines(label, role, "", f' xmlns="{NAMESPACE}"'))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{lines}\n'.encode()


def label_lines(label: Label, role: LabelRole, indent: str, namespace: str) -> Iterator[str]:
    """The lines of one label's element, without its alternatives; ``namespace`` stands in the start tag."""
    label = label.canonical()
    review = ""
    if label.review_utc is not None:
        review = f' ReviewDateTime="{_date_time(label.review_utc, "review_utc")}"'
    elif label.succession is None:
        raise NoLabelMappingError(_SCHEME, "review_utc", "a review date is required where there is no succession")
    yield f"{indent}<{role}{namespace}{review}>"
    yield from _body(label, indent + "  ")
    yield f"{indent}</{role}>"


def _body(label: Label, indent: str) -> Iterator[str]:
    if label.creation_utc is None:
        raise NoLabelMappingError(_SCHEME, "creation_utc", "the creation date is required")
    yield f"{indent}<ConfidentialityInformation>"
    uri = "" if label.policy_uri is None else f" URI={xml_attribute(_uri(label.policy_uri, 'policy_uri'))}"
    inner = indent + "  "
    yield f"{inner}<PolicyIdentifier{uri}>{_text(_token(label.policy, 'policy'))}</PolicyIdentifier>"
    yield f"{inner}<Classification>{_text(_token(label.classification, 'classification'))}</Classification>"
    if label.privacy_mark is not None:
        yield f"{inner}<PrivacyMark>{_text(label.privacy_mark)}</PrivacyMark>"
    for category in label.categories:
        yield from _category(category, inner)
    yield f"{indent}</ConfidentialityInformation>"
    if label.originator_id is not None:
        kind = xml_attribute(label.originator_id_type or "")
        yield f"{indent}<OriginatorID IDType={kind}>{_text(label.originator_id)}</OriginatorID>"
    yield f"{indent}<CreationDateTime>{_date_time(label.creation_utc, 'creation_utc')}</CreationDateTime>"
    if label.succession is not None:
        yield f"{indent}<SuccessionHandling>"
        at_utc = _date_time(label.succession.at_utc, "succession.at_utc")
        yield f"{inner}<SuccessionDateTime>{at_utc}</SuccessionDateTime>"
        yield f"{inner}<SuccessorConfidentialityLabel>"
        yield from _body(label.succession.label, inner + "  ")
        yield f"{inner}</SuccessorConfidentialityLabel>"
        yield f"{indent}</SuccessionHandling>"


def _category(category: Category, indent: str) -> Iterator[str]:
    uri = "" if category.uri is None else f" URI={xml_attribute(_uri(category.uri, 'category.uri'))}"
    yield f"{indent}<Category Type={xml_attribute(category.type)}{uri} TagName={xml_attribute(category.tag_name)}>"
    for value in category.values:
        yield f"{indent}  <GenericValue>{_text(value)}</GenericValue>"
    yield f"{indent}</Category>"


def _token(text: str, part: str) -> str:
    if _TOKEN.fullmatch(text) is None:
        raise NoLabelMappingError(_SCHEME, part, f"{text!r} is no token: not empty, single spaces, none at the ends")
    return text


def _uri(text: str, part: str) -> str:
    if not is_uri(text):
        raise NoLabelMappingError(_SCHEME, part, f"{text!r} is no URI with its scheme (RFC 3986)")
    return text


def _text(text: str) -> str:
    return escape(_writable(text), _ESCAPES)


def xml_attribute(text: str) -> str:
    """Text as a quoted attribute value. Raises NoLabelMappingError for what XML cannot carry."""
    return quoteattr(_writable(text), _ATTRIBUTE_ESCAPES)


def _writable(text: str) -> str:
    if _NOT_XML.search(text) is not None:
        raise NoLabelMappingError(_SCHEME, text, "a character that XML cannot carry")
    return text


def _date_time(utc: str, part: str) -> str:
    try:
        return write_date_time(utc)
    except ValueError as error:
        raise NoLabelMappingError(_SCHEME, part, str(error)) from error
