"""Generated element sets for the screening tests: all regimes, close enough together to meet."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

EPOCH_TAI_NS = 1_726_574_437_000_000_000  # 2024-09-17T12:00:00 UTC
_MU_KM3_S2 = 398600.8

NAMES = (
    "mean_motion_rev_per_day",
    "eccentricity",
    "inclination_deg",
    "ra_of_asc_node_deg",
    "arg_of_pericenter_deg",
    "mean_anomaly_deg",
    "bstar_per_earth_radius",
)
Elements = tuple[float, float, float, float, float, float, float]


def rev_per_day(semi_major_axis_km: float) -> float:
    return float(np.sqrt(_MU_KM3_S2 / semi_major_axis_km**3) * 86_400.0 / (2.0 * np.pi))


def table_of(rows: Iterable[Elements], epoch_tai_ns: int | list[int] = EPOCH_TAI_NS) -> pa.Table:
    """A table with the columns that a catalogue is made from."""
    columns = list(zip(*rows, strict=True))
    n = len(columns[0])
    data = {name: pa.array(column, pa.float64()) for name, column in zip(NAMES, columns, strict=True)}
    data["mean_motion_dot_rev_per_day2"] = pa.array([0.0] * n)
    data["mean_motion_ddot_rev_per_day3"] = pa.array([0.0] * n)
    epochs = epoch_tai_ns if isinstance(epoch_tai_ns, list) else [epoch_tai_ns] * n
    data["epoch_tai_ns"] = pa.array(epochs, pa.int64())
    data["ephemeris_type"] = pa.array([0] * n, pa.int32())
    return pa.table(data)


def all_regimes() -> list[Elements]:
    """200 objects: a LEO shell, a sun-synchronous ring, GEO neighbours, Molniya, transfer orbits, MEO, formations."""
    random = np.random.default_rng(20240917)

    def spread(centre: float, width: float) -> float:
        return float(centre + width * random.uniform(-1.0, 1.0))

    def angle() -> float:
        return float(random.uniform(0.0, 360.0))

    rows: list[Elements] = [
        (rev_per_day(spread(6928, 4)), abs(spread(0, 1e-3)), 53.0, angle(), angle(), angle(), 1e-4) for _ in range(70)
    ]
    for _ in range(50):
        node = spread(40.0, 15.0)
        rows.append((rev_per_day(spread(6930, 6)), abs(spread(0, 2e-3)), 97.6, node, angle(), angle(), 3e-4))
    for _ in range(25):
        longitude = spread(75.0, 0.4)
        rows.append((spread(1.00273, 2e-5), abs(spread(0, 3e-4)), abs(spread(0, 0.05)), 10.0, 20.0, longitude, 0.0))
    rows += [(spread(2.006, 1e-3), spread(0.72, 0.01), 63.4, angle(), 270.0, angle(), 0.0) for _ in range(12)]
    rows += [
        (spread(2.3, 0.1), spread(0.728, 0.003), spread(6.0, 2.0), angle(), angle(), angle(), 1e-4) for _ in range(12)
    ]
    rows += [(spread(2.0056, 1e-3), 0.005, 55.0, 120.0, angle(), angle(), 0.0) for _ in range(10)]
    for _ in range(7):
        # flying in formation: kilometres apart, metres a second
        shared = (rev_per_day(spread(6928, 4)), 0.001, spread(53.0, 20.0), angle(), angle(), angle(), 1e-4)
        rows.append(shared)
        rows.append(
            (
                shared[0],
                shared[1] + spread(1e-4, 9e-5),
                shared[2] + spread(0.0, 0.01),
                shared[3] + spread(0.0, 0.01),
                shared[4],
                shared[5] + spread(0.0, 0.02),
                2e-4,
            )
        )
    rows += [
        (rev_per_day(spread(12000, 40)), spread(0.42, 0.01), 53.0, angle(), angle(), angle(), 1e-3) for _ in range(7)
    ]
    return rows
