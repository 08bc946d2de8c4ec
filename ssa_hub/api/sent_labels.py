"""The confidentiality label that a partner sends with a push: JSON in a header."""

from typing import Annotated, Any

import msgspec

from schemas.labels import Category, CategoryType, Label
from ssa_hub.api.problems import invalid

HEADER = "SSA-Label"

_Text = Annotated[str, msgspec.Meta(max_length=200)]


class SentCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category of a label, its values in any order."""

    tag_name: _Text
    type: CategoryType
    values: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=1_000)]


class SentLabel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A label after the ADatP-4774 model: policy, classification, and categories in any order."""

    policy: _Text
    classification: _Text
    categories: Annotated[list[SentCategory], msgspec.Meta(max_length=100)] = []


# FastAPI describes no parameter whose value is JSON, so this one is described by hand.
PARAMETER: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "the label of every record in the body; without one, nobody but you sees them",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SentLabel"}}},
}


def read_label(header: str) -> Label:
    """The label of a header's text (as HTTP gives it: bytes as Latin-1). Raises a 422 problem for anything else."""
    try:
        sent = msgspec.json.decode(header.encode("latin-1"), type=SentLabel)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise invalid(f"not a label: {error}", HEADER) from error
    categories = [
        Category(category.tag_name, category.type, tuple(sorted(set(category.values)))) for category in sent.categories
    ]
    return Label(sent.policy, sent.classification, tuple(categories)).canonical()


def component_schemas() -> dict[str, Any]:
    """JSON Schemas of a sent label and of what it is made of."""
    return msgspec.json.schema_components([SentLabel], ref_template="#/components/schemas/{name}")[1]
