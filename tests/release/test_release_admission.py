"""Agreements prove themselves: their own examples must hold before they are let in."""

import pytest

from ssa_hub.release.admission import admit, check_examples, unknown_names
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.partner import Partner

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
"""
BOREAL = 'partner="BOREAL"; kind="elements"; data_mode="EXERCISE"; '
PARTNERS = [Partner("BOREAL", frozenset({"coalition"})), Partner("CORVUS", frozenset({"others"})), Partner("AQUILA")]


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
        'partner="AQUILA"; kind="elements"; data_mode="REAL"; sees=true; fields=["*"]; delay_s=0',
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
            'partner="CORVUS"; kind="elements"; data_mode="EXERCISE"; posture="crisis"; sees=true',
            "example 1 (CORVUS, elements, EXERCISE): in crisis the partner is to see it and does not: "
            "No rule of AQUILA allows it: no rule concerns CORVUS.",
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
        ('partner="DORADO"; kind="elements"; data_mode="REAL"; sees=false', "there is no partner of that name"),
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
    ]
