"""Two hubs that differ only in what a partner may not see answer him with the same bytes.

Differences: records (of originators that show him nothing, under labels that he is not cleared for, of other data
modes, under an embargo, conjunctions with one such parent), how they were batched, rules about others, other
partners. Questions: every listing in several formats, pages, filters, made-up cursors, explanations, streams.
"""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.labels import Label
from schemas.records import Kind
from schemas.timescales import format_utc
from ssa_hub.api.cursors import encode_cursor
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.partner import Partner, Posture, read_partners
from ssa_hub.release.record_decision import visible
from tests.api.records import NOW_TAI_NS, PUBLIC, SECRET, Row, conjunction, element, record_id, utc
from tests.api.rules import ALPHA, DELTA, HOUR_S, OMEGA, PARTNERS
from tests.api.served_hub import ServedHub, served_hub

ORIGINATORS = ("ALPHA", "ALPHA", "DELTA", "OMEGA", "HERMIT")
NUMBERS = (20580, 25544, 43013)
RECEIVED_S = (-86_400.0, -7_200.0, -HOUR_S, -HOUR_S + 1e-9, -1_800.0, -1.0)
LABELS: dict[str, Label] = {label.label_id: label for label in (PUBLIC, SECRET)}
PARTIES: dict[str, Partner] = {partner.name: partner for partner in read_partners(PARTNERS, "partners.toml")}
RULES: dict[str, Agreement] = {
    agreement.originator: agreement
    for agreement in (read_agreement(text, "agreement.toml") for text in (ALPHA, DELTA, OMEGA))
}
OTHERS = """
[[rule]]
id = "warden"
kinds = ["elements", "derived-conjunctions"]
partners = ["WARDEN"]
data_modes = ["REAL", "EXERCISE"]
fields = ["*"]
delay_s = 7
"""


class World(NamedTuple):
    """Records of both hubs, and how the second differs in other things."""

    asker: str
    first: list[Row]
    second: list[Row]
    other_rules: bool


def elements() -> st.SearchStrategy[Row]:
    """Element sets of few objects: any may be the newest."""
    return st.builds(
        element,
        st.uuids().map(str),
        st.sampled_from(NUMBERS),
        originator=st.sampled_from(ORIGINATORS),
        label=st.sampled_from((PUBLIC, PUBLIC, SECRET)),
        epoch=st.integers(-4, 0),
        received_s=st.sampled_from(RECEIVED_S),
        data_mode=st.sampled_from(("REAL", "REAL", "EXERCISE")),
        object_name=st.sampled_from(("NAME", "ANOTHER", None)),
        element_set_number=st.none() | st.integers(0, 9_999),
    )


def conjunctions() -> st.SearchStrategy[Row]:
    """Conjunctions of any originators' orbits."""
    labels = st.sampled_from((PUBLIC, PUBLIC, SECRET))
    return st.builds(
        conjunction,
        st.uuids().map(str),
        originators=st.tuples(st.sampled_from(ORIGINATORS), st.sampled_from(ORIGINATORS)),
        labels=st.tuples(labels, labels),
        tca_s=st.integers(0, 5).map(float),
        received_s=st.sampled_from(RECEIVED_S),
        miss_distance_m=st.sampled_from((1.0, 500.0, 4_000.0)),
        object_name_2=st.none() | st.just("NAME"),
    )


def shadow_of(row: Row) -> Row:
    """A record that nobody but HERMIT may see, and that would stand in the place of one, or before it."""
    hidden = {**row, "record_id": record_id(f"shadow of {row['record_id']}")}
    if "tca_tai_ns" in row:
        return {**hidden, "parent_originator_1": "HERMIT", "tca_tai_ns": row["tca_tai_ns"] - 1}
    epoch_tai_ns = row["epoch_tai_ns"] + 10**12
    newer = {"epoch_tai_ns": epoch_tai_ns, "epoch_utc": format_utc(epoch_tai_ns, 9), "element_set_number": 7_777}
    return {**hidden, **newer, "originator": "HERMIT"}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Records in the order of their reception; the asker sees the same ones in both hubs."""
    asker = draw(st.sampled_from(("BETA", "BETA", "BETA", "GAMMA", "GAMMA", "OMEGA", "NOBODY")))
    rows = draw(st.lists(elements() | conjunctions(), min_size=2, max_size=10))
    rows += [shadow_of(row) for row in rows if is_visible(row, asker) and draw(st.booleans())]
    rows.sort(key=lambda row: int(row["received_tai_ns"]))
    first, second = [], []
    for row in rows:
        place = "both" if is_visible(row, asker) else draw(st.sampled_from(("first", "second", "both")))
        if place != "second":
            first.append(row)
        if place != "first":
            second.append(row)
    return World(asker, first, second, draw(st.booleans()))


def is_visible(row: Row, asker: str) -> bool:
    """The decision record by record, which the hub's answers are not made with."""
    kind = Kind.DERIVED_CONJUNCTIONS if "tca_tai_ns" in row else Kind.ELEMENTS
    rules = {"posture": Posture.PEACETIME, "now_tai_ns": NOW_TAI_NS}
    return visible(kind, row, PARTIES[asker], RULES, LABELS, **rules) is not None  # type: ignore[arg-type]


def filled(hub: ServedHub, rows: list[Row], *, other_rules: bool, batched: bool) -> None:
    """Put a world's records and rules into a hub."""
    hub.enrol(PARTNERS)
    hub.agree(*(text + OTHERS if other_rules else text for text in (ALPHA, DELTA, OMEGA)))
    if other_rules:
        hub.enrol('[[partner]]\nname = "ONE MORE"\n')
        hub.agree(f'originator = "HERMIT"\n{OTHERS}')
    batches: list[list[Row]] = []
    for row in rows:
        if batched and batches and ("tca_tai_ns" in row) == ("tca_tai_ns" in batches[-1][-1]):
            batches[-1].append(row)
        else:
            batches.append([row])
    used = {row[name] for row in rows for name in ("label_id", "parent_label_id_1", "parent_label_id_2") if name in row}
    hub.record(*batches, labels=tuple(LABELS[label_id] for label_id in used))


def questions(records: list[str]) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
    """Path, query and headers of everything that is asked."""
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"/v1/{listing}", {"format": form})
        for listing, forms in {
            "elements": ("json", "arrow", "tle", "omm-kvn"),
            "elements/history": ("arrow", "csv"),
            "objects": ("arrow",),
            "conjunctions": ("arrow", "parquet"),
        }.items()
        for form in forms
    ]
    asked += [
        (f"/v1/{listing}", {"limit": limit})
        for listing in ("elements", "elements/history", "conjunctions")
        for limit in (1, 3)
    ]
    asked += [
        ("/v1/elements", {"known_at": utc(-5_000)}),
        ("/v1/elements", {"object_id": "cat-25544"}),
        ("/v1/elements", {"data_mode": "EXERCISE"}),
        ("/v1/elements", {"cursor": encode_cursor("elements", ("cat-20580",))}),
        ("/v1/elements/history", {"epoch_from": utc(-2 * 864)}),
        ("/v1/conjunctions", {"miss_distance_max_m": 600}),
        ("/v1/conjunctions", {"tca_to": utc(2)}),
        ("/v1/conjunctions", {"cursor": encode_cursor("conjunctions", (NOW_TAI_NS, "8"))}),
        ("/v1/stream", {"from_beginning": True, "wait_s": 0}),
        ("/v1/stream", {"wait_s": 0}),
        ("/v1/stream", {"from_beginning": True, "wait_s": 0, "last": 2}),
        ("/v1/elements", {"limit": 0}),
        ("/v1/nothing", {}),
    ]
    whole = [(path, query, {}) for path, query in asked]
    for name in records:
        whole.append(("/v1/explain", {"record_id": name}, {}))
        whole.append(("/v1/stream", {"wait_s": 0}, {"Last-Event-ID": f"0;0:{name}"}))
    return whole


def said(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Everything of an answer but the time on its date."""
    return answer.status_code, sorted(h for h in answer.headers.multi_items() if h[0] != "date"), answer.content


@pytest.mark.slow
@given(worlds())
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
def test_a_partner_cannot_tell_two_hubs_apart_that_differ_in_what_he_may_not_see(world: World) -> None:
    with (
        tempfile.TemporaryDirectory() as directory,
        served_hub(Path(directory, "first")) as first,
        served_hub(Path(directory, "second")) as second,
    ):
        filled(first, world.first, other_rules=False, batched=True)
        filled(second, world.second, other_rules=world.other_rules, batched=False)
        asked = [hub.client(world.asker) for hub in (first, second)]
        ids = sorted({row["record_id"] for row in (*world.first, *world.second)} | {record_id("none")})
        for path, query, headers in questions(ids):
            while True:
                answers = [client.get(path, params=query, headers=headers) for client in asked]
                assert said(answers[0]) == said(answers[1]), (path, query, headers)
                if "limit" not in query or "SSA-Next-Cursor" not in answers[0].headers:
                    break
                query = {**query, "cursor": answers[0].headers["SSA-Next-Cursor"]}
