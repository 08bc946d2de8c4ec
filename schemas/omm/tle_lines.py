"""The TLE lines that Space-Track's flat messages carry, where a TLE can say the record."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.alpha5 import LARGEST_ALPHA5
from schemas.refusals import CannotRenderError
from schemas.tle.write import write_tle

_Lines = tuple[list[str | None], list[str | None], list[str | None]]


def tle_lines_of(table: pa.Table) -> _Lines:
    """(name lines, first lines, second lines) of the columns of `schemas.rendering.table_to_render`.

    All three are None for a record that no TLE can say: a number above 339,999, an epoch outside 1957 to 2056, ...
    """
    lines: _Lines = ([None] * table.num_rows, [None] * table.num_rows, [None] * table.num_rows)
    numbers = table["catalogue_number"].to_numpy()
    _fill(table, np.flatnonzero((numbers > 0) & (numbers <= LARGEST_ALPHA5)), lines)
    return lines


def _fill(table: pa.Table, rows: NDArray[np.int64], lines: _Lines) -> None:
    """Write all rows at once; where one of them cannot be said, each half on its own, so that only that one is left."""
    if not rows.size:
        return
    try:
        written = write_tle(table.take(pa.array(rows)), True).decode("ascii").split("\n")
    except CannotRenderError:
        if rows.size > 1:
            half = rows.size // 2
            _fill(table, rows[:half], lines)
            _fill(table, rows[half:], lines)
        return
    for place, row in enumerate(rows.tolist()):
        for which in range(3):
            lines[which][row] = written[3 * place + which]
