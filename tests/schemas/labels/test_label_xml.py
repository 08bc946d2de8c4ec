"""ADatP-4774 labels as XML: the schema's own judgement, refusals by rule, round trips."""

import msgspec
import pytest
from hypothesis import given, settings
from lxml import etree

from schemas.label_error import LabelError, NoLabelMappingError
from schemas.label_instants import read_date_time
from schemas.label_writing import with_dates, write_label_xml
from schemas.label_xml import NAMESPACE, LabelRole, read_label_xml
from schemas.labels import Category, CategoryType, Label, Succession
from schemas.timescales import parse_utc
from tests.schemas.labels.label_strategies import labels, shared_schema

WHOLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<s:originatorConfidentialityLabel xmlns:s="{NAMESPACE}" Id="one" ReviewDateTime="2030-01-01T01:00:00+01:00">
  <s:ConfidentialityInformation>
    <s:PolicyIdentifier URI="urn:oid:1.2.3">  COALITION
      POLICY </s:PolicyIdentifier>
    <s:Classification>RESTRICTED</s:Classification>
    <s:PrivacyMark> by hand &amp; only </s:PrivacyMark>
    <s:Category Type="RESTRICTIVE" URI="urn:oid:1.2.3.4" TagName="Special">
      <s:GenericValue>EYES</s:GenericValue>
    </s:Category>
    <s:Category Type="PERMISSIVE" TagName="Releasable To">
      <s:GenericValue>SWE</s:GenericValue>
      <s:GenericValue>CAN</s:GenericValue>
    </s:Category>
  </s:ConfidentialityInformation>
  <s:OriginatorID IDType="rfc822Name">desk@centre.example</s:OriginatorID>
  <s:CreationDateTime>2026-01-01T00:00:00.50Z</s:CreationDateTime>
  <s:SuccessionHandling>
    <s:SuccessionDateTime>2027-01-01T00:00:00Z</s:SuccessionDateTime>
    <s:SuccessorConfidentialityLabel>
      <s:ConfidentialityInformation>
        <s:PolicyIdentifier>COALITION POLICY</s:PolicyIdentifier>
        <s:Classification>UNCLASSIFIED</s:Classification>
      </s:ConfidentialityInformation>
      <s:CreationDateTime>2026-01-01T00:00:00Z</s:CreationDateTime>
    </s:SuccessorConfidentialityLabel>
  </s:SuccessionHandling>
</s:originatorConfidentialityLabel>
"""

DATED = {"creation_utc": "2026-01-01T00:00:00Z", "review_utc": "2030-01-01T00:00:00Z"}


def test_every_part_of_a_label_is_read() -> None:
    assert read_label_xml(WHOLE.encode()) == Label(
        "COALITION POLICY",
        "RESTRICTED",
        (
            Category("Releasable To", CategoryType.PERMISSIVE, ("CAN", "SWE")),
            Category("Special", CategoryType.RESTRICTIVE, ("EYES",), "urn:oid:1.2.3.4"),
        ),
        policy_uri="urn:oid:1.2.3",
        privacy_mark=" by hand & only ",
        originator_id="desk@centre.example",
        originator_id_type="rfc822Name",
        creation_utc="2026-01-01T00:00:00.5Z",
        review_utc="2030-01-01T00:00:00Z",
        succession=Succession(
            "2027-01-01T00:00:00Z", Label("COALITION POLICY", "UNCLASSIFIED", creation_utc="2026-01-01T00:00:00Z")
        ),
    )


def test_the_example_of_a_whole_label_is_valid_against_the_schema() -> None:
    shared_schema("nl-cl.xsd").assertValid(etree.fromstring(WHOLE.encode()))


@pytest.mark.parametrize("role", LabelRole)
def test_each_root_element_is_read(role: LabelRole) -> None:
    label = Label("P", "C", **DATED)
    assert read_label_xml(write_label_xml(label, role)) == label


@given(labels())
def test_a_label_that_is_written_reads_back_the_same(label: Label) -> None:
    assert read_label_xml(write_label_xml(label)) == label


def test_what_is_written_is_valid_against_the_schema() -> None:
    schema = shared_schema("nl-cl.xsd")

    @settings(max_examples=100)
    @given(labels())
    def check(label: Label) -> None:
        schema.assertValid(etree.fromstring(write_label_xml(label)))

    check()


REFUSED = [
    ("root", "originatorConfidentialityLabel", "originatorConfidentialityLabels", "originatorConfidentialityLabels"),
    ("namespace", NAMESPACE, "urn:nato:stanag:4774:confidentialitymetadatalabel:2:0", "originatorConfidentialityLabel"),
    (
        "no policy",
        '<s:PolicyIdentifier URI="urn:oid:1.2.3">  COALITION\n      POLICY </s:PolicyIdentifier>',
        "",
        "PolicyId",
    ),
    ("no classification", "<s:Classification>RESTRICTED</s:Classification>", "", "Classification"),
    ("empty classification", ">RESTRICTED<", "> <", "Classification"),
    ("classification URI", "<s:Classification>R", '<s:Classification URI="urn:oid:1">R', "Classification/@URI"),
    (
        "two classifications",
        "<s:PrivacyMark>",
        "<s:Classification>X</s:Classification><s:PrivacyMark>",
        "Classification",
    ),
    (
        "order",
        "<s:PrivacyMark> by hand &amp; only </s:PrivacyMark>",
        "<s:PolicyIdentifier>P</s:PolicyIdentifier>",
        "Policy",
    ),
    ("type not in capitals", 'Type="PERMISSIVE"', 'Type="Permissive"', "Category/@Type"),
    ("no type", 'Type="PERMISSIVE" ', "", "Category/@Type"),
    ("no tag name", ' TagName="Special"', "", "Category/@TagName"),
    ("integer", "<s:GenericValue>EYES</s:GenericValue>", "<s:IntegerValue>5</s:IntegerValue>", "IntegerValue"),
    ("bits", "<s:GenericValue>EYES</s:GenericValue>", "<s:BitStringValue>1</s:BitStringValue>", "BitStringValue"),
    ("no value", "<s:GenericValue>EYES</s:GenericValue>", "", "Category"),
    ("a value twice", ">CAN<", ">SWE<", "Category"),
    ("originator type", 'IDType="rfc822Name"', 'IDType="telephone"', "OriginatorID/@IDType"),
    ("no originator type", ' IDType="rfc822Name"', "", "OriginatorID/@IDType"),
    ("no creation", "<s:CreationDateTime>2026-01-01T00:00:00.50Z</s:CreationDateTime>", "", "CreationDateTime"),
    ("creation is no date", "2026-01-01T00:00:00.50Z", "yesterday", "CreationDateTime"),
    ("creation without a zone", "2026-01-01T00:00:00.50Z", "2026-01-01T00:00:00", "CreationDateTime"),
    ("review is no date", "2030-01-01T01:00:00+01:00", "2030-02-30T01:00:00Z", "@ReviewDateTime"),
    (
        "no succession instant",
        "<s:SuccessionDateTime>2027-01-01T00:00:00Z</s:SuccessionDateTime>",
        "",
        "SuccessionDateTime",
    ),
    ("unknown attribute", 'Id="one"', 'Colour="red"', "originatorConfidentialityLabel/@Colour"),
    ("foreign element", "<s:PrivacyMark>", '<o:Mark xmlns:o="urn:other"/><s:PrivacyMark>', "Mark"),
    ("stray text", "<s:PrivacyMark>", "stray<s:PrivacyMark>", "ConfidentialityInformation"),
    ("a URI with a space", "urn:oid:1.2.3.4", "urn: oid", "Category/@URI"),
]


@pytest.mark.parametrize(("old", "new", "element"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_each_broken_rule_is_refused_with_file_line_and_element(old: str, new: str, element: str) -> None:
    broken = WHOLE.replace(old, new)
    assert broken != WHOLE
    with pytest.raises(LabelError) as refused:
        read_label_xml(broken.encode(), "label.xml")
    assert refused.value.element.startswith(element)
    assert refused.value.file == "label.xml"
    assert refused.value.line > 0
    assert str(refused.value).startswith("label.xml, line ")


def test_a_review_date_is_required_where_there_is_no_succession() -> None:
    text = write_label_xml(Label("P", "C", **DATED)).decode()
    with pytest.raises(LabelError, match="ReviewDateTime is required"):
        read_label_xml(text.replace(' ReviewDateTime="2030-01-01T00:00:00Z"', "").encode())


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b"<x",
        b"",
        b"\xff\xfe<\x00x\x00/\x00>\x00",
        b'<?xml version="1.0" encoding="ISO-8859-1"?><x/>',
        b"<x>" * 70 + b"</x>" * 70,
        b"<x>" + b"<y/>" * 30_000 + b"</x>",
        b"<x>" + b" " * (1 << 20) + b"</x>",
        b"<x>\x80</x>",
    ],
    ids=["entities", "cut", "empty", "utf-16", "latin-1", "deep", "many", "large", "not utf-8"],
)
def test_unsafe_or_broken_xml_is_refused(data: bytes) -> None:
    with pytest.raises(LabelError):
        read_label_xml(data)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"review_utc": None}, "review_utc"),
        ({"creation_utc": None}, "creation_utc"),
        ({"creation_utc": "2016-12-31T23:59:60Z"}, "creation_utc"),
        ({"policy": ""}, "policy"),
        ({"classification": " SECRET"}, "classification"),
        ({"classification": "TOP  SECRET"}, "classification"),
        ({"policy_uri": "not a uri"}, "policy_uri"),
        ({"privacy_mark": "\x00"}, "\x00"),
        ({"privacy_mark": "\ud800"}, "\ud800"),
        ({"alternatives": (Label("Q", "C"),)}, "alternatives"),
    ],
)
def test_what_xml_has_no_place_for_is_refused(changes: dict[str, object], part: str) -> None:
    label = msgspec.structs.replace(Label("P", "C", **DATED), **changes)
    with pytest.raises(NoLabelMappingError) as refused:
        write_label_xml(label)
    assert refused.value.part == part


def test_dates_are_added_only_where_they_are_missing() -> None:
    created, review = parse_utc("2026-05-01T00:00:00"), parse_utc("2027-05-01T00:00:00")
    label = Label("P", "S", succession=Succession("2028-01-01T00:00:00Z", Label("P", "C")))
    dated = with_dates(label, creation_tai_ns=created, review_tai_ns=review)
    assert dated.review_utc is None
    assert read_label_xml(write_label_xml(dated)) == dated.canonical()
    kept = with_dates(Label("P", "C", **DATED), creation_tai_ns=created, review_tai_ns=review)
    assert kept == Label("P", "C", **DATED)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-01T24:00:00Z", "2026-01-02T00:00:00Z"),
        ("2017-01-01T00:30:00+01:00", "2016-12-31T23:30:00Z"),
        ("2016-12-31T23:30:00-01:00", "2017-01-01T00:30:00Z"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_an_xml_date_time_is_read_by_the_civil_clock(text: str, utc: str) -> None:
    assert read_date_time(text) == utc


@pytest.mark.parametrize(
    "text",
    ["2016-12-31T23:59:60Z", "2026-01-01T00:00:00+15:00", "2026-01-01Z", "2026-001T00:00:00Z", "9999-12-31T00:00:00Z"],
)
def test_what_is_no_xml_date_time_of_an_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"second|offset|dateTime|2261"):
        read_date_time(text)


def test_elements_out_of_order_are_refused() -> None:
    mark = "<s:PrivacyMark> by hand &amp; only </s:PrivacyMark>"
    moved = WHOLE.replace(mark, "").replace("<s:Classification>RES", f"{mark}<s:Classification>RES")
    with pytest.raises(LabelError, match="in the order PolicyIdentifier, Classification, PrivacyMark, Category"):
        read_label_xml(moved.encode())
