"""OCM: trajectories and covariances read; numpy says what a matrix in each ordering is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ephemeris import Ephemeris, Interpolation
from schemas.ocm.read import read_ocm_kvn, read_ocm_xml
from schemas.refusals import Refusal
from schemas.timescales import parse_utc
from tests.schemas.ocm.payloads import STATES, block, covariance, metadata, ocm, ocm_xml, trajectory

ZERO = parse_utc("2026-03-01T00:00:00")
SECOND = 1_000_000_000
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


def only_record(payload: bytes) -> Ephemeris:
    reading = read_ocm_kvn(payload, "test.ocm")
    assert reading.refusals == []
    (ephemeris,) = reading.ephemerides
    return ephemeris


def only_refusal(payload: bytes) -> Refusal:
    reading = read_ocm_kvn(payload, "test.ocm")
    assert reading.ephemerides == []
    (refusal,) = reading.refusals
    return refusal


def test_a_trajectory_is_a_segment() -> None:
    ephemeris = only_record(
        ocm(
            trajectory(
                INTERPOLATION="HERMITE",
                INTERPOLATION_DEGREE="3",
                USEABLE_START_TIME="2026-02-28T23:59:00",
                USEABLE_STOP_TIME="0.25",
            )
        )
    )
    assert (ephemeris.message, ephemeris.version, ephemeris.originator) == ("OCM", "3.0", "TESTERS")
    assert ephemeris.creation_date_tai_ns == parse_utc("2026-03-01T13:00:00")
    (segment,) = ephemeris.segments
    assert (segment.object_name, segment.object_id) == ("TESTSAT 1", "2026-001A")
    assert (segment.center_name, segment.ref_frame, segment.time_system) == ("EARTH", "GCRF", "UTC")
    epochs = [parse_utc(line.split()[0]) for line in STATES]
    assert segment.states["epoch_tai_ns"].to_pylist() == epochs
    assert (segment.start_tai_ns, segment.stop_tai_ns) == (epochs[0], epochs[-1])
    assert segment.usable_tai_ns() == (parse_utc("2026-02-28T23:59:00"), ZERO + SECOND // 4)
    assert segment.interpolation == Interpolation("HERMITE", 3)
    assert segment.states["y_dot_km_s"].to_pylist() == [7.66, 7.64, 7.5849]
    assert segment.states["x_ddot_km_s2"].null_count == 3
    assert (ephemeris.covariances, ephemeris.left_out, ephemeris.deviations) == ((), (), ())


def test_instants_after_epoch_tzero_are_exact_in_decimals() -> None:
    lines = ("-60.5 1 2 3 4 5 6", "0 1 2 3 4 5 6", "86400.1 1 2 3 4 5 6", "86400.100000001 1 2 3 4 5 6")
    (segment,) = only_record(ocm(trajectory(lines))).segments
    offsets = [-60_500_000_000, 0, 86_400_100_000_000, 86_400_100_000_001]
    assert segment.states["epoch_tai_ns"].to_pylist() == [ZERO + offset for offset in offsets]


def test_relative_instants_count_si_seconds_across_a_leap_second() -> None:
    payload = ocm(
        trajectory(("0 1 2 3 4 5 6", "86401 1 2 3 4 5 6")),
        meta=metadata(EPOCH_TZERO="2016-12-31T00:00:00"),
    )
    (segment,) = only_record(payload).segments
    assert segment.states["epoch_tai_ns"].to_pylist()[1] == parse_utc("2017-01-01T00:00:00")


def test_epoch_tzero_is_in_the_time_system_of_the_message() -> None:
    (segment,) = only_record(ocm(trajectory(("0 1 2 3 4 5 6",)), meta=metadata(TIME_SYSTEM="TAI"))).segments
    assert segment.start_tai_ns == ZERO - 37 * SECOND  # TAI - UTC since 2017


def test_xml_says_the_same_as_kvn() -> None:
    lines = [f"{line.split()[0]} {' '.join(map(str, range(21)))}" for line in STATES]
    reading = read_ocm_xml(ocm_xml(STATES, lines), "test.xml")
    assert (reading.encoding, reading.refusals) == ("ocm-xml", [])
    assert reading.ephemerides == [only_record(ocm(trajectory(), covariance(lines)))]


@pytest.mark.parametrize("ordering", ["LTM", "UTM", "FULL", "LTMWCC", "UTMWCC"])
@given(st.lists(NUMBERS, min_size=36, max_size=36))
def test_each_ordering_gives_the_lower_triangle_row_by_row(ordering: str, numbers: list[float]) -> None:
    given_matrix = np.array(numbers).reshape(6, 6)
    if ordering == "FULL":
        given_matrix = (given_matrix + given_matrix.T) / 2
    lower, upper = np.tril_indices(6), np.triu_indices(6)
    written = {"LTM": given_matrix[lower], "UTM": given_matrix[upper]}.get(ordering, given_matrix.reshape(-1))
    expected = (given_matrix.T if ordering.startswith("UTM") else given_matrix)[lower]
    line = " ".join(map(repr, ["0.0", *written.tolist()])).replace("'", "")
    (batch,) = only_record(ocm(trajectory(), covariance([line], COV_ORDERING=ordering))).covariances
    assert batch["epoch_tai_ns"].to_pylist() == [ZERO]
    assert batch["ref_frame"].to_pylist() == ["RTN"]
    assert batch["lower_triangle"].to_pylist() == [expected.tolist()]


@pytest.mark.parametrize(("ordering", "terms"), [("LTM", 20), ("UTM", 36), ("FULL", 21), ("LTMWCC", 35)])
def test_a_matrix_of_another_size_is_refused(ordering: str, terms: int) -> None:
    refusal = only_refusal(ocm(covariance([" ".join(["0.0"] * (terms + 1))], COV_ORDERING=ordering)))
    assert (refusal.field, refusal.line) == ("covLine", 14)
    assert f"{21 if ordering in ('LTM', 'UTM') else 36} values" in refusal.rule


def test_accelerations_are_read_where_the_type_has_them() -> None:
    lines = [f"{line} 0.001 -0.002 1.0E-5" for line in STATES]
    for kind, deviations in (("CARTPVA", ()), ("CARTPV", ("accelerations-with-cartpv",))):
        ephemeris = only_record(ocm(trajectory(lines, TRAJ_TYPE=kind)))
        assert ephemeris.segments[0].states["y_ddot_km_s2"].to_pylist() == [-0.002] * 3
        assert ephemeris.deviations == deviations


def test_what_has_no_place_in_the_record_is_named() -> None:
    positions = [" ".join(line.split()[:4]) for line in STATES]
    ephemeris = only_record(
        ocm(
            trajectory(positions, TRAJ_TYPE="CARTP"),
            trajectory(["0.0 7000 0.001 98 10 20 30"], TRAJ_TYPE="KEPLERIAN"),
            trajectory(TRAJ_UNITS="[m, m, m, m/s, m/s, m/s]"),
            trajectory(),
            block("PHYS", {"WET_MASS": "100.0 [kg]"}),
            covariance(["0.0 1.0 2.0"], COV_TYPE="ADBARV"),
            covariance([f"0.0 {' '.join(['1.0'] * 21)}"], COV_UNITS="[m, m, m, m/s, m/s, m/s]"),
        )
    )
    assert len(ephemeris.segments) == 1
    left_out = ("traj CARTP", "traj KEPLERIAN", "traj CARTPV", "phys", "cov ADBARV", "cov CARTPV")
    assert ephemeris.left_out == left_out
    assert ephemeris.covariances == ()


@pytest.mark.parametrize("missing", ["TIME_SYSTEM", "EPOCH_TZERO"])
def test_a_message_without_its_clock_is_refused(missing: str) -> None:
    assert only_refusal(ocm(trajectory(), meta=metadata(**{missing: None}))).field == missing


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        ("2026-03-01T00:00:00.5 1 2 3 4 5 6", "trajLine", "instants rise"),
        ("2026-03-01T00:00:01 1 2 3 4 5", "trajLine", "6 values"),
        ("2026-03-01T00:00:01 1 2 3 4 5 nan", "trajLine", "a decimal number"),
        ("2026-03-01T00:00:01 1 2 3 4 5 1_5.0", "trajLine", "a decimal number"),
        ("2026-03-01T00:00:01 1 2 3 4 5 1e999", "trajLine", "float64"),
        ("2026-02-30T00:00:01 1 2 3 4 5 6", "trajLine", "day"),
        ("1e11 1 2 3 4 5 6", "trajLine", "EPOCH_TZERO"),
        ("1e99999 1 2 3 4 5 6", "trajLine", "float64"),
    ],
)
def test_a_data_line_that_breaks_a_rule_is_refused_by_its_line(line: str, field: str, rule: str) -> None:
    payload = ocm(trajectory([*STATES, line]))
    refusal = only_refusal(payload)
    place = payload.decode().splitlines().index(line) + 1
    assert (refusal.record, refusal.line, refusal.field) == (1, place, field)
    assert rule in refusal.rule


def test_a_message_after_a_refused_one_is_read() -> None:
    reading = read_ocm_kvn(ocm(trajectory([*STATES, STATES[0]])) + ocm(trajectory()), "test.ocm")
    assert [refusal.record for refusal in reading.refusals] == [1]
    assert [ephemeris.record for ephemeris in reading.ephemerides] == [2]
