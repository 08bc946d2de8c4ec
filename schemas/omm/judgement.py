"""The rules of a message over many of them: one mask a rule, and the first that a message breaks is its refusal."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.omm.text_table import Noticed, TextTable
from schemas.refusals import REFUSALS_MAX, RecordRefusedError
from schemas.value_columns import Mask

# Words for a rule, or what finds them for the text that broke it
Rule = str | Callable[[str], str]


class Check(NamedTuple):
    """One rule over all messages: ``passed`` has shape (n,)."""

    keyword: str
    rule: Rule
    clause: str
    passed: Mask


class Judgement:
    """The checks made on a table of texts so far, and the deviations noticed."""

    def __init__(self, table: TextTable) -> None:
        self.table = table
        self.checks: list[Check] = []
        self._noticed: list[Noticed] = list(table.noticed)

    def require(self, keyword: str, rule: Rule, passed: Mask, clause: str = "") -> None:
        """Note a check. It is judged after all those noted before it. One that all passed has nothing to say."""
        if not passed.all():
            self.checks.append(Check(keyword, rule, clause, passed))

    def notice(self, deviation: str, where: Mask) -> None:
        """Note a known deviation of some messages."""
        rows = np.flatnonzero(where)
        if rows.size:
            self._noticed.append(Noticed(rows, pa.repeat(pa.scalar(deviation, pa.string()), rows.size)))

    def notice_names(self, rows: NDArray[np.int64], names: pa.Array) -> None:
        """Note deviations whose names differ from message to message."""
        if rows.size:
            self._noticed.append(Noticed(rows, names))

    def passed(self) -> Mask:
        """Where every check passed."""
        passed = np.ones(self.table.rows, dtype=np.bool_)
        for check in self.checks:
            passed &= check.passed
        return passed

    def refusals(self) -> list[tuple[int, RecordRefusedError]]:
        """(row, error) of each message that broke a rule, with the first that it broke.

        At most one more than a payload may have: with that one the payload is given up.
        """
        count = self.table.rows
        first = np.full(count, len(self.checks), dtype=np.int64)
        for index in range(len(self.checks) - 1, -1, -1):
            first[~self.checks[index].passed] = index
        rows = np.flatnonzero(first < len(self.checks))[: REFUSALS_MAX + 1]
        return [(row, self._error(row, self.checks[first[row]])) for row in rows.tolist()]

    def deviations(self) -> pa.Array:
        """The list column: the deviations of each message in the order in which they were noticed, each once."""
        count = self.table.rows
        if not self._noticed:
            return pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string()))
        rows = np.concatenate([noticed.rows for noticed in self._noticed])
        names = pa.concat_arrays([noticed.names for noticed in self._noticed]).dictionary_encode()
        codes = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        # The first place of each (row, name), and these places by row.
        _, places = np.unique(rows * len(names.dictionary) + codes, return_index=True)
        places = np.sort(places)
        places = places[np.argsort(rows[places], kind="stable")]
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(np.bincount(rows[places], minlength=count), out=offsets[1:])
        return pa.ListArray.from_arrays(pa.array(offsets), names.dictionary.take(pa.array(codes[places])))

    def _error(self, row: int, check: Check) -> RecordRefusedError:
        column = self.table.columns.get(check.keyword)
        text = "" if column is None else column[row].as_py() or ""
        rule = check.rule if isinstance(check.rule, str) else check.rule(text)
        return RecordRefusedError(check.keyword, text, rule, check.clause)
