"""What is stored otherwise comes back bit by bit, whatever the values are; and takes the place it is meant to take."""

import struct
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.history.stored_columns import packed, unpacked, whole_column
from ssa_hub.history.tables import ELEMENTS, TableDefinition, definition_of

DIGITS = 4
TABLE = TableDefinition("drawn", (), (), (), decimals=(("x", DIGITS), ("y", 12)))

decimals = st.integers(-(10**17), 10**17).map(lambda units: units / 10**DIGITS)
doubles = st.one_of(
    st.none(),
    decimals,
    st.floats(),
    st.sampled_from([0.0, -0.0, 5e-324, 2.0**53, -(2.0**53), 2.0**63, 1e308, 900719925474.0991, 900719925474.0993]),
)


def bits(values: list[float | None]) -> list[bytes | None]:
    return [None if value is None else struct.pack("<d", value) for value in values]


def drawn(xs: list[float | None]) -> pa.Table:
    return pa.table({"x": pa.array(xs, pa.float64()), "y": pa.array(xs[::-1], pa.float64()), "n": range(len(xs))})


@given(st.lists(doubles, min_size=1, max_size=20))
def test_every_double_comes_back_bit_by_bit(xs: list[float | None]) -> None:
    rows = drawn(xs)
    stored = packed(rows, TABLE)
    assert stored.column_names == ["x", "y", "n", "x_e4", "y_e12"]
    again = unpacked(stored, TABLE)
    assert again.column_names == rows.column_names
    for name in ("x", "y"):
        assert bits(again.column(name).to_pylist()) == bits(rows.column(name).to_pylist())
    packed_again = packed(stored, TABLE)
    assert packed_again.column_names == stored.column_names
    for name in ("x", "y"):
        assert bits(packed_again.column(name).to_pylist()) == bits(stored.column(name).to_pylist())
    assert packed_again.select(["n", "x_e4", "y_e12"]).equals(stored.select(["n", "x_e4", "y_e12"]))


@given(st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=20))
def test_what_stands_for_so_many_decimals_is_an_integer(units: list[int]) -> None:
    xs = [float(Fraction(value, 10**DIGITS)) for value in units]
    stored = packed(pa.table({"x": pa.array(xs, pa.float64())}), TABLE)
    assert stored.column("x_e4").to_pylist() == units
    assert stored.column("x").null_count == len(xs)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("mean_motion_rev_per_day", "15.49815350"),
        ("eccentricity", "0.0006703"),
        ("inclination_deg", "51.6416"),
        ("ra_of_asc_node_deg", "247.4627"),
        ("arg_of_pericenter_deg", "130.5360"),
        ("mean_anomaly_deg", "325.0288"),
        ("bstar_per_earth_radius", "-0.000011606"),
        ("mean_motion_dot_rev_per_day2", "-0.00002182"),
        ("mean_motion_ddot_rev_per_day3", "0"),
    ],
)
def test_a_two_line_element_set_is_integers(column: str, text: str) -> None:
    digits = dict(definition_of(ELEMENTS).decimals)
    stored = packed(pa.table({column: [float(text)]}), definition_of(ELEMENTS))
    units = Fraction(text) * 10 ** digits[column]
    assert stored.column(whole_column(column, digits[column])).to_pylist() == [units]


def test_doubles_that_are_none_take_no_place(tmp_path: Path) -> None:
    rows = packed(pa.table({"x": [n / 10_000 for n in range(8_192)]}), TABLE).select(["x", "x_e4"])
    pq.write_table(rows, tmp_path / "f.parquet")
    group = pq.read_metadata(tmp_path / "f.parquet").row_group(0)
    assert group.column(0).total_compressed_size < 200
