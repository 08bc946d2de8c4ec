"""Numbers, integers, epochs and words as CCSDS messages may write them."""

import decimal
import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ccsds.values import (
    INTEGER_PATTERN,
    NUMBER_PATTERN,
    check_epoch,
    digits_of,
    has_bare_point,
    integer_of,
    is_mixed_case,
    number_of,
    word_of,
)
from schemas.refusals import RecordRefusedError

NOT_NUMBERS = ["", " ", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e400", "1_5.0", "\u0661\u0662", "1,5", "1 2"]
NOT_NUMBERS += ["0x10", "--1", "+-1", "1e", "e5", ".", "+.", "1.2.3", "1d5", "1e5.0", "\uff11", "1\n", "\t1", "\u22121"]
NOT_NUMBERS += ["1" * 65, "0." + "0" * 70, "1e" + "9" * 200_000, "9" * 5_000_000]
NOT_INTEGERS = ["", "1.0", "1e3", "2147483648", "-2147483649", "1_000", "\u0661", "0x1", "+", "1 ", "9" * 5_000_000]
NOT_EPOCHS = [
    "",
    "2026-11-06",
    "2026-11-06 09:23:57",
    "2026-13-01T00:00:00",
    "2026-02-29T00:00:00",
    "2026-366T00:00:00",
]
NOT_EPOCHS += ["2026-000T00:00:00", "2026-11-06T24:00:00", "2026-11-06T09:60:00", "2026-11-06T09:23:61", "12:00"]
NOT_EPOCHS += ["2026-11-06T09:23:57+00:00", "2026-11-06T09:23:57z", "\u0662026-11-06T09:23:57", "2026-11-06T9:23:57"]
NOT_EPOCHS += [
    "2026-11-06T09:23:57." + "0" * 60,
    "20261-11-06T09:23:57",
    "-2026-11-06T09:23:57",
    "2026-11-06T09:23:57\n",
]

_decimals = st.builds(
    lambda sign, before, after, exponent: f"{sign}{before}{after}{exponent}",
    st.sampled_from(["", "+", "-"]),
    st.text("0123456789", min_size=1, max_size=18),
    st.one_of(st.just(""), st.text("0123456789", max_size=18).map(lambda digits: f".{digits}")),
    st.one_of(st.just(""), st.integers(-290, 270).map(lambda exponent: f"E{exponent:+d}")),
)


@given(_decimals)
def test_a_decimal_number_is_the_float_nearest_to_it(text: str) -> None:
    exact = decimal.Context(prec=500).create_decimal(text)
    assert number_of("X", text) == float(exact)


@pytest.mark.parametrize("text", NOT_NUMBERS, ids=lambda text: ascii(text)[:20])
def test_what_is_no_number_is_refused_with_its_keyword(text: str) -> None:
    with pytest.raises(RecordRefusedError) as caught:
        number_of("MEAN_MOTION", text, "clause")
    assert (caught.value.field, caught.value.clause) == ("MEAN_MOTION", "clause")
    assert len(caught.value.value) <= 200


def test_negative_zero_is_zero() -> None:
    assert str(number_of("X", "-0.0")) == "0.0"


@pytest.mark.parametrize("text", ["0", "-2147483648", "2147483647", "+7", "0925", "00000000000000000000012"])
def test_integers_of_32_bits_are_read(text: str) -> None:
    assert integer_of("X", text) == int(text)


@pytest.mark.parametrize("text", NOT_INTEGERS, ids=lambda text: ascii(text)[:20])
def test_what_is_no_integer_of_32_bits_is_refused(text: str) -> None:
    with pytest.raises(RecordRefusedError) as caught:
        integer_of("REV_AT_EPOCH", text)
    assert caught.value.field == "REV_AT_EPOCH"


@given(st.one_of(_decimals, st.text("0123456789+-.eE_ n\u0661", max_size=12)))
def test_arrow_finds_the_same_numbers_and_integers_by_the_patterns(text: str) -> None:
    for pattern in (NUMBER_PATTERN, INTEGER_PATTERN):
        by_arrow = pc.match_substring_regex(pa.array([text]), rf"\A(?:{pattern})\z")[0].as_py()
        assert by_arrow == (re.fullmatch(pattern, text) is not None)


@pytest.mark.parametrize(
    ("text", "bare"), [(".5", True), ("-.5e3", True), ("5.", True), ("5.E3", True), ("0.5", False)]
)
def test_a_bare_point_is_seen(text: str, bare: bool) -> None:
    assert has_bare_point(text) == bare


@given(_decimals)
def test_significant_digits_are_those_of_decimal_arithmetic(text: str) -> None:
    digits = decimal.Context(prec=500).create_decimal(text).as_tuple().digits
    assert digits_of(text) == (0 if set(digits) == {0} else len(digits))


@pytest.mark.parametrize(
    ("text", "word"),
    [("rocket body", "ROCKET BODY"), ("ROCKET__BODY", "ROCKET BODY"), ("Lagrange", "LAGRANGE"), ("N/A", "N/A")],
)
def test_words_are_compared_without_case_and_with_underscores_as_blanks(text: str, word: str) -> None:
    assert word_of(text) == word


@pytest.mark.parametrize(("text", "mixed"), [("Earth", True), ("EARTH", False), ("earth", False), ("ITRF-93", False)])
def test_mixed_case_is_seen(text: str, mixed: bool) -> None:
    assert is_mixed_case(text) == mixed


@pytest.mark.parametrize("scale", ["UTC", "TT"])
@pytest.mark.parametrize("text", NOT_EPOCHS, ids=lambda text: ascii(text)[:32])
def test_what_is_no_epoch_is_refused(text: str, scale: str) -> None:
    with pytest.raises(RecordRefusedError) as caught:
        check_epoch("EPOCH", text, scale=scale)
    assert caught.value.field == "EPOCH"


@pytest.mark.parametrize("scale", ["UTC", "TT"])
@pytest.mark.parametrize(
    "text", ["2024-02-29T00:00:00", "2024-366T23:59:59.9Z", "2026-001T00:00:00.", "2026-12-31T00:00:00Z"]
)
def test_calendar_dates_and_days_of_the_year_are_epochs(text: str, scale: str) -> None:
    check_epoch("EPOCH", text, scale=scale)


def test_second_60_exists_in_utc_and_there_in_a_leap_second_alone() -> None:
    check_epoch("EPOCH", "2016-12-31T23:59:60.5")
    for text, scale in (("2017-12-31T23:59:60", "UTC"), ("2016-12-31T23:59:60", "TAI"), ("2016-12-31T12:00:60", "UTC")):
        with pytest.raises(RecordRefusedError):
            check_epoch("EPOCH", text, scale=scale)


def test_other_time_scales_have_years_before_1972() -> None:
    check_epoch("REF_FRAME_EPOCH", "1950-01-01T00:00:00", scale="TDB")
    with pytest.raises(RecordRefusedError):
        check_epoch("REF_FRAME_EPOCH", "1950-01-01T00:00:00")
