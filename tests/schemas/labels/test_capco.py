"""US portion marks: order, exclusions, and the mapping to labels both ways."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.capco import capco_to_label, label_to_capco
from schemas.capco_portion import CONTROLS, NON_IC, SCI_SYSTEMS, US_CLASSES, Portion, read_portion, write_portion
from schemas.label_error import LabelError, NoLabelMappingError
from schemas.labels import Category, CategoryType, Label, Succession


def restrictive(tag: str, *values: str) -> Category:
    return Category(tag, CategoryType.RESTRICTIVE, values)


def releasable(*values: str) -> Category:
    return Category("Releasable To", CategoryType.PERMISSIVE, values)


MAPPED = [
    ("U", Label("US", "UNCLASSIFIED")),
    ("C", Label("US", "CONFIDENTIAL")),
    ("S//NF", Label("US", "SECRET", (restrictive("Dissemination Controls", "NOFORN"),))),
    ("U//REL TO USA, FVEY", Label("US", "UNCLASSIFIED", (releasable("FVEY", "USA"),))),
    ("S//REL TO USA, AUS, GBR, NATO", Label("US", "SECRET", (releasable("AUS", "GBR", "NATO", "USA"),))),
    ("U//PR-SKYWATCH-RAW", Label("US", "UNCLASSIFIED", (restrictive("Proprietary", "SKYWATCH-RAW"),))),
    (
        "TS//SI-G ABCD/TK//SAR-BLUE//FGI CAN GBR//OC/REL TO USA, CAN, GBR/RELIDO//LES",
        Label(
            "US",
            "TOP SECRET",
            (
                restrictive("Dissemination Controls", "ORCON", "RELIDO"),
                restrictive("FGI", "CAN", "GBR"),
                restrictive("Non-IC Controls", "LES"),
                releasable("CAN", "GBR", "USA"),
                restrictive("SAP", "SAR-BLUE"),
                restrictive("SCI", "SI-G ABCD", "TK"),
            ),
        ),
    ),
    (
        "S//FGI//NF",
        Label(
            "US", "SECRET", (restrictive("Dissemination Controls", "NOFORN"), restrictive("FGI", "SOURCE CONCEALED"))
        ),
    ),
    ("//NU", Label("NATO", "UNCLASSIFIED", (Category("Context", CategoryType.PERMISSIVE, ("NATO",)),))),
    ("//CTS", Label("NATO", "TOP SECRET", (Category("Context", CategoryType.PERMISSIVE, ("NATO",)),))),
]


@pytest.mark.parametrize(("text", "label"), MAPPED, ids=[text for text, _ in MAPPED])
def test_a_portion_mark_and_its_label_say_the_same(text: str, label: Label) -> None:
    assert capco_to_label(text) == label
    assert capco_to_label(f"({text})") == label
    assert label_to_capco(label) == text


def test_words_of_the_banner_line_are_read() -> None:
    assert capco_to_label("S//ORCON/NOFORN") == capco_to_label("S//OC/NF")


REFUSED = [
    ("S//NF/REL TO USA, GBR", "NOFORN excludes REL TO"),
    ("S//NF/RELIDO", "NOFORN excludes RELIDO"),
    ("S//REL TO GBR, USA", "begins with USA"),
    ("S//REL TO USA", "names somebody else"),
    ("S//REL TO USA, GBR, AUS", "alphabetical"),
    ("S//REL TO USA, FVEY, GBR", "trigraphs"),
    ("S//REL TO USA, GBR, GBR", "once"),
    ("S//REL TO USA, GBR, USA", "USA once"),
    ("S//REL TO USA,GBR", "a comma and a space"),
    ("S//REL TO USA, gbr", "capital"),
    ("S//NF//SI", "parts in the order"),
    ("S//NF//OC", "parts in the order"),
    ("S//NF/OC", "in the order"),
    ("S//NF/NF", "each once"),
    ("S//TK/SI", "alphabetical"),
    ("U//SI", "SCI and SAP"),
    ("S//FOUO", "FOUO stands with U"),
    ("R", "one of U, C, S, TS"),
    ("S//", "a known"),
    ("S////NF", "a known"),
    ("S//SECRETSAUCE", "a known"),
    ("S//FGI GBR CAN", "alphabetical"),
    ("//JOINT S CAN GBR", "JOINT"),
    ("//USA S", "after //"),
    ("//CAN X", "after //"),
    ("", "after //"),
    ("s//NF", "capital"),
    (" S//NF", "one of U, C, S, TS"),
    ("S//NF ", "a known"),
    ("TS//RD", "a known"),
]


@pytest.mark.parametrize(("text", "rule"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_broken_portion_mark_is_refused_by_its_rule(text: str, rule: str) -> None:
    with pytest.raises(LabelError, match=rule):
        capco_to_label(text)


@pytest.mark.parametrize("text", ["//CAN S", "S//DISPLAY ONLY GBR", "//NS//NF"])
def test_a_mark_without_a_defined_mapping_is_refused(text: str) -> None:
    read_portion(text)
    with pytest.raises(NoLabelMappingError):
        capco_to_label(text)


@pytest.mark.parametrize(
    "label",
    [
        Label("PUBLIC", "UNCLASSIFIED"),
        Label("US", "RESTRICTED"),
        Label("US", "SECRET", (Category("Administrative", CategoryType.INFORMATIVE, ("STAFF",)),)),
        Label("US", "SECRET", (Category("Releasable To", CategoryType.RESTRICTIVE, ("GBR", "USA")),)),
        Label("US", "SECRET", (releasable("GBR"),)),
        Label("US", "SECRET", (releasable("USA"),)),
        Label("US", "SECRET", (releasable("GBR", "USA"), releasable("CAN", "USA"))),
        Label("US", "SECRET", (restrictive("Dissemination Controls", "NOFORN"), releasable("GBR", "USA"))),
        Label("US", "SECRET", (restrictive("Dissemination Controls", "MAGIC"),)),
        Label("US", "SECRET", (restrictive("Non-IC Controls", "MAGIC"),)),
        Label("US", "SECRET", (restrictive("SCI", "gamma"),)),
        Label("US", "SECRET", (restrictive("FGI", "GBR", "SOURCE CONCEALED"),)),
        Label("US", "SECRET", privacy_mark="by hand"),
        Label("US", "SECRET", succession=Succession("2030-01-01T00:00:00", Label("US", "UNCLASSIFIED"))),
        Label("US", "SECRET", alternatives=(Label("P", "C"),)),
        Label("NATO", "SECRET"),
        Label("NATO", "SECRET", (Category("Context", CategoryType.PERMISSIVE, ("EAPC",)),)),
    ],
)
def test_a_label_that_no_mark_says_is_refused(label: Label) -> None:
    with pytest.raises(NoLabelMappingError):
        label_to_capco(label)


_TRIGRAPHS = st.text("ABCDEFGH", min_size=3, max_size=3)
_TETRAGRAPHS = st.text("ABCDEFGH", min_size=4, max_size=4)


@st.composite
def portions(draw: st.DrawFn) -> Portion:
    classification = draw(st.sampled_from(US_CLASSES))
    codes = (*sorted(draw(st.sets(_TRIGRAPHS, max_size=3))), *sorted(draw(st.sets(_TETRAGRAPHS, max_size=2))))
    controls = draw(st.sets(st.sampled_from(CONTROLS)))
    compartments = st.builds("{}{}".format, st.sampled_from(SCI_SYSTEMS), st.sampled_from(["", "-G", "-G ABC", "-A-B"]))
    sci = draw(st.sets(compartments, max_size=3)) if classification != "U" else set()
    chosen = draw(st.sets(st.sampled_from(NON_IC)))
    fgi = draw(st.none() | st.sets(_TRIGRAPHS, max_size=2))
    return Portion(
        "USA",
        classification,
        sci=tuple(sorted(sci)),
        fgi=None if fgi is None else tuple(sorted(fgi)),
        controls=tuple(control for control in CONTROLS if control in controls),
        providers=tuple(sorted(draw(st.sets(st.sampled_from(["ALPHA", "BETA-RAW"]))))),
        rel_to=("USA", *codes) if codes else (),
        non_ic=tuple(control for control in NON_IC if control in chosen),
    )


@given(portions())
def test_every_portion_that_keeps_the_rules_round_trips_as_text_and_as_label(portion: Portion) -> None:
    assume("NF" not in portion.controls or not (portion.rel_to or "RELIDO" in portion.controls))
    assume("FOUO" not in portion.controls or portion.classification == "U")
    text = write_portion(portion)
    assert read_portion(text) == portion
    assert label_to_capco(capco_to_label(text)) == text


@given(st.text(st.sampled_from("UCSTNFRELO /,-AXUSA"), max_size=20))
def test_any_other_text_is_refused_or_is_its_own_one_form(text: str) -> None:
    try:
        portion = read_portion(text)
    except LabelError:
        return
    assert read_portion(write_portion(portion)) == portion
