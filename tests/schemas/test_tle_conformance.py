"""The TLE's rules one by one, at the borders of what is good: each case through both lanes, and what is written."""

import pyarrow as pa
import pytest

from schemas.element_rows import ElementRow, Gathering
from schemas.timescales import parse_utc
from schemas.tle.fast_lane import read_by_kernels
from schemas.tle.read import read_by_columns, read_tle
from schemas.tle.write import write_tle


def summed(line: str) -> str:
    """The line with its own checksum: digits, and 1 for each minus sign, modulo 10."""
    body = line[:68]
    return body + str(sum(int(letter) if letter.isdigit() else letter == "-" for letter in body) % 10)


LINE1 = summed("1 25544U 98067A   24060.51782528  .00016717  00000-0  10270-3 0  9990")
LINE2 = summed("2 25544  51.6400 208.9163 0006703  69.9862  25.2906 15.50000000440000")

# (line, first column, what stands there) and whether it is read; in both lines where the line is 0.
GOOD = (
    *((0, 3, text) for text in ("    1", "00001", "A0000", "H9999", "J0000", "P0000", "Z9999")),
    *((1, 8, text) for text in "UCS "),
    *((1, 10, text) for text in (" " * 8, "98067AAA", "TBD     ", "00000A  ")),
    *((1, 19, text) for text in ("24001.00000000", "24366.99999999", "23365.99999999", "72001.00000000")),
    *((1, 19, text) for text in ("56366.00000000", "00366.00000000", "24 60.51782528", "24  1.50000000")),
    *((1, 34, text) for text in (" .00016717", "+.00016717", "-.00016717")),
    *((1, 45, text) for text in (" 00000+0", " 00000-0", "        ", "+12345-5", "-12345-9", " 12345+9")),
    *((1, 54, text) for text in (" 00000+0", "-10270-3", "+10270-3", " 10270+1")),
    *((1, 63, text) for text in "02 4"),
    *((1, 65, text) for text in ("    ", "9999", "   0")),
    *((2, 9, text) for text in ("180.0000", "  0.0000", "000.0000")),
    *((2, column, text) for column in (18, 35, 44) for text in ("360.0000", "359.9999", "  0.0000")),
    *((2, 27, text) for text in ("0000000", "9999999")),
    *((2, 53, text) for text in ("00.00000001", "99.99999999", " 1.00270000")),
    *((2, 64, text) for text in ("     ", "99999", "    0")),
)
BAD = (
    *((0, 3, text) for text in ("    0", "00000", "I0000", "O0000", "a0000", "A000 ", "A 000", " A000", "1 345")),
    *((0, 3, text) for text in ("-0001", "+0001", "5544 ", "AA000", "25.44", "99E99")),
    *((1, 3, text) for text in ("25545", "A5544")),
    *((1, 8, text) for text in "XuT0-"),
    *((1, 10, text) for text in ("98067a  ", "98-067A ")),
    *((1, 19, text) for text in ("24000.50000000", "24367.00000000", "23366.00000000", "71365.50000000")),
    *(
        (1, 19, text)
        for text in ("24060 51782528", "24060.5178252 ", " 4060.51782528", "2406O.51782528", "24060,51782528")
    ),
    *((1, 34, text) for text in (" 0.0016717", " .0001671 ", "          ", " .0001E-4 ", "0.00016717")),
    *((1, 45, text) for text in (" 00000 0", " 1234 -5", " 12345-A", " .1234-5", "012345-5")),
    *((1, 54, text) for text in ("        ", " 1027E-3", " 10270- ")),
    *((1, 63, text) for text in "1356789A"),
    *((1, 65, text) for text in ("999 ", "-999", " 9 9")),
    *((2, 9, text) for text in ("180.0001", " -1.0000", " 51.640 ", "51.64000", "   .5000", "999.9999")),
    *((2, column, text) for column in (18, 35, 44) for text in ("360.0001", "999.9999", "-10.0000", "      . ")),
    *((2, 27, text) for text in ("   6703", "0.00067", "000670 ", "-000670")),
    *((2, 53, text) for text in (" 0.00000000", "-1.00000000", "15.5000000 ", "  .50000000", "nan        ")),
    *((2, 64, text) for text in (" 1 23", "-1234", "123  ")),
)


def payload(line: int, column: int, text: str) -> bytes:
    lines = []
    for number, whole in ((1, LINE1), (2, LINE2)):
        changed = whole[: column - 1] + text + whole[column - 1 + len(text) :]
        lines.append(summed(changed) if line in (0, number) else whole)
    return "\n".join([*lines, ""]).encode()


def by_both_lanes(data: bytes):
    slow, fast = read_by_columns(data, "f"), read_by_kernels(data, "f")
    assert fast.elements.equals(slow.elements)
    assert fast.refusals == slow.refusals
    return slow


@pytest.mark.parametrize(("line", "column", "text"), GOOD)
def test_the_last_good_value_of_each_field_is_read(line, column, text):
    reading = by_both_lanes(payload(line, column, text))
    assert (reading.elements.num_rows, reading.refusals) == (1, [])


@pytest.mark.parametrize(("line", "column", "text"), BAD)
def test_the_first_bad_value_of_each_field_is_refused_with_its_line(line, column, text):
    reading = by_both_lanes(payload(line, column, text))
    assert reading.elements.num_rows == 0
    (refusal,) = reading.refusals
    # A number that both lines have is judged in the first of them; of two that differ, the second is wrong.
    assert refusal.line == (2 if (line, column) == (1, 3) else max(line, 1))
    assert refusal.rule
    assert refusal.clause or "1972" in refusal.rule


@pytest.mark.parametrize("change", ["0", "4"])
def test_only_ephemeris_type_4_is_sgp4_xp(change):
    row = read_tle(payload(1, 63, change), "f").elements.to_pylist()[0]
    assert row["mean_element_theory"] == {"0": "SGP4", "4": "SGP4-XP"}[change]
    assert row["ephemeris_type"] == int(change)


def row_of(**changes: object) -> pa.RecordBatch:
    values: dict[str, object] = {
        "catalogue_number": 25544,
        "object_name": "ISS",
        "cospar_id": "1998-067A",
        "epoch_tai_ns": parse_utc("2024-02-29T12:00:00"),
        "mean_motion_rev_per_day": 15.5,
        "eccentricity": 0.001,
        "inclination_deg": 51.6,
        "ra_of_asc_node_deg": 1.0,
        "arg_of_pericenter_deg": 2.0,
        "mean_anomaly_deg": 3.0,
        "bstar_per_earth_radius": 1e-4,
        "mean_motion_dot_rev_per_day2": 0.0,
        "mean_motion_ddot_rev_per_day3": 0.0,
        "ephemeris_type": 0,
        "classification_type": "U",
        "element_set_number": 1,
        "revolution_at_epoch": 1,
        "mean_element_theory": "SGP4",
        "message_originator": None,
        "creation_date_utc": None,
        "deviations": [],
        "payload_record": 1,
    }
    gathering = Gathering("f")
    gathering.add(ElementRow(**(values | changes)))  # type: ignore[arg-type]
    return gathering.reading("tle").elements


@pytest.mark.parametrize(
    "name", ["X" * 57, "X" * 58, "X" * 200, "1 STAGE", "2 B", "# HASH", "0", "0 NULL", "A" + " " * 70 + "B"]
)
def test_a_name_of_any_length_is_written_so_that_the_set_is_read_again(name):
    # A line of 60 characters before line 1 is taken for a damaged line, so a longer name must end before.
    reading = by_both_lanes(write_tle(row_of(object_name=name), True) * 2)
    assert (reading.elements.num_rows, reading.refusals) == (2, [])
    assert name.startswith(reading.elements["object_name"][0].as_py())


def test_a_leap_second_that_no_tle_can_say_is_told_with_its_epoch():
    with pytest.raises(ValueError, match=r"2016-12-31T23:59:60\.500000000"):
        write_tle(row_of(epoch_tai_ns=parse_utc("2016-12-31T23:59:60.5")), False)
