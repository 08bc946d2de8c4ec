"""CDMs with one defect each, in XML, as a hostile conformance laboratory would send them; and what conversion says."""

import re

import pytest

from schemas.convert import Wanted, converted
from schemas.messages import read_payload
from schemas.refusals import CannotRenderError, Refusal
from tests.schemas.cdm.messages import kvn

KVN = kvn().decode()
PROBABILITY = "<COLLISION_PROBABILITY>1.25E-05</COLLISION_PROBABILITY>"


def _xml(text: str = KVN) -> str:
    content = converted(text.encode(), "f", Wanted("xml")).content
    assert content is not None
    return content.decode()


def _refusal(text: str) -> Refusal:
    reading = read_payload(text.encode(), "f")
    assert not reading.records
    return reading.refusals[0]


@pytest.mark.parametrize(
    "attributes", ['nil="true" xsi:nil="false"', 'xsi:nil="true" nil="false"', 'nil="true" xsi:nil="true"']
)
@pytest.mark.parametrize("text", ["0.1", ""])
def test_nil_twice_is_refused_because_one_of_them_may_deny_the_value(attributes: str, text: str) -> None:
    element = f"<COLLISION_PROBABILITY {attributes}>{text}</COLLISION_PROBABILITY>"
    refusal = _refusal(_xml().replace(PROBABILITY, element))
    assert (refusal.field, refusal.value) == ("COLLISION_PROBABILITY", "nil")


def test_nil_without_its_namespace_is_named_whatever_it_says() -> None:
    element = PROBABILITY.replace("Y>1", 'Y nil="false">1')
    reading = read_payload(_xml().replace(PROBABILITY, element).encode(), "f")
    assert (reading.records, reading.deviations()) == (1, {"nil-without-namespace": 1})


@pytest.mark.parametrize("old", [r"(<relativeStateVector>).*(</relativeStateVector>)", r"(?=<RELATIVE_VELOCITY_R)()()"])
def test_the_relative_state_vector_is_one_element_with_something_in_it(old: str) -> None:
    new = r"\1\2" if "relative" in old else "</relativeStateVector><relativeStateVector>"
    document = re.sub(old, new, _xml(), count=1, flags=re.DOTALL)
    refusal = _refusal(document)
    assert refusal.field == "relativeStateVector"


def test_a_missing_data_section_is_told_where_its_segment_ends() -> None:
    document = re.sub(r"<data>.*?</data>", "", _xml(), count=1, flags=re.DOTALL)
    refusal = _refusal(document)
    assert (refusal.field, refusal.line) == ("segment", 1 + document[: document.index("</segment>")].count("\n"))


def test_units_of_a_value_that_is_not_there_are_the_tables_all_the_same() -> None:
    for units, accepted in (("m/s", True), ("km/s", False)):
        text = KVN.replace("11011.4 [m/s]", f"[{units}]")
        reading = read_payload(text.encode(), "f")
        assert reading.records == accepted
        assert accepted or (reading.refusals[0].field, reading.refusals[0].line) == ("RELATIVE_SPEED", 10)


def test_a_user_defined_parameter_is_the_error_and_not_what_follows_it() -> None:
    text = KVN.replace("TIME_LASTOB_START", "USER_DEFINED_X = 1\nTIME_LASTOB_START", 1)
    refusal = _refusal(text)
    assert (refusal.field, refusal.line) == ("USER_DEFINED_X", 38)


def test_a_block_that_is_missing_is_told_at_the_last_line_read() -> None:
    whole = KVN.splitlines(keepends=True)
    refusal = _refusal("".join(whole[:6]))
    assert (refusal.field, refusal.line) == ("TCA", 6)


def test_what_xml_cannot_say_is_left_out_or_put_right_and_a_note_says_so() -> None:
    text = KVN.replace("= 1.25E-05", "= NULL").replace("0.0 [m/s]", "0.0 [m]", 1).replace("99.5 [%]", "NaN [%]", 1)
    text = text.replace("MISS_DISTANCE", "COMMENT in between\nMISS_DISTANCE")
    result = converted(text.encode(), "f", Wanted("xml"))
    assert result.content is not None
    assert not {b"NULL", b"NaN"} & set(re.findall(rb"NULL|NaN", result.content))
    assert b'<RELATIVE_VELOCITY_R units="m/s">' in result.content
    assert result.notes == [
        "RELATIVE_VELOCITY_R: [m] written as [m/s]",
        "COLLISION_PROBABILITY: 'NULL' left out",
        "COMMENT: moved to the beginning of relativeMetadataData",
        "RESIDUALS_ACCEPTED: 'NaN' left out",
    ]


@pytest.mark.parametrize("form", ["xml", "json"])
@pytest.mark.parametrize("new", ["", "RELATIVE_POSITION_N = \n"])
def test_part_of_the_relative_vector_has_no_place_in_xml_and_json(form: str, new: str) -> None:
    text = re.sub(r"RELATIVE_POSITION_N .*\n", new, KVN)
    assert read_payload(text.encode(), "f").records == 1
    with pytest.raises(CannotRenderError, match="RELATIVE_POSITION_N"):
        converted(text.encode(), "f", Wanted(form))


def test_what_an_ndm_says_itself_is_not_dropped_without_a_word() -> None:
    message = _xml()[_xml().index("<cdm") :]
    document = f"<ndm><MESSAGE_ID>1</MESSAGE_ID><COMMENT>for all</COMMENT>{message}{message}</ndm>"
    result = converted(document.encode(), "f", Wanted("kvn"))
    assert result.records == 2
    assert result.notes == ["MESSAGE_ID and COMMENT of the ndm around the messages: left out"]
    assert converted(f"<ndm>{message}</ndm>".encode(), "f", Wanted("kvn")).notes == []


@pytest.mark.parametrize(
    "before", ["<!-- was <omm > once -->", "<?made from <omm ?>", "<!-- <ndm> -->\n<!-- <oem> -->"]
)
def test_a_message_named_before_the_root_is_not_the_message(before: str) -> None:
    document = _xml().replace("<cdm", f"{before}\n<cdm", 1)
    reading = read_payload(document.encode(), "f")
    assert (reading.encoding, reading.records, reading.refusals) == ("cdm-xml", 1, [])


@pytest.mark.parametrize("form", ["kvn", "xml", "json"])
@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("= 1.0", "= 2.0", "CCSDS_CDM_VERS"),
        ("START_SCREEN", "APPROACH_ANGLE = 10 [deg]\nSTART_SCREEN", "APPROACH_ANGLE"),
    ],
)
def test_a_draft_is_neither_written_nor_called_by_another_version(form: str, old: str, new: str, named: str) -> None:
    text = KVN.replace(old, new, 1).encode()
    assert read_payload(text, "f", draft=True).records == 1
    with pytest.raises(CannotRenderError, match=named):
        converted(text, "f", Wanted(form, draft=True))
