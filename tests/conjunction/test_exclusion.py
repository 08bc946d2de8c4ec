"""Pairs that are left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conjunction.exclusion import PairsLeftOut, every_pair

ROWS = 7
_row = st.integers(0, ROWS - 1)


def left_out(rule: PairsLeftOut, *pairs: tuple[int, int]) -> list[bool]:
    one, other = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    return rule(one, other).tolist()


def test_nothing_is_left_out_by_no_rule() -> None:
    assert left_out(PairsLeftOut(), (0, 1), (5, 2)) == [False, False]
    assert left_out(PairsLeftOut()) == []


def test_orbits_of_one_object_are_no_pair_and_a_negative_number_is_none() -> None:
    rule = PairsLeftOut(same_object=np.array([4, -1, 4, -1]))
    assert left_out(rule, (0, 2), (1, 3), (0, 1)) == [True, False, False]


def test_pairs_of_one_owner_are_left_out_where_both_are_flagged() -> None:
    rule = PairsLeftOut(owner=np.array([0, 0, 0, 1, -1]), owner_flagged=np.array([True, True, False, True, True]))
    assert left_out(rule, (0, 1), (0, 2), (0, 3), (4, 4)) == [True, False, False, False]


def test_named_pairs_are_left_out_in_either_order() -> None:
    rule = PairsLeftOut(pairs=every_pair([1, 2], [5]))
    assert left_out(rule, (1, 5), (5, 1), (5, 2), (1, 2)) == [True, True, True, False]


def test_without_a_primary_a_pair_is_left_out() -> None:
    rule = PairsLeftOut(primary=np.array([False, True, False]))
    assert left_out(rule, (0, 2), (0, 1), (1, 2)) == [True, False, False]


@given(
    st.lists(st.tuples(_row, _row), max_size=12),
    st.lists(st.tuples(_row, _row), max_size=12),
    st.lists(st.integers(-1, 2), min_size=ROWS, max_size=ROWS),
    st.lists(st.tuples(st.integers(-1, 2), st.booleans()), min_size=ROWS, max_size=ROWS),
    st.lists(st.booleans(), min_size=ROWS, max_size=ROWS),
)
def test_the_rules_together_say_what_each_says_of_a_pair_by_itself(
    asked: list[tuple[int, int]],
    named: list[tuple[int, int]],
    same: list[int],
    owned: list[tuple[int, bool]],
    primary: list[bool],
) -> None:
    rule = PairsLeftOut(
        same_object=np.array(same),
        owner=np.array([owner for owner, _ in owned]),
        owner_flagged=np.array([flag for _, flag in owned]),
        pairs=np.array(named, dtype=np.int32).reshape(-1, 2),
        primary=np.array(primary),
    )

    def wanted(one: int, other: int) -> bool:
        (owner_1, flag_1), (owner_2, flag_2) = owned[one], owned[other]
        return (
            same[one] == same[other] >= 0
            or (owner_1 == owner_2 >= 0 and flag_1 and flag_2)
            or {one, other} in [set(pair) for pair in named]
            or not (primary[one] or primary[other])
        )

    assert left_out(rule, *asked) == [wanted(*pair) for pair in asked]


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"owner": np.zeros(3, dtype=np.int64)}, "owner and owner_flagged go together"),
        ({"same_object": np.zeros(3, dtype=np.int64), "primary": np.zeros(2, dtype=np.bool_)}, "one length"),
        ({"pairs": np.zeros((2, 3), dtype=np.int32)}, r"not \(m, 2\)"),
        ({"primary": np.zeros(2, dtype=np.bool_), "pairs": np.array([[0, 2]], dtype=np.int32)}, "outside 0 to 1"),
        ({"pairs": np.array([[-1, 2]], dtype=np.int32)}, "outside"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PairsLeftOut(**arrays)
