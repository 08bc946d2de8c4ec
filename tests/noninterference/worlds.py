"""Random worlds: partners, agreements, labels, posture, clock and records; twins that differ in what BETA may not see.

Rules are drawn in the agreement's own language, so that the reader of agreements takes part. What BETA sees is decided
record by record (`ssa_hub.release.record_decision`), which the hub's answers are not made with.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from schemas.labels import Category, CategoryType, Label, Succession
from schemas.records import Kind
from schemas.timescales import format_utc
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.decision import Allow, decide, tear_line_grant
from ssa_hub.release.partner import Partner, Posture, read_partners
from ssa_hub.release.record_decision import visible
from tests.api.records import (
    NOW_TAI_NS,
    Row,
    at_s,
    conjunction,
    conjunction_message,
    element,
    ephemeris,
    kind_of,
    record_id,
    utc,
)

ASKER = "BETA"
OTHERS = ("ALPHA", "DELTA", "OMEGA", "HERMIT")
HOUR_S = 3_600
NUMBERS = (20580, 25544, 43013)
RECEIVED_S = (-86_400.0, -2 * HOUR_S, -HOUR_S, -HOUR_S + 1e-9, -1_800.0, -1.0)
INSTANTS_S = (-86_400, -HOUR_S, 0, 1, HOUR_S)
_RELEASABLE = "Releasable To"


def _category(kind: CategoryType, *values: str, tag: str = _RELEASABLE) -> Category:
    return Category(tag, kind, tuple(sorted(values)))


OPEN = Label("PUBLIC", "UNCLASSIFIED")
SECRET = Label("PUBLIC", "SECRET")
LABELS = (
    OPEN,
    SECRET,
    Label("PUBLIC", "UNCLASSIFIED", (_category(CategoryType.PERMISSIVE, "BETA", "GAMMA"),)),
    Label("PUBLIC", "UNCLASSIFIED", (_category(CategoryType.PERMISSIVE, "GAMMA"),)),
    Label("PUBLIC", "UNCLASSIFIED", (_category(CategoryType.RESTRICTIVE, "EYES", tag="Special"),)),
    Label("ELSEWHERE", "UNCLASSIFIED"),
    Label("PUBLIC", "SECRET", succession=Succession(utc(-HOUR_S)[:19], OPEN)),
    Label("PUBLIC", "UNCLASSIFIED", succession=Succession(utc(0)[:19], SECRET)),
    Label("ELSEWHERE", "SECRET", alternatives=(OPEN,)),
)
LABELS_BY_ID = {label.label_id: label for label in LABELS}

# Kinds, fields and resolution of rules: whole, in part, coarse.
_SHOWN: tuple[tuple[tuple[str, ...], tuple[str, ...], dict[str, float] | None], ...] = (
    (("elements", "derived-conjunctions"), ("*",), None),
    (("elements",), ("*",), None),
    (("elements",), ("object_name", "inclination_deg"), None),
    (("elements",), ("mean_motion_rev_per_day",), {"time_s": 600}),
    (("elements",), ("inclination_deg", "eccentricity"), {"time_s": 60, "angle_deg": 0.5, "eccentricity": 0.01}),
    (("derived-conjunctions",), ("*",), None),
    (("derived-conjunctions",), ("relative_speed_m_s", "parent_1"), None),
    (("derived-conjunctions",), ("miss_distance_m",), {"time_s": 600, "distance_m": 1_000.0}),
    (("derived-conjunctions",), ("*",), {"time_s": 60}),
    (("conjunction-messages", "ephemerides"), ("*",), None),
    (("conjunction-messages",), ("miss_distance_m", "object1_x_km"), None),
    (("conjunction-messages", "ephemerides"), ("*",), {"time_s": 600}),
    (("ephemerides",), ("states",), None),
)
_TEAR_LINE = (
    "tear_line = { window_s = 3600, miss_distance_bounds_m = [100.0, 1000.0, 5000.0], approach_angle_step_deg = 30.0, "
    'budget = 2, budget_days = 7, label = { policy = "PUBLIC", classification = "UNCLASSIFIED" } }'
)


class World(NamedTuple):
    """Two hubs: what both have, and the records of each; ``rules_differ``: the second has rules about others, too."""

    partners: str
    agreements: dict[str, str]
    posture: Posture
    advance_s: float
    first: list[Row]
    second: list[Row]
    withdrawn: list[Row]
    rules_differ: bool


@st.composite
def _rule(draw: st.DrawFn, number: int) -> str:
    lines = [f'id = "rule-{number}"']
    kinds: tuple[str, ...] = ("tear-lines",)
    if draw(st.integers(0, 4)):
        kinds, fields, resolution = draw(st.sampled_from(_SHOWN))
        lines.append(f"fields = {json.dumps(list(fields))}")
        lines.append(f"delay_s = {draw(st.sampled_from((0, 0, HOUR_S, 2 * HOUR_S)))}")
        if resolution is not None:
            lines.append("resolution = { " + ", ".join(f"{key} = {value}" for key, value in resolution.items()) + " }")
    else:
        lines.append(_TEAR_LINE)
    lines.append(f"kinds = {json.dumps(list(kinds))}")
    to_him = 'partners = ["BETA"]'
    lines.append(draw(st.sampled_from((to_him, to_him, 'partners = ["GAMMA"]', 'groups = ["allies"]'))))
    lines.append(f"data_modes = {json.dumps(draw(st.sampled_from((['REAL'], ['REAL', 'EXERCISE'], ['EXERCISE']))))}")
    postures = draw(st.sampled_from((None, None, ["peacetime"], ["crisis", "conflict"])))
    if postures:
        lines.append(f"postures = {json.dumps(postures)}")
    if draw(st.integers(0, 3)) == 0:
        lines.append(f'valid_from = "{utc(draw(st.sampled_from(INSTANTS_S)))[:19]}"')
    elif draw(st.integers(0, 3)) == 0:
        lines.append(f'valid_until = "{utc(draw(st.sampled_from(INSTANTS_S)))[:19]}"')
    if draw(st.integers(0, 5)) == 0:
        lines.append(f'purposes = ["{draw(st.sampled_from(("safety", "research")))}"]')
    return "\n[[rule]]\n" + "\n".join(lines) + "\n"


@st.composite
def _agreements(draw: st.DrawFn) -> dict[str, str]:
    found = {}
    for originator in ("ALPHA", "DELTA", "OMEGA"):
        if draw(st.integers(0, 5)):
            rules = [draw(_rule(number)) for number in range(draw(st.integers(1, 3)))]
            found[originator] = f'originator = "{originator}"\n' + "".join(rules)
    return found


@st.composite
def _partners(draw: st.DrawFn) -> str:
    own = draw(
        st.sampled_from(
            (
                '{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }',
                '{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"], categories = '
                '[{ tag_name = "Releasable To", type = "PERMISSIVE", values = ["BETA"] }] }',
                '{ policy = "PUBLIC", classifications = ["SECRET", "UNCLASSIFIED"], categories = '
                '[{ tag_name = "Special", type = "RESTRICTIVE", values = ["EYES"] }] }',
            )
        )
    )
    lines = [f'[[partner]]\nname = "{ASKER}"\nclearances = [{own}]']
    if draw(st.booleans()):
        lines.append('groups = ["allies"]')
    if draw(st.booleans()):
        lines.append('purposes = ["safety"]')
    if draw(st.booleans()):
        lines.append('operates = ["cat-25544"]')
    cleared = 'clearances = [{ policy = "PUBLIC", classifications = ["UNCLASSIFIED"] }]'
    lines += [f'[[partner]]\nname = "{name}"\n{cleared}' for name in (*OTHERS, "GAMMA")]
    return "\n".join(lines) + "\n"


def _elements() -> st.SearchStrategy[Row]:
    return st.builds(
        element,
        st.uuids().map(str),
        st.sampled_from(NUMBERS),
        originator=st.sampled_from(("ALPHA", "ALPHA", "DELTA", "OMEGA", "HERMIT", ASKER)),
        label=st.sampled_from((OPEN, OPEN, *LABELS)),
        epoch=st.integers(-3, 0),
        received_s=st.sampled_from(RECEIVED_S),
        data_mode=st.sampled_from(("REAL", "REAL", "REAL", "EXERCISE")),
        object_name=st.sampled_from(("NAME", "ANOTHER", None)),
        inclination_deg=st.sampled_from((51.6416, 97.5)),
    )


def _messages() -> st.SearchStrategy[Row]:
    common = {
        "originator": st.sampled_from(("ALPHA", "ALPHA", "DELTA", "OMEGA", "HERMIT", ASKER)),
        "label": st.sampled_from((OPEN, OPEN, *LABELS)),
        "received_s": st.sampled_from(RECEIVED_S),
        "data_mode": st.sampled_from(("REAL", "REAL", "REAL", "EXERCISE")),
    }
    told = st.builds(
        conjunction_message,
        st.uuids().map(str),
        tca_s=st.sampled_from((0.0, 1.0, 2.0, 700.0)),
        miss_distance_m=st.sampled_from((1.0, 500.0)),
        object1_x_km=st.sampled_from((None, 7_000.0, 7_001.0)),
        **common,
    )
    start_s = st.sampled_from((-3_600.0, 0.0, 1.0))
    return told | st.builds(ephemeris, st.uuids().map(str), start_s=start_s, **common)


@st.composite
def _conjunction(draw: st.DrawFn, orbits: Sequence[Row]) -> Row:
    """Of two orbits that the hub has, or of two that are gone from the draw."""
    chosen = [draw(st.sampled_from(orbits)) for _ in range(2)] if orbits and draw(st.integers(0, 3)) else []
    given: dict[str, Any] = {"object_name_2": draw(st.none() | st.just("NAME")), "approach_angle_deg": 61.5}
    if len(chosen) == 2 and chosen[0]["data_mode"] == chosen[1]["data_mode"]:
        chosen.sort(key=lambda row: str(row["object_id"]))
        for side, row in enumerate(chosen, 1):
            given |= {f"parent_{side}": row["record_id"], f"object_id_{side}": row["object_id"]}
            given[f"catalogue_number_{side}"] = row["catalogue_number"]
        originators = (str(chosen[0]["originator"]), str(chosen[1]["originator"]))
        labels = (LABELS_BY_ID[chosen[0]["label_id"]], LABELS_BY_ID[chosen[1]["label_id"]])
        given["data_mode"] = chosen[0]["data_mode"]
    else:
        names = st.sampled_from(("ALPHA", "ALPHA", "DELTA", "OMEGA", "HERMIT", ASKER))
        originators = (draw(names), draw(names))
        labels = (draw(st.sampled_from((OPEN, OPEN, *LABELS))), draw(st.sampled_from((OPEN, OPEN, *LABELS))))
    return conjunction(
        draw(st.uuids().map(str)),
        originators=originators,
        labels=labels,
        tca_s=float(draw(st.sampled_from((0, 1, 2, 700, 4_000)))),
        received_s=draw(st.sampled_from(RECEIVED_S)),
        miss_distance_m=draw(st.sampled_from((1.0, 500.0, 1_600.0, 4_000.0))),
        **given,
    )


class Eyes(NamedTuple):
    """What decides what the asker sees."""

    partners: dict[str, Partner]
    agreements: dict[str, Agreement]
    posture: Posture
    now_tai_ns: int

    def sees(self, row: Row) -> bool:
        """Whether he sees the record, or a statement that is made of it."""
        kind = kind_of(row)
        asker = self.partners[ASKER]
        shown = visible(
            kind, row, asker, self.agreements, LABELS_BY_ID, posture=self.posture, now_tai_ns=self.now_tai_ns
        )
        if shown is not None:
            return True
        if kind is Kind.DERIVED_CONJUNCTIONS:
            return self._may_be_told_of(row)
        return kind is Kind.ELEMENTS and self._takes_part(row)

    def _takes_part(self, row: Row) -> bool:
        """Whether conjunctions of the orbit may be derived for him: then it takes part in what-ifs, seen or not."""
        said = decide(
            self.partners[ASKER],
            self.agreements.get(row["originator"]),
            originator=row["originator"],
            label=LABELS_BY_ID[row["label_id"]],
            kind=Kind.DERIVED_CONJUNCTIONS,
            data_mode=row["data_mode"],
            posture=self.posture,
            now_tai_ns=self.now_tai_ns,
        )
        return isinstance(said, Allow)

    def _may_be_told_of(self, row: Row) -> bool:
        """Whether some tear-line rule speaks to the asker of either side: then it counts as seen, whatever else."""
        asker = self.partners[ASKER]
        return any(
            agreement is not None
            and tear_line_grant(
                asker,
                agreement,
                originator=originator,
                data_mode=row["data_mode"],
                posture=self.posture,
                now_tai_ns=self.now_tai_ns,
                policies={},
            )
            is not None
            for originator in (row["parent_originator_1"], row["parent_originator_2"])
            for agreement in [self.agreements.get(originator)]
        )


def shadow_of(row: Row) -> Row:
    """A record that nobody but HERMIT may see, and that would stand in the place of one, or before it."""
    hidden = {**row, "record_id": record_id(f"shadow of {row['record_id']}")}
    if kind_of(row) is Kind.CONJUNCTION_MESSAGES:
        return {**hidden, "originator": "HERMIT", "tca_tai_ns": row["tca_tai_ns"] - 1}
    if kind_of(row) is Kind.EPHEMERIDES:
        return {**hidden, "originator": "HERMIT", "states": 62}
    if kind_of(row) is Kind.DERIVED_CONJUNCTIONS:
        return {**hidden, "parent_originator_1": "HERMIT", "parent_originator_2": "HERMIT",
                "tca_tai_ns": row["tca_tai_ns"] - 1}  # fmt: skip
    epoch_tai_ns = row["epoch_tai_ns"] + 10**12
    newer = {"epoch_tai_ns": epoch_tai_ns, "epoch_utc": format_utc(epoch_tai_ns, 9), "element_set_number": 7_777}
    return {**hidden, **newer, "originator": "HERMIT"}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Records in the order of their reception; the asker sees the same ones in both hubs."""
    partners, agreements = draw(_partners()), draw(_agreements())
    posture = draw(st.sampled_from(Posture))
    advance_s = draw(st.sampled_from((0.0, 0.0, 1.0, float(HOUR_S))))
    eyes = Eyes(
        {partner.name: partner for partner in read_partners(partners, "partners.toml")},
        {name: read_agreement(text, f"{name}.toml") for name, text in agreements.items()},
        posture,
        NOW_TAI_NS,
    )
    later = eyes._replace(now_tai_ns=at_s(advance_s))
    orbits = draw(st.lists(_elements(), min_size=1, max_size=7))
    messages = draw(st.lists(_messages(), max_size=5))
    rows = orbits + draw(st.lists(_conjunction(orbits), max_size=6)) + messages
    seen = {row["record_id"]: eyes.sees(row) or later.sees(row) for row in rows}
    withdrawn = [row for row in orbits + messages if draw(st.integers(0, 5)) == 0]
    # That an orbit was withdrawn is told with every conjunction of it, so then both hubs must have had it.
    told = {row[f"parent_{side}"] for row in rows if "parent_1" in row and seen[row["record_id"]] for side in (1, 2)}
    seen |= {row["record_id"]: True for row in withdrawn if row["record_id"] in told}
    shadows = [shadow_of(row) for row in rows if seen[row["record_id"]] and draw(st.booleans())]
    seen |= {row["record_id"]: False for row in shadows}
    rows = sorted(rows + shadows, key=lambda row: int(row["received_tai_ns"]))
    first, second = [], []
    for row in rows:
        place = "both" if seen[row["record_id"]] else draw(st.sampled_from(("first", "second", "both")))
        if place != "second":
            first.append(row)
        if place != "first":
            second.append(row)
    return World(partners, agreements, posture, advance_s, first, second, withdrawn, draw(st.booleans()))
