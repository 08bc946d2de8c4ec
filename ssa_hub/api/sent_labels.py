"""The confidentiality label that a partner sends with a push, in a header.

JSON, an ADatP-4774 label as XML in base64 (``XML:…``), TLP 2.0 (``TLP:AMBER to AQUILA, BOREAL``), or a portion mark
(``CAPCO:U//REL TO USA, FVEY``).
"""

from base64 import b64decode
from typing import Annotated, Any

import msgspec

from schemas.label_text import is_label_text, label_of_text
from schemas.label_xml import read_label_xml
from schemas.labels import ALTERNATIVES_MAX, Category, CategoryType, Label, Succession
from ssa_hub.api.problems import invalid

HEADER = "SSA-Label"
XML_PREFIX = "XML:"

_Text = Annotated[str, msgspec.Meta(max_length=200)]
_Utc = Annotated[str, msgspec.Meta(max_length=40, description="UTC, YYYY-MM-DDThh:mm:ss[.d*][Z]")]


class SentCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category of a label, its values in any order."""

    tag_name: _Text
    type: CategoryType
    values: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=1_000)]
    uri: _Text | None = None


class SentLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label after the ADatP-4774 model: policy, classification, categories in any order, and what else it may have.

    Alternatives are equivalents in other policies.
    """

    policy: _Text
    classification: _Text
    categories: Annotated[list[SentCategory], msgspec.Meta(max_length=100)] = []
    policy_uri: _Text | None = None
    privacy_mark: _Text | None = None
    originator_id: _Text | None = None
    originator_id_type: _Text | None = None
    creation_utc: _Utc | None = None
    review_utc: _Utc | None = None
    succession: "SentSuccession | None" = None
    alternatives: Annotated[list["SentLabel"], msgspec.Meta(max_length=ALTERNATIVES_MAX)] = []


class SentSuccession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The label that takes over at an instant."""

    at_utc: _Utc
    label: SentLabel


# FastAPI describes no parameter whose value is JSON, so this one is described by hand.
PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "the label of every record in the body; without one, nobody but you sees them. JSON, or "
    "'XML:' and an ADatP-4774 label in base64, 'TLP:CLEAR', 'TLP:AMBER to AQUILA, BOREAL', or 'CAPCO:U//REL TO USA, "
    "FVEY'",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SentLabel"}}},
}


def read_label(header: str) -> Label:
    """The label of a header's text (as HTTP gives it: bytes as Latin-1). Raises a 422 problem for anything else."""
    try:
        if header.startswith(XML_PREFIX):
            return read_label_xml(b64decode(header.removeprefix(XML_PREFIX), validate=True), HEADER)
        if is_label_text(header):
            return label_of_text(header)
        return _label(msgspec.json.decode(header.encode("latin-1"), type=SentLabel)).canonical()
    except (ValueError, RecursionError) as error:
        # Every reader's own error is a ValueError, and so are bad base64 and bytes that are no text.
        raise invalid(f"not a label: {error}", HEADER) from error


def _label(sent: SentLabel) -> Label:
    after = sent.succession
    return Label(
        sent.policy,
        sent.classification,
        tuple(
            Category(category.tag_name, category.type, tuple(sorted(set(category.values))), category.uri)
            for category in sent.categories
        ),
        policy_uri=sent.policy_uri,
        privacy_mark=sent.privacy_mark,
        originator_id=sent.originator_id,
        originator_id_type=sent.originator_id_type,
        creation_utc=sent.creation_utc,
        review_utc=sent.review_utc,
        succession=None if after is None else Succession(after.at_utc, _label(after.label)),
        alternatives=tuple(_label(alternative) for alternative in sent.alternatives),
    )


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of a sent label and of what it is made of."""
    return msgspec.json.schema_components([SentLabel], ref_template="#/components/schemas/{name}")[1]
