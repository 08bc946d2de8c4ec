"""Agreements prove themselves: their own examples must hold before they are let in."""

import pytest

from ssa_hub.release.admission import admit, check_examples, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.partner import Clearance, Partner

RULES = """
originator = "AQUILA"
[[rule]]
id = "crisis-brief"
kinds = ["elements"]
groups = ["coalition"]
data_modes = ["EXERCISE"]
postures = ["crisis", "conflict"]
fields = ["object_name"]
delay_s = 60
[[rule]]
id = "spring"
kinds = ["elements"]
partners = ["BOREAL"]
data_modes = ["EXERCISE"]
fields = ["*"]
valid_from = "2026-03-01T00:00:00"
valid_until = "2026-06-01T00:00:00"
[[rule]]
id = "coarse"
kinds = ["derived-conjunctions"]
groups = ["others"]
purposes = ["research"]
data_modes = ["EXERCISE"]
fields = ["*"]
resolution = {time_s = 60, distance_m = 1000}
[[rule]]
id = "statements"
kinds = ["tear-lines"]
groups = ["coalition", "others"]
data_modes = ["EXERCISE"]
delay_s = 30
[rule.tear_line]
window_s = 600
miss_distance_bounds_m = [1000]
budget = 5
label = {policy = "NATO", classification = "NATO UNCLASSIFIED"}
"""
BOREAL = 'partner="BOREAL"; kind="elements"; data_mode="EXERCISE"; '
CORVUS = 'partner="CORVUS"; kind="derived-conjunctions"; data_mode="EXERCISE"; '
DORADO = 'partner="DORADO"; kind="derived-conjunctions"; data_mode="EXERCISE"; '
TEAR_LINE = 'kind="tear-lines"; data_mode="EXERCISE"; '
PARTNERS = [
    Partner("BOREAL", frozenset({"coalition"})),
    Partner("CORVUS", frozenset({"others"}), (Clearance("NATO", ("NATO UNCLASSIFIED",)),)),
    Partner("DORADO", frozenset({"others"}), purposes=frozenset({"research"})),
    Partner("FORNAX"),
    Partner("AQUILA"),
]


def with_example(example: str, file: str = "aquila.toml") -> Agreement:
    return read_agreement(RULES + "[[example]]\n" + example.replace("; ", "\n"), file)


@pytest.mark.parametrize(
    "example",
    [
        BOREAL + "sees=true",
        BOREAL + 'posture="crisis"; sees=true; delay_s=60',
        BOREAL + 'posture="crisis"; sees=true; fields=["object_name"]',
        BOREAL + 'posture="peacetime"; sees=true; fields=["*"]',
        BOREAL + 'posture="peacetime"; sees=true; at="2026-03-01T00:00:00"',
        BOREAL + 'posture="peacetime"; sees=false; at="2026-06-01T00:00:00"',
        'partner="BOREAL"; kind="elements"; data_mode="REAL"; sees=false',
        'partner="BOREAL"; kind="derived-conjunctions"; data_mode="EXERCISE"; sees=false',
        'partner="CORVUS"; kind="elements"; data_mode="EXERCISE"; sees=false',
        'partner="AQUILA"; kind="elements"; data_mode="REAL"; sees=true; fields=["*"]; delay_s=0; resolution={}',
        CORVUS + "sees=false",
        DORADO + 'sees=true; fields=["*"]; resolution={distance_m=1e3, time_s=60}',
        f'partner="CORVUS"; {TEAR_LINE}sees=true; budget=5; delay_s=30',
        # Named by the rule, and not cleared for the label that statements carry.
        f'partner="BOREAL"; {TEAR_LINE}sees=false',
        f'partner="AQUILA"; {TEAR_LINE}sees=false',
    ],
)
def test_an_example_that_holds_lets_its_agreement_in(example: str) -> None:
    agreement = with_example(example)
    assert check_examples(agreement, PARTNERS) == []
    assert admit(agreement, PARTNERS, {}) == {"AQUILA": agreement}


@pytest.mark.parametrize(
    ("example", "words"),
    [
        (
            'partner="FORNAX"; kind="elements"; data_mode="EXERCISE"; posture="crisis"; sees=true',
            "example 1 (FORNAX, elements, EXERCISE): in crisis the partner is to see it and does not: "
            "No rule of AQUILA allows it: no rule concerns FORNAX.",
        ),
        (
            BOREAL + 'posture="conflict"; sees=false',
            "in conflict the partner is not to see it and does: Rule 'crisis-brief' of AQUILA allows",
        ),
        (
            BOREAL + "sees=true; delay_s=60",
            "in peacetime the delay is to be 60 s and is 0 s",
        ),
        (
            BOREAL + 'posture="crisis"; sees=true; fields=["eccentricity"]',
            "the fields differ: shown and not expected ['object_name'], expected and not shown ['eccentricity']",
        ),
        ('partner="ERIDANUS"; kind="elements"; data_mode="REAL"; sees=false', "there is no partner of that name"),
        (CORVUS + "sees=true", "rule 'coarse' is only for who takes data for research"),
        (
            DORADO + "sees=true; resolution={time_s=60}",
            "in conflict the resolution is to be time_s 60 and is time_s 60, distance_m 1000",
        ),
        (DORADO + "sees=true; resolution={}", "the resolution is to be exact and is time_s 60, distance_m 1000"),
        (f'partner="CORVUS"; {TEAR_LINE}sees=true; budget=6', "the budget is to be 6 and is 5"),
        (f'partner="CORVUS"; {TEAR_LINE}sees=true; delay_s=0', "the delay is to be 0 s and is 30 s"),
        (f'partner="CORVUS"; {TEAR_LINE}sees=false', "the partner is not to see it and does: Rule 'statements'"),
        (
            f'partner="BOREAL"; {TEAR_LINE}sees=true',
            "the partner is to get statements, and is not cleared for the label of rule 'statements'",
        ),
    ],
)
def test_an_agreement_whose_example_fails_is_refused(example: str, words: str) -> None:
    agreement = with_example(example)
    assert any(words in failure for failure in check_examples(agreement, PARTNERS))
    with pytest.raises(AgreementError) as raised:
        admit(agreement, PARTNERS, {})
    assert words in str(raised.value)
    assert raised.value.mistakes[0].file == "aquila.toml"


def test_an_originator_has_one_agreement_and_a_new_reading_of_its_file_takes_the_place_of_the_old() -> None:
    example = 'partner="CORVUS"; kind="elements"; data_mode="EXERCISE"; sees=false'
    first = admit(with_example(example), PARTNERS, {})
    with pytest.raises(AgreementError, match=r"aquila\.toml holds an agreement of 'AQUILA' already"):
        admit(with_example(example, "other.toml"), PARTNERS, first)
    newer = read_agreement('originator = "AQUILA"', "aquila.toml")
    assert admit(newer, PARTNERS, first) == {"AQUILA": newer}
    assert first["AQUILA"] != newer


def test_names_in_rules_that_nobody_has_are_noted() -> None:
    agreement = read_agreement(RULES, "aquila.toml")
    assert unknown_names(agreement, PARTNERS) == []
    assert unknown_names(agreement, [Partner("AQUILA")]) == [
        "rule 'crisis-brief': no partner is in group 'coalition'",
        "rule 'spring': no partner is called 'BOREAL'",
        "rule 'coarse': no partner is in group 'others'",
        "rule 'coarse': no partner is enrolled with the purpose 'research'",
        "rule 'statements': no partner is in group 'coalition'",
        "rule 'statements': no partner is in group 'others'",
    ]
