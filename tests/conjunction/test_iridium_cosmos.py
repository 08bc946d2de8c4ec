"""The collision of Iridium 33 (24946) with Cosmos 2251 (22675), 2009-02-10 16:56 UTC, from the element sets before it.

The last ones before it, of 2009-02-09, are in Space-Track's GP history of the two objects, and reproduced in many
public analyses of the collision. Their checksums hold, and they are the right ones: Bennett, Sang, Zhang and Smith,
"A re-analysis of the 2009 Iridium-Cosmos predicted miss distance using two-line element derived orbits" (RMIT; ISBN
9780977574063) state 698.72 m at 16:55:59.80 for SGP4. (SOCRATES' 584 m were from older sets.) 11.7 km/s is the closing
speed that was reported then.
"""

import numpy as np
import pyarrow as pa
import pytest
from sgp4.api import Satrec, jday

from conjunction.catalogue import Catalogue
from conjunction.screening import screen
from schemas.timescales import parse_utc
from schemas.tle.read import read_tle
from tests.conjunction.agreement import GRAZING_KM, assert_the_same
from tests.conjunction.orbit_oracle import all_minima
from tests.conjunction.populations import all_regimes, table_of

IRIDIUM_33 = (
    "1 24946U 97051C   09040.78448243  .00000153  00000-0  47668-4 0  4775",
    "2 24946  86.3994 121.7028 0002288  85.1644 274.9812 14.34219863597336",
)
COSMOS_2251 = (
    "1 22675U 93036A   09040.49834364 -.00000001  00000-0  95251-5 0  7411",
    "2 22675  74.0355  19.4646 0016027  98.7014 261.5952 14.31135643817415",
)
START_UTC = "2009-02-10T00:00:00"
DURATION_S = 86_400.0
THRESHOLD_KM = 5.0


def satellites() -> list[Satrec]:
    return [Satrec.twoline2rv(*IRIDIUM_33), Satrec.twoline2rv(*COSMOS_2251)]


def read_elements() -> pa.Table:
    text = "\n".join((*IRIDIUM_33, *COSMOS_2251)) + "\n"
    return pa.Table.from_batches([read_tle(text.encode(), "iridium-cosmos.tle").elements])


def screened(elements: pa.Table, duration_s: float) -> pa.Table:
    result = screen(
        Catalogue.from_elements(elements),
        start_tai_ns=parse_utc(START_UTC),
        duration_s=duration_s,
        threshold_km=THRESHOLD_KM,
    )
    assert result.left_out.num_rows == 0
    return result.conjunctions


def range_by_the_library_km(seconds_after_1656: np.ndarray) -> np.ndarray:
    jd, fraction = jday(2009, 2, 10, 16, 56, 0.0)
    at = np.full(len(seconds_after_1656), jd), fraction + seconds_after_1656 / 86_400.0
    states = [satellite.sgp4_array(*at) for satellite in satellites()]
    assert not any(code.any() for code, _, _ in states)
    return np.asarray(np.linalg.norm(states[1][1] - states[0][1], axis=1))


@pytest.mark.parametrize("line", [*IRIDIUM_33, *COSMOS_2251])
def test_the_element_sets_are_whole(line: str) -> None:
    assert int(line[68]) == sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10


def test_the_collision_is_found_where_the_sgp4_library_has_it() -> None:
    rows = screened(read_elements(), DURATION_S).to_pylist()
    row = min(rows, key=lambda r: r["miss_distance_m"])
    # a parabola through the squared range, which has no other shape within 10 ms of a fly-by
    seconds = np.arange(-3.0, 3.0, 0.001)
    lowest = seconds[np.argmin(range_by_the_library_km(seconds))]
    around = lowest + np.array([-0.01, 0.0, 0.01])
    before, here, after = range_by_the_library_km(around) ** 2
    tca_s = lowest + 0.005 * (before - after) / (before - 2.0 * here + after)
    found_s = (row["tca_tai_ns"] - parse_utc("2009-02-10T16:56:00")) / 1e9
    assert abs(found_s - tca_s) < 1e-3
    assert abs(row["miss_distance_m"] - 1e3 * range_by_the_library_km(np.array([tca_s]))[0]) < 1.0


def test_the_collision_is_found_where_it_was_published() -> None:
    row = min(screened(read_elements(), DURATION_S).to_pylist(), key=lambda r: r["miss_distance_m"])
    assert abs(row["tca_tai_ns"] - parse_utc("2009-02-10T16:55:59.80")) < 100_000_000
    assert abs(row["miss_distance_m"] - 698.72) < 1.0
    assert abs(row["relative_speed_m_s"] - 11_700.0) < 100.0


def test_all_meetings_of_the_two_that_day_agree_with_brute_force() -> None:
    since_epoch_min = (parse_utc(START_UTC) - read_elements().column("epoch_tai_ns").to_numpy()) / 60e9
    reference = all_minima(satellites(), since_epoch_min, DURATION_S, THRESHOLD_KM + GRAZING_KM)
    assert len(reference) >= 1
    assert_the_same(screened(read_elements(), DURATION_S), reference, parse_utc(START_UTC), THRESHOLD_KM)


def test_the_collision_is_found_as_well_in_a_crowd() -> None:
    alone = [row for row in screened(read_elements(), DURATION_S).to_pylist() if row["miss_distance_m"] < 1e3]
    crowd = table_of(all_regimes(), parse_utc("2009-02-09T12:00:00"))
    columns = [name for name in crowd.column_names if name in read_elements().column_names]
    pair = read_elements().select(columns).cast(crowd.select(columns).schema)
    everything = pa.concat_tables([crowd.select(columns), pair])
    rows = screened(everything, DURATION_S).to_pylist()
    first = crowd.num_rows
    found = [row for row in rows if (row["index_1"], row["index_2"]) == (first, first + 1)]
    assert [row["tca_tai_ns"] for row in found if row["miss_distance_m"] < 1e3] == [row["tca_tai_ns"] for row in alone]
