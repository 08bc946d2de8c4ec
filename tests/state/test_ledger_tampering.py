"""Tampering with the ledger: whatever is changed, removed, added or swapped is found, and the place is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, insert, select, text, update

from ssa_hub.release.ledger import day_text
from ssa_hub.release.ledger_verification import Finding, WrongLedgerError
from ssa_hub.state.release_tables import ledger_entries, ledger_periods, ledger_sums
from ssa_hub.state.store import State, open_state
from tests.release.ledgers import DAY_NS, HOUR_NS, NOON_TAI_NS, disclosure, record_id
from tests.state.ledgers import FIRST_DAY, fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    """A filled ledger that tests change and put right again."""
    path: Path = tmp_path_factory.mktemp("ledger") / "state.sqlite"
    with open_state(f"sqlite:///{path}") as opened:
        fill(opened)
        yield opened


def _finding(state: State, known_sha256: bytes | None = None) -> Finding:
    with pytest.raises(WrongLedgerError) as raised:
        state.ledger_periods.verify(known_sha256)
    return raised.value.finding


def _change(state: State, table: Table, row: dict[str, Any], **values: object) -> None:
    with state.transaction() as connection:
        found = [table.c[name] == value for name, value in row.items()]
        assert connection.execute(update(table).where(*found).values(**values)).rowcount == 1


def _stored_rows(state: State) -> list[tuple[str, int, dict[str, Any]]]:
    """(table, rowid, row with its bytes) of every row of the ledger."""
    found = []
    with state.database.snapshot() as connection:
        for table in (ledger_entries, ledger_periods, ledger_sums):
            columns = ", ".join(
                f"CAST({column.name} AS BLOB) AS {column.name}" if column.type.python_type is str else column.name
                for column in table.columns
            )
            rows = connection.execute(text(f"SELECT rowid AS place, {columns} FROM {table.name}")).mappings()
            found += [(table.name, row["place"], {k: v for k, v in row.items() if k != "place"}) for row in rows]
    return found


def _write_raw(state: State, table: str, column: str, rowid: int, value: object, is_text: bool) -> None:
    raw = state.database.engine.raw_connection()
    try:
        raw.execute("PRAGMA foreign_keys=OFF")  # type: ignore[attr-defined]
        given = "CAST(? AS TEXT)" if is_text else "?"
        raw.execute(f"UPDATE {table} SET {column} = {given} WHERE rowid = ?", (value, rowid))  # type: ignore[attr-defined]
        raw.commit()
        raw.execute("PRAGMA foreign_keys=ON")  # type: ignore[attr-defined]
    finally:
        raw.close()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_byte_changed_in_any_column_of_any_row_is_found_there(filled: State, data: st.DataObject) -> None:
    table, rowid, row = data.draw(st.sampled_from(_stored_rows(filled)))
    column = data.draw(st.sampled_from([name for name, value in sorted(row.items()) if value not in (b"", "")]))
    true, is_text = row[column], ledger_tables()[table].c[column].type.python_type is str
    as_bytes = true.to_bytes(8, "big", signed=True) if isinstance(true, int) else true
    place, change = data.draw(st.integers(0, len(as_bytes) - 1)), data.draw(st.integers(1, 255))
    changed = as_bytes[:place] + bytes([as_bytes[place] ^ change]) + as_bytes[place + 1 :]
    false: Any = int.from_bytes(changed, "big", signed=True) if isinstance(true, int) else changed
    taken = [other[2].get(column) for other in _stored_rows(filled) if other[0] == table]
    if column in ("number", "period") and false in taken:
        return  # the database itself refuses a key twice
    _write_raw(filled, table, column, rowid, false, is_text)
    moved = false if (table, column) == ("ledger_periods", "period") else rowid  # SQLite's own row number there
    try:
        finding = _finding(filled)
    finally:
        _write_raw(filled, table, column, moved, true, is_text)
    filled.ledger_periods.verify()
    if table == "ledger_entries":
        number = min(row["number"], max(1, false)) if column == "number" else row["number"]
        # A number that was moved in front of others stands where the first of them should be.
        assert finding.place == f"entry {1 if column == 'number' and false < 1 else number}"
    elif table == "ledger_sums":
        assert finding.place.startswith("sums of period")
    elif column != "period":
        assert finding.place == f"period {day_text(row['period'])}"
        assert column in finding.what
    else:
        assert finding.place.startswith("period ")


def ledger_tables() -> dict[str, Table]:
    """The ledger's tables by name."""
    return {table.name: table for table in (ledger_entries, ledger_periods, ledger_sums)}


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("partner", "DORADO", "columns are not those that were noted"),
        ("record_ids", record_id("other") * 2, "columns are not those that were noted"),
        ("entry_sha256", bytes(32), "entry_sha256"),
        ("records", 5, "records is 5"),
        ("channel", "pager", "channel is 'pager'"),
        ("period", 1, "period is not the UTC day"),
        ("pseudonymous", True, "columns are not those that were noted"),
    ],
)
def test_what_is_wrong_with_an_entry_is_named(state: State, column: str, value: object, named: str) -> None:
    fill(state)
    _change(state, ledger_entries, {"number": 7}, **{column: value})
    finding = _finding(state)
    assert finding.place == "entry 7"
    assert named in finding.what


def _remove(state: State, *numbers: int) -> None:
    with state.transaction() as connection:
        connection.execute(ledger_entries.delete().where(ledger_entries.c.number.in_(numbers)))


def test_a_removed_entry_is_found(state: State) -> None:
    fill(state)
    _remove(state, 5)
    assert _finding(state) == ("entry 5", "is missing; the next there is has the number 6")


def test_a_removed_entry_is_found_when_the_others_are_numbered_anew(state: State) -> None:
    fill(state)
    _remove(state, 5)
    for number in range(6, 21):
        _change(state, ledger_entries, {"number": number}, number=number - 1)
    assert _finding(state).place == "entry 5"


def test_an_inserted_entry_is_found(state: State) -> None:
    fill(state)
    with state.transaction() as connection:
        row = dict(connection.execute(select(ledger_entries).where(ledger_entries.c.number == 3)).mappings().one())
        for number in range(20, 3, -1):
            connection.execute(
                update(ledger_entries).where(ledger_entries.c.number == number).values(number=number + 1)
            )
        connection.execute(insert(ledger_entries), {**row, "number": 4})
    assert _finding(state).place == "entry 4"


def test_swapped_entries_are_found(state: State) -> None:
    fill(state)
    for before, after in ((8, -1), (9, 8), (-1, 9)):
        _change(state, ledger_entries, {"number": before}, number=after)
    assert _finding(state).place == "entry 8"


def test_truncation_is_found_by_a_closed_day_or_by_a_hash_that_was_noted(state: State) -> None:
    fill(state)
    noted = state.ledger.head().entry_sha256
    state.ledger_periods.verify(noted)
    _remove(state, 20)
    assert state.ledger_periods.verify().entries == 19  # nobody can tell from what is left
    assert _finding(state, noted).place == "after entry 19"
    _remove(state, 18, 19)
    finding = _finding(state)
    assert finding.place == "entry 18"
    assert day_text(FIRST_DAY + 3) in finding.what


def test_entries_added_to_a_closed_day_are_found(state: State) -> None:
    fill(state)
    _remove(state, 19, 20)
    with state.transaction() as connection:
        # Well chained, by somebody who can write to the database but has no other key than the code.
        saved = list(
            connection.execute(select(ledger_periods).where(ledger_periods.c.period == FIRST_DAY + 3)).mappings()
        )
        sums = list(connection.execute(select(ledger_sums).where(ledger_sums.c.period == FIRST_DAY + 3)).mappings())
        connection.execute(ledger_sums.delete().where(ledger_sums.c.period == FIRST_DAY + 3))
        connection.execute(ledger_periods.delete().where(ledger_periods.c.period == FIRST_DAY + 3))
    state.ledger.append([disclosure("CETUS")], NOON_TAI_NS + 3 * DAY_NS + 3 * HOUR_NS)
    with state.transaction() as connection:
        connection.execute(insert(ledger_periods), [dict(row) for row in saved])
        connection.execute(insert(ledger_sums), [dict(row) for row in sums])
    assert _finding(state) == ("entry 19", f"was added to period {day_text(FIRST_DAY + 3)} after that was closed")


def test_a_missing_day_is_found(state: State) -> None:
    fill(state)
    with state.transaction() as connection:
        connection.execute(ledger_sums.delete().where(ledger_sums.c.period == FIRST_DAY + 1))
        connection.execute(ledger_periods.delete().where(ledger_periods.c.period == FIRST_DAY + 1))
    assert _finding(state) == (f"period {day_text(FIRST_DAY + 1)}", "is missing, a later one is closed")


def test_a_sum_that_is_gone_is_found(state: State) -> None:
    fill(state)
    with state.transaction() as connection:
        connection.execute(
            ledger_sums.delete().where(ledger_sums.c.period == FIRST_DAY, ledger_sums.c.originator == "BOREAL")
        )
    finding = _finding(state)
    assert finding.place.startswith(f"sums of period {day_text(FIRST_DAY)}, originator BOREAL")
    assert "missing" in finding.what
