"""Near-earth SGP4 is not smooth: where strong drag takes the mean eccentricity to 1e-6 it is held there (sgp4.cpp:
`if (em < 1.0e-6) em = 1.0e-6`), and the velocity bends at once, by 0.1 to 0.6 km/s in these orbits.

Motion interpolated through such a bend is off by up to 20 s times the bend in a slab of 120 s. The pairs meet within a
minute of one; each was found by brute force, and lost by a sieve that took near-earth SGP4 for smooth.
"""

import numpy as np
import pytest

from conjunction.catalogue import Catalogue
from conjunction.screening import screen
from tests.conjunction.orbit_oracle import all_minima, satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, Elements, table_of

PAIRS: dict[str, tuple[Elements, Elements]] = {
    "bends of 0.1 and 0.2 km/s": (
        (16.181223660485475, 1.1444641174e-4, 171.10681027870697, 16.615883306143722, 74.8952187728755,
         65.83987373889315, 0.14227796235706164),
        (12.39513617871722, 0.16447411585295754, 147.45587917611869, 174.9800997142919, 354.7605852884559,
         316.8259621366309, 0.0),
    ),
    "a bend of 0.6 km/s": (
        (16.163935598575662, 1.341457381181502e-4, 133.16581619076885, 15.174206491234639, 142.54081912638392,
         54.40080454203574, 0.28087081284582455),
        (14.72153954201336, 0.06006352764257076, 121.34935002243458, 122.22919815224405, 314.62234107599977,
         324.7543088080184, 0.0),
    ),
    "a bend of 0.1 km/s": (
        (15.959824130094807, 1.1309879493833409e-4, 153.34190282411407, 266.1023248161183, 82.13314769982686,
         135.32530583900882, 0.42296737054409783),
        (13.269061227628889, 0.12172453470912176, 128.0516993427803, 260.89145779408494, 5.078380759666874,
         234.46919951751835, 0.0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_a_meeting_near_a_bend_is_found_at_any_threshold_above_its_miss(name: str) -> None:
    elements = table_of(PAIRS[name])
    start_s = 300.0 if name != "a bend of 0.1 km/s" else 2000.0
    (minimum,) = all_minima(satellites_of(elements), np.full(2, start_s / 60.0), 800.0, 0.5)
    for threshold_km in (1.1 * minimum.miss_km, 0.5, 1.0, 2.0, 4.0, 5.0):
        rows = screen(
            Catalogue.from_elements(elements),
            start_tai_ns=EPOCH_TAI_NS + round(start_s * 1e9),
            duration_s=800.0,
            threshold_km=threshold_km,
        ).conjunctions.to_pylist()
        found = [row for row in rows if abs((row["tca_tai_ns"] - EPOCH_TAI_NS) / 1e9 - start_s - minimum.tca_s) < 1e-3]
        assert len(found) == 1, (threshold_km, minimum, rows)
        assert abs(found[0]["miss_distance_m"] / 1e3 - minimum.miss_km) < 1e-3
