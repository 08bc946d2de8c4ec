"""Which lines of a payload belong to one element set, and how to go on after a broken one."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.refusals import RecordRefusedError
from schemas.tle.columns import FORMAT_CLAUSE

# No name is this long, so such a line that begins with neither 1 nor 2 is a damaged line 1 or 2, not a name.
_SHORTEST_DAMAGED_LINE = 60


class Frame(NamedTuple):
    """The lines of one element set. ``record`` counts from 1.

    ``line_numbers`` are those of the name (0 where there is none), line 1 and line 2.
    """

    record: int
    line_numbers: tuple[int, int, int]
    name: bytes | None
    line1: bytes
    line2: bytes
    data: bytes


class Stray(NamedTuple):
    """Lines that are no element set: what is missing, and where."""

    record: int
    line_number: int
    error: RecordRefusedError
    data: bytes


def frames(lines: Iterable[tuple[int, bytes]], records_before: int = 0) -> Iterator[Frame | Stray]:
    """The element sets of numbered lines, in their order; what does not pair up comes as a `Stray`.

    ``records_before`` is how many records of the payload stand before the first line.
    Blank lines and lines that begin with ``#`` are passed over. A name may stand before line 1. Only the lines of a
    broken set are lost: a line 1 always begins a new set.
    """
    record = records_before
    name: tuple[int, bytes] | None = None
    first: tuple[int, bytes] | None = None
    for number, raw in lines:
        body = raw.strip()
        if not body or body.startswith(b"#"):
            continue
        kind = _kind(body, first is not None)
        if kind == "2" and first is not None:
            record += 1
            name_number, name_raw = name or (0, b"")
            text = name_raw.strip() if name_number else None
            yield Frame(record, (name_number, first[0], number), text, first[1], raw, name_raw + first[1] + raw)
            name = first = None
        elif kind == "2":
            record += 1
            yield _stray(record, "line 1", number, "line 2 follows no line 1", name, (number, raw))
            name = None
        else:
            if first is not None:
                record += 1
                yield _stray(record, "line 2", first[0], "line 1 is followed by no line 2", name, first)
                name = first = None
            elif kind == "name" and name is not None:
                record += 1
                yield _stray(record, "line 1", name[0], "a name is followed by no line 1", name)
            if kind == "1":
                first = (number, raw)
            else:
                name = (number, raw)
    if first is not None:
        yield _stray(record + 1, "line 2", first[0], "line 1 is followed by no line 2", name, first)
    elif name is not None:
        yield _stray(record + 1, "line 1", name[0], "a name is followed by no line 1", name)


def _kind(body: bytes, after_line_1: bool) -> str:
    """``1``, ``2`` or ``name``."""
    if body[:1] in (b"1", b"2") and (len(body) == 1 or body[1] in b" \t"):
        return "1" if body[:1] == b"1" else "2"
    if len(body) >= _SHORTEST_DAMAGED_LINE:
        return "2" if after_line_1 else "1"
    return "name"


def _stray(record: int, field: str, number: int, rule: str, *lines: tuple[int, bytes] | None) -> Stray:
    present = [raw for line in lines if line is not None for raw in (line[1],)]
    return Stray(record, number, RecordRefusedError(field, present[-1].strip(), rule, FORMAT_CLAUSE), b"".join(present))
