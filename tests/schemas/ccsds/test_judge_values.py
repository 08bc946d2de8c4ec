"""The judge: values and units that the table does not have are refused, or accepted as a deviation by name."""

import pytest

from schemas.ccsds.judge import judge
from schemas.ccsds.judge_values import COMMENT_LENGTH_MAX, TEXT_LENGTH_MAX
from schemas.ccsds.table import ValueType
from tests.schemas.ccsds.judged_messages import CDM, OCM, OEM_KVN, OMM, Sample, changed, tree
from tests.schemas.ccsds.judgements import TEXTS, each_sample, places, refusal, refusal_with, version, with_item
from tests.schemas.ccsds.test_values import NOT_EPOCHS, NOT_INTEGERS, NOT_NUMBERS

_WRONG = {
    kind: [text for text in texts if 0 < len(text) < 100]
    for kind, texts in (
        (ValueType.NUMBER, NOT_NUMBERS),
        (ValueType.INTEGER, NOT_INTEGERS),
        (ValueType.EPOCH, NOT_EPOCHS),
    )
}


@each_sample
def test_other_units_and_units_that_no_one_asked_for_are_refused(sample: Sample) -> None:
    message = sample.message()
    for number, place, item, keyword in list(places(message)):
        for units in ("furlong", "km**9", " "):
            error = refusal_with(message, (number, place), item._replace(units=units), sample.encoding)
            assert (error.field, error.value, error.line) == (item.keyword, f"[{units}]", item.line)
            assert keyword.units in error.rule


def test_a_cdm_states_its_units_in_kvn_always_and_in_xml_where_the_schema_demands_them() -> None:
    for encoding in ("kvn", "xml", "json"):
        for number, place, item, keyword in list(places(tree("CDM", "1.0", CDM, "kvn"))):
            if not keyword.units:
                continue
            message = with_item(tree("CDM", "1.0", CDM, "kvn"), number, place, item._replace(units=""))
            if encoding == "kvn" or keyword.xml_units_mandatory:
                assert refusal(message, encoding).field == item.keyword
            else:
                judge(message, encoding=encoding)


def test_orbit_data_messages_may_leave_units_out() -> None:
    for kind, text in (("OMM", OMM), ("OCM", OCM)):
        message = tree(kind, "3.0", text, "kvn")
        for block in message.blocks:
            block.items[:] = [item._replace(units="") for item in block.items]
        judge(message)
        assert message.deviations == []


@each_sample
def test_texts_that_are_no_value_of_the_keywords_type_are_refused(sample: Sample) -> None:
    message = sample.message()
    for number, place, item, keyword in list(places(message)):
        for text in _WRONG.get(keyword.type, []):
            if text.upper() not in keyword.value_deviations:
                error = refusal_with(message, (number, place), item._replace(text=text), sample.encoding)
                assert (error.field, error.line) == (item.keyword, item.line)


@each_sample
def test_a_word_that_is_no_choice_of_the_keyword_is_refused(sample: Sample) -> None:
    message = sample.message()
    for number, place, item, keyword in list(places(message)):
        if keyword.type is ValueType.CHOICE and not keyword.open_choices:
            error = refusal_with(message, (number, place), item._replace(text="PERHAPS"), sample.encoding)
            assert (error.field, error.value) == (item.keyword, "PERHAPS")
            for choice in keyword.choices:
                assert choice in error.rule


@each_sample
def test_numbers_beyond_their_bounds_are_refused(sample: Sample) -> None:
    message = sample.message()
    for number, place, item, keyword in list(places(message)):
        beyond = []
        if keyword.low is not None:
            beyond += [f"{keyword.low - 1:.0f}"] + [f"{keyword.low:.0f}"] * keyword.low_open
        if keyword.high is not None:
            beyond += [f"{keyword.high + 1:.0f}"]
        for text in beyond:
            error = refusal_with(message, (number, place), item._replace(text=text), sample.encoding)
            assert error.field == item.keyword


@each_sample
def test_a_value_that_is_not_there_is_refused_unless_it_is_a_known_deviation(sample: Sample) -> None:
    for number, place, item, keyword in list(places(sample.message())):
        for empty in (item._replace(text="", units=""), item._replace(text="", nil=True)):
            message = with_item(sample.message(), number, place, empty)
            if keyword.empty_deviation:
                judge(message, encoding=sample.encoding)
                assert message.deviations == [keyword.empty_deviation]
            elif keyword.type is not ValueType.FREE or empty.nil:
                assert refusal(message, sample.encoding).field == item.keyword


def test_nil_with_a_value_is_refused() -> None:
    message = tree("CDM", "1.0", CDM.replace("= 4.835E-05", "= 4.835E-05"), "kvn")
    items = message.blocks[1].items
    items[-2] = items[-2]._replace(nil=True)
    assert refusal(message, "xml").field == "COLLISION_PROBABILITY"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u202e", "\ud800", "\u00a0"], ids=ascii)
def test_characters_that_do_not_print_are_refused_in_texts_and_comments(character: str) -> None:
    for encoding in ("kvn", "xml", "json"):
        for line in ("ORIGINATOR = NOAA", "COMMENT made for a test"):
            message = tree("OMM", "3.0", OMM.replace(line, line + character + "x"), "kvn")
            assert refusal(message, encoding).field == line.split()[0]


def test_text_beyond_ascii_is_refused_in_kvn_and_named_elsewhere() -> None:
    text = OMM.replace("NOAA", "Météo")
    assert refusal(tree("OMM", "3.0", text, "kvn")).field == "ORIGINATOR"
    for encoding in ("xml", "json"):
        message = tree("OMM", "3.0", text, "kvn")
        judge(message, encoding=encoding)
        assert message.deviations == ["non-ascii-text"]


def test_texts_and_comments_have_a_length_limit() -> None:
    for line, most in (
        ("ORIGINATOR = ", TEXT_LENGTH_MAX),
        ("COMMENT ", COMMENT_LENGTH_MAX),
        ("REF_FRAME = ", TEXT_LENGTH_MAX),
    ):
        whole = next(each for each in OMM.split("\n") if each.startswith(line))
        judge(tree("OMM", "3.0", OMM.replace(whole, line + "X" * most), "kvn"))
        error = refusal(tree("OMM", "3.0", OMM.replace(whole, line + "X" * (most + 1)), "kvn"))
        assert error.field == line.split()[0]


@pytest.mark.parametrize(
    ("name", "kind", "encoding", "old", "new"),
    [
        ("empty-creation-date", "OMM", "kvn", "DATE = 2026-11-06T09:23:57", "DATE = "),
        ("empty-originator", "OMM", "kvn", "ORIGINATOR = NOAA", "ORIGINATOR = "),
        ("empty-object-name", "OMM", "kvn", "OBJECT_NAME = GOES 9", "OBJECT_NAME = "),
        ("empty-object-id", "OMM", "kvn", "OBJECT_ID = 1995-025A", "OBJECT_ID = "),
        ("empty-classification-type", "OMM", "kvn", "_TYPE = U", "_TYPE = "),
        ("theory-sgp-sgp4", "OMM", "kvn", "THEORY = SGP4", "THEORY = SGP/SGP4"),
        ("theory-sdp4", "OMM", "kvn", "THEORY = SGP4", "THEORY = SDP4"),
        ("angle-360", "OMM", "kvn", "NODE = 81.7939", "NODE = 360.0"),
        ("bare-decimal-point", "OMM", "kvn", "= 0.0005013", "= .0005013"),
        ("bare-decimal-point", "OMM", "kvn", "= 300 [kg]", "= 300. [kg]"),
        ("more-than-16-digits", "CDM", "kvn", "= 2570.097065", "= 2.57009706500000000e+03"),
        ("mixed-case-value", "OEM", "kvn", "= HERMITE", "= Hermite"),
        ("mixed-case-value", "CDM", "kvn", "TYPE = ROCKET BODY", "TYPE = Rocket_Body"),
        ("mixed-case-value", "OEM", "kvn", "= MARS BARYCENTER", "= Mars Barycenter"),
        ("comment-inside-block", "CDM", "kvn", "MISS_DISTANCE", "COMMENT here\nMISS_DISTANCE"),
        ("non-ascii-text", "OCM", "kvn", "== phys 1", "== phys 1\nCOMMENT efficiency \u03b7"),
        ("non-ascii-text", "OCM", "xml", "= OSPREY 5", "= OSPR\u00c9Y"),
        ("relative-velocity-in-m", "CDM", "kvn", "= -7.2 [m/s]", "= -7.2 [m]"),
        ("empty-collision-probability", "CDM", "kvn", "= 4.835E-05", "= "),
        ("null-collision-probability", "CDM", "kvn", "= 4.835E-05", "= NULL"),
        ("nan-collision-probability", "CDM", "kvn", "= 4.835E-05", "= NaN"),
        ("nan-optional-value", "CDM", "kvn", "SPAN = 7.88 [d]", "SPAN = NaN [d]"),
        ("nan-optional-value", "CDM", "kvn", "OBS_USED = 579", "OBS_USED = nan"),
        ("empty-optional-value", "CDM", "kvn", "SPAN = 7.88 [d]", "SPAN = "),
        ("empty-optional-value", "CDM", "kvn", "METHOD = FOSTER-1992", "METHOD = "),
    ],
)
def test_a_known_deviation_is_accepted_by_its_name(name: str, kind: str, encoding: str, old: str, new: str) -> None:
    assert old in TEXTS[kind]
    message = tree(kind, version(kind), TEXTS[kind].replace(old, new), "kvn" if kind != "OCM" else encoding)
    judge(message, encoding=encoding)
    assert message.deviations == [name]


def test_line_breaks_inside_a_text_are_a_deviation_of_xml() -> None:
    message = tree("OMM", "3.0", OMM, "kvn")
    block = message.blocks[0]
    items = [item._replace(text="two\nlines") if item.keyword == "ORIGINATOR" else item for item in block.items]
    changed(message, 0, items)
    assert refusal(message).field == "ORIGINATOR"
    judge(message, encoding="xml")
    assert message.deviations == ["line-break-in-text"]


def test_lower_case_words_and_spaces_for_underscores_are_the_standards_own() -> None:
    text = CDM.replace("TYPE = ROCKET BODY", "TYPE = rocket_body").replace("= EME2000", "= eme2000")
    message = tree("CDM", "1.0", text, "kvn")
    judge(message)
    assert message.deviations == []


def test_epochs_are_judged_in_the_time_scale_of_their_segment() -> None:
    leap = OEM_KVN.replace("STOP_TIME = 2026-12-28T21:28:00.331", "STOP_TIME = 2016-12-31T23:59:60")
    assert refusal(tree("OEM", "3.0", leap, "kvn")).field == "STOP_TIME"
    judge(tree("OEM", "3.0", leap.replace("= TT", "= UTC"), "kvn"))
    early = OEM_KVN.replace("= 2000-01-01T12:00:00", "= 1950-01-01T00:00:00")
    judge(tree("OEM", "3.0", early, "kvn"))
    assert refusal(tree("OEM", "3.0", early.replace("= TT", "= UTC"), "kvn")).field == "REF_FRAME_EPOCH"


@pytest.mark.parametrize(
    ("kind", "old", "new", "field"),
    [
        ("CDM", "SPAN = 7.88 [d]", "SPAN = NaN [furlong]", "RECOMMENDED_OD_SPAN"),
        ("CDM", "= 4.835E-05", "= NULL [m]", "COLLISION_PROBABILITY"),
        ("CDM", "= 4.835E-05", "= NONE", "COLLISION_PROBABILITY"),
        ("OMM", "EPOCH = 2026-064T10:34:41.4264", "EPOCH = 12.5", "EPOCH"),
        ("OCM", "DC_REF_DIR = 0.0 0.5 -1.0", "DC_REF_DIR = 0.0 0.5 -1.0 1.0", "DC_REF_DIR"),
        ("OCM", "DC_REF_DIR = 0.0 0.5 -1.0", "DC_REF_DIR = 0.0 0.5", "DC_REF_DIR"),
        ("OCM", "DC_REF_DIR = 0.0 0.5 -1.0", "DC_REF_DIR = 0.0 0.5 x", "DC_REF_DIR"),
        ("OEM", "COV_REF_FRAME = EME2000", "COV_REF_FRAME = EME2000\nCX_X = 1.0", "CX_X"),
    ],
)
def test_what_comes_near_to_a_value_is_refused(kind: str, old: str, new: str, field: str) -> None:
    assert old in TEXTS[kind]
    assert refusal(tree(kind, version(kind), TEXTS[kind].replace(old, new), "kvn")).field == field


def test_other_spellings_of_units_that_the_schema_has_are_the_same_units() -> None:
    message = tree("OMM", "3.0", OMM.replace("[rev/day]", "[REV/DAY]").replace("[km**3/s**2]", "[KM**3/S**2]"), "kvn")
    judge(message)
    assert message.deviations == []


def test_leap_seconds_are_announced_in_utc_whatever_the_time_scale() -> None:
    judge(tree("OCM", "3.0", OCM.replace("= UTC", "= TAI"), "kvn"))
