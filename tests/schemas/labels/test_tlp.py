"""TLP 2.0 (FIRST, August 2022), and labels as lines of text."""

import pytest

from schemas.label_error import LabelError, NoLabelMappingError
from schemas.label_text import capco_line, label_of_text, tlp_line
from schemas.labels import Category, CategoryType, Label
from schemas.tlp import label_to_tlp, tlp_to_label


def recipients(tag: str, *names: str) -> tuple[Category, ...]:
    return (Category(tag, CategoryType.PERMISSIVE, names),)


MAPPED = [
    ("TLP:CLEAR", (), Label("TLP", "CLEAR")),
    ("TLP:GREEN", ("SSA",), Label("TLP", "GREEN", recipients("Community", "SSA"))),
    ("TLP:AMBER", ("A", "B"), Label("TLP", "AMBER", recipients("Recipient Organisations and Clients", "A", "B"))),
    ("TLP:AMBER+STRICT", ("A",), Label("TLP", "AMBER+STRICT", recipients("Recipient Organisations", "A"))),
    ("TLP:RED", ("A. Person",), Label("TLP", "RED", recipients("Recipients", "A. Person"))),
]


@pytest.mark.parametrize(("text", "names", "label"), MAPPED)
def test_each_of_the_five_labels_maps_both_ways(text: str, names: tuple[str, ...], label: Label) -> None:
    assert tlp_to_label(text, names) == label
    assert label_to_tlp(label) == (text, names)
    assert label_of_text(tlp_line(label)) == label


@pytest.mark.parametrize(
    "text", ["TLP:AMBER STRICT", "TLP: RED", "tlp:red", "TLP:Red", "RED", "TLP:", "TLP:YELLOW", "TLP:CLEAR "]
)
def test_what_is_no_tlp_2_is_refused(text: str) -> None:
    with pytest.raises(LabelError, match=r"TLP 2\.0"):
        tlp_to_label(text, ["A"])


def test_white_is_refused_by_name() -> None:
    with pytest.raises(LabelError, match=r"TLP:WHITE is TLP 1\.0"):
        tlp_to_label("TLP:WHITE")


@pytest.mark.parametrize("text", ["TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"])
def test_recipients_are_needed(text: str) -> None:
    with pytest.raises(NoLabelMappingError, match="recipients"):
        tlp_to_label(text)


@pytest.mark.parametrize(
    "label",
    [
        Label("P", "CLEAR"),
        Label("TLP", "WHITE"),
        Label("TLP", "AMBER"),
        Label("TLP", "CLEAR", recipients("Recipients", "A")),
        Label("TLP", "RED", recipients("Community", "A")),
        Label("TLP", "RED", recipients("Recipients", "A") * 2),
        Label("TLP", "CLEAR", privacy_mark="by hand"),
        Label("TLP", "CLEAR", alternatives=(Label("P", "C"),)),
    ],
)
def test_a_label_that_tlp_cannot_say_is_refused(label: Label) -> None:
    with pytest.raises(NoLabelMappingError):
        label_to_tlp(label)


def test_a_recipient_with_a_comma_has_no_line() -> None:
    with pytest.raises(NoLabelMappingError, match="comma"):
        tlp_line(Label("TLP", "RED", recipients("Recipients", "Ltd, A")))


def test_a_portion_mark_is_a_line_after_its_prefix() -> None:
    label = label_of_text("CAPCO:U//REL TO USA, FVEY")
    assert capco_line(label) == "CAPCO:U//REL TO USA, FVEY"
