"""The covariance matrices of an OEM segment: lower triangles of KVN lines, or an element a term of XML."""

import pyarrow as pa

from schemas.ccsds.kvn_lines import line_ending
from schemas.ccsds.tree import Block, Item, Lines
from schemas.ephemeris import COVARIANCE_SCHEMA, COVARIANCE_TERMS
from schemas.oem.rules import Metadata
from schemas.oem.state_lines import epoch_of, fields_of, float_of
from schemas.refusals import RecordRefusedError

CLAUSE = "CCSDS 502.0-B-3, 5.2.5.4"
OUTSIDE_SPAN = "covariance-outside-span"
_AXES = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
TERM_KEYWORDS = tuple(f"C{row}_{column}" for at, row in enumerate(_AXES) for column in _AXES[: at + 1])
_DIAGONAL = tuple(at * (at + 3) // 2 for at in range(len(_AXES)))


def covariances_of(
    data: bytes, blocks: list[Block], metadata: Metadata, time_system: str, notices: set[str]
) -> pa.RecordBatch:
    """`COVARIANCE_SCHEMA` of the blocks ``covarianceMatrix`` of one segment; known deviations go to ``notices``.

    A matrix without COV_REF_FRAME is in REF_FRAME (CCSDS 502.0-B-3, 5.2.5.4: nothing is carried on from the one
    before). Raises RecordRefusedError unless each has 21 terms that are numbers, no negative variance, and an epoch
    after that of the one before (5.2.5.7).
    """
    epochs: list[int] = []
    frames: list[str] = []
    terms: list[float] = []
    for block in blocks:
        epoch = _item(block, "EPOCH")
        tai_ns = epoch_of("EPOCH", epoch.text, time_system, epoch.line)
        if epochs and tai_ns <= epochs[-1]:
            rule = "covariance matrices stand in the order of their epochs"
            raise RecordRefusedError("EPOCH", epoch.text, rule, "CCSDS 502.0-B-3, 5.2.5.7", epoch.line)
        if not metadata.start_tai_ns <= tai_ns <= metadata.stop_tai_ns:
            # START_TIME and STOP_TIME bound the covariances too (table 5-3), but the book's own figure G-14 breaks it.
            notices.add(OUTSIDE_SPAN)
        epochs.append(tai_ns)
        frames.append(block.text("COV_REF_FRAME") or metadata.ref_frame)
        terms += _terms(data, block, notices)
    triangles = pa.FixedSizeListArray.from_arrays(pa.array(terms, pa.float64()), COVARIANCE_TERMS)
    columns = [pa.array(epochs, pa.int64()), pa.array(frames, pa.string()), triangles.cast(COVARIANCE_SCHEMA[2].type)]
    return pa.RecordBatch.from_arrays(columns, schema=COVARIANCE_SCHEMA)


def _item(block: Block, keyword: str) -> Item:
    found = next((item for item in block.items if item.keyword == keyword), None)
    if found is None:
        raise RecordRefusedError(keyword, "", "must be there", "CCSDS 502.0-B-3, 5.2.5.3", block.line)
    return found


def _terms(data: bytes, block: Block, notices: set[str]) -> list[float]:
    """The 21 terms of one matrix."""
    if block.rows:
        texts = _triangle(data, block)
    else:
        items = [_item(block, keyword) for keyword in TERM_KEYWORDS]
        texts = [(item.text, item.line) for item in items]
    numbers = []
    for at, (keyword, (text, line)) in enumerate(zip(TERM_KEYWORDS, texts, strict=True)):
        value = float_of(keyword, text, line, notices)
        if at in _DIAGONAL and value < 0.0:
            raise RecordRefusedError(keyword, text, "a variance is not negative", CLAUSE, line)
        numbers.append(value)
    return numbers


def _triangle(data: bytes, block: Block) -> list[tuple[str, int]]:
    """(text, line) of the terms of a matrix in KVN: six lines of one to six numbers."""
    rows = []
    for lines in block.rows:
        if isinstance(lines, Lines):
            for number, text in enumerate(data[lines.start : lines.stop].split(line_ending(data)), start=lines.line):
                row = fields_of(text, number)
                if row is not None:
                    rows.append(row)
    for at, row in enumerate(rows[: len(_AXES)]):
        if len(row.fields) != at + 1:
            rule = f"line {at + 1} of a matrix has {at + 1} number{'s' if at else ''}, not {len(row.fields)}"
            raise RecordRefusedError("covariance line", " ".join(row.fields), rule, CLAUSE, row.line)
    if len(rows) != len(_AXES):
        rule = f"a matrix has {len(_AXES)} lines, not {len(rows)}"
        line = rows[len(_AXES)].line if len(rows) > len(_AXES) else block.line
        raise RecordRefusedError("covariance line", "", rule, CLAUSE, line)
    return [(text, row.line) for row in rows for text in row.fields]
