"""What it means that the screener and brute force agree."""

from collections import defaultdict
from typing import Any

import pyarrow as pa

from tests.conjunction.orbit_oracle import Minimum

MISS_TOLERANCE_KM = 1e-3
GRAZING_KM = 1e-6  # reference minima so near the threshold may be found or not


def assert_the_same(conjunctions: pa.Table, reference: list[Minimum], start_tai_ns: int, threshold_km: float) -> None:
    """The same minima: none missing, none invented, TCA within 1 ms or the minimum's flatness, miss within 1 m.

    `reference` holds the minima up to threshold_km + GRAZING_KM.
    """
    left: dict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
    for row in conjunctions.to_pylist():
        left[row["index_1"], row["index_2"]].append(row)
    for minimum in reference:
        rows = left[minimum.first, minimum.second]
        row = min(rows, key=lambda r: abs(_tca_s(r, start_tai_ns) - minimum.tca_s), default=None)
        if row is None or abs(_tca_s(row, start_tai_ns) - minimum.tca_s) > minimum.tolerance_s:
            assert minimum.miss_km > threshold_km - GRAZING_KM, f"missing: {minimum}; found for the pair: {rows}"
            continue
        assert abs(row["miss_distance_m"] / 1e3 - minimum.miss_km) <= MISS_TOLERANCE_KM, (row, minimum)
        rows.remove(row)
    invented = [row for rows in left.values() for row in rows]
    assert not invented, f"invented: {invented}"


def _tca_s(row: dict[str, Any], start_tai_ns: int) -> float:
    return float((row["tca_tai_ns"] - start_tai_ns) / 1e9)
