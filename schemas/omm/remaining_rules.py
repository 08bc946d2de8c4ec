"""What the hub keeps no column for must still be right: judged by the type that the table of the OMM gives it."""

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.table import Keyword, ValueType
from schemas.omm.judgement import Judgement
from schemas.omm.keywords import clause_of, covariance_keywords, omm_keywords
from schemas.omm.value_rules import numbers, plain_text
from schemas.value_columns import Mask, is_stated

# Judged by rules of their own.
_JUDGED = frozenset(
    {
        *("CLASSIFICATION", "CREATION_DATE", "ORIGINATOR", "OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME"),
        *("REF_FRAME_EPOCH", "TIME_SYSTEM", "MEAN_ELEMENT_THEORY", "EPOCH", "SEMI_MAJOR_AXIS", "MEAN_MOTION"),
        *("ECCENTRICITY", "INCLINATION", "RA_OF_ASC_NODE", "ARG_OF_PERICENTER", "MEAN_ANOMALY", "EPHEMERIS_TYPE"),
        *("CLASSIFICATION_TYPE", "NORAD_CAT_ID", "ELEMENT_SET_NO", "REV_AT_EPOCH", "BSTAR", "BTERM"),
        *("MEAN_MOTION_DOT", "MEAN_MOTION_DDOT", "AGOM"),
    }
)


def judge_remaining(judgement: Judgement) -> None:
    """Numbers within the table's bounds, texts printable, the covariance whole or not there."""
    stated = judgement.table.columns
    for name, keyword in omm_keywords().items():
        if name not in stated or name in _JUDGED:
            continue
        if keyword.type == ValueType.NUMBER:
            values = numbers(judgement, name, demanded=False)
            passed = _in_bounds(values, keyword) | ~is_stated(stated[name])
            judgement.require(name, _bounds_in_words(keyword), passed, clause_of(name))
        else:
            plain_text(judgement, name)
    terms = covariance_keywords()
    if any(name in stated for name in terms):
        begun = np.logical_or.reduce([is_stated(judgement.table.column(name)) for name in terms])
        for name in terms:
            passed = ~begun | is_stated(judgement.table.column(name))
            judgement.require(name, "all 21 terms of the covariance, or none", passed, clause_of(name))


def _in_bounds(values: NDArray[np.float64], keyword: Keyword) -> Mask:
    passed = np.ones(values.shape, np.bool_)
    if keyword.low is not None:
        passed &= values > keyword.low if keyword.low_open else values >= keyword.low
    if keyword.high is not None:
        passed &= values < keyword.high if keyword.high_open else values <= keyword.high
    return passed


def _bounds_in_words(keyword: Keyword) -> str:
    low = "" if keyword.low is None else f"{'more than' if keyword.low_open else 'at least'} {keyword.low:g}"
    high = "" if keyword.high is None else f"{'less than' if keyword.high_open else 'at most'} {keyword.high:g}"
    return ", ".join(part for part in (low, high) if part)
