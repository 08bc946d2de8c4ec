"""The rules for one keyword of the OMM at a time, over a whole column: it is there, it is a number, it is in range."""

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.omm.judgement import Judgement
from schemas.omm.keywords import clause_of
from schemas.value_columns import (
    TEXT_LENGTH_MAX,
    Integers,
    Mask,
    integers_of,
    is_plain_text,
    is_stated,
    mask_of,
    numbers_of,
)

_CLAUSE_NUMBER = "CCSDS 502.0-B-3, 7.5"
_CLAUSE_INSTANT = "CCSDS 502.0-B-3, 7.5.10"


def clause_for(keyword: str) -> str:
    """Where the standard says how the value is written."""
    return _CLAUSE_INSTANT if keyword == "EPOCH" else clause_of(keyword)


def must_be_there(judgement: Judgement, keyword: str, *, where: Mask | None = None, clause: str = "") -> None:
    """Demand the keyword, of the messages in ``where`` if that is given."""
    stated = is_stated(judgement.table.column(keyword))
    passed = stated if where is None else stated | ~where
    judgement.require(keyword, "this keyword must be there", passed, clause or clause_of(keyword))


def numbers(judgement: Judgement, keyword: str, *, demanded: bool = True, clause: str = "") -> NDArray[np.float64]:
    """The numbers of a keyword, 0 where there is none."""
    if demanded:
        must_be_there(judgement, keyword, clause=clause)
    if keyword not in judgement.table.columns:
        return np.zeros(judgement.table.rows)
    found = numbers_of(judgement.table.columns[keyword])
    judgement.require(keyword, "a decimal number", found.is_number, _CLAUSE_NUMBER)
    judgement.require(keyword, "a number that float64 can hold", found.is_finite, _CLAUSE_NUMBER)
    judgement.notice("bare-decimal-point", found.bare_point)
    judgement.notice("more-than-16-digits", found.many_digits)
    return found.values


def plain_text(judgement: Judgement, keyword: str) -> None:
    """Demand printable characters, not too many. The standard's texts are ASCII; others are accepted and say so."""
    column = judgement.table.column(keyword)
    rule = f"at most {TEXT_LENGTH_MAX} printable characters"
    judgement.require(keyword, rule, is_plain_text(column), clause_of(keyword))
    judgement.notice("non-ascii-text", is_stated(column) & ~mask_of(pc.string_is_ascii(column)))


def mixed_case(judgement: Judgement, keyword: str) -> None:
    """Notice words that are neither all upper nor all lower case (CCSDS 502.0-B-3, 7.5.3)."""
    column = judgement.table.column(keyword)
    one_case = pc.or_(pc.equal(column, pc.ascii_upper(column)), pc.equal(column, pc.ascii_lower(column)))
    judgement.notice("mixed-case-value", is_stated(column) & ~mask_of(one_case))


def angles(judgement: Judgement, keyword: str) -> NDArray[np.float64]:
    """Degrees from -360 to less than 360 as in the XML schema; 360 itself is 0 and noticed."""
    values = numbers(judgement, keyword)
    full_circle = values == 360.0
    judgement.notice("angle-360", full_circle)
    passed = (values >= -360.0) & (values <= 360.0)
    judgement.require(keyword, "-360 to less than 360 deg", passed, clause_of(keyword))
    return np.where(full_circle, 0.0, values)


def integers(judgement: Judgement, keyword: str, low: int, high: int, *, demanded: bool = False) -> Integers:
    """Whole numbers within limits."""
    if demanded:
        must_be_there(judgement, keyword)
    found = integers_of(judgement.table.column(keyword))
    judgement.require(keyword, "a whole number in digits", found.is_integer, _CLAUSE_NUMBER)
    in_range = found.fits & (found.values >= low) & (found.values <= high)
    judgement.require(keyword, f"{low} to {high}", in_range | ~found.stated, clause_of(keyword))
    return found
