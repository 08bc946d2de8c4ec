"""Traffic Light Protocol 2.0 (FIRST, August 2022), to labels and back, where that is defined.

| TLP | who may have it (FIRST) | label of policy TLP |
|---|---|---|
| TLP:CLEAR | anybody | CLEAR, no categories |
| TLP:GREEN | the community | GREEN, PERMISSIVE "Community" |
| TLP:AMBER | organisations and their clients | AMBER, PERMISSIVE "Recipient Organisations and Clients" |
| TLP:AMBER+STRICT | these organisations alone | AMBER+STRICT, PERMISSIVE "Recipient Organisations" |
| TLP:RED | named people | RED, PERMISSIVE "Recipients" |

The text names no recipients, so where a table's row has a category its values must be given: a label without them
would be open to every holder of the classification.
"""

from collections.abc import Iterable

from schemas.label_error import LabelError, NoLabelMappingError
from schemas.labels import Category, CategoryType, Label

POLICY = "TLP"
TAGS: dict[str, str | None] = {
    "CLEAR": None,
    "GREEN": "Community",
    "AMBER": "Recipient Organisations and Clients",
    "AMBER+STRICT": "Recipient Organisations",
    "RED": "Recipients",
}
_FORMER = {"TLP:WHITE": "TLP:WHITE is TLP 1.0; TLP 2.0 calls it TLP:CLEAR"}


def read_tlp(text: str, file: str = "TLP") -> str:
    """The classification of a TLP 2.0 text: what follows ``TLP:``. Capitals, no spaces.

    Raises LabelError, naming the rule, for anything else; TLP:WHITE is version 1.0 and refused by name.
    """
    if text in _FORMER:
        raise LabelError(file, 0, "TLP", text, _FORMER[text])
    prefix, _, colour = text.partition(":")
    if prefix != POLICY or colour not in TAGS:
        rule = f"one of {', '.join(f'TLP:{name}' for name in TAGS)}, in capitals and without spaces (TLP 2.0)"
        raise LabelError(file, 0, "TLP", text, rule)
    return colour


def tlp_to_label(text: str, recipients: Iterable[str] = ()) -> Label:
    """The label of a TLP 2.0 text for these recipients (the community's name for GREEN).

    Raises LabelError for a text that is no TLP 2.0, NoLabelMappingError where recipients are needed and missing, or
    given with TLP:CLEAR, which has none.
    """
    colour = read_tlp(text)
    values = tuple(sorted(set(recipients)))
    tag = TAGS[colour]
    if tag is None:
        if values:
            raise NoLabelMappingError("a label", text, "TLP:CLEAR is for anybody and names no recipients")
        return Label(POLICY, colour)
    if not values or not all(values):
        raise NoLabelMappingError("a label", text, f"who the recipients are must be said ({tag})")
    return Label(POLICY, colour, (Category(tag, CategoryType.PERMISSIVE, values),))


def label_to_tlp(label: Label) -> tuple[str, tuple[str, ...]]:
    """(TLP 2.0 text, recipients) of a label of policy TLP. Raises NoLabelMappingError for what the table has not.

    Only what TLP says is looked at; a succession, alternatives or a privacy mark have no place in it and are refused.
    """
    if label.policy != POLICY or label.classification not in TAGS:
        raise NoLabelMappingError("TLP", f"{label.policy} {label.classification}", "only labels of policy TLP")
    for part in ("privacy_mark", "succession", "alternatives"):
        if getattr(label, part):
            raise NoLabelMappingError("TLP", part, "a TLP text has no place for it")
    tag = TAGS[label.classification]
    said = [(category.tag_name, category.type) for category in label.categories]
    if said != ([] if tag is None else [(tag, CategoryType.PERMISSIVE)]):
        wanted = "no category" if tag is None else f"just one category, PERMISSIVE {tag!r}"
        raise NoLabelMappingError("TLP", ", ".join(name for name, _ in said), f"{label.classification} has {wanted}")
    return f"{POLICY}:{label.classification}", label.categories[0].values if label.categories else ()
