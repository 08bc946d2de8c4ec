"""The pure form of tear-lines: what a statement holds, and that it holds nothing else."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.labels import Label
from schemas.tear_line import TEAR_LINE, TEAR_LINE_SCHEMA, TearLineStatement, tear_line_from_json
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.release.tear_line import case_number, cell_of, largest_probability, own_side, statement_of
from ssa_hub.release.tear_line_terms import TearLineTerms

_LABEL = Label("PUBLIC", "UNCLASSIFIED")
_FROM, _TO = parse_utc("2000-01-01T00:00:00"), parse_utc("2090-01-01T00:00:00")

terms_drawn = st.builds(
    TearLineTerms,
    window_s=st.integers(60, 7 * 86_400),
    miss_distance_bounds_m=st.lists(st.floats(1, 1e6), min_size=1, max_size=6, unique=True).map(
        lambda bounds: tuple(sorted(bounds))
    ),
    budget=st.integers(1, 9),
    label=st.just(_LABEL),
    approach_angle_step_deg=st.one_of(st.just(0.0), st.floats(0.01, 180)),
    hard_body_radius_m=st.floats(0.1, 1000),
)
rows_drawn = st.fixed_dictionaries(
    {
        "tca_tai_ns": st.integers(_FROM, _TO),
        "miss_distance_m": st.floats(0, 2e6),
        "approach_angle_deg": st.one_of(st.none(), st.floats(0, 180)),
    }
)


def _row(**given_values: Any) -> dict[str, Any]:
    """A conjunction whose second side is hidden."""
    sides = {
        f"{name}_{side}": f"{value}{side}"
        for side in (1, 2)
        for name, value in {
            "object_id": "cat-9000",
            "object_name": "NAME-",
            "parent": "parent-",
            "parent_originator": "ORIGINATOR-",
            "parent_label_id": "label-",
        }.items()
    }
    return {
        "record_id": "record-1",
        "catalogue_number_1": 90001,
        "catalogue_number_2": 90002,
        "tca_tai_ns": parse_utc("2031-05-01T13:03:07.123"),
        "miss_distance_m": 432.1,
        "approach_angle_deg": 61.5,
        **sides,
        **given_values,
    }


def _statement(row: dict[str, Any], terms: TearLineTerms) -> TearLineStatement | None:
    cell = cell_of(row, terms)
    if cell is None:
        return None
    return statement_of(
        cell, own_side(row, 2), terms,
        data_mode="REAL", case_number="0123456789ab", revision=1, issued_tai_ns=parse_utc("2031-05-01T12:00:59.9"),
    )  # fmt: skip


@given(rows_drawn, terms_drawn)
def test_a_statement_holds_the_truth_and_is_never_narrower_than_the_terms(
    approach: dict[str, Any], terms: TearLineTerms
) -> None:
    said = _statement(_row(**approach), terms)
    if said is None:
        assert approach["miss_distance_m"] >= terms.miss_distance_bounds_m[-1]
        return
    assert said.window_start_tai_ns <= approach["tca_tai_ns"] < said.window_end_tai_ns
    assert said.window_end_tai_ns - said.window_start_tai_ns == terms.window_s * NS_PER_SECOND
    assert said.miss_distance_lower_m <= approach["miss_distance_m"] < said.miss_distance_upper_m
    neighbours = list(zip((0.0, *terms.miss_distance_bounds_m), terms.miss_distance_bounds_m, strict=False))
    assert (said.miss_distance_lower_m, said.miss_distance_upper_m) in neighbours
    lower, upper, angle = said.approach_angle_lower_deg, said.approach_angle_upper_deg, approach["approach_angle_deg"]
    if terms.approach_angle_step_deg == 0 or angle is None:
        assert lower is None
        assert upper is None
    else:
        assert lower is not None
        assert upper is not None
        assert lower <= angle <= upper
        assert upper - lower >= min(terms.approach_angle_step_deg, 180 - lower) * (1 - 1e-9)


@given(rows_drawn, terms_drawn, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_approaches_in_one_cell_give_the_same_bytes(
    approach: dict[str, Any], terms: TearLineTerms, window: float, distance: float, angle: float
) -> None:
    said = _statement(_row(**approach), terms)
    assume(said is not None)
    assert said is not None
    low, high = said.miss_distance_lower_m, said.miss_distance_upper_m
    elsewhere = {
        "tca_tai_ns": said.window_start_tai_ns + int(window * (terms.window_s * NS_PER_SECOND - 1)),
        "miss_distance_m": min(low + distance * (high - low), math.nextafter(high, 0)),
    }
    if said.approach_angle_lower_deg is not None and said.approach_angle_upper_deg is not None:
        first, last = said.approach_angle_lower_deg, said.approach_angle_upper_deg
        elsewhere["approach_angle_deg"] = max(first, min(first + angle * (last - first), math.nextafter(last, 0)))
    else:
        elsewhere["approach_angle_deg"] = approach["approach_angle_deg"]
    other_names = {f"{name}_2": "else" for name in ("object_id", "parent", "parent_originator", "parent_label_id")}
    other = _statement(_row(**elsewhere, **other_names, record_id="record-2", catalogue_number_2=1), terms)
    assert other is not None
    assert other.to_json() == said.to_json()


def test_nothing_of_the_hidden_side_is_in_the_bytes() -> None:
    terms = TearLineTerms(window_s=600, miss_distance_bounds_m=(200.0, 1000.0), budget=1, label=_LABEL)
    said = _statement(_row(), terms)
    assert said is not None
    text = said.to_json().decode()
    row = _row()
    hidden = [
        str(row[name]) for name in row if name.endswith("_2") or name in ("record_id", "miss_distance_m", "tca_tai_ns")
    ]
    assert [value for value in hidden if value in text] == []
    assert said.issued_utc == "2031-05-01T12:00:00"
    assert (said.window_start_utc, said.window_end_utc) == ("2031-05-01T13:00:00", "2031-05-01T13:10:00")


def test_the_struct_has_just_the_fields_of_the_schema_and_reads_back() -> None:
    fields = msgspec.structs.fields(TearLineStatement)
    assert [field.name for field in fields] == [field.name for field in TEAR_LINE] == TEAR_LINE_SCHEMA.names
    terms = TearLineTerms(window_s=600, miss_distance_bounds_m=(1000.0,), budget=1, label=_LABEL)
    said = _statement(_row(), terms)
    assert said is not None
    assert tear_line_from_json(said.to_json()).to_json() == said.to_json()
    assert set(msgspec.json.decode(said.to_json())) == {field.name for field in TEAR_LINE}


def _numerical_maximum(distance_m: float, radius_m: float) -> float:
    """The largest mass of an isotropic normal distribution in a disc off its centre, over standard deviations."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    radii = (nodes + 1) / 2 * radius_m
    angles = np.pi * (np.arange(128) + 0.5) / 128
    squared = radii[:, None] ** 2 + distance_m**2 - 2 * radii[:, None] * distance_m * np.cos(angles)
    area = (weights / 2 * radius_m * radii)[:, None] * (2 * np.pi / 128)
    sigmas = distance_m * np.geomspace(0.05, 4.0, 600)
    return max(float((np.exp(-squared / (2 * s * s)) * area).sum() / (2 * np.pi * s * s)) for s in sigmas)


@pytest.mark.parametrize("ratio", [1.02, 1.1, 1.3, 1.4, 1.6, 2.0, 3.0, 5.0, 10.0, 50.0])
def test_the_bound_of_the_probability_is_not_below_a_numerical_maximum(ratio: float) -> None:
    exact = _numerical_maximum(20.0 * ratio, 20.0)
    bound = largest_probability(20.0 * ratio, 20.0)
    assert exact <= bound * (1 + 1e-9)
    if ratio >= 2:
        assert bound == pytest.approx(exact, rel=0.005)
        assert bound == pytest.approx(1 / (math.e * ratio**2), rel=0.006)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0.1, 1000))
def test_the_bound_is_a_probability_and_falls_with_the_distance(first: float, second: float, radius: float) -> None:
    near, far = sorted((first, second))
    assert 0 <= largest_probability(far, radius) <= largest_probability(near, radius) <= 1
    assert largest_probability(0.0, radius) == 1.0


def test_a_case_number_depends_on_the_secret_and_on_everything_that_a_case_is() -> None:
    identity = ("BETA", "REAL", "cat-1", "cat-2", "OMEGA", 7)
    others = [(*identity[:at], "other" if at < 5 else 8, *identity[at + 1 :]) for at in range(6)]
    numbers = {case_number(b"k" * 32, *one) for one in (identity, *others)} | {case_number(b"l" * 32, *identity)}
    assert len(numbers) == 8
    assert all(len(number) == 12 and set(number) <= set("0123456789abcdef") for number in numbers)
