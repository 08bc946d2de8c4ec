"""Columns of texts as values, against Python's own conversions and the scalar parser of instants."""

import math
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ccsds.values import INTEGER_PATTERN, NUMBER_PATTERN
from schemas.timescales import format_utc, parse_utc
from schemas.value_columns import instant_rule, instants_of, integers_of, is_plain_text, numbers_of

ODD = ["nan", "inf", "-inf", "1e999", "1_5.0", "0x1p3", ".", "1e", "--1", "+", "", " 1", "1 ", "1\n", "\n1", "١٥", "−1"]
ODD += ["1" * 64, "1" * 65, "0." + "0" * 50 + "1e60", "1e-999", "2e-324", "4.9e-324", "+.5", "-5.", "1e00000001", "5d3"]
NUMBERS = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.from_regex(re.compile(NUMBER_PATTERN, re.ASCII), fullmatch=True)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | st.sampled_from(ODD)
    | st.text(alphabet="0123456789.eE+-_ xn\n", max_size=20)
)


@given(st.lists(st.none() | NUMBERS, min_size=1, max_size=20))
def test_numbers_are_rounded_as_python_rounds_them_and_nothing_else_is_read(texts):
    found = numbers_of(pa.array(texts, pa.string()))
    for row, text in enumerate(texts):
        assert found.stated[row] == (text is not None)
        is_number = text is not None and len(text) <= 64 and re.fullmatch(NUMBER_PATTERN, text) is not None
        assert found.is_number[row] == (is_number or text is None)
        if is_number:
            value = float(text)
            assert found.is_finite[row] == math.isfinite(value)
            assert found.values[row] == (value if math.isfinite(value) else 0.0)
            assert not np.signbit(found.values[row]) or value < 0.0
            assert found.bare_point[row] == (re.search(r"(?<![0-9])\.|\.(?![0-9])", text) is not None)


@given(st.lists(st.none() | st.from_regex(INTEGER_PATTERN, fullmatch=True) | NUMBERS, min_size=1, max_size=20))
def test_whole_numbers_are_those_of_python(texts):
    found = integers_of(pa.array(texts, pa.string()))
    for row, text in enumerate(texts):
        is_integer = text is not None and len(text) <= 64 and re.fullmatch(INTEGER_PATTERN, text) is not None
        assert found.is_integer[row] == (is_integer or text is None)
        if is_integer:
            assert found.fits[row] == (abs(int(text)) < 10**18)
            assert found.values[row] == (int(text) if found.fits[row] else 0)


INSTANTS = (
    st.integers(parse_utc("1972-01-01T00:00:00"), parse_utc("2261-12-31T00:00:00")).map(format_utc)
    | st.from_regex(r"20[0-9]{2}-[0-3][0-9]{2}T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{0,12})?Z?", fullmatch=True)
    | st.sampled_from(["2016-12-31T23:59:60.5", "2015-12-31T23:59:60", "", "2020-02-30T00:00:00", "2026-9-20T12:42:37"])
    | st.text(max_size=70)
)


@given(st.lists(st.none() | INSTANTS, min_size=1, max_size=10), st.integers(0, 3))
def test_instants_are_those_of_the_scalar_parser(texts, offset):
    column = pa.array([None] * offset + texts, pa.string()).slice(offset)
    tai_ns, read = instants_of(column)
    for row, text in enumerate(texts):
        if text is None:
            assert read[row]
            continue
        if read[row]:
            assert tai_ns[row] == parse_utc(text)
        else:
            with pytest.raises(ValueError) as refused:  # noqa: PT011
                parse_utc(text)
            assert instant_rule(text) in (str(refused.value), "at most 64 characters")


@pytest.mark.parametrize(
    ("text", "plain"), [("A", True), ("É", True), ("\x00", False), ("\u2028", False), ("", True), ("x" * 1001, False)]
)
def test_plain_text_is_printable_and_not_too_long(text, plain):
    assert is_plain_text(pa.array([None, text], pa.string())).tolist() == [True, plain]
