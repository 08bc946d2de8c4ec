"""Rows of a whole batch in one statement, and looking up many names with one parameter."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text

from ssa_hub.state.bulk_insert import insert_columns
from ssa_hub.state.database import among
from ssa_hub.state.store import State
from ssa_hub.state.tables import combinations, recorded
from tests.history.examples import element_row, elements

_KEPT = "ON CONFLICT (record_id) DO NOTHING"
# What PostgreSQL's text can hold: no NUL, and no half of a surrogate pair.
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def test_numbers_grow_in_the_order_of_the_rows_and_what_is_there_stays(state: State) -> None:
    with state.transaction() as connection:
        assert state.recorded.insert(connection, "elements", elements(element_row("m"))) == 1
    ids = ["z", "a", "m", "q", "a", "b"]
    with state.transaction() as connection:
        rows = elements(*(element_row(record_id) for record_id in ids))
        assert state.recorded.insert(connection, "elements", rows) == 4
    with state.database.snapshot() as connection:
        found = connection.execute(select(recorded.c.record_id).order_by(recorded.c.seq)).scalars().all()
    assert found == ["m", "z", "a", "q", "b"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(_TEXTS, st.none() | _TEXTS, st.binary(max_size=20), st.integers(-(2**63), 2**63 - 1)), min_size=1
    )
)
def test_values_come_back_as_they_went_in(state: State, rows: list[tuple[str, str | None, bytes, int]]) -> None:
    with state.transaction() as connection:
        connection.execute(text("DELETE FROM recorded"))
        connection.execute(text("DELETE FROM combinations"))
        connection.execute(insert(combinations).values(id=1, data_mode="REAL", originator="A", label_id="l"))
        first, second, body, instant = zip(*rows, strict=True)
        columns = {
            "record_id": [str(number) for number in range(len(rows))], "kind": ["elements"] * len(rows),
            "object_id_1": first, "object_id_2": second, "combination_1": [1] * len(rows),
            "combination_2": [None] * len(rows), "received_tai_ns": instant, "recorded_tai_ns": instant, "body": body,
        }  # fmt: skip
        assert insert_columns(connection, recorded, columns, _KEPT) == len(rows)
        assert insert_columns(connection, recorded, columns, _KEPT) == 0
        names = ("object_id_1", "object_id_2", "body", "received_tai_ns")
        chosen = select(*(recorded.c[name] for name in names)).order_by(recorded.c.seq)
        found = [tuple(row) for row in connection.execute(chosen)]
    assert found == rows


def test_columns_of_different_lengths_are_refused_and_no_rows_are_fine(state: State) -> None:
    with state.transaction() as connection:
        with pytest.raises(ValueError, match="different lengths"):
            insert_columns(connection, combinations, {"data_mode": ["REAL"], "originator": []}, "")
        assert insert_columns(connection, combinations, {"data_mode": [], "originator": []}, "") == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=st.sets(_TEXTS, max_size=10), asked=st.lists(_TEXTS, max_size=10))
def test_of_many_names_those_that_are_there_are_found(state: State, there: set[str], asked: list[str]) -> None:
    names = Table("names_looked_up", MetaData(), Column("name", String), Column("n", Integer), prefixes=["TEMPORARY"])
    with state.transaction() as connection:
        names.create(connection)
        for name in sorted(there):
            connection.execute(insert(names).values(name=name))
        wanted = [*asked, *sorted(there)[::2]]
        found = set(connection.execute(select(names.c.name).where(among(connection, names.c.name, wanted))).scalars())
        names.drop(connection)
    assert found == there & set(wanted)
