"""Starlink's ephemeris text: read column by column, refused by line; our own text in the form of the real one."""

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.meme.read import read_meme
from schemas.timescales import parse_utc
from tests.schemas.generated_elements import DATA

START = datetime(2026, 1, 30, 23, 59, 0)
REAL_NAME = "MEME_44713_STARLINK-1007_2530142_Operational_1473471000_UNCLASSIFIED.txt"


def record(number: int) -> list[str]:
    """Four lines; the terms of the covariance count from 1, so that each is known by its place."""
    epoch = (START + timedelta(seconds=60 * number)).strftime("%Y%j%H%M%S.000")
    terms = [f"{term + 1}.{number:04d}e-07" for term in range(21)]
    state = f"{epoch} {6800 + number}.5 -12.25 0.125 -0.5 7.5 -{number}.0625"
    return [state, " ".join(terms[:7]), " ".join(terms[7:14]), " ".join(terms[14:])]


def lines_of(records: int, announced: int | None = None) -> list[str]:
    stop = START + timedelta(seconds=60 * ((announced or records) - 1))
    header = [
        "created:2026-01-31 00:10:00 UTC",
        f"ephemeris_start:{START:%Y-%m-%d %H:%M:%S} UTC ephemeris_stop:{stop:%Y-%m-%d %H:%M:%S} UTC step_size:60",
        "ephemeris_source:blend",
        "UVW",
    ]
    return [*header, *(line for number in range(records) for line in record(number))]


def meme(records: int, announced: int | None = None) -> bytes:
    """A whole payload."""
    return "\n".join([*lines_of(records, announced), ""]).encode()


def only_refusal(payload: bytes):
    reading = read_meme(payload, "test.txt")
    assert reading.ephemerides == []
    (refusal,) = reading.refusals
    return refusal


def test_states_and_covariances_are_read_by_their_place():
    reading = read_meme(meme(3), "test.txt", REAL_NAME)
    assert (reading.encoding, reading.refusals) == ("meme", [])
    ephemeris = reading.ephemerides[0]
    assert (ephemeris.message, ephemeris.originator, ephemeris.classification) == ("MEME", None, "UNCLASSIFIED")
    assert ephemeris.creation_date_tai_ns == parse_utc("2026-01-31T00:10:00")
    assert ephemeris.header_comments == ("ephemeris_source: blend",)
    (segment,) = ephemeris.segments
    assert (segment.object_name, segment.object_id) == ("STARLINK-1007", "44713")
    assert (segment.center_name, segment.ref_frame, segment.time_system) == ("EARTH", "EME2000", "UTC")
    epochs = [parse_utc(f"2026-01-{text}") for text in ("30T23:59:00", "31T00:00:00", "31T00:01:00")]
    assert segment.states["epoch_tai_ns"].to_pylist() == epochs
    assert (segment.start_tai_ns, segment.stop_tai_ns) == (epochs[0], epochs[-1])
    assert segment.states["x_km"].to_pylist() == [6800.5, 6801.5, 6802.5]
    assert segment.states["z_dot_km_s"].to_pylist() == [-0.0625, -1.0625, -2.0625]
    assert segment.states["x_ddot_km_s2"].null_count == 3
    assert segment.covariances["ref_frame"].to_pylist() == ["RTN"] * 3
    assert segment.covariances["lower_triangle"][2].as_py() == [float(f"{term}.0002e-07") for term in range(1, 22)]
    assert ephemeris.deviations == ()


def test_the_real_record_has_the_sigmas_that_its_source_states():
    path = DATA / "oem" / "starlink_meme" / "MEME_sample_1record.txt"
    if not path.exists():
        pytest.skip("/work/shared/data is absent")
    ephemeris = read_meme(path.read_bytes(), path.name).ephemerides[0]
    segment = ephemeris.segments[0]
    terms = segment.covariances["lower_triangle"][0].as_py()
    assert [round(1000.0 * math.sqrt(terms[place]), 3) for place in (0, 2, 5)] == [0.681, 0.882, 1.098]
    assert segment.states["x_km"].to_pylist() == [4244.3465367594]
    assert segment.states["epoch_tai_ns"].to_pylist() == [parse_utc("2026-09-11T01:42:42")]
    assert ephemeris.deviations == ("states-do-not-cover-span",)  # one record of 4,321


@pytest.mark.parametrize("name", ["", "ephemeris.txt", "MEME_x_y.txt", "../" + REAL_NAME, REAL_NAME + "\n"])
def test_a_file_of_another_name_says_nothing_of_the_object(name):
    ephemeris = read_meme(meme(1), "test.txt", name).ephemerides[0]
    assert (ephemeris.segments[0].object_name, ephemeris.segments[0].object_id) == ("", "")
    assert ephemeris.classification is None


def test_a_file_that_ends_early_is_read_and_said_so():
    assert read_meme(meme(2, announced=9), "test.txt").ephemerides[0].deviations == ("states-do-not-cover-span",)


def test_crlf_is_read():
    assert read_meme(meme(2).replace(b"\n", b"\r\n"), "test.txt").ephemerides[0].segments[0].states.num_rows == 2


def test_a_leap_second_is_an_instant_of_its_own():
    text = meme(1).replace(b"2026-01-30 23:59:00", b"2016-12-31 23:59:60").replace(b"2026030235900", b"2016366235960")
    epochs = read_meme(text, "test.txt").ephemerides[0].segments[0].states["epoch_tai_ns"].to_pylist()
    assert epochs == [parse_utc("2016-12-31T23:59:60")]


def with_line(number: int, old: str, new: str, records: int = 3) -> bytes:
    """A payload with one change in one line."""
    lines = lines_of(records)
    assert old in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    return "\n".join([*lines, ""]).encode()


REFUSED = {
    "created": (with_line(1, "created:", "made:"), "created", 1),
    "a date that does not exist": (with_line(1, "2026-01-31", "2026-02-31"), "created", 1),
    "no span": (with_line(2, "ephemeris_stop", "stop"), "ephemeris_start", 2),
    "no step": (with_line(2, "step_size:60", "step_size:0"), "step_size", 2),
    "a stop before the start": (with_line(2, "stop:2026-01-31", "stop:2026-01-29"), "ephemeris_stop", 2),
    "no source": (with_line(3, "ephemeris_source:blend", "blend"), "ephemeris_source", 3),
    "other axes": (with_line(4, "UVW", "XYZ"), "covariance axes", 4),
    "another step": (with_line(2, "step_size:60", "step_size:30"), "EPOCH", 9),
    "a first epoch that is not the start": (
        with_line(2, "start:2026-01-30 23:59:00", "start:2026-01-30 23:58:00"),
        "EPOCH",
        5,
    ),
    "a record after the stop": (with_line(2, "stop:2026-01-31 00:01:00", "stop:2026-01-31 00:00:30"), "EPOCH", 13),
    "an epoch twice": (with_line(9, "2026031000000.000", "2026030235900.000"), "EPOCH", 9),
    "an epoch that does not exist": (with_line(9, "2026031000000.000", "2026366000000.000"), "EPOCH", 9),
    "an epoch of another form": (with_line(9, "2026031000000.000", "2026-031T00:00.00"), "EPOCH", 9),
    "an epoch with a Z": (with_line(9, "2026031000000.000", "2026031000000.00Z"), "EPOCH", 9),
    "an epoch of another width": (with_line(9, "2026031000000.000", "2026031000000.0000"), "EPOCH", 9),
    "a number that is none": (with_line(9, "-12.25", "nan"), "Y", 9),
    "a number with an underscore": (with_line(10, "3.0001e-07", "3_0.0001e-07"), "covariance 3", 10),
    "a number too large": (with_line(16, "21.0002e-07", "1e999"), "covariance 21", 16),
    "a negative variance": (with_line(11, "10.0001e-07", "-10.0001e-07"), "covariance 10", 11),
    "six values": (with_line(7, "8.0000e-07 ", ""), "line", 7),
    "eight values": (with_line(7, "8.0000e-07 ", "8.0000e-07 1.0 "), "line", 7),
    "a blank line": (with_line(8, record(0)[3], ""), "line", 8),
    "a tab": (with_line(9, " -12.25", "\t-12.25"), "line", 9),
    "a NUL": (with_line(9, "-12.25", "-12.25\x00"), "line", 9),
    "a record cut off": ("\n".join(lines_of(3)[:-1]).encode(), "record", 15),
    "a header alone": ("\n".join(lines_of(1)[:4]).encode(), "record", 4),
    "nothing": (b"", "created", 1),
    "UTF-16": (meme(1).decode().encode("utf-16"), "created", 1),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_a_meme_is_refused_for(defect):
    payload, field, line = REFUSED[defect]
    refusal = only_refusal(payload)
    assert (refusal.field, refusal.line) == (field, line), str(refusal)
    assert refusal.rule
    assert refusal.data == payload


def test_a_payload_of_more_than_a_file_can_have_is_refused_unread():
    assert only_refusal(b"0" * (33 << 20)).field == "payload"


@given(st.binary(max_size=60), st.integers(0, 2000))
def test_noise_anywhere_never_raises(noise, at):
    payload = meme(2)
    reading = read_meme(payload[:at] + noise + payload[at:], "noise.txt")
    assert len(reading.ephemerides) + len(reading.refusals) == 1


@given(st.integers(0, 1500), st.integers(0, 300))
def test_a_payload_cut_anywhere_never_raises(begin, length):
    payload = meme(3)
    reading = read_meme(payload[:begin] + payload[begin + length :], "cut.txt")
    assert len(reading.ephemerides) + len(reading.refusals) == 1


def test_three_days_of_records_are_read_as_numpy_reads_them():
    payload = meme(4321)
    segment = read_meme(payload, "test.txt").ephemerides[0].segments[0]
    table = np.array([line.split() for line in payload.decode().splitlines()[4:]], dtype=float).reshape(4321, 28)
    states = np.column_stack([segment.states[name].to_numpy() for name in segment.states.schema.names[1:7]])
    assert np.array_equal(states, table[:, 1:7])
    assert np.array_equal(segment.covariances["lower_triangle"].flatten().to_numpy().reshape(-1, 21), table[:, 7:])
