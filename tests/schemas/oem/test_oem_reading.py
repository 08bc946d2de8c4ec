"""OEM payloads, good and bad: what is read, with which deviation, and what is refused, where and why."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.oem.read import read_oem_kvn, read_oem_xml
from schemas.oem.rules import Interpolation, nodes_needed
from schemas.timescales import parse_utc
from tests.schemas.oem.payloads import BOOKS, OEM_DATA, STATES, TRIANGLE, matrix, metadata, oem, shared

COVARIANCE = ["COVARIANCE_START", *matrix(), "COVARIANCE_STOP"]
LATER = metadata(START_TIME="2024-02-29T00:01:00.5", STOP_TIME="2024-02-29T00:03:00.5")
LATER_STATES = (STATES[3], "2024-02-29T00:03:00.5 6500.0 1500.0 -60.0 -1.6 7.4 -0.24")
XML_STATE = (
    "<stateVector><EPOCH>{}</EPOCH><X>{}</X><Y>{}</Y><Z>{}</Z><X_DOT>{}</X_DOT><Y_DOT>{}</Y_DOT><Z_DOT>{}</Z_DOT>"
    "</stateVector>"
)


def xml(states: tuple[str, ...] = STATES, extra: str = "", version: str = "3.0", **changes: str | None) -> bytes:
    """The same OEM in XML; ``extra`` stands after the states."""
    texts = [line.split(" = ") for line in metadata(**changes)[1:-1]]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<oem id="CCSDS_OEM_VERS" version="{version}">\n<header>'
        "<CREATION_DATE>2024-03-01T12:00:00</CREATION_DATE><ORIGINATOR>TESTERS</ORIGINATOR></header>\n<body><segment>"
        f"<metadata>{''.join(f'<{key}>{text}</{key}>' for key, text in texts)}</metadata>\n<data>\n"
        + "\n".join(XML_STATE.format(*line.split()) for line in states)
        + f"{extra}</data></segment></body></oem>\n"
    ).encode()


def only_refusal(payload: bytes):
    """The one refusal of a KVN payload that has nothing else."""
    reading = read_oem_kvn(payload, "test.oem")
    assert reading.ephemerides == []
    (refusal,) = reading.refusals
    return refusal


def only_segment(payload: bytes):
    reading = read_oem_kvn(payload, "test.oem")
    assert reading.refusals == []
    return reading.ephemerides[0].segments[0]


def test_all_that_an_oem_says_is_in_the_record():
    payload = oem(
        ["MESSAGE_ID = OEM 7"],
        ["META_START", "COMMENT of the metadata", *metadata(USEABLE_START_TIME="2024-02-28T23:59:00.5")[1:]],
        ["COMMENT of the data", "COMMENT second line", ""],
        STATES,
        ["COVARIANCE_START", "COMMENT of the covariance", *matrix(), *matrix("2024-02-29T00:00:00", "RTN")],
        ["COVARIANCE_STOP"],
        header=("COMMENT of the header", "CLASSIFICATION = for tests only"),
    )
    reading = read_oem_kvn(payload, "test.oem")
    assert reading.encoding == "oem-kvn"
    assert reading.refusals == []
    (ephemeris,) = reading.ephemerides
    assert (ephemeris.message, ephemeris.version, ephemeris.originator) == ("OEM", "3.0", "TESTERS")
    assert (ephemeris.message_id, ephemeris.classification) == ("OEM 7", "for tests only")
    assert ephemeris.creation_date_tai_ns == parse_utc("2024-03-01T12:00:00")
    assert ephemeris.header_comments == ("of the header",)
    assert ephemeris.deviations == ()
    (segment,) = ephemeris.segments
    assert (segment.object_name, segment.object_id) == ("TESTSAT 1", "2024-001A")
    assert (segment.center_name, segment.ref_frame, segment.time_system) == ("EARTH", "EME2000", "UTC")
    assert segment.usable_tai_ns() == (parse_utc("2024-02-28T23:59:00.5"), parse_utc("2024-02-29T00:01:00.5"))
    assert segment.interpolation == Interpolation("HERMITE", 3)
    assert segment.metadata_comments == ("of the metadata",)
    assert segment.data_comments == ("of the data", "second line")
    assert segment.covariance_comments == ("of the covariance",)
    assert segment.states["y_dot_km_s"].to_pylist() == [7.66, 7.64, 7.5849, 7.487]
    assert segment.states["x_ddot_km_s2"].null_count == 4
    assert segment.covariances["ref_frame"].to_pylist() == ["EME2000", "RTN"]
    assert segment.covariances["lower_triangle"][1].as_py() == [float(t) for row in TRIANGLE for t in row.split()]


def test_xml_says_the_same_as_kvn():
    ephemeris = read_oem_xml(xml(), "test.xml").ephemerides[0]
    expected = read_oem_kvn(oem(metadata(), STATES), "test.oem").ephemerides[0]
    assert ephemeris.segments[0].states.equals(expected.segments[0].states)
    assert ephemeris.segments[0].interpolation == expected.segments[0].interpolation
    assert ephemeris.creation_date_tai_ns == expected.creation_date_tai_ns


def test_a_covariance_without_a_frame_is_in_the_frame_of_the_states_whatever_the_one_before_had():
    blocks = ["COVARIANCE_START", *matrix(frame="TNW"), *matrix("2024-02-29T00:00:00"), "COVARIANCE_STOP"]
    segment = only_segment(oem(metadata(), STATES, blocks))
    assert segment.covariances["ref_frame"].to_pylist() == ["TNW", "EME2000"]


def test_segments_may_share_an_end_point_and_repeat_states_outside_the_usable_spans():
    reading = read_oem_kvn(oem(metadata(), STATES, LATER, LATER_STATES), "test.oem")
    assert reading.refusals == []
    assert [segment.states.num_rows for segment in reading.ephemerides[0].segments] == [4, 2]
    first = metadata(USEABLE_STOP_TIME="2024-02-29T00:00:00.5")
    again = metadata(USEABLE_START_TIME="2024-02-29T00:00:00.5")
    assert read_oem_kvn(oem(first, STATES, again, STATES), "test.oem").refusals == []


def test_several_messages_of_one_payload_are_read_and_refused_one_by_one():
    bad = oem(metadata(TIME_SYSTEM="MRT"), STATES)
    reading = read_oem_kvn(oem(metadata(), STATES) + bad + oem(metadata(), STATES), "test.oem")
    assert [ephemeris.record for ephemeris in reading.ephemerides] == [1, 3]
    assert [(refusal.record, refusal.field) for refusal in reading.refusals] == [(2, "TIME_SYSTEM")]
    assert reading.refusals[0].data == bad


def test_accelerations_are_read():
    states = [f"{line} 1e-6 -2e-6 0.0" for line in STATES]
    assert only_segment(oem(metadata(), states)).states["y_ddot_km_s2"].to_pylist() == [-2e-6] * 4


SWAPPED = (STATES[0], STATES[2], STATES[1], STATES[3])
REFUSED = {
    "epochs that fall": (oem(metadata(), SWAPPED), "EPOCH", 17, "epochs rise"),
    "an epoch given twice": (oem(metadata(), (*STATES[:2], STATES[1])), "EPOCH", 17, "epochs rise"),
    "a state before the start": (
        oem(metadata(START_TIME="2024-02-28T23:58:01"), STATES), "EPOCH", 15, "not before START_TIME",
    ),
    "a state after the stop": (
        oem(metadata(STOP_TIME="2024-02-29T00:00:59"), STATES), "EPOCH", 18, "not after STOP_TIME",
    ),
    "a stop before the start": (oem(metadata(STOP_TIME="2024-02-28T23:57:00"), STATES), "STOP_TIME", 11, "not before"),
    "a usable start before the start": (
        oem(metadata(USEABLE_START_TIME="2024-02-28T23:00:00"), STATES), "USEABLE_START_TIME", 11, "from START_TIME",
    ),
    "a usable stop after the stop": (
        oem(metadata(USEABLE_STOP_TIME="2024-02-29T01:00:00"), STATES), "USEABLE_STOP_TIME", 11, "from START_TIME",
    ),
    "usable times out of order": (
        oem(
            metadata(USEABLE_START_TIME="2024-02-29T00:00:30", USEABLE_STOP_TIME="2024-02-29T00:00:00"), STATES,
        ), "USEABLE_STOP_TIME", 12, "not before USEABLE_START_TIME",
    ),
    "no state in the usable span": (
        oem(metadata(USEABLE_START_TIME="2024-02-29T00:00:45"), STATES[:3]), "USEABLE_START_TIME", 11, "none of the",
    ),
    "an interpolation without a degree": (
        oem(metadata(INTERPOLATION_DEGREE=None), STATES), "INTERPOLATION_DEGREE", 12, "with INTERPOLATION",
    ),
    "a degree without an interpolation": (
        oem(metadata(INTERPOLATION=None), STATES), "INTERPOLATION_DEGREE", 12, "only with INTERPOLATION",
    ),
    "a degree that is no integer": (
        oem(metadata(INTERPOLATION_DEGREE="7.1"), STATES), "INTERPOLATION_DEGREE", 13, "whole number",
    ),
    "a degree of 0": (oem(metadata(INTERPOLATION_DEGREE="0"), STATES), "INTERPOLATION_DEGREE", 13, "1 or more"),
    "a frame of an epoch without one": (
        oem(metadata(REF_FRAME="TEMEOFEPOCH"), STATES), "REF_FRAME_EPOCH", 4, "must be there",
    ),
    "a second object": (oem(metadata(), STATES, metadata(OBJECT_ID="2024-002A"), STATES), "OBJECT_ID", 21, "single"),
    "a second time system": (
        oem(metadata(), STATES, [line.replace("UTC", "TAI") for line in LATER], LATER_STATES),
        "TIME_SYSTEM", 24, "the same in all",
    ),
    "usable spans that overlap": (oem(metadata(), STATES, metadata(), STATES), "START_TIME", 25, "usable span"),
    "no data lines": (oem(metadata()), "stateVector", 13, "must be there"),
    "six values": (oem(metadata(), (STATES[0].rpartition(" ")[0],)), "data line", 15, "6 or 9 numbers"),
    "columns that change": (oem(metadata(), (STATES[0], STATES[1] + " 1.0 1.0 1.0")), "data line", 16, "10 values"),
    "a comment among the data": (oem(metadata(), (STATES[0], "COMMENT x", STATES[1])), "COMMENT", 16, "data lines"),
    "accelerations in 1.0": (
        oem(metadata(), [f"{line} 0.0 0.0 0.0" for line in STATES], version="1.0"), "X_DDOT", 15, "no accelerations",
    ),
    "a covariance in 1.0": (oem(metadata(), STATES, COVARIANCE, version="1.0"), "EPOCH", 20, "from version 2.0 on"),
    "a message id in 2.0": (oem(["MESSAGE_ID = x"], metadata(), STATES, version="2.0"), "MESSAGE_ID", 4, "version 3.0"),
    "a version that is none": (oem(metadata(), STATES, version="4.0"), "CCSDS_OEM_VERS", 1, "one of 1.0, 2.0, 3.0"),
    "covariances out of order": (
        oem(metadata(), STATES, [*COVARIANCE[:-1], *matrix("2024-02-28T23:58:30"), "COVARIANCE_STOP"]),
        "EPOCH", 27, "order of their epochs",
    ),
    "two covariances of one epoch": (
        oem(metadata(), STATES, [*COVARIANCE[:-1], *matrix(), "COVARIANCE_STOP"]), "EPOCH", 27, "order of their epochs",
    ),
    "a negative variance": (
        oem(metadata(), STATES, ["COVARIANCE_START", *matrix(rows=("-1.0e-4", *TRIANGLE[1:])), "COVARIANCE_STOP"]),
        "CX_X", 21, "not negative",
    ),
    "a triangle with a short row": (
        oem(
            metadata(), STATES,
            ["COVARIANCE_START", *matrix(rows=(*TRIANGLE[:4], "1", TRIANGLE[5])), "COVARIANCE_STOP"],
        ),
        "covariance line", 25, "line 5 of a matrix has 5 numbers",
    ),
    "a triangle of five rows": (
        oem(metadata(), STATES, ["COVARIANCE_START", *matrix(rows=TRIANGLE[:5]), "COVARIANCE_STOP"]),
        "covariance line", 19, "6 lines, not 5",
    ),
    "a covariance without an epoch": (
        oem(metadata(), STATES, ["COVARIANCE_START", *TRIANGLE, "COVARIANCE_STOP"]), "EPOCH", 19, "must be there",
    ),
}  # fmt: skip


@pytest.mark.parametrize("defect", REFUSED)
def test_an_oem_is_refused_for(defect):
    payload, field, line, rule = REFUSED[defect]
    refusal = only_refusal(payload)
    assert (refusal.field, refusal.line) == (field, line), str(refusal)
    assert rule in refusal.rule
    assert refusal.clause.startswith("CCSDS 502.0-B-")
    assert refusal.data == payload


def test_a_covariance_term_that_is_no_number_is_refused():
    rows = (TRIANGLE[0], "2.0e-5 1e999", *TRIANGLE[2:])
    refusal = only_refusal(oem(metadata(), STATES, ["COVARIANCE_START", *matrix(rows=rows), "COVARIANCE_STOP"]))
    assert (refusal.field, refusal.value, refusal.line) == ("CY_Y", "1e999", 22)


@pytest.mark.parametrize("time_system", ["MET", "MRT", "SCLK", "GMST", "TCB", "TCG", "ABCD"])
def test_a_time_system_without_instants_is_refused(time_system):
    refusal = only_refusal(oem(metadata(TIME_SYSTEM=time_system), STATES))
    assert (refusal.field, refusal.value, refusal.line) == ("TIME_SYSTEM", time_system, 9)


@pytest.mark.parametrize("time_system", ["UTC", "TAI", "TT", "GPS", "UT1", "TDB", "utc"])
def test_the_time_systems_that_have_instants_are_read(time_system):
    assert only_segment(oem(metadata(TIME_SYSTEM=time_system), STATES)).time_system == time_system


@pytest.mark.parametrize(
    ("payload", "deviation"),
    [
        (oem(metadata(INTERPOLATION_DEGREE="7"), STATES[:3]), "too-few-states-for-interpolation"),
        (oem(metadata(INTERPOLATION="LAGRANGE", INTERPOLATION_DEGREE="4"), STATES), "too-few-states-for-interpolation"),
        (oem(metadata(STOP_TIME="2024-03-01T00:00:00"), STATES), "states-do-not-cover-span"),
        (
            oem(metadata(), STATES, [line.replace("23:59:00", "23:00:00") for line in COVARIANCE]),
            "covariance-outside-span",
        ),
        (oem(metadata(), (*STATES[:3], STATES[3].replace("6625.75", "6625."))), "bare-decimal-point"),
        (oem(metadata(INTERPOLATION="Hermite"), STATES), "mixed-case-value"),
    ],
)
def test_a_known_deviation_is_read_by_name(payload, deviation):
    reading = read_oem_kvn(payload, "test.oem")
    assert reading.refusals == []
    assert deviation in reading.ephemerides[0].deviations


def test_what_a_hermite_and_a_lagrange_polynomial_need():
    assert nodes_needed(Interpolation("HERMITE", 7)) == 4
    assert nodes_needed(Interpolation("LAGRANGE", 7)) == 8
    assert nodes_needed(Interpolation("LINEAR", 1)) == 2


def test_mars_is_read_as_it_stands():
    segment = only_segment(oem(metadata(CENTER_NAME="MARS BARYCENTER"), STATES))
    assert segment.center_name == "MARS BARYCENTER"


def test_xml_with_accelerations_in_some_states_is_refused():
    some = xml().replace(
        b"</Z_DOT></stateVector>", b"</Z_DOT><X_DDOT>0</X_DDOT><Y_DDOT>0</Y_DDOT><Z_DDOT>0</Z_DDOT></stateVector>", 1
    )
    (refusal,) = read_oem_xml(some, "test.xml").refusals
    assert "all or none" in refusal.rule


def test_xml_refuses_a_number_with_its_element_and_line():
    (refusal,) = read_oem_xml(xml().replace(b"<Y>459.4</Y>", b"<Y>4_59.4</Y>"), "test.xml").refusals
    assert (refusal.field, refusal.value) == ("Y", "4_59.4")
    assert refusal.line == 7


@given(st.binary(max_size=300))
def test_noise_among_the_data_lines_never_raises(noise):
    payload = oem(metadata(), STATES)
    middle = payload.index(b"6760")
    reading = read_oem_kvn(payload[:middle] + noise + payload[middle:], "noise.oem")
    assert len(reading.ephemerides) + len(reading.refusals) >= 1


@given(st.integers(0, 900), st.integers(0, 40))
def test_a_payload_cut_anywhere_never_raises(begin, length):
    payload = oem(metadata(), STATES, COVARIANCE)
    for data, read in ((payload, read_oem_kvn), (xml(), read_oem_xml)):
        reading = read(data[:begin] + data[begin + length :], "cut.oem")
        assert len(reading.ephemerides) + len(reading.refusals) >= 1


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix in (".xz", ".lzma"):
        return lzma.decompress(data)
    return {".gz": gzip.decompress, ".bz2": bz2.decompress}.get(path.suffix, lambda same: same)(data)


def read_any(path: Path):
    data = unpacked(path)
    return (read_oem_xml if data.lstrip().startswith(b"<") else read_oem_kvn)(data, path.name)


def test_every_shared_oem_is_read_or_refused_as_its_folder_says():
    if not shared(OEM_DATA):
        pytest.skip("/work/shared/data is absent")
    paths = [path for path in sorted(OEM_DATA.glob("v*/*valid/*")) if path.suffix != ".skip"]
    assert len(paths) >= 45
    for path in paths:
        reading = read_any(path)
        # A time system that nobody knows is called valid there; it has no instants, so it is refused here.
        unknown_time = b"<TIME_SYSTEM>ABCD<" in unpacked(path)
        is_read = path.parent.name == "valid" and not unknown_time
        assert len(reading.ephemerides) == is_read, (path, reading.refusals)
        assert len(reading.refusals) == (not is_read), path
        if unknown_time:
            assert reading.refusals[0].field == "TIME_SYSTEM"


@pytest.mark.parametrize("name", ["v2_0/invalid/sample02.skip", "v2_0/invalid/sample03.skip"])
def test_the_two_that_their_own_project_does_not_judge_are_refused(name):
    if not shared(OEM_DATA):
        pytest.skip("/work/shared/data is absent")
    assert len(read_any(OEM_DATA / name).refusals) == 1


@pytest.mark.parametrize("name", ["LEO_60s", "LEO_10s", "GEO_60s", "GEO_20s"])
def test_the_interpolation_files_are_read_as_numpy_reads_them(name):
    path = OEM_DATA / "interpolation" / f"{name}.oem"
    if not shared(path):
        pytest.skip("/work/shared/data is absent")
    states = read_any(path).ephemerides[0].segments[0].states
    rows = [line.split() for line in path.read_text().splitlines() if line[:4] == "2020"]
    for column, field in enumerate(states.schema.names[1:7], start=1):
        assert np.array_equal(states[field].to_numpy(), np.array([float(row[column]) for row in rows]))
    assert states["epoch_tai_ns"].to_pylist() == [parse_utc(row[0]) for row in rows]


def test_the_worked_examples_of_the_book_are_read():
    if not shared(BOOKS):
        pytest.skip("/work/shared/data is absent")
    paths = [*sorted((BOOKS / "kvn").glob("oem_*")), *sorted((BOOKS / "xml").glob("oem_*"))]
    assert len(paths) == 4
    for path in paths:
        reading = read_any(path)
        assert reading.refusals == [], path
    assert reading.ephemerides[0].deviations == ("covariance-outside-span",)  # figure G-14
