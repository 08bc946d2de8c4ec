"""What a reader says of input that it does not accept, and of input that it accepts with a known deviation."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa

REFUSED_BYTES_MAX = 65_536  # the payload itself is kept whole; a refusal carries what a person can look at
REFUSALS_MAX = 100_000  # of one payload: then it is no payload with bad records, but a bad payload
_VALUE_LENGTH_MAX = 200


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One record that could not be read: where it stands, what was wrong, and its bytes.

    ``line`` and ``record`` count from 1 (line 0: the encoding has no lines, or the whole payload is meant).
    ``field`` is the keyword or TLE column range, ``value`` the offending text (at most 200 characters),
    ``rule`` a sentence that says what is demanded, ``clause`` the place in the standard, where there is one.
    ``data`` are the record's own bytes, at most `REFUSED_BYTES_MAX` of them.
    """

    file: str
    record: int
    line: int
    field: str
    value: str
    rule: str
    clause: str = ""
    data: bytes = b""

    def __str__(self) -> str:
        place = f"{self.file}: record {self.record}" + (f", line {self.line}" if self.line else "")
        clause = f" [{self.clause}]" if self.clause else ""
        return f"{place}: {self.field} = {self.value!r}: {self.rule}{clause}"


def _shown(value: str | bytes) -> str:
    """Offending text as text that any encoder takes: bytes that are no ASCII, and lone surrogates, become escapes."""
    if isinstance(value, bytes):
        return value[:_VALUE_LENGTH_MAX].decode("ascii", "backslashreplace")[:_VALUE_LENGTH_MAX]
    return value[:_VALUE_LENGTH_MAX].encode("utf-8", "backslashreplace").decode("utf-8")[:_VALUE_LENGTH_MAX]


class RecordRefusedError(ValueError):
    """Raised inside a reader to refuse the record at hand; the reader turns it into a `Refusal`."""

    def __init__(self, field: str, value: str | bytes, rule: str, clause: str = "", line: int = 0) -> None:
        # JSON may have a member whose name is the empty text; whoever reads the refusal must see that a name is meant.
        self.field, self.value = _shown(field) or '""', _shown(value)
        self.rule, self.clause, self.line = rule, clause, line
        super().__init__(f"{self.field} = {self.value!r}: {rule}")

    def refusal(self, file: str, record: int, line: int, data: bytes) -> Refusal:
        """The refusal of the record at hand; ``line`` holds where the error itself names none."""
        return Refusal(
            file=file,
            record=record,
            line=self.line or line,
            field=self.field,
            value=self.value,
            rule=self.rule,
            clause=self.clause,
            data=data[:REFUSED_BYTES_MAX],
        )


_TABLE_FIELDS = ("file", "record", "line", "field", "value", "rule", "clause")
REFUSAL_SCHEMA = pa.schema(
    [pa.field(name, pa.int64() if name in ("record", "line") else pa.string(), False) for name in _TABLE_FIELDS]
)


def refusal_table(refusals: Sequence[Refusal]) -> pa.Table:
    """Refusals as a table with the columns of `REFUSAL_SCHEMA`, in their order; their bytes are left out."""
    columns = {name: [getattr(refusal, name) for refusal in refusals] for name in _TABLE_FIELDS}
    return pa.table(columns, schema=REFUSAL_SCHEMA)


class CannotRenderError(ValueError):
    """A record that the asked format cannot say, such as a catalogue number above 339,999 in a TLE."""
