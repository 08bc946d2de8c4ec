"""Traffic: counts by combination and by part of the period, against counting row by row."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from ssa_hub.history.store import History
from ssa_hub.history.traffic import CONJUNCTION_TRAFFIC, ELEMENT_TRAFFIC, WITHDRAWN, Traffic
from tests.history.examples import HOUR_NS, START_TAI_NS, conjunction_row, conjunctions, element_row, elements

Row = dict[str, Any]
END_TAI_NS = START_TAI_NS + 24 * HOUR_NS
CUTS = tuple(START_TAI_NS + hours * HOUR_NS for hours in (-1, 0, 2, 3, 7, 20, 30))


def element_rows() -> list[Row]:
    return [
        element_row(
            f"e{n}",
            f"cat-{n % 5 + 1}",
            originator=("alpha", "beta", "gamma")[n % 3],
            label_id=("plain", "secret")[n % 2],
            data_mode=("TEST", "REAL")[n % 4 == 0],
            received_tai_ns=START_TAI_NS + (n * 37 % 26 - 1) * HOUR_NS + n % 3 - 1,
        )
        for n in range(200)
    ]


def conjunction_rows() -> list[Row]:
    return [
        conjunction_row(
            f"c{n}",
            parent_originator_1=("alpha", "beta")[n % 2],
            parent_originator_2=("alpha", "beta", "gamma")[n % 3],
            parent_label_id_2=("plain", "secret")[n % 5 == 0],
            parent_1=f"e{n}",
            parent_2=f"e{n + 1}",
            received_tai_ns=START_TAI_NS + (n * 11 % 25) * HOUR_NS,
        )
        for n in range(100)
    ]


@pytest.fixture
def traffic(history: History) -> Traffic:
    """Of a history in several files."""
    rows = element_rows()
    for part in (rows[:120], rows[120:]):
        history.append("elements", elements(*part), positions={})
    history.append("conjunctions", conjunctions(*conjunction_rows()), positions={})
    return Traffic(history)


def expected(rows: Sequence[Row], columns: Sequence[Sequence[str]], cuts: Sequence[int] = ()) -> list[tuple[Any, ...]]:
    """Counted row by row; ``columns``: those of each side."""
    counted: Counter[tuple[Any, ...]] = Counter()
    begins = [START_TAI_NS, *(cut for cut in cuts if START_TAI_NS < cut < END_TAI_NS)]
    for row in rows:
        if START_TAI_NS <= row["received_tai_ns"] < END_TAI_NS:
            sides = sorted(tuple(row[name] for name in side) for side in columns)
            begin = max(begin for begin in begins if begin <= row["received_tai_ns"])
            counted[(row["data_mode"], *(text for side in sides for text in side), begin)] += 1
    return sorted((*key, n) for key, n in counted.items())


def told(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


ELEMENT_SIDES = (("originator", "label_id"),)
CONJUNCTION_SIDES = (("parent_originator_1", "parent_label_id_1"), ("parent_originator_2", "parent_label_id_2"))


@pytest.mark.parametrize("cuts", [(), CUTS, CUTS[::-1]])
def test_element_sets_are_counted_by_combination_within_the_period_and_its_parts(
    traffic: Traffic, cuts: tuple[int, ...]
) -> None:
    found = traffic.elements(START_TAI_NS, END_TAI_NS, cuts_tai_ns=cuts)
    assert found.schema == ELEMENT_TRAFFIC
    assert told(found) == expected(element_rows(), ELEMENT_SIDES, cuts)


@pytest.mark.parametrize("cuts", [(), CUTS])
def test_conjunctions_are_counted_by_both_sides_whichever_is_the_first(traffic: Traffic, cuts: tuple[int, ...]) -> None:
    found = traffic.conjunctions(START_TAI_NS, END_TAI_NS, cuts_tai_ns=cuts)
    assert found.schema == CONJUNCTION_TRAFFIC
    assert told(found) == expected(conjunction_rows(), CONJUNCTION_SIDES, cuts)


def test_of_one_originator_only_what_is_his_or_has_an_orbit_of_his(traffic: Traffic) -> None:
    mine = [row for row in element_rows() if row["originator"] == "gamma"]
    assert told(traffic.elements(START_TAI_NS, END_TAI_NS, originator="gamma")) == expected(mine, ELEMENT_SIDES)
    mine = [row for row in conjunction_rows() if "gamma" in (row["parent_originator_1"], row["parent_originator_2"])]
    found = traffic.conjunctions(START_TAI_NS, END_TAI_NS, originator="gamma")
    assert told(found) == expected(mine, CONJUNCTION_SIDES)


def test_what_is_withdrawn_does_not_count_nor_what_goes_with_it(traffic: Traffic) -> None:
    withdrawn = pa.Table.from_pylist(
        [{"record_id": "e7", "derived": False}, {"record_id": "e20", "derived": True},
         {"record_id": "c50", "derived": False}],
        schema=WITHDRAWN,
    )  # fmt: skip
    left = [row for row in element_rows() if row["record_id"] not in ("e7", "e20")]
    assert told(traffic.elements(START_TAI_NS, END_TAI_NS, withdrawn=withdrawn)) == expected(left, ELEMENT_SIDES)
    left = [row for row in conjunction_rows()
            if row["record_id"] != "c50" and "e20" not in (row["parent_1"], row["parent_2"])]  # fmt: skip
    assert len(left) == 97
    found = traffic.conjunctions(START_TAI_NS, END_TAI_NS, withdrawn=withdrawn)
    assert told(found) == expected(left, CONJUNCTION_SIDES)


def test_a_period_without_traffic_and_an_empty_one_are_empty_answers(traffic: Traffic) -> None:
    late = END_TAI_NS + 48 * HOUR_NS
    for begin, end in ((late, late + HOUR_NS), (END_TAI_NS, START_TAI_NS)):
        assert traffic.elements(begin, end).equals(ELEMENT_TRAFFIC.empty_table())
        assert traffic.conjunctions(begin, end).equals(CONJUNCTION_TRAFFIC.empty_table())
