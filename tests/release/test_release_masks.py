"""Masks that coarsen, in columns: the values of plain Python, row by row, and no exact value left in the bytes."""

import math
import struct
from fractions import Fraction
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.records import ELEMENT_SET_SCHEMA, Kind
from schemas.timescales import format_utc, parse_utc
from ssa_hub.release.columns import ALWAYS_COLUMNS, COLUMNS, shown
from ssa_hub.release.mask import EXACT, QUANTITIES, Mask, Resolution
from ssa_hub.release.masks import apply_masks
from tests.release.release_strategies import NOW_TAI_NS, unhurried
from tests.release.test_release_table import a_row, arrow_bytes

SCHEMA = pa.schema(
    [
        pa.field("epoch_tai_ns", pa.int64(), False),
        pa.field("epoch_utc", pa.string(), False),
        pa.field("miss_distance_m", pa.float64(), True),
        pa.field("relative_position_r_m", pa.float64(), True),
        pa.field("eccentricity", pa.float64(), False),
        pa.field("exit_tai_ns", pa.int64(), True),
        pa.field("object_name", pa.string(), True),
        pa.field("mask_id", pa.int32(), False),
    ]
)
ALWAYS = ("epoch_tai_ns", "epoch_utc")
instants = st.integers(parse_utc("1972-06-01T00:00:00"), parse_utc("2200-01-01T00:00:00"))
metres = st.floats(-1e7, 1e7, allow_nan=False)
resolutions = st.builds(
    Resolution,
    time_s=st.sampled_from([0, 0, 1, 60, 3_600, 86_400]),
    distance_m=st.sampled_from([0.0, 0.1, 0.3, 1_000.0, 12_345.678]),
    eccentricity=st.sampled_from([0.0, 0.001, 1.0]),
)
masks = st.builds(
    Mask,
    st.sets(st.sampled_from(SCHEMA.names[:-1])).map(lambda names: tuple(sorted({*names, *ALWAYS}))),
    resolutions | st.just(EXACT),
)


@st.composite
def rows(draw: st.DrawFn, mask_count: int) -> dict[str, Any]:
    epoch_tai_ns = draw(instants)
    return {
        "epoch_tai_ns": epoch_tai_ns,
        "epoch_utc": format_utc(epoch_tai_ns, 9),
        "miss_distance_m": draw(st.none() | metres),
        "relative_position_r_m": draw(metres),
        "eccentricity": draw(st.floats(0, 1)),
        "exit_tai_ns": draw(st.none() | instants),
        "object_name": draw(st.sampled_from([None, "A", "B"])),
        "mask_id": draw(st.integers(0, mask_count - 1)),
    }


def expected(row: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """One value after the other, and no arrays."""
    result: dict[str, Any] = {}
    for name in SCHEMA.names[:-1]:
        value = row[name] if name in mask.fields else None
        step = getattr(mask.resolution, QUANTITIES.get(name, ""), 0)
        if value is not None and step:
            if isinstance(value, int):
                value -= value % (step * 10**9)
            else:
                value = math.floor(value / step) * step
        result[name] = value
    if mask.resolution.time_s:
        result["epoch_utc"] = format_utc(result["epoch_tai_ns"], 9)
    return result | {"withheld": [name for name in SCHEMA.names[:-1] if name not in mask.fields]}


@unhurried
@given(st.lists(masks, min_size=1, max_size=4), st.data())
def test_each_row_is_as_fine_as_its_own_mask_lets_it_be(chosen: list[Mask], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(rows(len(chosen)), max_size=6))
    table = pa.Table.from_pylist(drawn, schema=SCHEMA)
    if len(drawn) > 1 and data.draw(st.booleans()):
        table = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    masked = apply_masks(table, "mask_id", chosen, ALWAYS)
    assert masked.to_pylist() == [expected(row, chosen[row["mask_id"]]) for row in drawn]
    assert [field.nullable for field in masked.schema][:2] == [False, False]


@unhurried
@given(metres, st.sampled_from([0.001, 0.1, 0.3, 1.0, 1_000.0, 12_345.678]))
def test_a_coarse_value_is_the_multiple_below_and_what_the_database_computes_too(value: float, step: float) -> None:
    mask = Mask(("miss_distance_m",), Resolution(distance_m=step))
    table = pa.table({"miss_distance_m": [value], "mask_id": [0]})
    (coarse,) = apply_masks(table, "mask_id", [mask], ()).column("miss_distance_m").to_pylist()
    (of_sql,) = duckdb.execute("SELECT floor($v / $s) * $s", {"v": value, "s": step}).fetchone() or (None,)
    assert coarse == of_sql
    # Exact arithmetic: below the value by less than a step, but for the rounding of two operations.
    slack = Fraction(abs(value) + step) * Fraction(1, 2**51)
    assert -slack <= Fraction(value) - Fraction(coarse) < Fraction(step) + slack
    assert math.copysign(1, coarse) == 1 or coarse != 0  # no minus zero


def test_the_sign_of_a_zero_is_not_told() -> None:
    mask = Mask(("relative_position_r_m",), Resolution(distance_m=10.0))
    answers = []
    for value in (0.0, -0.0, 3.0):
        table = pa.table({"relative_position_r_m": [value], "mask_id": [0]})
        answers.append(arrow_bytes(apply_masks(table, "mask_id", [mask], ())))
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("count", [4, 200])
def test_exact_values_are_not_in_the_bytes_of_an_arrow_answer(count: int) -> None:
    coarse = shown(Kind.ELEMENTS, ("*",), Resolution(time_s=3_600, angle_deg=1.0, eccentricity=0.1))
    bare = shown(Kind.ELEMENTS, ("eccentricity",), Resolution(time_s=3_600, eccentricity=0.1))
    chosen, always = (coarse, bare, shown(Kind.ELEMENTS, ("*",))), ALWAYS_COLUMNS[Kind.ELEMENTS]
    hour = NOW_TAI_NS - NOW_TAI_NS % (3_600 * 10**9)
    secrets = [
        {"epoch_tai_ns": hour + 1_234_567_890_123, "eccentricity": 0.123456789, "inclination_deg": 51.987654321},
        {"epoch_tai_ns": hour + 1, "eccentricity": 0.1999, "inclination_deg": 51.0},
    ]
    answers: list[bytes] = []
    for secret in secrets:
        secret = secret | {"epoch_utc": format_utc(secret["epoch_tai_ns"], 9)}
        drawn = [a_row(Kind.ELEMENTS, n, **(secret if n % 3 < 2 else {})) for n in range(count)]
        table = pa.Table.from_pylist(drawn, schema=ELEMENT_SET_SCHEMA)
        table = table.append_column("mask_id", pa.array([n % 3 for n in range(count)], pa.int32()))
        answer = arrow_bytes(apply_masks(table, "mask_id", chosen, always))
        answers.append(answer)
        for value in (
            struct.pack("<q", secret["epoch_tai_ns"]),
            secret["epoch_utc"].encode(),
            struct.pack("<d", secret["eccentricity"]),
        ):
            assert value not in answer
    assert struct.pack("<d", 51.987654321) not in answers[0]
    # Two hubs whose records are the same but for what is coarsened away answer with the same bytes.
    assert answers[0] == answers[1]


def test_the_schema_does_not_tell_what_is_coarsened() -> None:
    table = pa.Table.from_pylist([a_row(Kind.ELEMENTS, 1)], schema=ELEMENT_SET_SCHEMA)
    table = table.append_column("mask_id", pa.array([0], pa.int32()))
    always = ALWAYS_COLUMNS[Kind.ELEMENTS]
    fine = apply_masks(table, "mask_id", [shown(Kind.ELEMENTS, ("*",))], always)
    resolution = Resolution(time_s=60, angle_deg=1.0, eccentricity=0.1, mean_motion_rev_per_day=0.1)
    coarse = apply_masks(table, "mask_id", [shown(Kind.ELEMENTS, ("*",), resolution)], always)
    assert fine.schema.equals(coarse.schema, check_metadata=True)


def test_a_text_of_an_instant_is_not_left_exact_where_the_instant_is_missing() -> None:
    table = pa.table({"epoch_utc": ["2026-01-01T00:00:01.000000000"], "mask_id": [0]})
    with pytest.raises(ValueError, match="epoch_utc cannot be coarsened without epoch_tai_ns"):
        apply_masks(table, "mask_id", [Mask(("epoch_utc",), Resolution(time_s=60))], ("epoch_utc",))


def test_a_step_that_begins_before_there_was_utc_is_written_as_its_first_instant() -> None:
    first = parse_utc("1972-01-01T00:00:00")
    table = pa.table({"epoch_tai_ns": [first + 10**9], "epoch_utc": ["1972-01-01T00:00:01.000000000"], "mask_id": [0]})
    mask = Mask(("epoch_tai_ns", "epoch_utc"), Resolution(time_s=86_400))
    (row,) = apply_masks(table, "mask_id", [mask], ALWAYS).to_pylist()
    assert row["epoch_tai_ns"] == first - first % (86_400 * 10**9)
    assert row["epoch_utc"] == "1972-01-01T00:00:00.000000000"


def test_every_column_of_a_quantity_is_a_column_of_a_record_and_every_quantity_has_a_step() -> None:
    assert set(QUANTITIES) <= {name for columns in COLUMNS.values() for name in columns}
    assert set(QUANTITIES.values()) == set(Resolution.__struct_fields__)


def test_what_is_always_shown_is_coarsened_also_where_the_mask_does_not_name_it() -> None:
    table = pa.table({"tca_tai_ns": [NOW_TAI_NS + 1], "mask_id": [0]})
    (row,) = apply_masks(table, "mask_id", [Mask((), Resolution(time_s=60))], ("tca_tai_ns",)).to_pylist()
    assert row == {"tca_tai_ns": NOW_TAI_NS - NOW_TAI_NS % (60 * 10**9), "withheld": []}
