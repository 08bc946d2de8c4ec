"""JSON in the nested form: objects named and nested as the elements of NDM/XML (CCSDS 505.0-B-3).

CCSDS defines no JSON; this form is ours, and mirrors the XML so that the two convert into each other::

    {"cdm": {"@id": "CCSDS_CDM_VERS", "@version": "1.0", "header": {"CREATION_DATE": "…", …},
             "body": {"relativeMetadataData": {…}, "segment": [{"metadata": {…}, "data": {…}}, …]}}}

A list stands for repeated elements. A value is a string, a number (its digits are kept as they stand), null for
``xsi:nil``, or ``{"value": …, "@units": "km"}``; ``USER_DEFINED`` is a list of ``{"@parameter": …, "value": …}``. Many
messages are a list of such objects, or ``{"ndm": {"omm": [ … ], …}}``. Space-Track's flat JSON is read elsewhere.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Message, Unread
from schemas.ccsds.xml_message import MessageBuilder
from schemas.ccsds.xml_structure import NO_CHARACTER, USER_DEFINED, Structure
from schemas.refusals import RecordRefusedError

CLAUSE = "nested JSON"
_DEPTH_MAX = 16
_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_ROOTS = ("acm", "aem", "apm", "cdm", "ocm", "oem", "omm", "opm", "rdm", "tdm")


class _Number(str):
    """The digits of a JSON number, as they stand."""

    __slots__ = ()


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, in order, names that stand twice included."""

    __slots__ = ()


def read_json_messages(data: bytes, kinds: Sequence[MessageKind]) -> Iterator[Message | Unread]:
    """The messages of a payload in nested JSON that are of one of ``kinds``; others are `Unread`.

    A message whose members are out of place has ``error``, and the others are not lost. Lines are not known: they are
    0, and so are the positions but those of a payload's only message. Raises RecordRefusedError where the payload is
    no JSON in UTF-8, deeper than 16 levels, or has NaN or Infinity, which are no JSON.
    """
    top = _parsed(data)
    structures = {kind.root: Structure(kind) for kind in kinds}
    found = list(_roots(top))
    for record, (name, value) in enumerate(found, start=1):
        stop = len(data) if len(found) == 1 else 0
        structure = structures.get(name)
        if structure is None:
            wanted = ", ".join(structures)
            rule = f"a message that is read here: {wanted}" if name in _ROOTS else f"an object of one member: {wanted}"
            yield Unread(record, 0, 0, stop, RecordRefusedError("JSON", name, rule, CLAUSE))
        else:
            yield _message(structure, value, Message(structure.kind, "", record, 0, 0, stop))


def _parsed(data: bytes) -> Any:
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise RecordRefusedError("JSON", data[error.start : error.start + 20], "JSON in UTF-8", CLAUSE) from error
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(text):
        if bracket[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > _DEPTH_MAX:
                raise RecordRefusedError("JSON", "", f"at most {_DEPTH_MAX} levels", CLAUSE)
        elif bracket[0] in "]}":
            depth -= 1
    try:
        return json.loads(
            text, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant, object_pairs_hook=_Members
        )
    except json.JSONDecodeError as error:
        raise RecordRefusedError("JSON", error.msg, "JSON in UTF-8", CLAUSE, error.lineno) from error


def _no_constant(text: str) -> NoReturn:
    raise RecordRefusedError("JSON", text, "NaN and Infinity are no JSON", CLAUSE)


def _roots(top: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of each message."""
    for one in top if type(top) is list else [top]:
        if not isinstance(one, _Members) or len(one) != 1:
            yield "", one
            continue
        name, value = one[0]
        if name != "ndm" or not isinstance(value, _Members):
            yield name, value
            continue
        for inner, messages in value:
            if inner not in ("MESSAGE_ID", "COMMENT"):
                yield from ((inner, message) for message in _each(messages))


def _each(value: Any) -> list[Any]:
    return value if type(value) is list else [value]


def _message(structure: Structure, value: Any, message: Message) -> Message:
    builder = MessageBuilder(message, structure, {})
    try:
        members = _members(structure.kind.root, value)
        if "@id" not in dict(members) or dict(members)["@id"] != structure.kind.version_keyword:
            rule = f'the member "@id": "{structure.kind.version_keyword}"'
            raise RecordRefusedError("@id", str(dict(members).get("@id", "")), rule, CLAUSE)
        for name, inner in members:
            if name == "@version" and isinstance(inner, str):
                message.version = str(inner)
            elif name != "@id":
                _element(builder, name, inner)
        builder.finish(0)
    except RecordRefusedError as error:
        message.error = error
    return message


def _members(name: str, value: Any) -> _Members:
    """The members of an object, no name twice."""
    if not isinstance(value, _Members):
        raise RecordRefusedError(name, _shown(value), "an object", CLAUSE)
    seen: set[str] = set()
    for member, _ in value:
        if member in seen:
            raise RecordRefusedError(member, "", f"stands twice in {name}", CLAUSE)
        seen.add(member)
    return value


def _element(builder: MessageBuilder, name: str, value: Any) -> None:
    """One member: an element, or several of that name."""
    for one in _each(value):
        if isinstance(one, _Members) and not any(member in ("value", "@units", "@parameter") for member, _ in one):
            builder.begin(name, 0)
            if builder.in_text():
                raise RecordRefusedError(name, "", "a string, a number or null", CLAUSE)
            for inner, content in _members(name, one):
                _element(builder, inner, content)
            builder.end(0)
        else:
            _keyword(builder, name, one)


def _keyword(builder: MessageBuilder, name: str, value: Any) -> None:
    attributes: dict[str, Any] = {"value": value}
    if isinstance(value, _Members):
        attributes = dict(_members(name, value))
        for member in attributes.keys() - {"value", "@units", "@parameter"}:
            raise RecordRefusedError(name, member, "value, @units and @parameter, no other member", CLAUSE)
        if "value" not in attributes:
            raise RecordRefusedError(name, "", "the member value", CLAUSE)
    text, units, parameter = attributes["value"], attributes.get("@units", ""), attributes.get("@parameter")
    if not (text is None or isinstance(text, str)) or not isinstance(units, str):
        raise RecordRefusedError(name, _shown(text), "a string, a number or null", CLAUSE)
    if parameter is not None and (name != USER_DEFINED or not isinstance(parameter, str)):
        raise RecordRefusedError(name, _shown(parameter), f"@parameter, a string, in {USER_DEFINED} alone", CLAUSE)
    builder.begin(name, 0, 0, str(units), parameter, text is None)
    if not builder.in_text():
        raise RecordRefusedError(name, _shown(text), "an object", CLAUSE)
    if text:
        if NO_CHARACTER.search(text):
            raise RecordRefusedError(name, text, "no control characters", CLAUSE)
        builder.text(str(text), 0)
    builder.end(0)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else type(value).__name__ if value is not None else "null"
