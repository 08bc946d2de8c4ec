"""KVN written by hand, messages made up by hypothesis from the real tables, and trees as plain values to compare."""

from typing import Any

from hypothesis import strategies as st

from schemas.ccsds.kvn_blocks import is_matrix
from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.table import BlockKind, Keyword, MessageKind, message_kind
from schemas.ccsds.tree import Block, Item, Lines, Message

OMM, OEM, CDM, OCM = (message_kind(name) for name in ("OMM", "OEM", "CDM", "OCM"))

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60).map(str.strip)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr), st.sampled_from(["0", "-.87E-6", "1.0e+00", "NaN"])
)
COMMENTS = st.lists(st.one_of(TEXTS, st.just(""), st.just("HBR = 10 [m]"), st.just("= [x]")), max_size=3)
ROWS = st.lists(
    st.lists(st.floats(allow_nan=False, allow_infinity=False).map(repr), min_size=6, max_size=6), min_size=1, max_size=5
)


OMM_TEXT = b"""CCSDS_OMM_VERS = 3.0
COMMENT written by hand

CREATION_DATE=2026-11-22T10:00:00
ORIGINATOR =TEST CENTRE
COMMENT of the object
OBJECT_NAME = A=B [C]
OBJECT_ID =2026-001A        \n
CENTER_NAME = EARTH
REF_FRAME = TEME
TIME_SYSTEM = UTC
MEAN_ELEMENT_THEORY = SGP4
EPOCH = 2026-11-22T00:00:00
MEAN_MOTION = 15.5   [rev/day]
ECCENTRICITY = 0.001 [x]
INCLINATION = 51.6[deg]
BSTAR = 0.0001
COMMENT
NORAD_CAT_ID = 25544
USER_DEFINED_NOTE = [km] is a unit
"""

OEM_TEXT = b"""CCSDS_OEM_VERS = 3.0
CREATION_DATE = 2026-11-22T10:00:00
ORIGINATOR = TEST
META_START
COMMENT one
OBJECT_NAME = SAT
META_STOP
COMMENT of the data
2026-11-22T00:00:00 1 2 3 4 5 6

2026-11-22T00:01:00 1 2 3 4 5 6
COVARIANCE_START
COMMENT of the matrices
EPOCH = 2026-11-22T00:00:00
COV_REF_FRAME = RTN
1
2 3
4 5 6
7 8 9 1
2 3 4 5 6
7 8 9 1 2 3
EPOCH = 2026-11-22T00:01:00
1
2 3
COVARIANCE_STOP

META_START
OBJECT_NAME = SAT
META_STOP
  2026-11-22T00:02:00 1 2 3 4 5 6
"""

CDM_TEXT = b"""CCSDS_CDM_VERS                     =1.0
CREATION_DATE                      =2026-11-22T10:00:00
ORIGINATOR                         =TEST
TCA                                =2026-11-23T10:00:00
MISS_DISTANCE                      =715            [m]
COMMENT HBR = 10 [m]
OBJECT                             =OBJECT1
OBJECT_DESIGNATOR                  =00001
COMMENT DCP
X                                  =1.0            [km]
CR_R                               =1.0            [m**2]
OBJECT                             =OBJECT2
OBJECT_DESIGNATOR                  =00002
X                                  =2.0            [km]
"""


def only(data: bytes, kind: MessageKind) -> Message:
    (message,) = read_kvn_messages(data, kind)
    assert isinstance(message, Message)
    return message


def blocks(message: Message) -> list[tuple[str, int, int]]:
    return [(block.kind.name, block.segment, block.line) for block in message.blocks]


def spans(block: Block) -> list[Lines]:
    return [rows for rows in block.rows if isinstance(rows, Lines)]


def plain(message: Message, data: bytes) -> Any:
    """What a tree says, without the places where it was found; data lines as their values."""
    return (
        message.version,
        [
            (
                block.kind.name,
                block.segment,
                [(item.keyword, item.text, item.units) for item in block.items],
                [data[r.start : r.stop].split() for r in block.rows if isinstance(r, Lines)],
            )
            for block in message.blocks
        ],
    )


@st.composite
def messages(draw: st.DrawFn, kind: MessageKind) -> tuple[Message, bytes]:
    """A message that KVN can say, and the payload that its data lines stand in. Nothing in it need make sense."""
    payload = bytearray()
    version = draw(st.sampled_from(kind.versions))
    message = Message(kind=kind, version=version, record=1, line=1, start=0, stop=0)
    for segment in range(_segments(draw, kind) + 1):
        for block_kind in kind.blocks:
            if (block_kind.place in ("metadata", "data")) != (segment > 0):
                continue
            if block_kind.occurs.startswith("0") and draw(st.booleans()):
                continue
            for _ in range(draw(st.integers(1, 2)) if block_kind.occurs.endswith("n") else 1):
                block = _block(draw, block_kind, segment, kind, payload)
                if block.items or block.rows or block_kind.kvn_start or block_kind.place == "header":
                    message.blocks.append(block)
    return message, bytes(payload)


def _segments(draw: st.DrawFn, kind: MessageKind) -> int:
    return draw(st.integers(1, 3)) if kind.segments == "1..n" else int(kind.segments)


def _block(draw: st.DrawFn, kind: BlockKind, segment: int, message: MessageKind, payload: bytearray) -> Block:
    block = Block(kind=kind, segment=segment, line=0)
    undelimited_rows = bool(kind.rows) and not kind.kvn_start
    items = [] if undelimited_rows else _items(draw, kind, message)
    # Without keywords after them, comments belong to the block that follows; the data section of an OEM has its own.
    own_comments = kind.name == "data" and message.message == "OEM"
    if (items and not is_matrix(kind)) or own_comments or (kind.kvn_start and not is_matrix(kind)):
        block.items.extend(Item("COMMENT", text) for text in draw(COMMENTS))
    block.items.extend(items)
    if kind.rows and (undelimited_rows or is_matrix(kind) or draw(st.booleans())):
        begin = len(payload)
        for row in draw(ROWS):
            payload.extend(("2026-11-22T00:00:00 " + " ".join(row) + "\n").encode())
        block.rows.append(Lines(begin, len(payload), 0))
        payload.extend(b"\n")
    return block


def _items(draw: st.DrawFn, kind: BlockKind, message: MessageKind) -> list[Item]:
    if kind.user_defined:
        names = draw(st.lists(st.from_regex(r"USER_DEFINED_[A-Z0-9_]{1,8}", fullmatch=True), min_size=1, max_size=3))
        return [Item(name, draw(TEXTS)) for name in names]
    keywords = [keyword for keyword in kind.keywords if not keyword.in_rows]
    if not keywords:
        return []
    chosen = draw(st.lists(st.sampled_from(range(len(keywords))), min_size=1, max_size=8, unique=True))
    # The first keyword begins a segment of a CDM and a matrix of an OEM.
    return [_item(draw, keywords[index], message) for index in sorted({0, *chosen})]


def _item(draw: st.DrawFn, keyword: Keyword, message: MessageKind) -> Item:
    if keyword.units:
        units = keyword.units if message.units_mandatory or draw(st.booleans()) else ""
        return Item(keyword.keyword, draw(NUMBERS), units)
    empty = keyword.status != "M" and draw(st.integers(0, 9)) == 0
    text = "" if empty else draw(TEXTS)
    return Item(keyword.keyword, text or ("" if keyword.status != "M" else "x"))
