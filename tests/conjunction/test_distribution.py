"""The same answer, bit for bit, wherever the pieces of work run and however the window is cut."""

import itertools
import operator
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from conjunction import DaskExecutor, ScreeningVolume, read_orbits
from conjunction.choices import Choices, chosen
from conjunction.fingerprint import digest
from conjunction.screening import ScreeningResult, screen
from tests.conjunction.orbit_files import START_TAI_NS, oem_text, satellites_of_population, tle_text
from tests.conjunction.populations import all_regimes

SATELLITES = satellites_of_population(all_regimes())
ORBITS = read_orbits([tle_text(SATELLITES[1:]), oem_text(SATELLITES[0], "PLAN-A", "UNKNOWN", 6.0)])
CHOICE = chosen(Choices(volumes={"PLAN-A": ScreeningVolume("box", 10.0, 40.0, 40.0)}), ORBITS)
HOURS = 6.0
NS = 1_000_000_000


def screened(executor: Executor | None, start_s: float = 0.0, stop_s: float = HOURS * 3600.0) -> ScreeningResult:
    return screen(
        ORBITS.catalogue,
        start_tai_ns=START_TAI_NS + round(start_s * NS),
        duration_s=stop_s - start_s,
        threshold_km=25.0,
        volumes=CHOICE.volumes,
        pairs_excluded=CHOICE.pairs_excluded,
        executor=executor,
    )


@pytest.fixture(scope="module")
def whole() -> ScreeningResult:
    found = screened(None)
    assert found.conjunctions.num_rows > 50
    return found


@pytest.fixture(scope="module")
def cluster_client() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        yield client


def equal(one: ScreeningResult, other: ScreeningResult) -> bool:
    return bool(one.conjunctions.equals(other.conjunctions) and one.left_out.equals(other.left_out))


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_give_the_same_bits_whatever_their_number(whole: ScreeningResult, threads: int) -> None:
    with ThreadPoolExecutor(threads) as executor:
        assert equal(screened(executor), whole)


def test_a_pool_of_processes_gives_the_same_bits(whole: ScreeningResult) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert equal(screened(executor), whole)


def test_a_dask_cluster_gives_the_same_bits(whole: ScreeningResult, cluster_client: Any) -> None:
    with DaskExecutor(cluster_client) as executor:
        assert equal(screened(executor), whole)


class InOrderOfLast(Executor):
    """Runs what was submitted last first, when somebody waits: pieces of work may end in any order."""

    def __init__(self) -> None:
        self._inner = ThreadPoolExecutor(1)
        self._waiting: list[tuple[Future[Any], Any, Any]] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append((future, fn, args))
        self._inner.submit(self._run_last)
        return future

    def _run_last(self) -> None:
        future, fn, args = self._waiting.pop()
        if future.set_running_or_notify_cancel():
            future.set_result(fn(*args))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait)


def test_pieces_that_end_in_another_order_give_the_same_bits(whole: ScreeningResult) -> None:
    with InOrderOfLast() as executor:
        assert equal(screened(executor), whole)


def test_windows_cut_at_odd_places_have_together_what_the_whole_has(whole: ScreeningResult) -> None:
    cuts_s = [0.0, 1234.567, 7200.0, 7200.000_001, 15_000.25, HOURS * 3600.0]
    parts = [screened(None, start, stop).conjunctions for start, stop in itertools.pairwise(cuts_s)]
    inner = pa.array([START_TAI_NS + round(cut * NS) for cut in cuts_s[1:-1]], pa.int64())
    kept = []
    for part in parts:
        at_cut = pc.and_(part.column("at_window_edge"), pc.is_in(part.column("tca_tai_ns"), inner))
        kept.append(part.filter(pc.invert(at_cut)))
    joined = pa.concat_tables(kept).sort_by([(name, "ascending") for name in ("tca_tai_ns", "index_1", "index_2")])
    expected = whole.conjunctions
    assert joined.num_rows == expected.num_rows
    assert joined.select(["index_1", "index_2"]).equals(expected.select(["index_1", "index_2"]))
    # A slab that is cut is followed from the cut on, with other sampling points: the same to rounding, not in each bit.
    assert np.abs(joined.column("tca_tai_ns").to_numpy() - expected.column("tca_tai_ns").to_numpy()).max() < 1_000_000
    for name in ("miss_distance_m", "relative_position_t_m", "relative_speed_m_s"):
        assert np.abs(joined.column(name).to_numpy() - expected.column(name).to_numpy()).max() < 1e-3
    slab = expected.column("tca_tai_ns").to_numpy() // (120 * NS)
    whole_slabs = ~np.isin(slab, np.array(inner) // (120 * NS))
    as_before = [name for name in expected.column_names if name not in ("entry_tai_ns", "exit_tai_ns")]
    assert joined.select(as_before).filter(whole_slabs).equals(expected.select(as_before).filter(whole_slabs))


def test_a_catalogue_goes_to_the_cluster_once(cluster_client: Any) -> None:
    with DaskExecutor(cluster_client) as executor:
        results = [executor.submit(digest, ORBITS.catalogue) for _ in range(6)]
        assert {future.result() for future in results} == {digest(ORBITS.catalogue)}
        held = [key for keys in cluster_client.has_what().values() for key in keys if "Catalogue" in str(key)]
        assert len(set(held)) == 1  # however many workers have told of their copy by now


def test_an_error_on_the_cluster_is_raised_here_and_a_task_may_be_cancelled(cluster_client: Any) -> None:
    with DaskExecutor(cluster_client) as executor:
        with pytest.raises(ZeroDivisionError):
            executor.submit(operator.truediv, 1, 0).result()
        waiting = executor.submit(digest, ORBITS.catalogue)
        waiting.cancel()
        assert waiting.cancelled() or waiting.result() == digest(ORBITS.catalogue)


def test_only_a_client_is_a_client() -> None:
    with pytest.raises(TypeError, match=r"distributed\.Client is needed, not a str"):
        DaskExecutor("tcp://127.0.0.1:8786")
