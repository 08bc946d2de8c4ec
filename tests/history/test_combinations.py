import gc
import weakref

import pyarrow as pa
import pytest

from schemas.records import Kind
from ssa_hub.history import combinations
from ssa_hub.history.combinations import released_combinations


def released(*rows: tuple[str, str, str, int]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "kind": kind, "data_mode": "REAL", "originator": originator, "label_id": label, "delay_ns": delay,
                "mask_id": 0, "time_step_ns": 1, "distance_step_m": 0.0, "whole": True,
            }
            for kind, originator, label, delay in rows
        ]
    )  # fmt: skip


def test_each_kind_mode_and_shape_of_one_table_has_its_own_rows() -> None:
    table = released(("elements", "NORTH", "a", 0), ("conjunction-messages", "NORTH", "a", 5))
    for _ in range(2):
        first = released_combinations(table, Kind.ELEMENTS, "REAL")
        assert first.column("delay_ns").to_pylist() == [0]
        assert released_combinations(table, Kind.ELEMENTS, "REAL") is first
        assert released_combinations(table, Kind.CONJUNCTION_MESSAGES, "REAL").column("delay_ns").to_pylist() == [5]
        assert released_combinations(table, Kind.ELEMENTS, "EXERCISE").num_rows == 0
        assert "whole" not in released_combinations(table, Kind.ELEMENTS, "REAL").column_names
        assert "whole" in released_combinations(table, Kind.ELEMENTS, "REAL", ordered=True).column_names


def test_another_table_is_looked_at_anew_and_what_ends_is_forgotten() -> None:
    for number in range(50):
        table = released(("elements", f"NORTH-{number}", "a", number))
        assert released_combinations(table, Kind.ELEMENTS, "REAL").column("delay_ns").to_pylist() == [number]
    address = id(table)
    assert address in {key[0] for key in combinations._checked}
    ended = weakref.ref(table)
    del table
    gc.collect()
    assert ended() is None
    assert address not in {key[0] for key in combinations._checked}


def test_a_malformed_table_is_refused_each_time() -> None:
    twice = released(("elements", "NORTH", "a", 0), ("elements", "NORTH", "a", 1))
    negative = released(("elements", "NORTH", "a", -1))
    for _ in range(2):
        with pytest.raises(ValueError, match="twice for elements"):
            released_combinations(twice, Kind.ELEMENTS, "REAL")
        with pytest.raises(ValueError, match="negative or missing"):
            released_combinations(negative, Kind.ELEMENTS, "REAL")
        with pytest.raises(ValueError, match="lacks the columns delay_ns"):
            released_combinations(negative.drop_columns("delay_ns"), Kind.ELEMENTS, "REAL")


def test_what_is_kept_of_another_table_at_the_same_address_is_not_taken_for_this_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, table = released(("elements", "SOUTH", "b", 7)), released(("elements", "NORTH", "a", 0))
    of_other = released_combinations(other, Kind.ELEMENTS, "REAL")
    key = (id(table), Kind.ELEMENTS, "REAL", False)
    for kept in (weakref.ref(other), weakref.ref(released(("elements", "WEST", "c", 9)))):
        monkeypatch.setitem(combinations._checked, key, (kept, of_other))
        assert released_combinations(table, Kind.ELEMENTS, "REAL").column("delay_ns").to_pylist() == [0]
