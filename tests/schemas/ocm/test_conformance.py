"""OCMs with one defect each, named by it: what a hostile conformance laboratory would send."""

import pytest

from schemas.convert import Wanted, converted
from schemas.messages import read_payload
from schemas.ocm.read import read_ocm_kvn
from schemas.ocm.write import write_ocm_kvn
from schemas.oem.write import write_oem_kvn
from schemas.refusals import CannotRenderError, Refusal

ROW = "0.0 7000 0 0 0 7.5 0\n"
TERMS = "1 0 1 0 0 1 0 0 0 1 0 0 0 0 1 0 0 0 0 0 1"
OCM = f"""CCSDS_OCM_VERS = 3.0
CREATION_DATE = 2026-03-04T05:06:07
ORIGINATOR = TEST CENTRE
META_START
OBJECT_NAME = OF A TEST
TIME_SYSTEM = UTC
EPOCH_TZERO = 2026-03-04T00:00:00
META_STOP
TRAJ_START
INTERPOLATION = HERMITE
INTERPOLATION_DEGREE = 3
CENTER_NAME = EARTH
TRAJ_REF_FRAME = GCRF
TRAJ_TYPE = CARTPV
{ROW}60.0 6990 450 0 -0.5 7.49 0
TRAJ_STOP
COV_START
COV_REF_FRAME = RTN
COV_TYPE = CARTPV
COV_ORDERING = LTM
0.0 {TERMS}
COV_STOP
MAN_START
MAN_ID = 1
MAN_DEVICE_ID = THRUSTER
MAN_REF_FRAME = TNW
MAN_COMPOSITION = TIME_ABSOLUTE, TIME_RELATIVE, DV_X, THR_INTERP
2026-03-04T01:00:00 100.0 0.1 ON
MAN_STOP
"""


def _changed(old: str, new: str) -> str:
    assert OCM.count(old) == 1, old
    return OCM.replace(old, new)


def _refusal(text: str | bytes) -> Refusal:
    reading = read_payload(text if isinstance(text, bytes) else text.encode(), "f")
    assert not reading.records
    return reading.refusals[0]


def _xml(text: str = OCM) -> str:
    content = converted(text.encode(), "f", Wanted("xml")).content
    assert content is not None
    return content.decode()


def test_the_message_without_a_defect_is_read_and_what_is_in_no_record_is_named() -> None:
    reading = read_payload(OCM.encode(), "f")
    assert (reading.records, reading.refusals, reading.deviations()) == (1, [], {})
    assert reading.left_out() == {"man": 1}


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        (ROW, "0.0 7000 0 0 0 7.5\n", 15, "trajLine"),
        (ROW, "0.0 7000 0 0 0 7.5 0 1\n", 15, "trajLine"),
        (ROW, "0.0\n", 15, "trajLine"),
        ("TRAJ_TYPE = CARTPV", "TRAJ_TYPE = CARTPVA", 15, "trajLine"),
        (f"0.0 {TERMS}", f"0.0 {TERMS} 1", 22, "covLine"),
        ("TIME_SYSTEM = UTC", "TIME_SYSTEM = MET", 6, "TIME_SYSTEM"),
        ("INTERPOLATION = HERMITE\n", "", 10, "INTERPOLATION_DEGREE"),
        ("META_STOP", "START_TIME = 9.0\nSTOP_TIME = 1.0\nMETA_STOP", 9, "STOP_TIME"),
        ("TRAJ_TYPE", "USEABLE_START_TIME = 9\nUSEABLE_STOP_TIME = 1\nTRAJ_TYPE", 15, "USEABLE_STOP_TIME"),
        ("TRAJ_TYPE", "USEABLE_START_TIME = 61\nTRAJ_TYPE", 14, "USEABLE_START_TIME"),
        ("TRAJ_TYPE", "USEABLE_STOP_TIME = -1\nTRAJ_TYPE", 14, "USEABLE_STOP_TIME"),
        ("0.1 ON", "0.1", 29, "manLine"),
        ("0.1 ON", "0.1 ON 2", 29, "manLine"),
        ("0.1 ON", "0,1 ON", 29, "DV_X"),
        ("0.1 ON", "0.1 MAYBE", 29, "THR_INTERP"),
        ("2026-03-04T01", "2026-13-04T01", 29, "TIME_ABSOLUTE"),
        ("100.0 0.1", "nan 0.1", 29, "TIME_RELATIVE"),
    ],
)
def test_a_defect_is_refused_with_its_keyword_and_line(old: str, new: str, line: int, field: str) -> None:
    refusal = _refusal(_changed(old, new))
    assert (refusal.line, refusal.field) == (line, field)
    assert refusal.clause.startswith("CCSDS 502.0-B-3")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\r", "\r"])
def test_a_data_line_has_its_own_number_whatever_ends_the_lines(ending: str) -> None:
    refusal = _refusal(_changed("-0.5 7.49 0", "-0.5 7.49 x").replace("\n", ending))
    assert (refusal.line, refusal.value) == (16, "x")


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("0.0 7000. 0 0 0 7.5 0\n", "bare-decimal-point"),
        ("0.0 7000.00000000000001 0 0 0 7.5 0\n", "more-than-16-digits"),
    ],
)
def test_deviations_of_numbers_in_data_lines_are_named(row: str, name: str) -> None:
    reading = read_payload(_changed(ROW, row).encode(), "f")
    assert (reading.records, reading.deviations()) == (1, {name: 1})


def test_a_full_matrix_whose_halves_contradict_each_other_is_refused() -> None:
    full = ["1" if row == column else "0" for row in range(6) for column in range(6)]
    symmetric = _changed("COV_ORDERING = LTM", "COV_ORDERING = FULL").replace(TERMS, " ".join(full))
    assert read_payload(symmetric.encode(), "f").records == 1
    full[5] = "9"  # term (1, 6), not (6, 1)
    refusal = _refusal(_changed("COV_ORDERING = LTM", "COV_ORDERING = FULL").replace(TERMS, " ".join(full)))
    assert (refusal.line, refusal.field, refusal.value) == (22, "covLine", "9.0 and 0.0")


@pytest.mark.parametrize("row", ["", " ", "0.0\u00a07000 0 0 0 7.5 0", "0.0\t7000 0 0 0 7.5 0", "0.0 ٧000 0 0 0 7.5 0"])
def test_a_data_line_of_xml_is_ascii_with_blanks_between_values(row: str) -> None:
    document = _xml().replace(f"<trajLine>{ROW.strip()}<", f"<trajLine>{row}<")
    refusal = _refusal(document)
    assert refusal.field == "trajLine"
    assert refusal.line == 1 + document[: document.index("<trajLine>")].count("\n")


def test_ends_of_line_in_texts_and_data_lines_of_xml_become_blanks_in_kvn_and_a_note_says_so() -> None:
    document = _xml().replace("OF A TEST", "OF\n  A TEST").replace("0.0 7000 0", "0.0 7000\n0")
    result = converted(document.encode(), "f", Wanted("kvn"))
    assert result.content is not None
    assert b"= OF A TEST\n" in result.content
    assert ROW.encode() in result.content
    assert len(result.notes) == 2


def test_a_mean_orbit_is_no_ephemeris_even_in_cartesian_coordinates() -> None:
    reading = read_payload(_changed("TRAJ_TYPE = CARTPV", "TRAJ_TYPE = CARTPV\nORB_AVERAGING = BROUWER").encode(), "f")
    assert reading.ephemerides[0].segments == ()
    assert reading.left_out() == {"traj CARTPV": 1, "man": 1}
    reading = read_payload(
        _changed("TRAJ_TYPE = CARTPV", "TRAJ_TYPE = CARTPV\nORB_AVERAGING = osculating").encode(), "f"
    )
    assert len(reading.ephemerides[0].segments) == 1


def test_a_simulated_trajectory_says_so_wherever_it_goes() -> None:
    data = b"""CCSDS_OCM_VERS = 3.0
CREATION_DATE = 2026-03-10T00:00:00
ORIGINATOR = CENTRE
META_START
TIME_SYSTEM = UTC
EPOCH_TZERO = 2026-03-10T00:00:00
META_STOP
TRAJ_START
TRAJ_BASIS = SIMULATED
CENTER_NAME = EARTH
TRAJ_REF_FRAME = GCRF
TRAJ_TYPE = CARTPV
0.0 7000.0 0.0 0.0 0.0 7.5 0.0
60.0 6986.0 450.0 0.0 -0.5 7.4 0.0
TRAJ_STOP
"""
    (ephemeris,) = read_ocm_kvn(data, "test").ephemerides
    assert ephemeris.segments[0].basis == "SIMULATED"
    assert read_ocm_kvn(write_ocm_kvn([ephemeris]), "test").ephemerides[0].segments[0].basis == "SIMULATED"
    with pytest.raises(CannotRenderError, match="TRAJ_BASIS"):
        write_oem_kvn([ephemeris])
