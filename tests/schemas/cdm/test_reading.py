"""Conjunction messages: what is read, what is accepted by name, what is flagged, what is refused and why."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cdm.columns import CONJUNCTION_MESSAGE_SCHEMA
from schemas.cdm.reading import read_cdm_json, read_cdm_kvn, read_cdm_xml
from schemas.cdm.writing import write_cdm_xml
from schemas.refusals import Refusal
from schemas.timescales import parse_utc
from tests.schemas.cdm.messages import (
    HEADER,
    RELATIVE,
    SHARED,
    SHARED_ABSENT,
    Line,
    changed,
    flat_json_members,
    kvn,
    object_lines,
)


def _row(data: bytes, *, draft: bool = False) -> dict[str, Any]:
    reading = read_cdm_kvn(data, "test.cdm", draft=draft)
    assert [str(refusal) for refusal in reading.refusals] == []
    assert reading.conjunctions.schema == CONJUNCTION_MESSAGE_SCHEMA
    rows: list[dict[str, Any]] = reading.conjunctions.to_pylist()
    assert len(rows) == 1
    return rows[0]


def _refusal(data: bytes) -> Refusal:
    reading = read_cdm_kvn(data, "test.cdm")
    assert reading.conjunctions.num_rows == 0
    assert len(reading.refusals) == 1
    return reading.refusals[0]


def test_a_message_is_read_into_columns_with_units_in_their_names() -> None:
    row = _row(kvn())
    assert row["version"] == "1.0"
    assert row["message_id"] == "TEST_0001"
    assert row["creation_date_tai_ns"] == parse_utc("2026-03-04T05:06:07.250")
    assert row["tca_tai_ns"] == parse_utc("2026-03-07T08:09:10.123")
    assert row["tca_utc"] == "2026-03-07T08:09:10.123000000"
    assert (row["miss_distance_m"], row["relative_speed_m_s"]) == (241.9, 11011.4)
    assert (row["collision_probability"], row["collision_probability_method"]) == (1.25e-5, "FOSTER-1992")
    assert row["collision_probability_region"] is None
    assert row["object1_object_type"] == "ROCKET BODY"
    assert row["object2_catalogue_number"] == 99_002
    assert (row["object1_x_km"], row["object2_z_dot_km_s"]) == (7000.0, -1.0)
    assert (row["object1_cr_r_m2"], row["object1_ctdot_r_m2_s"], row["object1_cdrg_r_m3_kg"]) == (4.0, -0.01, None)
    assert (row["object1_obs_used"], row["object1_tracks_used"]) == (123, None)
    assert row["header_comments"] == ["Made for a test"]
    assert row["object2_od_comments"] == ["Exclusion Volume Radius = 2.500000 [m]"]
    assert (row["hard_body_radius_m"], row["object2_exclusion_volume_radius_m"]) == (12.5, 2.5)
    assert (row["deviations"], row["quality"], row["draft_keywords"], row["payload_record"]) == ([], [], [], 1)


@pytest.mark.parametrize("frame", ["GCRF", "EME2000", "ITRF"])
def test_the_encounter_is_computed_from_the_states_in_each_frame(frame: str) -> None:
    row = _row(kvn(first=object_lines(1, frame), second=object_lines(2, frame)))
    assert row["quality"] == []
    assert row["computed_miss_distance_m"] == pytest.approx(58_500**0.5, abs=1e-6)
    assert row["computed_relative_speed_m_s"] == pytest.approx(11_011.357772, abs=1e-4)
    for axis, expected_m, expected_m_s in zip("rtn", (100, 140, 170), (0, -8500, 7000), strict=True):
        assert row[f"computed_relative_position_{axis}_m"] == pytest.approx(expected_m, abs=1e-5)
        assert row[f"computed_relative_velocity_{axis}_m_s"] == pytest.approx(expected_m_s, abs=1e-4)


def test_messages_follow_each_other_and_a_bad_one_costs_only_itself() -> None:
    bad = kvn(relative=changed(RELATIVE, MISS_DISTANCE="1e999"))
    reading = read_cdm_kvn(kvn() + bad + kvn(), "many.cdm")
    assert reading.encoding == "cdm-kvn"
    assert reading.conjunctions["payload_record"].to_pylist() == [1, 3]
    (refusal,) = reading.refusals
    assert (refusal.record, refusal.field, refusal.value) == (2, "MISS_DISTANCE", "1e999")


_NAN = {"RECOMMENDED_OD_SPAN": "NaN", "OBS_USED": "NaN"}


def _with(lines: list[Line], **texts: str | None) -> list[Line]:
    return changed(lines, **texts)


DEVIATIONS = {
    "empty-collision-probability": kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY="")),
    "null-collision-probability": kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY="NULL")),
    "nan-collision-probability": kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY="NaN")),
    "probability-without-method": kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY_METHOD=None)),
    "empty-optional-value": kvn(header=changed(HEADER, MESSAGE_FOR="")),
    "nan-optional-value": kvn(first=changed(object_lines(1), **_NAN)),
    "zero-padded-designator": kvn(first=changed(object_lines(1), OBJECT_DESIGNATOR="000099001")),
    "more-than-16-digits": kvn(first=changed(object_lines(1), X="7.000000000000000000e+03")),
    "bare-decimal-point": kvn(first=changed(object_lines(1), CD_AREA_OVER_MASS=".0125")),
    "relative-velocity-in-m": kvn(
        relative=[(k, t, "m" if k.startswith("RELATIVE_VELOCITY") else u) for k, t, u in RELATIVE]
    ),
    "comment-inside-block": kvn(
        second=[line for pair in object_lines(2) for line in (pair, *[("COMMENT", "x", "")] * (pair[0] == "X"))]
    ),
}


@pytest.mark.parametrize("name", DEVIATIONS)
def test_a_known_deviation_is_accepted_by_name(name: str) -> None:
    row = _row(DEVIATIONS[name])
    assert row["deviations"] == [name]
    assert row["quality"] == []


@pytest.mark.parametrize("text", ["", "NULL", "null", "NaN", "nan"])
def test_a_probability_that_is_not_there_is_null_and_needs_no_method(text: str) -> None:
    row = _row(kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY=text, COLLISION_PROBABILITY_METHOD=None)))
    assert row["collision_probability"] is None
    assert "probability-without-method" not in row["deviations"]


def _opposite() -> list[Line]:
    names = [f"RELATIVE_{quantity}_{axis}" for quantity in ("POSITION", "VELOCITY") for axis in "RTN"]
    texts = {keyword: text for keyword, text, _ in RELATIVE}
    return changed(RELATIVE, **{name: f"{-float(texts[name])}" for name in names})


def _indefinite(number: int) -> list[Line]:
    return changed(object_lines(number), CT_R="41.0000")


def _both(frame: str, *, earth_fixed: bool) -> dict[str, list[Line]]:
    return {
        name: object_lines(number, frame, earth_fixed=earth_fixed) for number, name in ((1, "first"), (2, "second"))
    }


_ZERO = dict.fromkeys(("CR_R", "CT_T", "CN_N", "CRDOT_RDOT", "CTDOT_R", "CTDOT_TDOT", "CNDOT_NDOT"), "0")
FLAGS = {
    "miss-distance-disagrees": kvn(relative=changed(RELATIVE, MISS_DISTANCE="242.3")),
    "relative-speed-disagrees": kvn(relative=changed(RELATIVE, RELATIVE_SPEED="11011.5")),
    "relative-position-disagrees": kvn(relative=changed(RELATIVE, RELATIVE_POSITION_R="100.3")),
    "relative-velocity-disagrees": kvn(relative=changed(RELATIVE, RELATIVE_VELOCITY_R="0.3")),
    "relative-vector-opposite": kvn(relative=_opposite()),
    "frame-label-doubtful": kvn(**_both("EME2000", earth_fixed=True)),
    "frames-differ": kvn(second=object_lines(2, "ITRF")),
    "designators-equal": kvn(second=changed(object_lines(2), OBJECT_DESIGNATOR="99001")),
    "object1-covariance-default": kvn(first=changed(object_lines(1), COVARIANCE_METHOD="DEFAULT")),
    "object2-covariance-zero": kvn(second=changed(object_lines(2), **_ZERO)),
    "object1-covariance-not-positive-semidefinite": kvn(first=_indefinite(1)),
    "object2-covariance-not-positive-semidefinite": kvn(second=_indefinite(2)),
    "encounter-not-computable": kvn(
        relative=[line for line in RELATIVE if not line[0].startswith("RELATIVE_")],
        first=changed(object_lines(1), Z_DOT="0", Y_DOT="0"),
    ),
    "hard-body-radius-doubtful": kvn(relative=[("COMMENT", "HBR = 12.5 [ft]", ""), *RELATIVE[1:]]),
}


@pytest.mark.parametrize("flag", FLAGS)
def test_a_doubt_is_flagged_and_the_message_is_kept(flag: str) -> None:
    row = _row(FLAGS[flag])
    assert row["quality"] == [flag]
    assert row["deviations"] == []


def test_three_correlations_that_contradict_each_other_are_indefinite_where_no_pair_is() -> None:
    # R-T 0.9, R-N 0.9, T-N -0.9 of sigmas 2, 20 and 3 m, among terms that are a bare 0
    lines = changed(object_lines(1), CT_R="36.0000", CN_R="5.4000", CN_T="-54.0000", CTDOT_R="0")
    assert _row(kvn(first=lines))["quality"] == ["object1-covariance-not-positive-semidefinite"]


def test_an_itrf_label_over_inertial_states_is_doubtful_too() -> None:
    assert _row(kvn(**_both("ITRF", earth_fixed=False)))["quality"] == ["frame-label-doubtful"]


def test_both_explanations_at_once_are_both_flagged() -> None:
    row = _row(kvn(relative=_opposite(), **_both("GCRF", earth_fixed=True)))
    assert row["quality"] == ["relative-vector-opposite", "frame-label-doubtful"]


def test_different_frames_leave_the_computed_columns_null() -> None:
    row = _row(FLAGS["frames-differ"])
    assert [name for name, value in row.items() if name.startswith("computed_") and value is not None] == []


def test_a_gcrf_state_beside_an_eme2000_state_is_computed_by_the_frame_bias() -> None:
    row = _row(kvn(second=object_lines(2, "EME2000")))
    # 23 mas at 7000 km: less than a metre, but more than the digits
    assert 0.1 < abs(row["computed_miss_distance_m"] - 58_500**0.5) < 1.0


@pytest.mark.parametrize(
    ("text", "agrees"), [("241", True), ("242", True), ("241.8", True), ("241.9", True), ("244", False), ("240", False)]
)
def test_a_miss_distance_may_be_rounded_or_cut_off(text: str, agrees: bool) -> None:
    assert ("miss-distance-disagrees" in _row(kvn(relative=changed(RELATIVE, MISS_DISTANCE=text)))["quality"]) != agrees


def test_a_tca_to_the_second_lets_the_relative_position_move_along_the_relative_velocity_only() -> None:
    whole = changed(RELATIVE, TCA="2026-03-07T08:09:10", MISS_DISTANCE="5000")
    moved = changed(whole, RELATIVE_POSITION_T="-4110.0", RELATIVE_POSITION_N="3670.0")  # half a second of it
    assert _row(kvn(relative=moved))["quality"] == []
    assert _row(kvn(relative=changed(moved, RELATIVE_POSITION_R="150.0")))["quality"] == ["relative-position-disagrees"]


@pytest.mark.parametrize(
    "period",
    [
        {"START_SCREEN_PERIOD": "2026-03-08T00:00:00"},
        {"STOP_SCREEN_PERIOD": "2026-03-07T08:09:10.122"},
    ],
    ids=["before it", "after it"],
)
def test_a_tca_outside_the_screening_period_is_a_doubt_and_loses_no_warning(period):
    assert _row(kvn(relative=changed(RELATIVE, **period)))["quality"] == ["tca-outside-screening-period"]


REFUSED = {
    "objects swapped": (kvn(first=object_lines(2), second=object_lines(1)), "OBJECT", "OBJECT2"),
    "frame": (kvn(first=object_lines(1, "TEME", earth_fixed=False)), "REF_FRAME", "TEME"),
    "probability above one": (
        kvn(relative=changed(RELATIVE, COLLISION_PROBABILITY="1.01")),
        "COLLISION_PROBABILITY",
        "1.01",
    ),
    "period backwards": (
        kvn(relative=changed(RELATIVE, STOP_SCREEN_PERIOD="2026-03-03T00:00:00")),
        "STOP_SCREEN_PERIOD",
        "2026-03-03T00:00:00",
    ),
    "observations backwards": (
        kvn(first=changed(object_lines(1), TIME_LASTOB_END="2026-03-01T00:00:00")),
        "TIME_LASTOB_END",
        "2026-03-01T00:00:00",
    ),
    "a row of the covariance in part": (
        kvn(first=[*object_lines(1), ("CDRG_R", "0", "m**3/kg"), ("CDRG_T", "0", "m**3/kg")]),
        "CDRG_N",
        "",
    ),
    "covariance term missing": (kvn(first=changed(object_lines(1), CN_T=None)), "CN_T", ""),
    "ITRF of the Moon": (
        kvn(
            first=[
                p
                for q in object_lines(1, "ITRF")
                for p in ([("ORBIT_CENTER", "MOON", "")] * (q[0] == "REF_FRAME") + [q])
            ]
        ),
        "ORBIT_CENTER",
        "MOON",
    ),
    "NaN in a state": (kvn(first=changed(object_lines(1), X="NaN")), "X", "NaN"),
    "units missing": (
        kvn(relative=[(k, t, "" if k == "MISS_DISTANCE" else u) for k, t, u in RELATIVE]),
        "MISS_DISTANCE",
        None,
    ),
    "draft keyword": (kvn(relative=[("CONJUNCTION_ID", "A_B", ""), *RELATIVE[1:]]), "CONJUNCTION_ID", "A_B"),
    "draft version": (kvn(version="2.0"), "CCSDS_CDM_VERS", "2.0"),
    "another time scale": (kvn(relative=changed(RELATIVE, TCA="2026-03-07T08:09:10.123 TAI")), "TCA", None),
    "leap second that is none": (kvn(relative=changed(RELATIVE, TCA="2026-03-07T23:59:60")), "TCA", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_standard_forbids_is_refused_with_field_value_rule_and_clause(case: str) -> None:
    data, field, value = REFUSED[case]
    refusal = _refusal(data)
    assert refusal.field == field
    assert value is None or refusal.value == value
    assert refusal.rule
    assert refusal.clause.startswith("CCSDS 508.0-B-1")
    assert refusal.line > 0
    assert refusal.data == data


def test_one_object_only_is_refused() -> None:
    assert _refusal(kvn(second=[])).clause.startswith("CCSDS 508.0-B-1")


def test_draft_keywords_are_read_behind_the_flag_with_their_place() -> None:
    first = [
        line for pair in object_lines(1) for line in ([("HBR", "3.5", "m")] * (pair[0] == "CD_AREA_OVER_MASS") + [pair])
    ]
    relative = [RELATIVE[0], ("CONJUNCTION_ID", "A_B", ""), *RELATIVE[1:]]
    row = _row(kvn(relative=relative, first=first, version="2.0"), draft=True)
    assert row["version"] == "2.0"
    assert row["draft_keywords"] == [("CONJUNCTION_ID", "A_B"), ("object1.HBR", "3.5 [m]")]
    assert row["object1_mass_kg"] == 250.0


def test_comments_of_producers_are_understood() -> None:
    relative = [
        ("COMMENT", text, "") for text in ("SCREENING_OPTION = Covariance", "HBR                        = 15.0")
    ]
    header = [("COMMENT", "=CDM_ID:519959713", ""), ("COMMENT", "MEETS EMERGENCY CRITERIA", ""), *HEADER]
    row = _row(kvn(header=header, relative=[*relative, *RELATIVE[1:]]))
    assert (row["screening_option"], row["hard_body_radius_m"]) == ("Covariance", 15.0)
    assert (row["space_track_cdm_id"], row["emergency_reportable"]) == ("519959713", True)


def test_two_hard_body_radii_that_differ_are_no_radius() -> None:
    row = _row(kvn(relative=[("COMMENT", "HBR = 1 [m]", ""), ("COMMENT", "HBR = 2 [m]", ""), *RELATIVE[1:]]))
    assert row["hard_body_radius_m"] is None
    assert row["quality"] == ["hard-body-radius-doubtful"]


@pytest.mark.parametrize("text", ["HBR = 1e999 [m]", "HBR = -1 [m]", "HBR = ", "HBR = " + "9" * 100])
def test_a_radius_that_cannot_be_one_is_doubtful_and_costs_no_message(text: str) -> None:
    row = _row(kvn(relative=[("COMMENT", text, ""), *RELATIVE[1:]]))
    assert (row["hard_body_radius_m"], row["quality"]) == (None, ["hard-body-radius-doubtful"])


@pytest.mark.parametrize("text", ["1e308", "-1e308", "1e-308", "0"])
def test_numbers_at_the_edge_of_float64_do_no_harm(text: str) -> None:
    state = dict.fromkeys(("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT"), text)
    for lines in (state, state | {"CR_R": text, "CT_R": text, "CN_N": "1e-308", "CN_T": "1.0e308"}):
        row = _row(kvn(first=changed(object_lines(1), **lines)))
        assert "encounter-not-computable" in row["quality"]
    assert "object1-covariance-not-positive-semidefinite" in row["quality"]


def test_the_flat_json_of_space_track_says_what_the_kvn_says() -> None:
    reading = read_cdm_json(json.dumps([flat_json_members(), flat_json_members()]).encode(), "flat.json")
    assert [str(refusal) for refusal in reading.refusals] == []
    flat, expected = reading.conjunctions.to_pylist()[1], _row(kvn())
    assert flat["deviations"] == ["flat-json"]
    assert flat["space_track_cdm_id"] == "424242"
    assert flat["object1_exclusion_volume_radius_m"] == 1.5
    for name in CONJUNCTION_MESSAGE_SCHEMA.names:
        if not name.endswith(("_comments", "_radius_m")) and name not in (
            "deviations",
            "payload_record",
            "space_track_cdm_id",
        ):
            assert flat[name] == expected[name], name


def _flat(**members: Any) -> bytes:
    return json.dumps([flat_json_members() | members]).encode()


def test_a_blank_in_a_flat_epoch_is_a_deviation_and_a_fraction_is_refused() -> None:
    reading = read_cdm_json(_flat(TCA="2026-03-07 08:09:10.123", TCA_FRACTION="0"), "flat.json")
    assert reading.conjunctions["tca_utc"].to_pylist() == ["2026-03-07T08:09:10.123000000"]
    assert reading.conjunctions["deviations"].to_pylist() == [["flat-json", "blank-in-epoch"]]
    reading = read_cdm_json(_flat(TCA="2026-03-07 08:09:10", TCA_FRACTION="123"), "flat.json")
    assert [refusal.field for refusal in reading.refusals] == ["TCA_FRACTION"]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"SAT1_COLOUR": "red"}, "SAT1_COLOUR"),
        ({"SAT1_X": None}, "X"),
        ({"SAT1_X": True}, "SAT1_X"),
        ({"SAT1_X_UNIT": "m"}, "X"),
        ({"SAT2_OBJECT": "OBJECT1"}, "OBJECT"),
        ({"CCSDS_CDM_VERS": None}, "CCSDS_CDM_VERS"),
    ],
)
def test_flat_json_is_judged_as_any_other_message(members: dict[str, Any], field: str) -> None:
    reading = read_cdm_json(_flat(**members), "flat.json")
    assert [refusal.field for refusal in reading.refusals] == [field]


def test_null_for_a_flat_probability_is_a_deviation() -> None:
    reading = read_cdm_json(_flat(COLLISION_PROBABILITY=None), "flat.json")
    assert reading.conjunctions["deviations"].to_pylist() == [["flat-json", "empty-collision-probability"]]


def test_equal_keys_and_broken_objects_cost_one_record_each() -> None:
    good = json.dumps(flat_json_members())
    data = f'[{good}, {{"SAT1_OBJECT": "OBJECT1", "SAT1_OBJECT": "OBJECT2"}}, {{"TCA": nul}}, {good}]'.encode()
    reading = read_cdm_json(data, "flat.json")
    assert reading.conjunctions["payload_record"].to_pylist() == [1, 4]
    assert [(refusal.record, refusal.field) for refusal in reading.refusals] == [(2, "SAT1_OBJECT"), (3, "payload")]
    assert reading.refusals[0].data == b'{"SAT1_OBJECT": "OBJECT1", "SAT1_OBJECT": "OBJECT2"}'


def test_the_real_message_agrees_within_its_digits_once_omega_cross_r_is_added() -> None:
    path = SHARED / "cdm" / "ION_SCV8_vs_STARLINK_1233.txt"
    if not path.exists():
        pytest.skip(SHARED_ABSENT)
    row = _row(path.read_bytes())
    assert (row["deviations"], row["quality"]) == ([], [])
    for axis in "rtn":
        position = row[f"computed_relative_position_{axis}_m"] - row[f"relative_position_{axis}_m"]
        velocity = row[f"computed_relative_velocity_{axis}_m_s"] - row[f"relative_velocity_{axis}_m_s"]
        assert abs(position) < 0.05
        assert abs(velocity) < 0.051
    assert (row["object1_exclusion_volume_radius_m"], row["object2_exclusion_volume_radius_m"]) == (5.0, 5.0)
    assert (row["screening_option"], row["space_track_cdm_id"]) == ("Covariance", "519959713")
    assert row["emergency_reportable"] is True


def test_the_real_and_sample_files_of_cara_are_read() -> None:
    folder = SHARED / "probability"
    if not folder.exists():
        pytest.skip(SHARED_ABSENT)
    real, samples = sorted(folder.glob("cara/*.cdm")), sorted(folder.glob("samples/*.cdm"))
    assert (len(real), len(samples)) == (14, 20)
    for path in real:
        row = _row(path.read_bytes())
        assert (row["deviations"], row["quality"]) == (["more-than-16-digits", "zero-padded-designator"], []), path.name
        assert row["hard_body_radius_m"] > 0.0
    for path in samples:
        row = _row(path.read_bytes())
        newest = path.stem.startswith(("OmitronTestCase_Test07", "OmitronTestCase_Test08"))
        assert ("relative-vector-opposite" in row["quality"]) != newest, path.name
        assert not {flag for flag in row["quality"] if flag.endswith("-disagrees")}, path.name
    assert _row((folder / "samples" / "OmitronTestCase_Test07_NonPDCovariance.cdm").read_bytes())["quality"] == [
        "object2-covariance-not-positive-semidefinite"
    ]


NIL = '<COLLISION_PROBABILITY xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>'


@pytest.mark.parametrize(
    "element", [NIL, "<COLLISION_PROBABILITY/>", "<COLLISION_PROBABILITY> </COLLISION_PROBABILITY>"]
)
def test_a_probability_that_xml_leaves_empty_or_nil_is_null(element: str) -> None:
    text = write_cdm_xml(read_cdm_kvn(kvn(), "test.cdm").conjunctions).decode()
    start, stop = text.index("<COLLISION_PROBABILITY>"), text.index("<COLLISION_PROBABILITY_METHOD>")
    reading = read_cdm_xml((text[:start] + element + text[stop:]).encode(), "test.xml")
    assert reading.refusals == []
    assert reading.conjunctions["collision_probability"].to_pylist() == [None]
    assert reading.conjunctions["deviations"].to_pylist() == [["empty-collision-probability"]]


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (read_cdm_xml, b"<cdm><header>"),
        (read_cdm_xml, b"<!DOCTYPE cdm><cdm/>"),
        (read_cdm_json, b"[1"),
        (read_cdm_kvn, b""),
    ],
)
def test_a_payload_that_is_no_message_is_one_refusal(read: Any, data: bytes) -> None:
    reading = read(data, "test")
    assert (reading.conjunctions.num_rows, len(reading.refusals)) == (0, 1)


_PARTS = st.sampled_from(
    [b"\x00", b"1e999", b"NaN", b"[", b"=", b"", b"\xff", b"COMMENT ", b"9" * 80, b"{", b'"', b"<", b"\n"]
)
_SOURCES = {
    "kvn": (read_cdm_kvn, kvn()),
    "flat": (read_cdm_json, json.dumps([flat_json_members()]).encode()),
}


@pytest.mark.parametrize("source", _SOURCES)
@settings(max_examples=100)
@given(cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), _PARTS), min_size=1, max_size=4))
def test_spoilt_messages_are_read_or_refused_and_never_break_the_reader(
    source: str, cuts: list[tuple[float, int, bytes]]
) -> None:
    read, data = _SOURCES[source]
    for place, length, part in cuts:
        start = int(place * len(data))
        data = data[:start] + part + data[start + length :]
    reading = read(data, "spoilt")
    assert reading.conjunctions.schema == CONJUNCTION_MESSAGE_SCHEMA
    assert reading.conjunctions.num_rows + len(reading.refusals) > 0
