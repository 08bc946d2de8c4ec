"""Conversion between the encodings of a message: everything kept, or a word said of what is not."""

import gzip

import ccsds_ndm
import pytest
from lxml import etree
from sgp4.api import Satrec

from schemas.convert import ConversionError, Converted, Wanted, converted, form_of_suffix
from schemas.messages import read_payload
from schemas.refusals import CannotRenderError
from tests.schemas.generated_elements import data_file
from tests.schemas.seeds import bare_xml, seed

STATED = {"creation_date": "2026-01-01T00:00:00", "originator": "TESTERS"}


def content(data: bytes, form: str, **options: object) -> bytes:
    """What is written, where nothing is refused."""
    result = converted(data, "test", Wanted(form, **options))  # type: ignore[arg-type]
    assert result.refusals == []
    assert result.content is not None
    return result.content


def lines_of(kvn: bytes) -> list[str]:
    """The lines without blanks around keywords and without blank lines."""
    return [" = ".join(part.strip() for part in line.split("=", 1)) for line in kvn.decode().splitlines() if line]


@pytest.mark.parametrize(
    ("form", "name", "back"),
    [
        ("omm-kvn", "comments-and-user-defined.kvn", ("xml",)),
        ("oem-kvn", "covariances.oem", ("xml",)),
        ("oem-kvn", "accelerations.oem", ("xml",)),
        ("cdm-kvn", "two.cdm", ("xml", "json")),
        ("ocm-kvn", "absolute.ocm", ("xml",)),
        ("ocm-kvn", "relative.ocm", ("xml",)),
        ("ocm-kvn", "accelerations-and-others.ocm", ("xml",)),
    ],
)
def test_kvn_to_another_form_and_back_keeps_every_text(form: str, name: str, back: tuple[str, ...]) -> None:
    data = seed(form, name).replace(b"VERS = 2.0", b"VERS = 3.0")
    once = lines_of(content(data, "kvn"))
    assert sorted(once) == sorted(lines_of(data))
    for other in back:
        assert lines_of(content(content(data, other), "kvn")) == once


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("omm-kvn", "comments-and-user-defined.kvn"),
        ("omm-kvn", "two-messages.kvn"),
        ("omm-kvn", "celestrak.kvn"),
        ("omm-json", "space-track.json"),
        ("omm-csv", "celestrak.csv"),
        ("omm-xml", "celestrak.xml"),
        ("tle", "three-lines.3le"),
        ("oem-kvn", "version-1.oem"),
        ("oem-kvn", "covariances.oem"),
        ("oem-kvn", "segments.oem"),
        ("cdm-kvn", "two.cdm"),
        ("cdm-json", "flat.json"),
        ("ocm-kvn", "accelerations-and-others.ocm"),
        ("ndm-xml", "all.xml"),
        ("meme", "two-records.txt"),
    ],
)
def test_xml_that_is_written_validates(form: str, name: str) -> None:
    schema = etree.XMLSchema(etree.parse(str(data_file("ccsds-xsd/ccsds-ndm/ndmxml-4.0.0-master-4.0.xsd"))))
    schema.assertValid(etree.fromstring(content(seed(form, name), "xml", **STATED)))


OMM = {
    "kvn": seed("omm-kvn", "two-messages.kvn"),
    "xml": seed("omm-xml", "many.xml"),
    "json": seed("omm-json"),
    "csv": seed("omm-csv"),
    "tle": seed("tle"),
    "3le": seed("tle", "three-lines.3le"),
}


@pytest.mark.parametrize("source", OMM)
@pytest.mark.parametrize("dialect", ["celestrak", "space-track"])
@pytest.mark.parametrize("target", OMM)
def test_element_sets_go_from_every_form_to_every_other(source: str, target: str, dialect: str) -> None:
    before = read_payload(OMM[source], "before")
    written = content(OMM[source], target, dialect=dialect, **STATED)
    after = read_payload(written, "after")
    assert after.refusals == []
    assert after.encoding.removeprefix("omm-") == {"3le": "tle"}.get(target, target)
    for column in ("catalogue_number", "inclination_deg", "mean_motion_rev_per_day", "revolution_at_epoch"):
        assert after.elements[column].to_pylist() == before.elements[column].to_pylist()


def test_a_converted_tle_is_what_sgp4_reads() -> None:
    line1, line2 = content(seed("omm-json", "space-track.json").split(b",{")[0] + b"]", "tle").decode().splitlines()
    satellite = Satrec.twoline2rv(line1, line2)
    assert (satellite.satnum, satellite.revnum) == (25544, 56353)
    assert satellite.ecco == 0.0006703


def test_another_library_reads_what_is_written() -> None:
    assert ccsds_ndm.Oem.from_str(content(seed("oem-kvn"), "xml").decode(), format="xml").header.originator == "MAKERS"
    assert ccsds_ndm.Cdm.from_str(content(seed("cdm-json"), "kvn").decode(), format="kvn").header.originator
    assert ccsds_ndm.Ocm.from_str(content(seed("ocm-xml"), "kvn").decode(), format="kvn").header.originator == "MAKERS"


def test_a_wrapper_of_one_kind_is_that_kind() -> None:
    celestrak = seed("omm-xml", "celestrak.xml")
    assert read_payload(content(celestrak, "csv"), "test").records == 2
    assert content(celestrak, "tle").count(b"\n") == 4


def test_numbers_above_339_999_are_no_tle() -> None:
    data = seed("omm-json").replace(b"270001", b"340000")
    with pytest.raises(CannotRenderError, match=r"340000.*339999|339,?999"):
        converted(data, "test", Wanted("tle"))


def test_xml_without_a_creation_date_is_refused_and_says_which_option_helps() -> None:
    for data in (seed("omm-xml", "celestrak.xml"), seed("omm-kvn", "celestrak.kvn"), seed("tle")):
        with pytest.raises(ConversionError, match=r"CREATION_DATE and ORIGINATOR.*--creation-date and --originator"):
            converted(data, "test", Wanted("xml"))
        result = converted(data, "test", Wanted("kvn"))
        assert any("CREATION_DATE and ORIGINATOR" in note for note in result.notes)


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        (Wanted("xml", creation_date="yesterday"), "creation date"),
        (Wanted("xml", originator="A\nB"), "originator"),
        (Wanted("xml", originator=" A"), "originator"),
        (Wanted("csv", dialect="other"), "dialects"),
    ],
)
def test_what_is_stated_must_make_sense(wanted: Wanted, match: str) -> None:
    with pytest.raises(ConversionError, match=match):
        converted(seed("tle"), "test", wanted)


@pytest.mark.parametrize(
    ("form", "name", "target", "match"),
    [
        ("oem-kvn", None, "tle", "oem-kvn cannot be written as tle"),
        ("oem-kvn", None, "json", "kvn or xml"),
        ("ocm-kvn", None, "csv", "kvn or xml"),
        ("cdm-kvn", None, "csv", "kvn or xml or json"),
        ("cdm-csv", None, "kvn", "summary"),
        ("cdm-json", "public.json", "xml", "summary"),
        ("meme", None, "json", "meme cannot be written as json"),
        ("meme", None, "kvn", "ORIGINATOR"),
        ("ndm-xml", "all.xml", "kvn", "several kinds"),
        ("ndm-xml", "all.xml", "json", "several kinds"),
    ],
)
def test_what_a_form_cannot_say_is_said_so(form: str, name: str | None, target: str, match: str) -> None:
    with pytest.raises(ConversionError, match=match):
        converted(seed(form, name), "test", Wanted(target))


def test_nothing_is_written_unless_all_is_right_or_the_rest_is_asked_for() -> None:
    for form, name, field in (
        ("omm-kvn", "refused.kvn", "INCLINATION"),
        ("oem-kvn", "refused.oem", "Y"),
        ("oem-xml", "refused.xml", "Y"),
        ("cdm-kvn", "refused.cdm", "MISS_DISTANCE"),
        ("ocm-kvn", "refused.ocm", "trajLine"),
    ):
        result = converted(seed(form, name), "test", Wanted("kvn"))
        assert (result.content, [refusal.field for refusal in result.refusals]) == (None, [field])
        rest = converted(seed(form, name), "test", Wanted("xml", **STATED, skip_refused=True))
        assert rest.content is not None
        assert (rest.records, len(rest.refusals)) == (1, 1)
        assert read_payload(rest.content, "rest").refusals == []


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", b"<omm", b"<ndm></ndm>", b"\x1f\x8b", b"[]", b'{"omm": {"@id": 1}}', b"CCSDS_OEM_VERS = 3.0\n"],
)
def test_what_holds_no_message_gives_nothing(data: bytes) -> None:
    result = converted(data, "test", Wanted("xml", **STATED))
    assert result == Converted(None, 0, result.refusals, result.notes)


def test_a_rule_of_the_messages_own_reader_holds_in_a_wrapper_too() -> None:
    bad = bare_xml("oem-xml").replace(b"459.4", b"0x1p3")
    result = converted(b"<ndm>" + bad + bare_xml("omm-xml") + b"</ndm>", "test", Wanted("xml"))
    assert (result.content, [refusal.field for refusal in result.refusals]) == (None, ["Y"])


def test_meme_becomes_an_oem_with_the_originator_that_is_stated() -> None:
    reading = read_payload(content(gzip.compress(seed("meme")), "kvn", **STATED), "test")
    assert (reading.encoding, reading.refusals) == ("oem-kvn", [])
    assert reading.ephemerides[0].originator == "TESTERS"
    before = read_payload(seed("meme"), "meme").ephemerides[0].segments[0]
    assert reading.ephemerides[0].segments[0].states == before.states
    assert reading.ephemerides[0].segments[0].covariances == before.covariances


def test_the_form_is_said_by_the_suffix_or_outright() -> None:
    assert [form_of_suffix(name) for name in ("a.XML", "b.tle", "c.3le", "d.oem", "e.txt")] == [
        *("xml", "tle", "3le", "kvn", "kvn")
    ]
    assert form_of_suffix("a.xml", "csv") == "csv"
    for name, form in (("a.foo", None), ("a", None), ("a.xml", "yaml")):
        with pytest.raises(ConversionError, match="which encoding"):
            form_of_suffix(name, form)
