"""A message as it stands in its encoding: blocks of keywords and texts, each with its place; nothing is judged yet."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ccsds.table import BlockKind, MessageKind
from schemas.refusals import RecordRefusedError


class Item(NamedTuple):
    """One ``KEYWORD = text [units]``; COMMENT is an item too. ``text`` is stripped of blanks around it.

    ``line`` counts from 1 in the payload. ``nil``: XML said ``xsi:nil="true"``, JSON null.
    """

    keyword: str
    text: str
    units: str = ""
    line: int = 0
    nil: bool = False


class Lines(NamedTuple):
    """Data lines of KVN, not cut up: bytes ``start`` to ``stop`` of the payload; ``line`` is the first one's number.

    The reader has checked nothing in them. Comments stand at a block's start, so any among the lines are refused later.
    """

    start: int
    stop: int
    line: int


class Run(NamedTuple):
    """n repetitions of one layout, column by column: ``columns[i]`` holds the texts of ``keywords[i]``.

    ``columns`` are ``pa.string()`` arrays of length n without nulls, blanks around each text stripped; ``lines`` shape
    (n,) int64 are the lines where the repetitions begin. For rows of XML elements (``stateVector``,
    ``covarianceMatrix``; optional keywords make runs of their own), for ``trajLine`` and its like (one column, called
    as the element), and for whole messages (`Message.run`).
    """

    keywords: tuple[str, ...]
    columns: tuple[pa.Array, ...]
    lines: NDArray[np.int64]

    @property
    def length(self) -> int:
        """n."""
        return int(self.lines.shape[0])


class Unread(NamedTuple):
    """A part of a payload that is no message of the kinds asked for, or cannot be made out: refused as it stands."""

    record: int
    line: int
    start: int
    stop: int
    error: RecordRefusedError


@dataclass(slots=True)
class Block:
    """One block in ``segment`` (0: header and what stands before the segments; then 1, 2, …).

    ``rows`` are its data lines, in order: `Lines` (KVN) or `Run` (XML and what is to be written).
    """

    kind: BlockKind
    segment: int
    line: int
    items: list[Item] = field(default_factory=list)
    rows: list[Lines | Run] = field(default_factory=list)

    def text(self, keyword: str) -> str | None:
        """The text of the first item of that keyword, or None."""
        return next((item.text for item in self.items if item.keyword == keyword), None)

    def comments(self) -> list[str]:
        """The texts of its comments, in order."""
        return [item.text for item in self.items if item.keyword == "COMMENT"]


@dataclass(slots=True)
class Message:
    """One message of a payload: record number (from 1), first line, and its bytes ``start`` to ``stop``.

    ``error``: the encoding itself was broken, and the message is refused with it. ``deviations`` are the names of
    the known deviations that reader and judge accepted. ``run`` (XML and JSON lanes for many messages of one layout):
    further messages of just this layout, their texts by keyword; their records are ``run_records``, their spans in the
    payload ``run_spans``, shape (n, 2).
    """

    kind: MessageKind
    version: str
    record: int
    line: int
    start: int
    stop: int
    blocks: list[Block] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    error: RecordRefusedError | None = None
    run: Run | None = None
    run_records: NDArray[np.int64] | None = None
    run_spans: NDArray[np.int64] | None = None

    def notice(self, deviation: str) -> None:
        """Note a known deviation, once."""
        if deviation not in self.deviations:
            self.deviations.append(deviation)

    def blocks_of(self, name: str, segment: int | None = None) -> list[Block]:
        """Blocks by name, in order, of one segment or of all."""
        return [b for b in self.blocks if b.kind.name == name and segment in (None, b.segment)]
