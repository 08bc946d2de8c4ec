"""One element of a SPIF, read strictly: attributes and children that the schema does not have are refused by name.

Attributes in another namespace (``xml:lang``, vendors') are allowed, as the schema does; the order of children is not
judged, because it carries no meaning and published policies do not keep to it.
"""

import re
from collections.abc import Collection, Iterator
from typing import NoReturn

from schemas.spif.errors import SpifError
from schemas.spif.model import TagKind
from schemas.spif.xml_tree import XML_NAMESPACE, Node
from schemas.timescales import NS_PER_SECOND, parse_utc

SPIF_NAMESPACE = "http://www.xmlspif.org/spif"
_OID = re.compile(r"[0-2](\.[0-9]+)+", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_OFFSET = re.compile(r"(?P<local>.*)(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2})", re.ASCII)
_NAME_LENGTH_MAX = 256
TAG_TYPES = ("restrictive", "permissive", "enumerated", "tagType7")
ENUM_TYPES = ("restrictive", "permissive")


def normal_lacv(text: str) -> str:
    """A label and certificate value as it is compared: whole numbers without sign "+" and leading zeros."""
    stripped = text.strip()
    return str(int(stripped)) if _INTEGER.fullmatch(stripped) else stripped


class Element:
    """A node with its file, and what its attributes and children may be."""

    def __init__(self, node: Node, file: str, attributes: Collection[str], children: Collection[str]) -> None:
        self.node, self.file, self.name = node, file, node.name
        for namespace, name in node.attributes:
            if not namespace and name not in attributes:
                self.refuse(f"@{name}", node.attributes["", name], f"{node.name} has no attribute of this name")
        for child in node.children:
            if child.namespace != SPIF_NAMESPACE or child.name not in children:
                allowed = ", ".join(children) or "none"
                raise SpifError(
                    file, child.line, node.name, f"<{child.name}>", f"allowed children in {SPIF_NAMESPACE}: {allowed}"
                )

    def refuse(self, what: str, value: str, rule: str) -> NoReturn:
        """Raise SpifError for this element or, with ``what`` like "@id", for one of its attributes."""
        raise SpifError(self.file, self.node.line, f"{self.name}{what}", value, rule)

    def children(self, name: str) -> Iterator[Node]:
        """The children of that name, in order."""
        return (child for child in self.node.children if child.name == name)

    def only_child(self, name: str) -> Node | None:
        """The child of that name, None where there is none. Raises SpifError for two."""
        found = list(self.children(name))
        if len(found) > 1:
            self.refuse("", f"<{name}>", f"at most one {name}")
        return found[0] if found else None

    def needed_child(self, name: str) -> Node:
        """The one child of that name. Raises SpifError where there is none, or two."""
        child = self.only_child(name)
        if child is None:
            self.refuse("", "", f"{name} is required")
        return child

    @property
    def language(self) -> str:
        """``xml:lang`` in lower case, "" where there is none."""
        return self.node.attributes.get((XML_NAMESPACE, "lang"), "").lower()

    def given(self, name: str) -> str | None:
        """An attribute's text, None where it is absent."""
        return self.node.attributes.get(("", name))

    def text(self, name: str, *, empty: bool = False) -> str:
        """An attribute that is required: at most 256 characters, not empty unless ``empty``."""
        value = self.given(name)
        if value is None:
            self.refuse(f"@{name}", "", "is required")
        if not (value or empty) or len(value) > _NAME_LENGTH_MAX:
            self.refuse(f"@{name}", value, f"must have 1 to {_NAME_LENGTH_MAX} characters")
        return value

    def oid(self, name: str) -> str:
        """An object identifier that is required."""
        value = self.text(name)
        if not _OID.fullmatch(value):
            self.refuse(f"@{name}", value, "must be an object identifier such as 1.3.26.1.3.1")
        return value

    def integer(self, name: str) -> int:
        """A whole number that is required."""
        value = self.text(name).strip()
        if not _INTEGER.fullmatch(value):
            self.refuse(f"@{name}", value, "must be a whole number")
        return int(value)

    def boolean(self, name: str) -> bool:
        """An xs:boolean, false where it is absent."""
        value = (self.given(name) or "false").strip()
        if value not in ("true", "false", "1", "0"):
            self.refuse(f"@{name}", value, "must be true or false")
        return value in ("true", "1")

    def choice(self, name: str, allowed: Collection[str]) -> str:
        """One of the texts allowed, required."""
        value = self.text(name)
        if value not in allowed:
            self.refuse(f"@{name}", value, f"must be one of: {', '.join(allowed)}")
        return value

    def selection(self, name: str) -> int | None:
        """A number of selections; None for "unbounded" and where it is absent."""
        value = self.given(name)
        if value is None or value == "unbounded":
            return None
        number = self.integer(name)
        if number < 0:
            self.refuse(f"@{name}", value, "must not be negative")
        return number

    def instant(self, name: str) -> int | None:
        """An xs:dateTime as TAI ns, None where it is absent; without an offset it is taken as UTC."""
        value = self.given(name)
        if value is None:
            return None
        offset = _OFFSET.fullmatch(value.strip())
        try:
            if offset is None:
                return parse_utc(value.strip())
            shift_s = int(offset["hours"]) * 3600 + int(offset["minutes"]) * 60
            sign = 1 if offset["sign"] == "+" else -1
            return parse_utc(offset["local"]) - sign * shift_s * NS_PER_SECOND
        except ValueError as error:
            self.refuse(f"@{name}", value, f"must be an xs:dateTime: {error}")

    def tag_kind(self) -> TagKind:
        """``tagType`` and ``enumType``. Raises SpifError where a label of ADatP-4774 could not say it."""
        tag_type = self.choice("tagType", TAG_TYPES)
        if tag_type == "enumerated":
            return TagKind(tag_type, self.choice("enumType", ENUM_TYPES))
        return TagKind(tag_type, "")
