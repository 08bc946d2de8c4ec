import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4.alpha5 import from_alpha5, to_alpha5

from schemas.alpha5 import FIRST_CHARACTER_VALUES, decode_alpha5, encode_alpha5
from tests.schemas.generated_elements import data_file

# Space-Track's own examples.
EXAMPLES = {100_000: "A0000", 148_493: "E8493", 182_931: "J2931", 234_018: "P4018", 301_928: "W1928", 339_999: "Z9999"}


@pytest.mark.parametrize(("number", "text"), EXAMPLES.items())
def test_space_tracks_examples_hold_both_ways(number, text):
    assert encode_alpha5(number) == text
    assert decode_alpha5(text) == number


@given(st.integers(0, 339_999))
def test_encoding_agrees_with_python_sgp4_and_decodes_to_itself(number):
    text = encode_alpha5(number)
    assert text == to_alpha5(number)
    assert decode_alpha5(text) == number == from_alpha5(text)


@pytest.mark.parametrize("number", [-1, 340_000, 799_501_621])
def test_numbers_without_a_form_are_refused(number):
    with pytest.raises(ValueError, match=str(number)):
        encode_alpha5(number)


@pytest.mark.parametrize(
    "text", ["I0000", "O1234", "a0000", "A000", "AA000", "A00000", "", "0000", "٠٠٠٠٠", "-0001", " 0001"]
)
def test_text_that_is_no_alpha5_is_refused(text):
    with pytest.raises(ValueError, match="Alpha-5"):
        decode_alpha5(text)


def test_the_table_of_first_characters_is_the_decoder():
    for code in range(256):
        try:
            expected = decode_alpha5(chr(code) + "0000") // 10_000
        except ValueError:
            expected = -1
        assert FIRST_CHARACTER_VALUES[code] == expected


def test_the_conformance_vectors_hold():
    vectors = json.loads(data_file("omm/vectors/alpha5.json").read_text())
    for number, text in vectors["pairs"]:
        assert (encode_alpha5(number), decode_alpha5(text)) == (text, number)
    for text in vectors["must_reject_decode"]:
        with pytest.raises(ValueError, match="Alpha-5"):
            decode_alpha5(text)
    for number in vectors["must_reject_encode"]:
        with pytest.raises(ValueError, match="Alpha-5"):
            encode_alpha5(number)
