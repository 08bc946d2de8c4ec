"""What an originator lets be said of an object that he withholds: the ``tear_line`` table of a rule.

The terms quantise: a statement about a close approach says nothing but which of these steps it falls into.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.labels import Category, CategoryType, Label
from ssa_hub.release.documents import Document, Key, ascending, choice, listing, number, table, text, whole
from ssa_hub.release.toml_lines import Path

WINDOW_S_MIN, WINDOW_S_MAX = 60, 7 * 86_400
BOUND_M_MIN, BOUND_M_MAX = 1.0, 1_000_000.0
HARD_BODY_RADIUS_M = 20.0
BUDGET_MAX = 1_000_000
BUDGET_DAYS, BUDGET_DAYS_MAX = 7, 3_660


class TearLineTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How finely, how often and under which label statements about a hidden object are made to one partner.

    ``window_s``: length of the time window, s. ``miss_distance_bounds_m``: ascending, m; a statement says between which
    two neighbouring bounds the miss distance lies (below the first: between 0 and it), and beyond the last there is
    none. ``approach_angle_step_deg``: 0 where the angle is not said. ``hard_body_radius_m``: of both objects together,
    for the bound of the probability. ``budget``: so many statements about one object in ``budget_days`` days.
    ``label``: the statement's own; who is to get it must be cleared for it.
    """

    window_s: int
    miss_distance_bounds_m: tuple[float, ...]
    budget: int
    label: Label
    approach_angle_step_deg: float = 0.0
    hard_body_radius_m: float = HARD_BODY_RADIUS_M
    budget_days: int = BUDGET_DAYS


TEAR_LINE_KEYS = (
    Key(
        "window_s",
        whole(WINDOW_S_MIN, WINDOW_S_MAX),
        f"a whole number from {WINDOW_S_MIN} to {WINDOW_S_MAX} s: the length of the time window that is said",
        required=True,
    ),
    Key(
        "miss_distance_bounds_m",
        ascending(number(BOUND_M_MIN, BOUND_M_MAX)),
        f"an ascending list of at least one number from {BOUND_M_MIN:.0f} to {BOUND_M_MAX:.0f} m; between which two "
        "the miss distance lies is said, beyond the last nothing is",
        required=True,
    ),
    Key("approach_angle_step_deg", number(0, 180), "a number from 0 to 180 deg; 0 or left out: not said"),
    Key(
        "hard_body_radius_m",
        number(0.1, 1_000),
        f"a number from 0.1 to 1000 m: both objects' radii together; left out: {HARD_BODY_RADIUS_M:.0f}",
    ),
    Key(
        "budget",
        whole(1, BUDGET_MAX),
        f"a whole number from 1 to {BUDGET_MAX}: statements to a partner about one object",
        required=True,
    ),
    Key(
        "budget_days",
        whole(1, BUDGET_DAYS_MAX),
        f"a whole number from 1 to {BUDGET_DAYS_MAX}: in so many days; left out: {BUDGET_DAYS}",
    ),
    Key("label", table, "a table: the label that statements carry", required=True),
)
LABEL_KEYS = (
    Key("policy", text, "the security policy's name", required=True),
    Key("classification", text, "the classification", required=True),
)
LABEL_CATEGORY_KEYS = (
    Key("tag_name", text, "the category's tag name", required=True),
    Key("type", choice(CategoryType), "one of: " + ", ".join(CategoryType), required=True),
    Key("values", listing(text), "a list of the category's values", required=True),
)


def read_tear_line_terms(document: Document, raw: Mapping[str, Any], path: Path, where: str) -> TearLineTerms | None:
    """The terms in the table at ``path``; None where anything is wrong, which the document has noted then."""
    values = document.read(dict(raw), path, where, TEAR_LINE_KEYS)
    if not isinstance(raw.get("label"), dict):
        return None
    label = _read_label(document, raw["label"], (*path, "label"), where)
    if values is None or label is None:
        return None
    return TearLineTerms(**{**values, "label": label})


def _read_label(document: Document, raw: dict[str, Any], path: Path, where: str) -> Label | None:
    values = document.read(raw, path, where, LABEL_KEYS, nested=("categories",))
    right = values is not None
    categories: list[Category] = []
    for category_path, raw_category in document.tables(raw, (*path, "categories"), where):
        category = document.read(raw_category, category_path, where, LABEL_CATEGORY_KEYS)
        if category is None:
            right = False
        else:
            categories.append(Category(**category))
    if values is None or not right:
        return None
    return Label(values["policy"], values["classification"], tuple(sorted(categories)))


def terms_content(terms: TearLineTerms) -> dict[str, Any]:
    """The terms as plain values, those at their default left out: a part of the agreement's canonical content."""
    content: dict[str, Any] = {
        field.name: getattr(terms, field.name)
        for field in msgspec.structs.fields(TearLineTerms)
        if getattr(terms, field.name) != field.default
    }
    return content | {"label": msgspec.json.decode(terms.label.to_json())}
