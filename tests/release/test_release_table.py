"""The release table: the same answers as one decision at a time, for all rows at once."""

import math
import struct
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.labels import Label, Succession
from schemas.message_records import CONJUNCTION_MESSAGE, EPHEMERIS
from schemas.records import CONJUNCTION_SCHEMA, ELEMENT_SET_SCHEMA, DataMode, Kind, arrow_schema
from schemas.timescales import format_utc, parse_utc
from ssa_hub.release.agreement import Agreement, Example, Rule
from ssa_hub.release.columns import ALWAYS_COLUMNS, COLUMNS, RECORD_KINDS, shown
from ssa_hub.release.mask import QUANTITIES, Mask, Resolution
from ssa_hub.release.masks import apply_masks
from ssa_hub.release.partner import Clearance, Partner, Posture
from ssa_hub.release.record_decision import mask_now, visible
from ssa_hub.release.table import RELEASE_SCHEMA, ReleaseTable, build_release_table, policy_version
from tests.release.release_strategies import (
    HOUR_NS,
    NAMES,
    NOW_TAI_NS,
    agreement_sets,
    agreements,
    instants,
    label_sets,
    partners,
    postures,
    record_kinds,
    rules,
    unhurried,
)

LABEL = Label("NATO", "SECRET")
LABELS = {LABEL.label_id: LABEL}
RULE = Rule(id="r", kinds=RECORD_KINDS, data_modes=(DataMode.REAL,), fields=("*",), groups=("coalition",))
BOREAL = Partner("BOREAL", frozenset({"coalition"}), (Clearance("NATO", ("SECRET",)),))


DATABASE = duckdb.connect(config={"threads": "1"})


def a_value(field: pa.Field, number: int) -> Any:
    if pa.types.is_string(field.type):
        return f"{field.name} {number}"
    if pa.types.is_list(field.type):
        return [f"{field.name} {number}"]
    if pa.types.is_floating(field.type):
        return 1_000.0 * math.pi * (number + 1)
    return number % 2 == 0 if pa.types.is_boolean(field.type) else number + 1


SCHEMAS = {
    Kind.ELEMENTS: ELEMENT_SET_SCHEMA,
    Kind.DERIVED_CONJUNCTIONS: CONJUNCTION_SCHEMA,
    Kind.CONJUNCTION_MESSAGES: arrow_schema(CONJUNCTION_MESSAGE),
    Kind.EPHEMERIDES: arrow_schema(EPHEMERIS),
}


def a_row(kind: Kind, number: int, **values: Any) -> dict[str, Any]:
    schema = SCHEMAS[kind]
    row = {field.name: a_value(field, number) for field in schema} | {"record_id": f"{number:032x}"}
    row |= {name: NOW_TAI_NS + 123_456_789_123 * (number + 1) for name in row if name.endswith("_tai_ns")}
    if kind is Kind.ELEMENTS:
        row["epoch_utc"] = format_utc(row["epoch_tai_ns"], 9)
    return row | values


@st.composite
def row_lists(draw: st.DrawFn, kind: Kind, label_ids: list[str]) -> list[dict[str, Any]]:
    origin, label = st.sampled_from(NAMES), st.sampled_from([*4 * label_ids, "a label that nobody has"])
    rows = []
    for number in range(draw(st.integers(1, 8))):
        whose = {"data_mode": draw(st.sampled_from(DataMode)).value, "received_tai_ns": draw(instants) - HOUR_NS}
        if kind is not Kind.DERIVED_CONJUNCTIONS:
            whose |= {"originator": draw(origin), "label_id": draw(label)}
        else:
            whose |= {f"parent_originator_{n}": draw(origin) for n in (1, 2)}
            whose |= {f"parent_label_id_{n}": draw(label) for n in (1, 2)}
        rows.append(a_row(kind, number, **whose))
    return rows


OWN_SQL = """SELECT e.*, r.mask_id FROM records e JOIN release r USING (data_mode, originator, label_id)
    WHERE r.kind = $kind AND e.received_tai_ns + r.delay_ns <= $now ORDER BY record_id"""
CONJUNCTIONS_SQL = """SELECT c.*, r1.mask_id AS mask_id_1, r2.mask_id AS mask_id_2 FROM records c
    JOIN release r1 ON r1.kind = 'derived-conjunctions' AND r1.data_mode = c.data_mode
        AND r1.originator = c.parent_originator_1 AND r1.label_id = c.parent_label_id_1
    JOIN release r2 ON r2.kind = 'derived-conjunctions' AND r2.data_mode = c.data_mode
        AND r2.originator = c.parent_originator_2 AND r2.label_id = c.parent_label_id_2
    WHERE c.received_tai_ns + greatest(r1.delay_ns, r2.delay_ns) <= $now ORDER BY record_id"""


def answered(kind: Kind, rows: list[dict[str, Any]], table: ReleaseTable, now_tai_ns: int) -> list[dict[str, Any]]:
    """What the store answers: a join in the database, the masks in columns."""
    with DATABASE.cursor() as database:
        database.register("records", pa.Table.from_pylist(rows, schema=SCHEMAS[kind]))
        database.register("release", table.to_arrow())
        derived = kind is Kind.DERIVED_CONJUNCTIONS
        sql, params = (CONJUNCTIONS_SQL, {}) if derived else (OWN_SQL, {"kind": str(kind)})
        found = database.sql(sql, params={"now": now_tai_ns, **params}).to_arrow_table()
    if kind is Kind.DERIVED_CONJUNCTIONS:
        found = table.with_combined_masks(found)
    return apply_masks(found, "mask_id", table.masks, ALWAYS_COLUMNS[kind]).to_pylist()


def as_shown(row: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """One row through a mask, value by value, in Python's own arithmetic."""
    shown_row: dict[str, Any] = {name: value if name in mask.fields else None for name, value in row.items()}
    for name, quantity in QUANTITIES.items():
        step = getattr(mask.resolution, quantity)
        if shown_row.get(name) is None or not step:
            continue
        if quantity == "time_s":
            shown_row[name] = shown_row[name] // (step * 10**9) * (step * 10**9)
        else:
            shown_row[name] = math.floor(shown_row[name] / step) * step
    if mask.resolution.time_s and "epoch_utc" in row:
        shown_row["epoch_utc"] = format_utc(shown_row["epoch_tai_ns"], 9)
    return shown_row


@unhurried
@given(partners, agreement_sets(), label_sets, postures, instants, record_kinds, st.data())
def test_table_and_single_decisions_agree(
    partner: Partner,
    agreements_: dict[str, Agreement],
    labels: dict[str, Label],
    posture: Posture,
    now_tai_ns: int,
    kind: Kind,
    data: st.DataObject,
) -> None:
    rows = data.draw(row_lists(kind, sorted(labels)))
    table = build_release_table(partner, agreements_, labels, NAMES, posture, now_tai_ns)
    expected = []
    for row in rows:
        mask = mask_now(kind, row, partner, agreements_, labels, posture=posture, now_tai_ns=now_tai_ns)
        if mask is not None:
            # A message that is coarsened has its texts written anew: tests/api/test_messages.py.
            assume(mask.resolution.is_exact or kind in (Kind.ELEMENTS, Kind.DERIVED_CONJUNCTIONS))
            withheld = [name for name in COLUMNS[kind] if name not in mask.fields]
            expected.append(as_shown(row, mask) | {"withheld": withheld})
    assert answered(kind, rows, table, now_tai_ns) == expected


@unhurried
@given(partners, agreement_sets(), label_sets, postures, instants)
def test_the_table_holds_until_the_instant_that_it_names(
    partner: Partner, agreements_: dict[str, Agreement], labels: dict[str, Label], posture: Posture, now_tai_ns: int
) -> None:
    table = build_release_table(partner, agreements_, labels, NAMES, posture, now_tai_ns)
    end = table.valid_until_tai_ns or NOW_TAI_NS + 100 * HOUR_NS
    assert end > now_tai_ns
    last = build_release_table(partner, agreements_, labels, NAMES, posture, end - 1)
    assert (last.masks, list(last.rows())) == (table.masks, list(table.rows()))
    assert table.to_arrow().to_pylist() == [row._asdict() for row in table.rows()]
    assert table.to_arrow().schema == RELEASE_SCHEMA
    combinations = {row[:4] for row in table.rows()}
    assert len(combinations) == table.to_arrow().num_rows
    for row in table.rows():
        resolution = table.masks[row.mask_id].resolution
        assert (row.time_step_ns, row.distance_step_m) == (max(1, resolution.time_s * 10**9), resolution.distance_m)
        assert row.kind is not Kind.TEAR_LINES
        grant = table.grant(row.kind, row.data_mode, row.originator)
        assert grant is not None
        assert (grant.rule, grant.mask_id, grant.delay_ns) == (row.rule, row.mask_id, row.delay_ns)
        assert grant.own == (row.originator == partner.name)
        assert grant.agreement_version == ("" if grant.own else agreements_[row.originator].version)
    assert table.grant(Kind.TEAR_LINES, DataMode.REAL, "AQUILA") is None


def test_the_table_ends_where_a_label_is_succeeded_by_another() -> None:
    at_utc = "2026-09-21T14:00:00"
    label = Label("NATO", "TOP SECRET", succession=Succession(at_utc, LABEL))
    known, instant = {"AQUILA": Agreement(originator="AQUILA", rules=(RULE,))}, parse_utc(at_utc)
    for now_tai_ns, rows, until in ((instant - 1, 0, instant), (instant, len(RECORD_KINDS), None)):
        table = build_release_table(BOREAL, known, {label.label_id: label}, known, Posture.CRISIS, now_tai_ns)
        assert (table.to_arrow().num_rows, table.valid_until_tai_ns) == (rows, until)


def named_too(rule: Rule) -> Rule:
    """The same rule, which now speaks of somebody else too."""
    purposes = (*rule.purposes, "a new purpose") if rule.purposes else ()
    who = {"partners": (*rule.partners, "ERIDANUS"), "groups": (*rule.groups, "elsewhere"), "purposes": purposes}
    return msgspec.structs.replace(rule, **who)


@unhurried
@given(partners, agreement_sets(), label_sets, postures, st.data())
def test_what_does_not_concern_a_partner_does_not_touch_his_version_or_his_answers(
    partner: Partner,
    agreements_: dict[str, Agreement],
    labels: dict[str, Label],
    posture: Posture,
    data: st.DataObject,
) -> None:
    table = build_release_table(partner, agreements_, labels, NAMES, posture, NOW_TAI_NS)
    # Another hub: more labels and originators have records, others are named in the rules that concern him, rules for
    # others stand among them, examples and titles differ, and a new originator shares with others only.
    others = {}
    for name, agreement in agreements_.items():
        rules_: list[Rule] = []
        for rule in agreement.rules:
            if rule.concerns(partner):
                rules_.append(named_too(rule))
            if data.draw(st.booleans()):
                extra = data.draw(rules(f"extra-{len(rules_)}"))
                rules_.append(msgspec.structs.replace(extra, partners=("ERIDANUS",), groups=("elsewhere",)))
        example = Example(partner="ERIDANUS", kind=Kind.ELEMENTS, data_mode=DataMode.REAL, sees=False)
        others[name] = Agreement(originator=name, rules=tuple(rules_), examples=(example,), title="new", file="other")
    hidden = msgspec.structs.replace(RULE, partners=("ERIDANUS",), groups=("elsewhere",))
    others["FORNAX"] = Agreement(originator="FORNAX", rules=(hidden,))
    more_labels = labels | {label.label_id: label for label in [Label("ELSEWHERE", "DARK")]}
    other = build_release_table(partner, others, more_labels, (*NAMES, "FORNAX"), posture, NOW_TAI_NS)
    assert other.policy_version == table.policy_version
    assert other.valid_until_tai_ns == table.valid_until_tai_ns
    kind = data.draw(record_kinds)
    rows = data.draw(row_lists(kind, sorted(labels)))
    assert answered(kind, rows, other, NOW_TAI_NS) == answered(kind, rows, table, NOW_TAI_NS)


@unhurried
@given(agreements())
def test_his_version_does_not_tell_which_labels_or_originators_have_records(agreement: Agreement) -> None:
    known = {"AQUILA": agreement}
    empty = build_release_table(BOREAL, known, {}, (), Posture.CRISIS, NOW_TAI_NS)
    full = build_release_table(BOREAL, known, LABELS, NAMES, Posture.CRISIS, NOW_TAI_NS)
    assert (empty.policy_version, empty.valid_until_tai_ns) == (full.policy_version, full.valid_until_tai_ns)
    assert empty.to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("partner", "rule", "posture"),
    [
        (BOREAL, msgspec.structs.replace(RULE, delay_s=1), Posture.CRISIS),
        (BOREAL, msgspec.structs.replace(RULE, fields=("object_name",)), Posture.CRISIS),
        (BOREAL, msgspec.structs.replace(RULE, id="other"), Posture.CRISIS),
        (BOREAL, msgspec.structs.replace(RULE, resolution=Resolution(time_s=1)), Posture.CRISIS),
        (msgspec.structs.replace(BOREAL, purposes=frozenset({"research"})), RULE, Posture.CRISIS),
        (BOREAL, msgspec.structs.replace(RULE, valid_until="2030-01-01T00:00:00"), Posture.CRISIS),
        (BOREAL, RULE, Posture.CONFLICT),
        (msgspec.structs.replace(BOREAL, clearances=()), RULE, Posture.CRISIS),
        (msgspec.structs.replace(BOREAL, groups=frozenset({"coalition", "new"})), RULE, Posture.CRISIS),
    ],
)
def test_his_version_changes_with_what_concerns_him(partner: Partner, rule: Rule, posture: Posture) -> None:
    before = policy_version(BOREAL, {"AQUILA": Agreement(originator="AQUILA", rules=(RULE,))}, Posture.CRISIS)
    after = policy_version(partner, {"AQUILA": Agreement(originator="AQUILA", rules=(rule,))}, posture)
    assert len(before) == len(after) == 16
    assert before != after


def table_of(*fields_by_originator: tuple[str, tuple[str, ...]]) -> ReleaseTable:
    agreements_ = {
        name: Agreement(originator=name, rules=(msgspec.structs.replace(RULE, fields=fields),))
        for name, fields in fields_by_originator
    }
    return build_release_table(BOREAL, agreements_, LABELS, list(agreements_), Posture.CRISIS, NOW_TAI_NS)


def test_masks_of_both_parents_combine_to_their_intersection() -> None:
    table = table_of(
        ("AQUILA", ("*",)), ("CORVUS", ("miss_distance_m", "object_name_1")), ("DORADO", ("miss_distance_m", "method"))
    )
    ids = {row.originator: row.mask_id for row in table.rows() if row.kind is Kind.DERIVED_CONJUNCTIONS}
    always = set(ALWAYS_COLUMNS[Kind.DERIVED_CONJUNCTIONS])
    both = table.masks[table.combine(ids["CORVUS"], ids["DORADO"])]
    assert set(both.fields) == always | {"miss_distance_m"}
    assert table.masks[table.combine(ids["AQUILA"], ids["CORVUS"])] == table.masks[ids["CORVUS"]]
    for first, second, combined in table.combinations_to_arrow().to_pandas().itertuples(index=False):
        assert set(table.masks[combined].fields) == set(table.masks[first].fields) & set(table.masks[second].fields)
    (elements,) = {row.mask_id for row in table.rows() if (row.kind, row.originator) == (Kind.ELEMENTS, "AQUILA")}
    with pytest.raises(KeyError):
        table.combine(elements, ids["AQUILA"])


def test_the_longer_of_the_parents_delays_counts() -> None:
    agreements_ = {
        name: Agreement(originator=name, rules=(msgspec.structs.replace(RULE, delay_s=delay_s),))
        for name, delay_s in (("AQUILA", 10), ("CORVUS", 60))
    }
    table = build_release_table(BOREAL, agreements_, LABELS, list(agreements_), Posture.CRISIS, NOW_TAI_NS)
    row = a_row(
        Kind.DERIVED_CONJUNCTIONS,
        0,
        data_mode="REAL",
        received_tai_ns=NOW_TAI_NS,
        parent_originator_1="CORVUS",
        parent_originator_2="AQUILA",
        parent_label_id_1=LABEL.label_id,
        parent_label_id_2=LABEL.label_id,
    )
    for after_s, seen in ((10, False), (59, False), (60, True)):
        now_tai_ns = NOW_TAI_NS + after_s * 10**9
        seen_columns = visible(
            Kind.DERIVED_CONJUNCTIONS, row, BOREAL, agreements_, LABELS, posture=Posture.CRISIS, now_tai_ns=now_tai_ns
        )
        assert (seen_columns is not None) == seen
        assert len(answered(Kind.DERIVED_CONJUNCTIONS, [row], table, now_tai_ns)) == seen


@pytest.mark.parametrize("ids", [(0, -1), (99, 0), (None, 0)])
def test_a_row_without_two_valid_masks_does_not_slip_through(ids: tuple[int | None, int]) -> None:
    rows = pa.table({"mask_id_1": pa.array([ids[0]], pa.int32()), "mask_id_2": pa.array([ids[1]], pa.int32())})
    with pytest.raises(ValueError, match="not both of derived conjunctions"):
        table_of(("AQUILA", ("*",))).with_combined_masks(rows)


def test_a_query_by_the_value_of_a_column_joins_only_with_what_shows_it() -> None:
    table = table_of(("AQUILA", ("*",)), ("CORVUS", ("object_name_1", "object_name")))
    showing = table.to_arrow(Kind.DERIVED_CONJUNCTIONS, showing=("miss_distance_m",))
    assert showing.column("originator").to_pylist() == ["AQUILA"]
    assert set(table.to_arrow(Kind.ELEMENTS).column("originator").to_pylist()) == {"AQUILA", "CORVUS"}


def arrow_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("count", [4, 200])
def test_withheld_values_are_not_in_the_bytes_of_an_arrow_answer(count: int) -> None:
    masks = (shown(Kind.ELEMENTS, ("bstar_per_earth_radius",)), shown(Kind.ELEMENTS, ("*",)))
    always = ALWAYS_COLUMNS[Kind.ELEMENTS]
    public = {"eccentricity": 0.5, "element_set_number": 3, "object_name": "PUBLIC", "deviations": ["known"]}
    secrets = [
        {
            "eccentricity": 0.123456789,
            "element_set_number": 1_234_567_890,
            "object_name": "A VERY SECRET NAME",
            "deviations": ["A VERY SECRET NAME"],
        },
        {"eccentricity": 0.987654321, "element_set_number": None, "object_name": None, "deviations": []},
    ]
    answers: list[tuple[bytes, bytes]] = []
    for secret in secrets:
        rows = [a_row(Kind.ELEMENTS, n, **(secret if n % 2 == 0 else public)) for n in range(count)]
        table = pa.Table.from_pylist(rows, schema=ELEMENT_SET_SCHEMA)
        table = table.append_column("mask_id", pa.array([n % 2 for n in range(count)], pa.int32()))
        hidden = table.filter(pa.array([n % 2 == 0 for n in range(count)]))
        both, alone = (arrow_bytes(apply_masks(part, "mask_id", masks, always)) for part in (table, hidden))
        answers.append((both, alone))
        assert b"PUBLIC" in both
        for value in (b"SECRET", struct.pack("<d", secret["eccentricity"]), struct.pack("<i", 1_234_567_890)):
            assert value not in both
            assert value not in alone
    # Two hubs that differ in nothing but what is withheld answer with the same bytes.
    assert answers[0] == answers[1]


def test_the_schema_of_an_answer_does_not_tell_what_is_withheld() -> None:
    table = pa.Table.from_pylist([a_row(Kind.ELEMENTS, 1)], schema=ELEMENT_SET_SCHEMA)
    table = table.append_column("mask_id", pa.array([0], pa.int32()))
    always = ALWAYS_COLUMNS[Kind.ELEMENTS]
    full = apply_masks(table, "mask_id", [shown(Kind.ELEMENTS, ("*",))], always)
    bare = apply_masks(table, "mask_id", [shown(Kind.ELEMENTS, ("epoch_utc",))], always)
    assert full.schema.equals(bare.schema, check_metadata=True)
    assert full.column_names == [*COLUMNS[Kind.ELEMENTS], "withheld"]
    assert full.drop_columns("withheld").to_pylist() == table.drop_columns("mask_id").to_pylist()
    assert all(full.schema.field(name).nullable is False for name in always)


def test_the_bytes_of_an_answer_do_not_tell_of_masks_that_no_row_has() -> None:
    table = pa.Table.from_pylist([a_row(Kind.ELEMENTS, 1)], schema=ELEMENT_SET_SCHEMA)
    table = table.append_column("mask_id", pa.array([0], pa.int32()))
    one = (shown(Kind.ELEMENTS, ("object_name",)),)
    more = (*one, shown(Kind.ELEMENTS, ("eccentricity",), Resolution(time_s=60)))
    always = ALWAYS_COLUMNS[Kind.ELEMENTS]
    assert arrow_bytes(apply_masks(table, "mask_id", one, always)) == arrow_bytes(
        apply_masks(table, "mask_id", more, always)
    )


@pytest.mark.parametrize("ids", [[None], [-1], [1], [0.0]])
def test_a_row_without_a_valid_mask_is_an_error(ids: list[Any]) -> None:
    table = pa.table({"record_id": ["x"], "mask_id": ids})
    with pytest.raises(ValueError, match="mask id"):
        apply_masks(table, "mask_id", [Mask(("record_id",))], ("record_id",))


def test_a_table_without_rows_or_with_several_chunks_is_masked_too() -> None:
    masks, always = [Mask(("a",)), Mask(("b",))], ()
    empty = pa.table({"a": pa.array([], pa.int64()), "mask_id": pa.array([], pa.int32())})
    assert apply_masks(empty, "mask_id", masks, always).num_rows == 0
    chunk = pa.table({"a": [1, 2], "b": ["x", "y"], "mask_id": [0, 1]})
    masked = apply_masks(pa.concat_tables([chunk, chunk]), "mask_id", masks, always)
    assert masked.to_pylist() == 2 * [
        {"a": 1, "b": None, "withheld": ["b"]},
        {"a": None, "b": "y", "withheld": ["a"]},
    ]
    with pytest.raises(ValueError, match="already"):
        apply_masks(masked.append_column("mask_id", pa.array([0] * 4)), "mask_id", masks, always)
