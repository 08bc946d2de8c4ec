"""Messages made up by hypothesis from the real tables, in the order that XML has, and trees as plain values."""

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from schemas.ccsds.table import BlockKind, MessageKind
from schemas.ccsds.tree import Block, Item, Lines, Message, Run
from schemas.ccsds.xml_structure import row_line_name, rows_are_elements

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="".join(map(chr, range(32))) + "\ufffe\uffff"), max_size=12
).map(lambda text: text.strip(" \t\r\n"))
_NUMBERS = st.sampled_from(["1", "-.87E-6", "1.0e+00", "NaN", "007", "1e999", "0.10"])


@st.composite
def _items(draw: st.DrawFn, kind: BlockKind) -> list[Item]:
    items = [Item("COMMENT", text) for text in draw(st.lists(TEXTS, max_size=2))]
    if kind.user_defined:
        names = draw(st.lists(st.text("AB_c é<&\"'\n", min_size=1, max_size=4).filter(str.strip), max_size=3))
        return items + [Item(f"USER_DEFINED_{name.strip()}", draw(TEXTS)) for name in names]
    for keyword in kind.keywords:
        if keyword.draft or not (keyword.xml_mandatory or draw(st.booleans())):
            continue
        units = keyword.units if keyword.xml_units_mandatory else draw(st.sampled_from(["", keyword.units]))
        nil = draw(st.integers(0, 9)) == 0 and not keyword.xml_units_mandatory
        text = "" if nil else draw(st.one_of(TEXTS, _NUMBERS))
        items.append(Item(keyword.keyword, text, units, 0, nil))
    return items


@st.composite
def _rows(draw: st.DrawFn, kind: BlockKind) -> list[Lines | Run]:
    runs: list[Lines | Run] = []
    names = [keyword.keyword for keyword in kind.keywords]
    layouts = [(row_line_name(kind),)] if row_line_name(kind) else [tuple(names), tuple(names[:7])]
    for keywords in layouts[: draw(st.integers(1, 2))]:
        n = draw(st.integers(1, 4))
        columns = tuple(pa.array(draw(st.lists(TEXTS, min_size=n, max_size=n)), pa.string()) for _ in keywords)
        runs.append(Run(keywords, columns, np.zeros(n, np.int64)))
    return runs


@st.composite
def messages(draw: st.DrawFn, kind: MessageKind) -> Message:
    """A message that no judge has seen, its blocks in the order of the table."""
    message = Message(kind, draw(st.sampled_from(["3.0", "", 'x & "y" <'])), 1, 1, 0, 0)
    segments = {"1": 1, "2": 2}.get(kind.segments) or draw(st.integers(1, 3))
    places = [("header", 0), ("body", 0)]
    for segment in range(1, segments + 1):
        places += [("metadata", segment), ("data", segment)]
    for place, segment in places:
        for block in kind.blocks:
            if block.place != place or block.draft:
                continue
            times = 1 if place in ("header", "metadata") else draw(st.integers(0, 2 if block.occurs[-1] == "n" else 1))
            for _ in range(times):
                made = Block(block, segment, 0)
                if not rows_are_elements(block):
                    made.items = draw(_items(block))
                if block.name == "data":
                    made.items = [Item("COMMENT", draw(TEXTS))]
                if block.rows and not (block.rows == block.name and block.kvn_start):
                    made.rows = draw(_rows(block))
                message.blocks.append(made)
    return message


def plain(message: object) -> object:
    """A tree without lines and positions, rows expanded."""
    assert isinstance(message, Message)
    assert message.error is None, str(message.error)
    blocks = []
    for block in message.blocks:
        rows: list[object] = []
        for run in block.rows:
            assert isinstance(run, Run)
            rows += [(run.keywords, *row) for row in zip(*(column.to_pylist() for column in run.columns), strict=True)]
        items = [item._replace(line=0) for item in block.items]
        blocks.append((block.kind.name, block.segment, items, rows))
    return message.kind.message, message.version, blocks
