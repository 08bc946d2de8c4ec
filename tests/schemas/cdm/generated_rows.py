"""Rows that a CDM can say, at random: every optional keyword there or not, values over their whole range."""

import random
import string
from typing import Any

from hypothesis import strategies as st

from schemas.ccsds.table import Keyword, ValueType
from schemas.cdm.columns import CDM, KEYWORD_COLUMNS, KeywordColumn, column_name, comment_column, empty_row
from schemas.time_systems import EARLIEST_TAI_NS, LATEST_TAI_NS
from schemas.timescales import format_utc

_ASCII = string.ascii_letters + string.digits + " .,:;/()<>&'\"!?*+-=_#%@"
_WHOLE = ("relativeStateVector",)
_ROWS = ("CDRG", "CSRP", "CTHR")
_ORDERED = (
    ("START_SCREEN_PERIOD", "TCA", "STOP_SCREEN_PERIOD"),
    ("SCREEN_ENTRY_TIME", "SCREEN_EXIT_TIME"),
    ("TIME_LASTOB_START", "TIME_LASTOB_END"),
)


def _text(source: random.Random) -> str:
    return "".join(source.choice(_ASCII) for _ in range(source.randint(1, 40))).strip(" ") or "X"


def _number(source: random.Random, keyword: Keyword) -> float:
    low = -1e12 if keyword.low is None else keyword.low
    high = 1e12 if keyword.high is None else keyword.high
    value = source.choice(
        (low, high, 0.0, source.uniform(low, high), source.uniform(low, high) * 10.0 ** -source.randint(1, 30))
    )
    return float(f"{value:.15e}") + 0.0  # 16 digits, as the standard has them; no negative zero


def _value(source: random.Random, keyword: Keyword) -> Any:
    if keyword.type is ValueType.NUMBER:
        return _number(source, keyword)
    if keyword.type is ValueType.INTEGER:
        return source.choice((1, 2**31 - 1, source.randint(1, 2**31 - 1)))
    if keyword.type is ValueType.EPOCH:
        step = source.choice((1, 1_000, 1_000_000_000))
        return source.randint(EARLIEST_TAI_NS // step + 1, LATEST_TAI_NS // step - 1) * step
    if keyword.type is ValueType.CHOICE:
        return source.choice(keyword.choices)
    return _text(source)


def _group(column: KeywordColumn) -> tuple[int, str] | None:
    """Keywords that a message has together: what XML puts into one element, rows 7 to 9 of the covariance."""
    row = column.keyword.keyword.partition("_")[0]
    name = column.keyword.xml_group or (row if column.block == "covarianceMatrix" and row in _ROWS else "")
    return (column.segment, name) if name else None


def random_row(source: random.Random) -> dict[str, Any]:
    """A row with nothing in it that a CDM cannot say."""
    row = empty_row()
    row["version"] = "1.0"
    kept: dict[tuple[int, str], bool] = {}
    for column in KEYWORD_COLUMNS:
        keep = source.random() < 0.7
        group = _group(column)
        if group is not None:
            keep = kept.setdefault(group, keep)
        if keep or column.keyword.status == "M":
            row[column.name] = _value(source, column.keyword)
    for segment, names in ((0, _ORDERED[0]), (0, _ORDERED[1]), (1, _ORDERED[2]), (2, _ORDERED[2])):
        columns = [column_name(name, segment) for name in names if row[column_name(name, segment)] is not None]
        for name, value in zip(columns, sorted(row[name] for name in columns), strict=True):
            row[name] = value
    for segment in (1, 2):
        # an orbit about another centre may not be in ITRF
        row[column_name("ORBIT_CENTER", segment)] = source.choice((None, "EARTH"))
    for kind in CDM.blocks:
        for segment in (0,) if kind.place in ("header", "body") else (1, 2):
            if not kind.draft and _has_keywords(row, kind.name, segment):
                texts = [_text(source) for _ in range(source.choice((0, 0, 1, 3)))]
                row[comment_column(kind.name, segment)] = texts
    row["tca_utc"] = format_utc(row["tca_tai_ns"], 9)
    return row


def _has_keywords(row: dict[str, Any], block: str, segment: int) -> bool:
    """Whether the block is there; KVN has no place for comments of a block that is not."""
    columns = [column for column in KEYWORD_COLUMNS if (column.block, column.segment) == (block, segment)]
    return any(row[column.name] is not None for column in columns)


# Seeds, since a row takes some thousand draws.
ROWS = st.lists(st.integers(0, 2**32).map(lambda seed: random_row(random.Random(seed))), min_size=1, max_size=3)
