"""Which element stands where in NDM/XML (CCSDS 505.0-B-3, section 4), by a message's table; what its texts may hold."""

import re
from typing import NamedTuple

from schemas.ccsds.table import BlockKind, MessageKind

CLAUSE = "CCSDS 505.0-B-3"
TEXT_LENGTH_MAX = 10_000
BLANKS = " \t\r\n"
USER_DEFINED = "USER_DEFINED"
# What XML 1.0, 2.2, has no way to say, not even as a reference.
NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def rows_are_elements(kind: BlockKind) -> bool:
    """Whether each row of the block is an element of the block's name in the data section (``stateVector`` of OEM)."""
    return bool(kind.rows) and kind.rows == kind.name and not kind.kvn_start


def row_line_name(kind: BlockKind) -> str:
    """The element that holds one data line of the block (``trajLine``), "" where it has none."""
    return kind.rows if kind.rows != kind.name else ""


class _BlockStructure(NamedTuple):
    """Of one block: its keywords that stand in it alone, the groups of the others, the element of a data line."""

    plain: frozenset[str]
    group_of: dict[str, str]
    row_line: str


class Structure:
    """Which element of a kind of message stands where; made once for many messages."""

    def __init__(self, kind: MessageKind) -> None:
        self.kind = kind
        self.blocks_at = {
            place: {block.name: block for block in kind.blocks if block.place == place and block.name != place}
            for place in ("body", "data")
        }
        self.of_block = {block.name: _block_structure(block) for block in kind.blocks}


def _block_structure(block: BlockKind) -> _BlockStructure:
    group_of = {keyword.keyword: keyword.xml_group for keyword in block.keywords if keyword.xml_group}
    return _BlockStructure(frozenset(block.by_name) - frozenset(group_of), group_of, row_line_name(block))
