"""What a reader says of input that it does not accept, and of input that it accepts with a known deviation."""

import msgspec


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One record that could not be read: where it stands, what was wrong, and its bytes.

    ``line`` and ``record`` count from 1 (line 0: the encoding has no lines, or the whole payload is meant).
    ``field`` is the keyword or TLE column range, ``value`` the offending text (at most 200 characters),
    ``rule`` a sentence that says what is demanded, ``clause`` the place in the standard, where there is one.
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


class RecordRefusedError(ValueError):
    """Raised inside a reader to refuse the record at hand; the reader turns it into a `Refusal`."""

    def __init__(self, field: str, value: str, rule: str, clause: str = "", line: int = 0) -> None:
        super().__init__(f"{field} = {value!r}: {rule}")
        self.field, self.value, self.rule, self.clause, self.line = field, value[:200], rule, clause, line
