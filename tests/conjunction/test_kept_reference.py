"""The screener against kept brute force over real catalogues, and what the comparison itself can see.

The references are made by benchmarks/reference/brute_force.py, and hold real data: they lie outside the project, in
SSA_HUB_REFERENCE (default /work/reference), the catalogues in SSA_HUB_TEST_DATA.
"""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks.completeness import Reference, compared, elements_of, ends_compared, load, screened, table
from benchmarks.reference.failures import FOR_EVER_S
from benchmarks.reference.search import STEP_S, Run, all_minima
from tests.conjunction.orbit_oracle import all_minima as plain_minima
from tests.conjunction.orbit_oracle import satellites_of
from tests.conjunction.populations import EPOCH_TAI_NS, all_regimes, table_of

REFERENCES = Path(os.environ.get("SSA_HUB_REFERENCE", "/work/reference"))
DATA = Path(os.environ.get("SSA_HUB_TEST_DATA", "/work/shared/data"))
EPOCH_JD = 2460571.0  # 2024-09-17T12:00:00 UTC


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["2024-09-17_26905_24h_5km.npz", "2024-09-17_3000_24h_20km.npz", "2024-09-17_3000_24h_100km.npz"]
)
def test_nothing_is_missed_and_nothing_invented_over_a_real_day(name: str) -> None:
    path = REFERENCES / name
    if not path.exists():
        pytest.skip(f"{path} is absent: python -m benchmarks.reference.brute_force makes it")
    reference = load(path)
    if not (DATA / "catalogues" / reference.file_name).exists():
        pytest.skip(f"{DATA} is absent")
    result = screened(reference, elements_of(reference, DATA))
    fast, slow = compared(reference, result.conjunctions)
    assert fast.reference > 1000
    assert slow.reference > 50
    told = "\n".join((table(fast, slow), ends_compared(reference, result.left_out), *fast.offenders, *slow.offenders))
    assert fast.complete, told
    assert slow.complete, told


@pytest.fixture(scope="module")
def generated() -> tuple[Reference, pa.Table]:
    """Brute force and the screener over a generated population, some of it failing in the window."""
    falling = [(16.40 + 0.004 * k, 1e-3, 53.0, 10.0, 20.0 + k, 30.0 * k, 0.05) for k in range(12)]
    elements = table_of([*all_regimes(), *falling])
    steps = 2200
    rows, ends = all_minima(Run.of(satellites_of(elements), EPOCH_JD, steps, 50.0))
    rows = sorted(rows)
    assert np.count_nonzero((ends.last_good_s > 0.0) & (ends.last_good_s < steps * STEP_S)) >= 5
    reference = Reference(
        file_name="generated",
        file_sha256="",
        rows=np.arange(elements.num_rows),
        start_tai_ns=EPOCH_TAI_NS,
        duration_s=steps * STEP_S,
        threshold_km=50.0,
        first=np.array([one for one, _, _ in rows], dtype=np.int32),
        second=np.array([two for _, two, _ in rows], dtype=np.int32),
        tca_s=np.array([m.tca_s for _, _, m in rows]),
        miss_km=np.array([m.miss_km for _, _, m in rows]),
        speed_km_s=np.array([m.speed_km_s for _, _, m in rows]),
        tolerance_s=np.array([m.tolerance_s for _, _, m in rows]),
        last_good_s=ends.last_good_s,
        wild=ends.wild,
    )
    result = screened(reference, elements)
    failed = {row["index"]: (row["from_tai_ns"] - EPOCH_TAI_NS) / 1e9 for row in result.left_out.to_pylist()}
    assert failed.keys() == set(np.flatnonzero(ends.last_good_s < FOR_EVER_S).tolist())
    assert all(abs(failed[row] - ends.last_good_s[row]) < 1e-6 for row in failed)
    return reference, result.conjunctions


def test_a_generated_population_with_failing_objects_agrees_with_its_brute_force(
    generated: tuple[Reference, pa.Table],
) -> None:
    fast, slow = compared(*generated)
    assert fast.reference + slow.reference > 100
    assert fast.complete, fast.offenders
    assert slow.complete, slow.offenders


def test_the_two_brute_forces_agree() -> None:
    # one compares every pair at every sample, the other searches cells; only the sgp4 library is common to them
    elements = table_of(all_regimes()[::2])
    satellites = satellites_of(elements)
    rows, _ = all_minima(Run.of(satellites, EPOCH_JD, 1500, 30.0))
    plain = plain_minima(satellites, np.zeros(len(satellites)), 1500 * STEP_S, 30.0)
    ours = sorted((one, two, m.tca_s, m.miss_km) for one, two, m in rows if m.miss_km <= 30.0)
    theirs = sorted((m.first, m.second, m.tca_s, m.miss_km) for m in plain)
    assert len(ours) > 20
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]
    np.testing.assert_allclose([row[2:] for row in ours], [row[2:] for row in theirs], rtol=0.0, atol=1e-3)


def test_a_conjunction_that_is_lost_is_counted_as_missing(generated: tuple[Reference, pa.Table]) -> None:
    reference, conjunctions = generated
    fast, slow = compared(reference, conjunctions.slice(1))
    assert (fast.missing + slow.missing, fast.invented + slow.invented) == (1, 0)
    assert not (fast.complete and slow.complete)


def test_a_conjunction_too_many_is_counted_as_invented(generated: tuple[Reference, pa.Table]) -> None:
    reference, conjunctions = generated
    fast, slow = compared(reference, pa.concat_tables([conjunctions, conjunctions.slice(7, 1)]))
    assert (fast.missing + slow.missing, fast.invented + slow.invented) == (0, 1)


def test_a_late_tca_and_a_wrong_miss_distance_are_counted(generated: tuple[Reference, pa.Table]) -> None:
    reference, conjunctions = generated
    columns = {name: conjunctions.column(name) for name in conjunctions.column_names}
    late = pa.table(columns | {"tca_tai_ns": pc.add(columns["tca_tai_ns"], 2_000_000)})
    assert compared(reference, late)[0].tca_beyond > 50
    wide = pa.table(columns | {"miss_distance_m": pc.add(columns["miss_distance_m"], 1.5)})
    assert compared(reference, wide)[0].miss_beyond == compared(reference, wide)[0].reference
