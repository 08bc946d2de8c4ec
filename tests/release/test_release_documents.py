"""Agreements and partners as documents: what is read, and what is said of each mistake."""

import tomllib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.labels import Category, CategoryType
from schemas.records import DataMode, Kind
from schemas.timescales import parse_utc
from ssa_hub.release.agreement import canonical_bytes, read_agreement
from ssa_hub.release.errors import AgreementError, PartnersError
from ssa_hub.release.partner import Clearance, Partner, Posture, Role, read_partners
from ssa_hub.release.toml_lines import line_of, lines_of
from tests.release.release_strategies import unhurried

AGREEMENT = """\
originator = "AQUILA"
title = "What AQUILA gives"

[[rule]]
id = "allies-full"
kinds = [
  "elements",
  "derived-conjunctions",
]
partners = ["BOREAL"]
groups = ["coalition"]
data_modes = ["EXERCISE"]
postures = ["peacetime", "crisis"]
fields = ["*"]
delay_s = 0
valid_from = "2026-01-01T00:00:00"
valid_until = "2027-001T00:00:00Z"

[[rule]]
id = "late"
kinds = ["elements"]
groups = ["operators"]
data_modes = ["REAL", "EXERCISE"]
fields = ["object_name", "eccentricity"]
delay_s = 3600

[[example]]
partner = "BOREAL"
kind = "elements"
data_mode = "EXERCISE"
posture = "peacetime"
sees = true
fields = ["*"]
delay_s = 0
at = "2026-06-01T00:00:00"
"""


def test_an_agreement_is_read_as_written() -> None:
    agreement = read_agreement(AGREEMENT, "aquila.toml")
    first, second = agreement.rules
    assert (agreement.originator, agreement.title, agreement.file) == ("AQUILA", "What AQUILA gives", "aquila.toml")
    assert first.kinds == (Kind.DERIVED_CONJUNCTIONS, Kind.ELEMENTS)
    assert (first.partners, first.groups) == (("BOREAL",), ("coalition",))
    assert set(first.postures) == {Posture.PEACETIME, Posture.CRISIS}
    assert first.valid_from_tai_ns == parse_utc("2026-01-01T00:00:00")
    assert first.valid_until_tai_ns == parse_utc("2027-01-01T00:00:00")
    assert set(second.postures) == set(Posture)
    assert second.data_modes == (DataMode.EXERCISE, DataMode.REAL)
    assert (second.delay_ns, second.valid_from_tai_ns) == (3_600 * 10**9, None)
    (example,) = agreement.examples
    assert (example.partner, example.sees, example.posture) == ("BOREAL", True, Posture.PEACETIME)


def test_the_canonical_bytes_of_an_agreement_never_change() -> None:
    golden = (
        b'{"examples":[{"at":"2026-06-01T00:00:00","data_mode":"EXERCISE","delay_s":0,"fields":["*"],'
        b'"kind":"elements","partner":"BOREAL","posture":"peacetime","sees":true}],"originator":"AQUILA","rules":['
        b'{"data_modes":["EXERCISE"],"fields":["*"],"groups":["coalition"],"id":"allies-full",'
        b'"kinds":["derived-conjunctions","elements"],"partners":["BOREAL"],"postures":["crisis","peacetime"],'
        b'"valid_from":"2026-01-01T00:00:00","valid_until":"2027-01-01T00:00:00"},'
        b'{"data_modes":["EXERCISE","REAL"],"delay_s":3600,"fields":["eccentricity","object_name"],'
        b'"groups":["operators"],"id":"late","kinds":["elements"]}],"title":"What AQUILA gives"}'
    )
    agreement = read_agreement(AGREEMENT, "aquila.toml")
    assert canonical_bytes(agreement) == golden
    # sha256sum of those bytes
    assert agreement.version == "4c8c087f2f2f33bf"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["REAL", "EXERCISE"]', '["EXERCISE", "REAL"]'),
        ("delay_s = 0\nvalid", "valid"),
        ('"2027-001T00:00:00Z"', '"2027-01-01T00:00:00.000"'),
        ('id = "late"', '# a remark\nid    = "late"\npostures = ["crisis", "peacetime", "conflict"]'),
        ("\n", "\r\n"),
    ],
)
def test_the_version_is_of_the_content_and_not_of_the_writing(old: str, new: str) -> None:
    rewritten = AGREEMENT.replace(old, new)
    assert rewritten != AGREEMENT
    assert read_agreement(rewritten, "b.toml").version == read_agreement(AGREEMENT, "a.toml").version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"crisis"]', '"conflict"]'),
        ("3600", "3601"),
        ('"allies-full"', '"allies"'),
        ("sees = true", "sees = true\n[[example]]\npartner = 'X'\nkind = 'elements'\ndata_mode='REAL'\nsees=true\n"),
    ],
)
def test_the_version_changes_with_the_content(old: str, new: str) -> None:
    assert read_agreement(AGREEMENT.replace(old, new), "a").version != read_agreement(AGREEMENT, "a").version


MISTAKES = [
    # (what is replaced, by what, line, where, key, words of the meaning)
    ('originator = "AQUILA"\n', "", 0, "", "originator", "is missing"),
    ('"AQUILA"', "3", 1, "", "originator", "must be a text in quotes"),
    ('"AQUILA"', '" AQUILA"', 1, "", "originator", "without white space"),
    ("title", "titel", 2, "", "titel", "unknown key; allowed: originator, title, rule, example"),
    ('id = "late"\n', "", 19, "rule 2", "id", "is missing"),
    ('"late"', '"allies-full"', 20, "rule 'allies-full'", "id", "another rule's id"),
    ('"late"', '"own-data"', 20, "rule 'own-data'", "id", "the hub's own word"),
    ('  "elements",', '  "element",', 6, "rule 'allies-full'", "kinds", "allowed: a list of: elements, derived-conj"),
    ('kinds = ["elements"]', "kinds = []", 21, "rule 'late'", "kinds", "at least one"),
    ('kinds = ["elements"]', 'kinds = ["elements", "elements"]', 21, "rule 'late'", "kinds", "twice"),
    ('kinds = ["elements"]', 'kinds = "elements"', 21, "rule 'late'", "kinds", "must be a list"),
    ('groups = ["operators"]\n', "", 19, "rule 'late'", "partners", "partners, groups, or both"),
    ('groups = ["operators"]', "groups = [1]", 22, "rule 'late'", "groups", "text in quotes"),
    ('data_modes = ["EXERCISE"]\n', "", 4, "rule 'allies-full'", "data_modes", "is missing"),
    ('["EXERCISE"]', '["exercise"]', 12, "rule 'allies-full'", "data_modes", "REAL, TEST, SIMULATED, EXERCISE"),
    ('"crisis"]', '"war"]', 13, "rule 'allies-full'", "postures", "allowed: a list of: peacetime, crisis, conflict"),
    ('fields = ["*"]\ndelay_s = 0\nvalid', "valid", 4, "rule 'allies-full'", "fields", "is missing"),
    ('"object_name", ', '"object_nam", ', 24, "rule 'late'", "fields", "is no field of elements; allowed: record_id"),
    ('"object_name", ', '"miss_distance_m", ', 24, "rule 'late'", "fields", "is no field of elements"),
    ('"object_name", ', '"*", ', 24, "rule 'late'", "fields", "stands alone"),
    ("3600", "-1", 25, "rule 'late'", "delay_s", "from 0 to"),
    ("3600", "1.5", 25, "rule 'late'", "delay_s", "whole number"),
    ("3600", "true", 25, "rule 'late'", "delay_s", "whole number"),
    ("3600", "1_000_000_000_000", 25, "rule 'late'", "delay_s", "from 0 to"),
    ('"2026-01-01T00:00:00"', "2026-01-01T00:00:00Z", 16, "rule 'allies-full'", "valid_from", "in quotes"),
    ('"2026-01-01T00:00:00"', '"2026-02-30T00:00:00"', 16, "rule 'allies-full'", "valid_from", "does not exist"),
    ('"2026-01-01T00:00:00"', '"2400-01-01T00:00:00"', 16, "rule 'allies-full'", "valid_from", "2262"),
    ('"2027-001T00:00:00Z"', '"2026-001T00:00:00"', 17, "rule 'allies-full'", "valid_until", "would never hold"),
    ('partner = "BOREAL"\n', "", 27, "example 1", "partner", "is missing"),
    ("sees = true", 'sees = "yes"', 32, "example 1", "sees", "true or false"),
    ("sees = true", "sees = false", 33, "example 1", "fields", "says nothing where sees = false"),
    ('sees = true\nfields = ["*"]', 'sees = true\nfields = ["tca_tai_ns"]', 33, "example 1", "fields", "is no field"),
    ("[[example]]", "[example]", 27, "", "example", "must be tables: [[example]]"),
]


@pytest.mark.parametrize(("old", "new", "line", "where", "key", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(
    old: str, new: str, line: int, where: str, key: str, words: str
) -> None:
    text = AGREEMENT.replace(old, new, 1)
    assert text != AGREEMENT
    with pytest.raises(AgreementError) as raised:
        read_agreement(text, "aquila.toml")
    mistake = raised.value.mistakes[0]
    assert (mistake.file, mistake.line, mistake.where, mistake.key) == ("aquila.toml", line, where, key)
    assert words in mistake.meaning
    assert str(mistake) in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    text = AGREEMENT.replace("3600", "-1").replace('"crisis"]', '"war"]').replace("title", "titel")
    with pytest.raises(AgreementError) as raised:
        read_agreement(text, "a.toml")
    assert [mistake.line for mistake in raised.value.mistakes] == [2, 13, 25]
    assert str(raised.value.mistakes[1]).startswith(
        "a.toml: line 13: rule 'allies-full': postures = ['peacetime', 'war']"
    )


def test_text_that_is_not_toml_is_refused_with_the_parsers_line() -> None:
    with pytest.raises(AgreementError, match=r"a\.toml: not a TOML document: .*line 2"):
        read_agreement('originator = "A"\nrule == 1\n', "a.toml")


def test_a_document_is_limited_in_size_and_in_tables() -> None:
    with pytest.raises(AgreementError, match="at most 1000000 are read"):
        read_agreement("#" * 1_000_001, "a.toml")
    with pytest.raises(AgreementError, match="1001 tables; at most 1000"):
        read_agreement('originator = "A"\n' + "[[rule]]\n" * 1_001, "a.toml")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("1" * 5_000, "not a TOML document"),
        ("0x" + "f" * 5_000, "a number too long to write: must be a whole number"),
        ("[" * 100_000 + "]" * 100_000, "not a TOML document"),
        ("inf", "must be a whole number"),
    ],
)
def test_a_monstrous_value_is_refused_like_any_other(value: str, words: str) -> None:
    with pytest.raises(AgreementError) as raised:
        read_agreement(AGREEMENT.replace("3600", value), "a.toml")
    assert words in str(raised.value)


@unhurried
@given(st.text(max_size=200))
def test_any_text_is_an_agreement_or_is_refused(text: str) -> None:
    with suppress(AgreementError):
        read_agreement(text, "any")


@unhurried
@given(st.data())
def test_an_agreement_with_a_line_spoilt_is_read_or_refused(data: st.DataObject) -> None:
    lines = AGREEMENT.split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(st.sampled_from(["", "x = 1", "[[rule]]", "fields = 3", 'id = ["a"]', "sees = [{}]"]))
    with suppress(AgreementError):
        assert read_agreement("\n".join(lines), "any").originator == "AQUILA"


def test_lines_are_found_in_every_form_of_toml() -> None:
    text = (
        "# remark\na = 1\n\n[b]\nc = '''\n[x]\n'''\n[[d]]\ne = [\n 1,\n 2]\n[[d.f]]\ng = 1\n"
        "[[d]]\n[[d.f]]\n[[d.f]]\nh.i = 2\n"
    )
    assert tomllib.loads(text)["d"][1]["f"][1] == {"h": {"i": 2}}
    lines = lines_of(text)
    assert lines == {
        ("a",): 2,
        ("b",): 4,
        ("b", "c"): 5,
        ("d", 0): 8,
        ("d", 0, "e"): 9,
        ("d", 0, "f", 0): 12,
        ("d", 0, "f", 0, "g"): 13,
        ("d", 1): 14,
        ("d", 1, "f", 0): 15,
        ("d", 1, "f", 1): 16,
        ("d", 1, "f", 1, "h"): 17,
    }
    assert line_of(lines, ("d", 1, "f", 1, "h", "i")) == 17
    assert line_of(lines, ("nothing",)) == 0


PARTNERS = """\
[[partner]]
name = "BOREAL"
groups = ["coalition", "operators"]
roles = ["steward"]
clearances = [
  {policy = "NATO", classifications = ["SECRET", "UNCLASSIFIED"], categories = [
    {tag_name = "Releasable To", type = "PERMISSIVE", values = ["SWE", "NOR"]}]},
]

[[partner]]
name = "CORVUS"
[[partner.clearances]]
policy = "TLP"
classifications = ["TLP:GREEN"]
"""


def test_partners_are_read_as_written() -> None:
    boreal, corvus = read_partners(PARTNERS, "partners.toml")
    assert boreal == Partner(
        "BOREAL",
        frozenset({"coalition", "operators"}),
        (
            Clearance(
                "NATO",
                ("SECRET", "UNCLASSIFIED"),
                (Category("Releasable To", CategoryType.PERMISSIVE, ("NOR", "SWE")),),
            ),
        ),
        frozenset({Role.STEWARD}),
    )
    assert corvus == Partner("CORVUS", clearances=(Clearance("TLP", ("TLP:GREEN",)),))


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ('"CORVUS"', '"BOREAL"', 11, "name", "stands in this file twice"),
        ('name = "CORVUS"\n', "", 10, "name", "is missing"),
        ('"steward"', '"admin"', 4, "roles", "allowed: a list of: steward"),
        ('"PERMISSIVE"', '"INFORMATIVE"', 5, "type", "INFORMATIVE decides nothing"),
        ('"PERMISSIVE"', '"Permissive"', 5, "type", "RESTRICTIVE or PERMISSIVE"),
        ('policy = "TLP"\n', "", 12, "policy", "is missing"),
        ('"TLP"', '"TLP"\nclass = 1', 14, "class", "unknown key; allowed: policy, classifications, categories"),
        ("[[partner.clearances]]", "[partner.clearances]", 12, "clearances", "must be tables"),
        ('[[partner]]\nname = "B', 'people = 1\n[[partner]]\nname = "B', 1, "people", "unknown key; allowed: partner"),
        (
            '"TLP:GREEN"]\n',
            '"TLP:GREEN"]\n[[partner.clearances]]\npolicy = "TLP"\nclassifications = ["TLP:RED"]\n',
            15,
            "policy",
            "has a clearance already",
        ),
    ],
)
def test_a_mistake_in_the_partners_is_named_with_its_place(old: str, new: str, line: int, key: str, words: str) -> None:
    with pytest.raises(PartnersError) as raised:
        read_partners(PARTNERS.replace(old, new, 1), "partners.toml")
    mistake = raised.value.mistakes[0]
    assert (mistake.line, mistake.key) == (line, key)
    assert words in mistake.meaning


def test_two_clearances_under_one_policy_are_refused() -> None:
    with pytest.raises(ValueError, match="two clearances under one policy"):
        Partner("A", clearances=(Clearance("NATO", ("SECRET",)), Clearance("NATO", ("UNCLASSIFIED",))))


@pytest.mark.parametrize("line", ["a.{0}b = 1", "[a.{0}b]", "x = {{ a.{0}b = 1 }}", "'a'.{0}b = 1", "a . {0}b = 1"])
def test_a_key_of_endless_parts_is_refused_before_it_is_parsed(line: str) -> None:
    """The parser takes the square of its length."""
    for parts in ("a." * 100_000, '"a"."b".' * 50_000):
        with pytest.raises(AgreementError, match="a key has at most 8 dots"):
            read_agreement(line.format(parts), "agreement.toml")
    with pytest.raises(AgreementError):
        read_agreement("x = " + "a" * 900_000, "agreement.toml")
