"""The invented owners of the exercise's objects: three national centres and four commercial operators."""

from typing import NamedTuple

from schemas.labels import Category, CategoryType, Label

POLICY = "EXERCISE"
UNCLASSIFIED = "UNCLASSIFIED"
RESTRICTED = "RESTRICTED"
RELEASABLE_TO = "Releasable To"
COALITION = "COALITION"
OPERATORS = "OPERATORS"


class Owner(NamedTuple):
    """An originator of the exercise; ``label`` is what all that it sends carries."""

    name: str
    what: str
    label: Label


def _label(classification: str, *releasable_to: str) -> Label:
    if not releasable_to:
        return Label(POLICY, classification)
    category = Category(RELEASABLE_TO, CategoryType.PERMISSIVE, tuple(sorted(releasable_to)))
    return Label(POLICY, classification, (category,))


OWNERS = (
    Owner("AQUILA", "national centre", _label(UNCLASSIFIED, COALITION, OPERATORS)),
    Owner("BOREAL", "national centre", _label(RESTRICTED, COALITION, OPERATORS)),
    Owner("CIRRUS", "national centre", _label(RESTRICTED, COALITION)),
    Owner("HALCYON-NET", "operator of a broadband constellation in low orbit", _label(UNCLASSIFIED)),
    Owner("LANTERN-EO", "operator of imaging satellites", _label(UNCLASSIFIED, COALITION, OPERATORS)),
    Owner("MERIDIAN-SAT", "operator of geostationary satellites", _label(UNCLASSIFIED, COALITION, OPERATORS)),
    Owner("PELICAN-LINK", "operator of a relay constellation at 1,200 km", _label(RESTRICTED, COALITION)),
)
OWNER_NAMES = tuple(owner.name for owner in OWNERS)
