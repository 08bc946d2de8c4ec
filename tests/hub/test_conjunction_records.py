"""From what screening found to records: against the result itself, and against the sgp4 library."""

import numpy as np
import pyarrow as pa
import pytest

from conjunction.catalogue import Catalogue
from conjunction.screening import ScreeningResult, screen
from schemas.records import CONJUNCTION_SCHEMA
from schemas.timescales import NS_PER_SECOND
from ssa_hub.services.conjunction_records import METHOD, conjunction_records, without_repeated_edges
from tests.conjunction.orbit_oracle import all_minima, satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS
from tests.history.examples import elements
from tests.hub.orbits import MEETING_MIN, THRESHOLD_KM, meeting

ELEMENTS = elements(*meeting(object_name="named"))
HOUR_S = 3600.0


def screened(start_s: float = 0.0, duration_s: float = HOUR_S) -> ScreeningResult:
    return screen(
        Catalogue.from_elements(ELEMENTS),
        start_tai_ns=EPOCH_TAI_NS + round(start_s * NS_PER_SECOND),
        duration_s=duration_s,
        threshold_km=THRESHOLD_KM,
    )


def records(result: ScreeningResult) -> list[dict[str, object]]:
    table = conjunction_records(result.conjunctions, ELEMENTS, data_mode="TEST", received_tai_ns=77)
    assert table.schema.equals(CONJUNCTION_SCHEMA)
    found: list[dict[str, object]] = table.to_pylist()
    return found


def test_a_record_says_what_screening_found_and_whose_orbits_they_were() -> None:
    result = screened()
    (record,) = records(result)
    (found,) = result.conjunctions.to_pylist()
    assert {name: record[name] for name in found if not name.startswith("index")} == {
        name: value for name, value in found.items() if not name.startswith("index")
    }
    assert (record["object_id_1"], record["object_id_2"]) == ("cat-1", "cat-2")
    assert (record["catalogue_number_1"], record["catalogue_number_2"]) == (1, 2)
    assert (record["object_name_1"], record["object_name_2"]) == ("named", "named")
    assert (record["parent_1"], record["parent_2"]) == ("one", "two")
    assert record["parent_originator_1"] == record["parent_originator_2"] == "alpha"
    assert record["parent_label_id_1"] == ELEMENTS.column("label_id")[0].as_py()
    assert (record["source"], record["originator"], record["data_mode"]) == ("SSA-HUB", "SSA-HUB", "TEST")
    assert record["received_tai_ns"] == 77
    assert record["method"] == METHOD
    assert "not advice to manoeuvre" in METHOD


def test_a_record_agrees_with_the_sgp4_library() -> None:
    (record,) = records(screened())
    one, two = satellites_of(ELEMENTS)
    (minimum,) = all_minima([one, two], np.zeros(2), HOUR_S, THRESHOLD_KM)
    tca_s = (record["tca_tai_ns"] - EPOCH_TAI_NS) / NS_PER_SECOND  # type: ignore[operator]
    assert tca_s == pytest.approx(minimum.tca_s, abs=minimum.tolerance_s)
    assert abs(tca_s / 60.0 - MEETING_MIN) < 1.0
    assert record["miss_distance_m"] == pytest.approx(minimum.miss_km * 1e3, abs=1.0)
    states = [satellite.sgp4_tsince(tca_s / 60.0) for satellite in (one, two)]
    (position_1, velocity_1), (position_2, velocity_2) = (
        (np.array(position), np.array(velocity)) for _, position, velocity in states
    )
    radial = position_1 / np.linalg.norm(position_1)
    normal = np.cross(position_1, velocity_1) / np.linalg.norm(np.cross(position_1, velocity_1))
    axes = np.array([radial, np.cross(normal, radial), normal])
    position_m, velocity_m_s = axes @ (position_2 - position_1) * 1e3, axes @ (velocity_2 - velocity_1) * 1e3
    for axis, position, velocity in zip("rtn", position_m, velocity_m_s, strict=True):
        assert record[f"relative_position_{axis}_m"] == pytest.approx(position, abs=1.0)
        assert record[f"relative_velocity_{axis}_m_s"] == pytest.approx(velocity, abs=1e-2)
    assert record["relative_speed_m_s"] == pytest.approx(np.linalg.norm(velocity_m_s), abs=1e-2)


def test_an_approach_found_again_in_a_shifted_window_is_the_same_record() -> None:
    ids = {records(screened(start_s, HOUR_S))[0]["record_id"] for start_s in (0.0, 7.3, 601.234567)}
    assert len(ids) == 1


def test_other_orbits_of_the_same_objects_make_another_record() -> None:
    again = elements(*meeting(prefix="later "))
    result = screened()
    other = conjunction_records(result.conjunctions, again, data_mode="TEST", received_tai_ns=77)
    assert other.column("record_id")[0].as_py() != records(result)[0]["record_id"]


def test_an_approach_that_a_window_cuts_is_left_out_only_at_the_start_of_a_covered_window() -> None:
    (whole,) = screened().conjunctions.column("tca_tai_ns").to_pylist()
    after_s = (whole - EPOCH_TAI_NS) / NS_PER_SECOND + 0.5
    late = screened(after_s, 600.0)
    start_tai_ns = EPOCH_TAI_NS + round(after_s * NS_PER_SECOND)
    (at_edge,) = late.conjunctions.to_pylist()
    assert (at_edge["at_window_edge"], at_edge["tca_tai_ns"]) == (True, start_tai_ns)
    told, one_is_new = pa.array([True, True]), pa.array([True, False])
    assert without_repeated_edges(late.conjunctions, told, start_tai_ns=start_tai_ns).num_rows == 0
    assert without_repeated_edges(late.conjunctions, one_is_new, start_tai_ns=start_tai_ns).num_rows == 1
    early = screened(0.0, after_s - 1.0)
    assert [row["at_window_edge"] for row in early.conjunctions.to_pylist()] == [True]
    assert without_repeated_edges(early.conjunctions, told, start_tai_ns=EPOCH_TAI_NS).equals(early.conjunctions)
    assert without_repeated_edges(screened().conjunctions, told, start_tai_ns=EPOCH_TAI_NS).num_rows == 1


def test_nothing_found_makes_no_records() -> None:
    assert records(screened(0.0, 60.0)) == []
