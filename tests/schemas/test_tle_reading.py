import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sgp4.api import Satrec

from schemas.alpha5 import decode_alpha5
from schemas.cospar import cospar_id_of_tle
from schemas.records import ELEMENT_FIELDS_SCHEMA
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle
from tests.schemas.generated_elements import ISS_1, ISS_2, changed, checksummed, data_file, tle, tle_lines

RADIANS_PER_MINUTE = 2 * math.pi / 1440  # one revolution a day
CATALOGUES = ("2024-07-05_26389.tle.gz", "2024-09-17_26905.tle.gz", "2025-01-11_27260.tle.gz")


def only(reading):
    """The one record of a reading without refusals."""
    assert reading.refusals == []
    (row,) = reading.elements.to_pylist()
    return row


def assert_agrees_with_satrec(row, line1, line2):
    """Every field against python-sgp4's own reading of the lines, which rounds a few ulp differently."""
    satellite = Satrec.twoline2rv(line1, line2)
    close = {"rel": 4e-15, "abs": 0.0}
    assert row["catalogue_number"] == satellite.satnum
    assert row["classification_type"] == satellite.classification
    assert row["cospar_id"] == cospar_id_of_tle(satellite.intldesg)
    assert math.radians(row["inclination_deg"]) == pytest.approx(satellite.inclo, **close)
    assert math.radians(row["ra_of_asc_node_deg"]) == pytest.approx(satellite.nodeo, **close)
    assert math.radians(row["arg_of_pericenter_deg"]) == pytest.approx(satellite.argpo, **close)
    assert math.radians(row["mean_anomaly_deg"]) == pytest.approx(satellite.mo, **close)
    assert row["eccentricity"] == pytest.approx(satellite.ecco, **close)
    assert row["mean_motion_rev_per_day"] * RADIANS_PER_MINUTE == pytest.approx(satellite.no_kozai, **close)
    assert row["bstar_per_earth_radius"] == pytest.approx(satellite.bstar, **close)
    assert row["mean_motion_dot_rev_per_day2"] * RADIANS_PER_MINUTE / 1440 == pytest.approx(satellite.ndot, **close)
    second = row["mean_motion_ddot_rev_per_day3"] * RADIANS_PER_MINUTE / 1440**2
    assert second == pytest.approx(satellite.nddot, **close)
    assert row["ephemeris_type"] == satellite.ephtype
    assert row["element_set_number"] == satellite.elnum
    assert row["revolution_at_epoch"] == satellite.revnum
    year = (1900 if satellite.epochyr >= 57 else 2000) + satellite.epochyr
    day, unit = int(line1[20:23]), int(line1[24:32])
    assert day + unit / 1e8 == pytest.approx(satellite.epochdays, rel=1e-15)
    assert row["epoch_tai_ns"] == parse_utc(f"{year}-{day:03d}T00:00:00") + unit * 864_000


@given(tle_lines())
def test_every_field_agrees_with_python_sgp4(lines):
    assert_agrees_with_satrec(only(read_tle(tle(*lines), "test")), *lines)


def test_the_iss_reads_as_its_digits():
    row = only(read_tle(tle(), "test"))
    assert row["epoch_utc"] == "2008-09-20T12:25:40.104192000"
    assert row["bstar_per_earth_radius"] == -0.11606e-4
    assert row["mean_motion_dot_rev_per_day2"] == -0.00002182
    assert row["eccentricity"] == 0.0006703
    assert row["mean_motion_rev_per_day"] == 15.72125391
    assert (row["object_name"], row["cospar_id"], row["deviations"]) == (None, "1998-067A", [])
    assert (row["mean_element_theory"], row["center_name"], row["ref_frame"]) == ("SGP4", "EARTH", "TEME")


def test_a_batch_has_the_columns_of_the_records():
    assert read_tle(tle(), "test").elements.schema.equals(ELEMENT_FIELDS_SCHEMA, check_metadata=True)
    assert read_tle(b"", "test").elements.schema.equals(ELEMENT_FIELDS_SCHEMA)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ISS (ZARYA)             ", "ISS (ZARYA)"),
        ("0 ISS", "ISS"),
        ("0 1KUNS-PF", "1KUNS-PF"),
        ("0 ", None),
        ("0", None),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\r"])
def test_names_and_line_ends_are_read(line, name, end):
    payload = end.join((line, ISS_1, ISS_2, "", line, ISS_1, ISS_2)).encode()
    reading = read_tle(payload, "test")
    assert reading.refusals == []
    assert reading.elements["object_name"].to_pylist() == [name, name]
    assert reading.elements["payload_record"].to_pylist() == [1, 2]


ACCEPTED = {
    "leading blanks in the number": (changed(ISS_1, 3, "    5"), changed(ISS_2, 3, "00005"), []),
    "missing checksum": (ISS_1[:68], ISS_2[:68], ["missing-checksum"]),
    "trailing blanks": (ISS_1 + "   ", ISS_2 + " ", []),
    "text behind a checksum": (ISS_1, ISS_2 + "   0.0  4320.0  360.00", ["text-after-checksum"]),
    "blanks before number and day": (changed(ISS_1, 3, "    5"), changed(ISS_2, 3, "    5"), []),
    "an early day with blanks": (changed(ISS_1, 21, "  1.5"), ISS_2, []),
    "zero with a plus exponent": (changed(ISS_1, 45, " 00000+0  00000+0"), ISS_2, []),
    "zero with a minus exponent": (changed(ISS_1, 45, " 00000-0  00000-0"), ISS_2, []),
    "class C": (changed(ISS_1, 8, "C"), ISS_2, []),
    "class S": (changed(ISS_1, 8, "S"), ISS_2, []),
    "Alpha-5": (changed(ISS_1, 3, "Z9999"), changed(ISS_2, 3, "Z9999"), []),
    "inclination 180": (ISS_1, changed(ISS_2, 9, "180.0000"), []),
    "blank nddot": (changed(ISS_1, 45, " " * 8), ISS_2, ["blank-mean-motion-ddot"]),
    "blank set number": (changed(ISS_1, 65, "    "), ISS_2, []),
    "blank revolution number": (ISS_1, changed(ISS_2, 64, "     "), []),
    "blank ephemeris type": (changed(ISS_1, 63, " "), ISS_2, ["blank-ephemeris-type"]),
    "blank classification": (changed(ISS_1, 8, " "), ISS_2, ["blank-classification"]),
    "plus signs": (changed(ISS_1, 34, "+.00002182 +00000+0 +11606-4"), ISS_2, []),
    "blank COSPAR id": (changed(ISS_1, 10, " " * 8), ISS_2, []),
    "COSPAR id that fills columns": (changed(ISS_1, 10, "00000A  "), ISS_2, ["cospar-id-not-standard"]),
    "360 degrees": (ISS_1, changed(ISS_2, 18, "360.0000"), ["angle-360"]),
    "last day of a leap year": (changed(ISS_1, 19, "08366.99999999"), ISS_2, []),
    "ephemeris type 2": (changed(ISS_1, 63, "2"), ISS_2, []),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_known_deviations_are_accepted_by_name(case):
    line1, line2, deviations = ACCEPTED[case]
    assert only(read_tle(tle(line1, line2), "test"))["deviations"] == deviations


def test_what_is_blank_is_null():
    row = only(read_tle(tle(changed(ISS_1, 65, "    "), changed(ISS_2, 64, "     ")), "test"))
    assert (row["element_set_number"], row["revolution_at_epoch"]) == (None, None)


def test_sgp4_xp_is_stored_with_its_own_theory():
    line1 = changed(ISS_1, 45, " 12345-1  67890-2 4")
    row = only(read_tle(tle(line1), "test"))
    assert (row["mean_element_theory"], row["ephemeris_type"]) == ("SGP4-XP", 4)
    assert row["mean_motion_ddot_rev_per_day3"] == 0.012345  # AGOM, m**2/kg
    assert row["bstar_per_earth_radius"] == 0.0067890  # BTERM, m**2/kg


# What breaks it; line 1; line 2; field with line and columns; value, where it tells something
REFUSED = {
    "wrong checksum 1": (ISS_1[:68] + "8", ISS_2, "checksum 1:69", "8"),
    "wrong checksum 2": (ISS_1, ISS_2[:68] + "0", "checksum 2:69", "0"),
    "letter for a checksum": (ISS_1, ISS_2[:68] + "x", "checksum 2:69", "x"),
    "other number in line 2": (ISS_1, changed(ISS_2, 3, "25545"), "catalogue_number 2:3-7", "25545"),
    "tab": (changed(ISS_1, 9, "\t"), ISS_2, "line 1:1-69", None),
    "tab in front": ("\t" + ISS_1[:68], ISS_2, "line 1:1-69", None),
    "letter in the inclination": (
        ISS_1,
        changed(ISS_2, 9, " 5l.6416"),
        "inclination 2:9-16",
        " 5l.6416",
    ),
    "letter in ndot": (changed(ISS_1, 36, "0O"), ISS_2, "mean_motion_dot 1:34-43", None),
    "Alpha-5 with I": (changed(ISS_1, 3, "I0000"), ISS_2, "catalogue_number 1:3-7", "I0000"),
    "Alpha-5 with O": (changed(ISS_1, 3, "O0000"), ISS_2, "catalogue_number 1:3-7", "O0000"),
    "Alpha-5 in lower case": (changed(ISS_1, 3, "a0000"), ISS_2, "catalogue_number 1:3-7", "a0000"),
    "no number": (changed(ISS_1, 3, "     "), ISS_2, "catalogue_number 1:3-7", "     "),
    "number 0": (
        changed(ISS_1, 3, "00000"),
        changed(ISS_2, 3, "00000"),
        "catalogue_number 1:3-7",
        "00000",
    ),
    "class": (changed(ISS_1, 8, "X"), ISS_2, "classification 1:8", "X"),
    "COSPAR id in lower case": (changed(ISS_1, 10, "98067a"), ISS_2, "cospar_id 1:10-17", "98067a  "),
    "day 0": (changed(ISS_1, 21, "000.5"), ISS_2, "epoch day 1:21-32", "000.51782528"),
    "day 367": (changed(ISS_1, 21, "367"), ISS_2, "epoch day 1:21-32", "367.51782528"),
    "day 366 of a common year": (changed(ISS_1, 19, "09366"), ISS_2, "epoch day 1:21-32", None),
    "blank in the day's fraction": (changed(ISS_1, 32, " "), ISS_2, "epoch day 1:25-32", None),
    "blank in the year": (changed(ISS_1, 19, " 8"), ISS_2, "epoch year 1:19-20", " 8"),
    "before UTC": (changed(ISS_1, 19, "71"), ISS_2, "epoch year 1:19-20", "71"),
    "blank ndot": (changed(ISS_1, 34, " " * 10), ISS_2, "mean_motion_dot 1:34-43", " " * 10),
    "blank BSTAR": (changed(ISS_1, 54, " " * 8), ISS_2, "bstar 1:54-61", " " * 8),
    "BSTAR without its exponent's sign": (
        changed(ISS_1, 54, " 11606 4"),
        ISS_2,
        "bstar 1:54-61",
        " 11606 4",
    ),
    "ephemeris type 3": (changed(ISS_1, 63, "3"), ISS_2, "ephemeris_type 1:63", "3"),
    "set number": (changed(ISS_1, 65, "9 9 "), ISS_2, "element_set_number 1:65-68", "9 9 "),
    "inclination above 180": (ISS_1, changed(ISS_2, 9, "180.0001"), "inclination 2:9-16", "180.0001"),
    "negative inclination": (ISS_1, changed(ISS_2, 9, "-51.6416"), "inclination 2:9-16", "-51.6416"),
    "node above 360": (ISS_1, changed(ISS_2, 18, "360.0001"), "ra_of_asc_node 2:18-25", "360.0001"),
    "pericentre above 360": (ISS_1, changed(ISS_2, 35, "999.9999"), "arg_of_pericenter 2:35-42", None),
    "anomaly above 360": (ISS_1, changed(ISS_2, 44, "400.0000"), "mean_anomaly 2:44-51", None),
    "blank in the eccentricity": (
        ISS_1,
        changed(ISS_2, 27, "   6703"),
        "eccentricity 2:27-33",
        "   6703",
    ),
    "mean motion 0": (ISS_1, changed(ISS_2, 53, " 0.00000000"), "mean_motion 2:53-63", " 0.00000000"),
    "shifted point": (ISS_1, changed(ISS_2, 53, "157.2125391"), "mean_motion 2:53-63", "157.2125391"),
    "no blank between fields": (ISS_1, changed(ISS_2, 17, "0"), "separator 2:17", "0"),
    "revolution number": (ISS_1, changed(ISS_2, 64, "5635x"), "revolution_at_epoch 2:64-68", "5635x"),
    "short line 1": (ISS_1[:60], ISS_2, "line 1:1-69", None),
    "short line 2": (ISS_1, ISS_2[:63], "line 2:1-69", None),
    "text joined to the checksum": (ISS_1, ISS_2 + "0", "line 2:1-69", None),
    "name that is no UTF-8": ("\udcff", None, "OBJECT_NAME", "\\xff"),
}


def spelt_out(field):
    """``inclination 2:9-16`` as refusals write it."""
    name, _, place = field.rpartition(" ")
    if not place[:1].isdigit():
        return field
    line, _, columns = place.partition(":")
    return f"{name} (line {line}, column{'s' if '-' in columns else ''} {columns})"


@pytest.mark.parametrize("case", REFUSED)
def test_a_broken_rule_loses_its_record_and_names_the_place(case):
    line1, line2, field, value = REFUSED[case]
    broken = f"{line1}\n{line2 or ISS_1 + chr(10) + ISS_2}\n".encode("utf-8", "surrogateescape")
    reading = read_tle(tle() + broken + tle(), "somewhere")
    assert reading.elements["payload_record"].to_pylist() == [1, 3]
    (refusal,) = reading.refusals
    assert (refusal.file, refusal.record, refusal.field) == ("somewhere", 2, spelt_out(field))
    assert refusal.line == (4 if " 2:" in field else 3)
    assert refusal.data == broken
    assert refusal.rule
    if value is not None:
        assert refusal.value == value


# Which rule is in which document; a rule of our own is in none.
CLAUSES = {
    "ephemeris type 3": "CCSDS 502.0-B-3, table 4-3",
    "Alpha-5 with I": "Space-Track, Alpha-5",
    "wrong checksum 1": "Space-Track, two-line element set format",
    "before UTC": "",
}


@pytest.mark.parametrize("case", CLAUSES)
def test_a_refusal_says_where_its_rule_stands(case):
    (refusal,) = read_tle(tle(*REFUSED[case][:2]), "test").refusals
    assert refusal.clause == CLAUSES[case]


@given(st.integers(1, 99_999), st.integers(1, 99_999))
def test_the_two_lines_must_name_one_object(number, other):
    reading = read_tle(tle(changed(ISS_1, 3, f"{number:5d}"), changed(ISS_2, 3, f"{other:05d}")), "test")
    assert [row["catalogue_number"] for row in reading.elements.to_pylist()] == [number] * (number == other)


@pytest.mark.parametrize("line", [1, 2])
@pytest.mark.parametrize("character", ["\t", "o", "−", "\0", "٣"])
def test_no_column_takes_a_character_that_is_none_of_the_formats(line, character):
    payload = []
    for column in range(2, 69):
        lines = [ISS_1, ISS_2]
        lines[line - 1] = lines[line - 1][: column - 1] + character + lines[line - 1][column:]
        if character == "o":  # a letter counts 0
            lines[line - 1] = checksummed(lines[line - 1][:68])
        payload.append(tle(*lines))
    reading = read_tle(b"".join(payload), "test")
    assert reading.elements.num_rows == 0
    assert [refusal.record for refusal in reading.refusals] == list(range(1, 68))


def test_a_minus_sign_that_is_not_ascii_is_refused():
    reading = read_tle(tle(ISS_1.replace(" -.0", " −.0"), ISS_2) + tle(), "test")
    assert reading.elements.num_rows == 1
    assert len(reading.refusals) == 1


NAMED = f"A\n{ISS_1}\n{ISS_2}\n"
BROKEN_FRAMES = {
    "line 2 is missing": (f"B\n{ISS_1}\n", [(2, "line 2")], [1, 3]),
    "line 1 is missing": (f"B\n{ISS_2}\n", [(2, "line 1")], [1, 3]),
    "a name alone": ("B\n", [(2, "line 1")], [1, 3]),
    "lines in one": (f"B\n{ISS_1} {ISS_2}\n", [(2, "line 2")], [1, 3]),
    "damaged first column of line 1": (f"B\nX{ISS_1[1:]}\n{ISS_2}\n", [(2, "line number (line 1, column 1)")], [1, 3]),
    "damaged first column of line 2": (f"B\n{ISS_1}\nX{ISS_2[1:]}\n", [(2, "line number (line 2, column 1)")], [1, 3]),
    "lines exchanged": (f"B\n{ISS_2}\n{ISS_1}\n", [(2, "line 1"), (3, "line 2")], [1, 4]),
    "line 1 twice": (f"{ISS_1}\n{ISS_1}\n{ISS_2}\n", [(2, "line 2")], [1, 3, 4]),
}


@pytest.mark.parametrize("case", BROKEN_FRAMES)
def test_neighbours_survive_lines_that_are_missing_or_damaged(case):
    text, refusals, records = BROKEN_FRAMES[case]
    reading = read_tle((NAMED + text + NAMED).encode(), "test")
    assert [(refusal.record, refusal.field) for refusal in reading.refusals] == refusals
    assert reading.elements["payload_record"].to_pylist() == records
    names = reading.elements["object_name"].to_pylist()
    assert (names[0], names[-1]) == ("A", "A")


def test_one_bad_record_in_a_catalogue_loses_exactly_that_one():
    total, bad = 26_000, 17_341
    lines = []
    for index in range(total):
        number = f"{index + 1:05d}"
        lines += [f"0 OBJECT {index}", changed(ISS_1, 3, number), changed(ISS_2, 3, number)]
    lines[3 * bad + 2] = changed(lines[3 * bad + 2], 9, "190.0000")
    reading = read_tle("".join(f"{line}\r\n" for line in lines).encode(), "catalogue")
    assert reading.elements["payload_record"].to_pylist() == [n for n in range(1, total + 1) if n != bad + 1]
    assert set(range(1, total + 1)) - set(reading.elements["catalogue_number"].to_pylist()) == {bad + 1}
    (refusal,) = reading.refusals
    assert (refusal.record, refusal.line, refusal.value) == (bad + 1, 3 * bad + 3, "190.0000")
    assert refusal.data == "".join(f"{line}\r\n" for line in lines[3 * bad : 3 * bad + 3]).encode()


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_real_catalogue_agrees_with_python_sgp4(name):
    data = gzip.decompress(data_file(f"catalogues/{name}").read_bytes())
    reading = read_tle(data, name)
    lines = data.decode().splitlines()
    assert reading.refusals == []
    assert reading.elements.num_rows == len(lines) // 2
    rows = reading.elements.to_pylist()
    for index in np.random.default_rng(1).choice(len(rows), 3_000, replace=False):
        assert_agrees_with_satrec(rows[index], lines[2 * index], lines[2 * index + 1])


def test_vallados_verification_file_is_read_but_for_its_three_wrong_checksums():
    reading = read_tle(data_file("sgp4/SGP4-VER.TLE").read_bytes(), "SGP4-VER.TLE")
    assert reading.elements.num_rows == 30
    assert [refusal.data[2:7] for refusal in reading.refusals] == [b"33333", b"33334", b"33335"]
    assert {refusal.field for refusal in reading.refusals} == {"checksum (line 1, column 69)"}


def test_real_alpha5_objects_are_read():
    reading = read_tle(data_file("omm/vectors/alpha5-T-sample.3le").read_bytes(), "alpha5")
    assert reading.refusals == []
    expected = [decode_alpha5(text) for text in ("T0000", "T0001", "T0003", "T0019", "T0055")]
    assert reading.elements["catalogue_number"].to_pylist() == expected


def test_a_checksum_of_the_standards_example_is_reproduced():
    assert checksummed(ISS_1[:68]) == ISS_1
    assert checksummed(ISS_2[:68]) == ISS_2
