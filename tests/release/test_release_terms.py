"""Resolution, purposes and tear-lines in agreements: what is read, and what is said of each mistake."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exercise.packaged import agreement_files
from schemas.labels import Category, CategoryType, Label
from schemas.records import Kind
from ssa_hub.release.agreement import canonical_bytes, read_agreement
from ssa_hub.release.columns import COLUMNS
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.mask import EXACT, Resolution
from ssa_hub.release.tear_line_terms import TearLineTerms
from tests.release.release_strategies import unhurried

AGREEMENT = """\
originator = "AQUILA"

[[rule]]
id = "coarse"
kinds = ["elements", "derived-conjunctions"]
groups = ["coalition"]
purposes = ["research", "collision-avoidance"]
data_modes = ["REAL"]
fields = ["*"]
resolution = {time_s = 60, distance_m = 1000, angle_deg = 0.5}

[[rule]]
id = "statements"
kinds = ["tear-lines"]
groups = ["operators"]
data_modes = ["REAL"]
delay_s = 30

[rule.tear_line]
window_s = 600
miss_distance_bounds_m = [500, 1_000.0, 5000]
approach_angle_step_deg = 30
budget = 10

[rule.tear_line.label]
policy = "NATO"
classification = "NATO UNCLASSIFIED"
categories = [{tag_name = "Releasable To", type = "PERMISSIVE", values = ["SWE", "NOR"]}]

[[example]]
partner = "BOREAL"
kind = "elements"
data_mode = "REAL"
sees = true
resolution = {}

[[example]]
partner = "MERIDIAN"
kind = "tear-lines"
data_mode = "REAL"
sees = true
budget = 10
"""
TERMS = TearLineTerms(
    window_s=600,
    miss_distance_bounds_m=(500.0, 1_000.0, 5_000.0),
    approach_angle_step_deg=30.0,
    budget=10,
    label=Label("NATO", "NATO UNCLASSIFIED", (Category("Releasable To", CategoryType.PERMISSIVE, ("NOR", "SWE")),)),
)


def test_resolution_purposes_and_terms_are_read_as_written() -> None:
    coarse, statements = read_agreement(AGREEMENT, "aquila.toml").rules
    assert coarse.resolution == Resolution(time_s=60, distance_m=1_000.0, angle_deg=0.5)
    assert coarse.purposes == ("collision-avoidance", "research")
    assert coarse.tear_line is None
    assert statements.kinds == (Kind.TEAR_LINES,)
    assert (statements.tear_line, statements.fields, statements.resolution) == (TERMS, (), EXACT)
    assert (TERMS.hard_body_radius_m, TERMS.budget_days) == (20.0, 7)
    exact, budget = read_agreement(AGREEMENT, "aquila.toml").examples
    assert (exact.resolution, exact.budget) == (EXACT, None)
    assert (budget.resolution, budget.budget) == (None, 10)


def test_the_canonical_bytes_of_the_new_keys_never_change() -> None:
    golden = (
        b'{"examples":[{"data_mode":"REAL","kind":"elements","partner":"BOREAL","resolution":{},"sees":true},'
        b'{"budget":10,"data_mode":"REAL","kind":"tear-lines","partner":"MERIDIAN","sees":true}],'
        b'"originator":"AQUILA","rules":[{"data_modes":["REAL"],"fields":["*"],"groups":["coalition"],"id":"coarse",'
        b'"kinds":["derived-conjunctions","elements"],"purposes":["collision-avoidance","research"],'
        b'"resolution":{"angle_deg":0.5,"distance_m":1000.0,"time_s":60}},'
        b'{"data_modes":["REAL"],"delay_s":30,"groups":["operators"],"id":"statements","kinds":["tear-lines"],'
        b'"tear_line":{"approach_angle_step_deg":30.0,"budget":10,"label":{"categories":[{"tag_name":"Releasable To",'
        b'"type":"PERMISSIVE","values":["NOR","SWE"]}],"classification":"NATO UNCLASSIFIED","policy":"NATO"},'
        b'"miss_distance_bounds_m":[500.0,1000.0,5000.0],"window_s":600}}]}'
    )
    agreement = read_agreement(AGREEMENT, "aquila.toml")
    assert canonical_bytes(agreement) == golden
    # sha256sum of those bytes
    assert agreement.version == "aca8ec86fdd03f52"


def test_the_exercises_agreements_keep_their_versions() -> None:
    # As they were before there were resolutions, purposes and tear-lines (commit 84fc04d).
    versions = {
        "AQUILA": "2940b2379e9f2726",
        "BOREAL": "050ec417a9fa8e6a",
        "CIRRUS": "a0a3e2ac8c0f6b12",
        "HALCYON-NET": "557727b88433f510",
        "LANTERN-EO": "998bddd9dc87e73f",
        "MERIDIAN-SAT": "e174ae2c7ba8e4cf",
        "PELICAN-LINK": "2058ef688684ff08",
    }
    found = [read_agreement(path.read_text(encoding="utf-8"), path.name) for path in agreement_files()]
    assert {agreement.originator: agreement.version for agreement in found} == versions


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("distance_m = 1000,", "distance_m = 1e3,"),
        ("budget = 10\n\n", "budget = 10\nbudget_days = 7\nhard_body_radius_m = 20\n\n"),
        ('"SWE", "NOR"', '"NOR", "SWE"'),
        ("{time_s = 60, distance_m = 1000, angle_deg = 0.5}", "{angle_deg = 0.50, time_s = 60, distance_m = 1_000}"),
    ],
)
def test_what_is_written_otherwise_and_means_the_same_has_the_same_version(old: str, new: str) -> None:
    rewritten = AGREEMENT.replace(old, new)
    assert rewritten != AGREEMENT
    assert read_agreement(rewritten, "b.toml").version == read_agreement(AGREEMENT, "a.toml").version


COARSE, STATEMENTS = "rule 'coarse'", "rule 'statements'"
MISTAKES = [
    # (what is replaced, by what, line, where, key, words of the meaning)
    ("{time_s = 60, distance_m = 1000, angle_deg = 0.5}", "60", 10, COARSE, "resolution", "must be a table"),
    ("{time_s = 60, distance_m = 1000, angle_deg = 0.5}", "{}", 10, COARSE, "resolution", "names no step"),
    ("time_s = 60", "time_s = 0.5", 10, f"{COARSE}, resolution", "time_s", "whole number from 1"),
    ("time_s = 60", "time_s = 0", 10, f"{COARSE}, resolution", "time_s", "whole number from 1"),
    ("1000,", "0,", 10, f"{COARSE}, resolution", "distance_m", "from 0.001 to"),
    ("1000,", "nan,", 10, f"{COARSE}, resolution", "distance_m", "from 0.001 to"),
    ("1000,", "true,", 10, f"{COARSE}, resolution", "distance_m", "from 0.001 to"),
    ("distance_m", "distance_km", 10, f"{COARSE}, resolution", "distance_km", "unknown key; allowed: time_s, dist"),
    ("distance_m", "eccentricity", 10, f"{COARSE}, resolution", "eccentricity", "from 0.000000001 to 1"),
    ('["*"]', '["object_name"]', 10, f"{COARSE}, resolution", "distance_m", "coarsens nothing"),
    ('["*"]', '["miss_distance_m", "payload_sha256"]', 9, COARSE, "fields", "lets guesses"),
    ('["research", "collision-avoidance"]', "[]", 7, COARSE, "purposes", "at least one"),
    ('fields = ["*"]\n', "", 3, COARSE, "fields", "is missing"),
    ('["elements", "derived-conjunctions"]', '["tear-lines"]', 3, COARSE, "tear_line", "is missing"),
    ("[rule.tear_line.label]\n", "[rule.tear_line.lable]\n", 19, f"{STATEMENTS}, tear_line", "label", "is missing"),
    ('["tear-lines"]', '["elements", "tear-lines"]', 14, STATEMENTS, "kinds", "stands alone"),
    ('["tear-lines"]', '["elements"]', 12, STATEMENTS, "fields", "is missing"),
    ("delay_s = 30", 'fields = ["*"]', 17, STATEMENTS, "fields", "says nothing of tear-lines"),
    ("delay_s = 30", "resolution = {time_s = 1}", 17, STATEMENTS, "resolution", "says nothing of tear-lines"),
    ("data_modes", "tear_line = {}\ndata_modes", 8, f"{COARSE}, tear_line", "window_s", "is missing"),
    ("window_s = 600", "window_s = 59", 20, f"{STATEMENTS}, tear_line", "window_s", "from 60 to"),
    ("[500, 1_000.0, 5000]", "[]", 21, f"{STATEMENTS}, tear_line", "miss_distance_bounds_m", "at least one"),
    ("[500, 1_000.0, 5000]", "[500, 500]", 21, f"{STATEMENTS}, tear_line", "miss_distance_bounds_m", "must ascend"),
    ("[500, 1_000.0, 5000]", "[1e3, 500]", 21, f"{STATEMENTS}, tear_line", "miss_distance_bounds_m", "must ascend"),
    ("[500, 1_000.0, 5000]", "[0, 500]", 21, f"{STATEMENTS}, tear_line", "miss_distance_bounds_m", "ascending list"),
    ("= 30\nbudget", "= 181\nbudget", 22, f"{STATEMENTS}, tear_line", "approach_angle_step_deg", "from 0 to 180"),
    ("budget = 10\n\n", "budget = 0\n\n", 23, f"{STATEMENTS}, tear_line", "budget", "from 1 to"),
    ("budget = 10\n\n", "\n\n", 19, f"{STATEMENTS}, tear_line", "budget", "is missing"),
    ('"PERMISSIVE"', '"permissive"', 28, f"{STATEMENTS}, tear_line", "type", "one of: RESTRICTIVE, PERMISSIVE, INF"),
    ("sees = true\nresolution", "sees = false\nresolution", 35, "example 1", "resolution", "where sees = false"),
    ("resolution = {}", "budget = 1", 35, "example 1", "budget", "says nothing of elements"),
    ("budget = 10\n", 'budget = 10\nfields = ["*"]\n', 43, "example 2", "fields", "says nothing of tear-lines"),
]


@pytest.mark.parametrize(("old", "new", "line", "where", "key", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(
    old: str, new: str, line: int, where: str, key: str, words: str
) -> None:
    # The last mention of what is an example's too.
    text = AGREEMENT.replace(old, new, 1) if where != "example 2" else new.join(AGREEMENT.rsplit(old, 1))
    assert text != AGREEMENT
    with pytest.raises(AgreementError) as raised:
        read_agreement(text, "aquila.toml")
    found = [(m.line, m.where, m.key) for m in raised.value.mistakes]
    assert (line, where, key) in found
    assert any(words in m.meaning for m in raised.value.mistakes if (m.line, m.where, m.key) == (line, where, key))


def test_the_payloads_hash_may_stand_where_all_else_is_shown_exactly() -> None:
    every = ", ".join(f'"{name}"' for name in COLUMNS[Kind.ELEMENTS])
    head = 'originator = "A"\n[[rule]]\nid = "r"\nkinds = ["elements"]\ngroups = ["g"]\ndata_modes = ["REAL"]\n'
    text = f"{head}fields = [{every}]\n"
    assert "payload_sha256" in read_agreement(text, "a").rules[0].fields
    with pytest.raises(AgreementError, match="lets guesses"):
        read_agreement(text.replace('"eccentricity", ', ""), "a")
    with pytest.raises(AgreementError, match="lets guesses"):
        read_agreement(text + "resolution = {eccentricity = 0.1}\n", "a")


@unhurried
@given(st.data())
def test_an_agreement_with_a_line_spoilt_is_read_or_refused(data: st.DataObject) -> None:
    lines = AGREEMENT.split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    spoilt = ["", "tear_line = 3", "label = {}", "[rule.tear_line.label.categories]", "resolution = [1]", "[rule]"]
    lines[number] = data.draw(st.sampled_from(spoilt))
    with suppress(AgreementError):
        assert read_agreement("\n".join(lines), "any").originator == "AQUILA"


def test_terms_are_frozen_values() -> None:
    same = msgspec.structs.replace(TERMS)
    assert same == TERMS
    assert hash(same) == hash(TERMS)
