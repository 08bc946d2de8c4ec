"""One question to the history, put into SQL: what it reads, how it is restricted, which columns its answer has."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ssa_hub.history.asked import Asked
from ssa_hub.history.planning import Range
from ssa_hub.history.tables import RECEIVED_MONTH, definition_of

# In the place of what SQL reads; whoever runs it puts that there (`ssa_hub.history.reading`).
FILES = "<files>"


class Question(NamedTuple):
    """``sql`` reads `FILES`; ``ranges`` and ``named`` are what files are left out by; ``masks``: the columns of mask
    ids in the answer; ``asked`` None: no release takes part.
    """

    kind: str
    sql: str
    parameters: Mapping[str, Any]
    ranges: Mapping[str, Range]
    named: Mapping[str, Sequence[Any]]
    asked: Asked | None = None
    masks: tuple[str, ...] = ()


def columns_sql(alias: str, kind: str) -> str:
    """The columns that give back the record's, as they are stored, as a list in SQL."""
    return ", ".join(f"{alias}.{field.name}" for field in definition_of(kind).stored_fields if field != RECEIVED_MONTH)


def named_values(
    object_ids: Sequence[str] | None, catalogue_numbers: Sequence[int] | None, side: str = ""
) -> dict[str, Sequence[Any]]:
    """Columns and the values asked for in them; a row with any of them is meant. Empty: nothing was named."""
    columns = {f"object_id{side}": object_ids, f"catalogue_number{side}": catalogue_numbers}
    return {column: values for column, values in columns.items() if values is not None}


def earlier(now_tai_ns: int, known_at_tai_ns: int | None) -> int:
    """What had been received by then, and by now."""
    return now_tai_ns if known_at_tai_ns is None else min(now_tai_ns, known_at_tai_ns)


def checked_limit(limit: int) -> int:
    """The limit. Raises ValueError below 1."""
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    return limit
