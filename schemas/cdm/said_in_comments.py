"""What producers say in COMMENT lines because CDM 1.0 has no keyword for it: radii, screening, Space-Track's number.

18 SDS: ``Exclusion Volume Radius = 5.000000 [m]``, ``Screening Option = Covariance``, ``=CDM_ID:519959713``,
``MEETS EMERGENCY CRITERIA``; CARA: ``HBR = 10 [m]``, ``EXCLUSION_VOLUME_RADIUS = 5 [m]``, ``SCREENING_OPTION = ...``.
"""

import math
import re
from collections.abc import Iterable

from schemas.ccsds.values import NUMBER_LENGTH_MAX, NUMBER_PATTERN

HARD_BODY_RADIUS_DOUBTFUL = "hard-body-radius-doubtful"
_SEPARATOR = r"[ \t]*=[ \t]*"
_HARD_BODY_RADIUS = re.compile(rf"(?:EFFECTIVE[ _])?HBR{_SEPARATOR}(?P<value>.*)", re.IGNORECASE)
_EXCLUSION_VOLUME = re.compile(rf"EXCLUSION[ _]VOLUME[ _]RADIUS{_SEPARATOR}(?P<value>.*)", re.IGNORECASE)
_SCREENING_OPTION = re.compile(rf"SCREENING[ _]OPTION{_SEPARATOR}(?P<value>.+)", re.IGNORECASE)
_SPACE_TRACK_ID = re.compile(r"=?[ \t]*CDM_ID[ \t]*[:=][ \t]*(?P<value>[0-9]{1,18})", re.IGNORECASE)
_EMERGENCY = re.compile(r"MEETS[ _]EMERGENCY[ _]CRITERIA", re.IGNORECASE)
# Without units it is metres: CARA's samples leave them out.
_LENGTH_M = re.compile(rf"(?P<number>{NUMBER_PATTERN})[ \t]*(?:\[[ \t]*m[ \t]*\])?")


def _values(pattern: re.Pattern[str], comments: Iterable[str]) -> list[str]:
    matches = (pattern.fullmatch(comment.strip()) for comment in comments)
    return [match["value"].strip() for match in matches if match is not None]


def _radius_m(pattern: re.Pattern[str], comments: Iterable[str]) -> tuple[float | None, bool]:
    """(radius in m or None, whether what the comments say is doubtful: unreadable, negative, or not one value)."""
    texts = _values(pattern, comments)
    matches = [_LENGTH_M.fullmatch(text) for text in texts]
    numbers = [match["number"] for match in matches if match is not None]
    if len(numbers) < len(texts) or any(len(number) > NUMBER_LENGTH_MAX for number in numbers):
        return None, True
    found = {float(number) for number in numbers}
    if len(found) > 1 or any(radius < 0.0 or not math.isfinite(radius) for radius in found):
        return None, True
    return (found.pop() if found else None), False


def hard_body_radius_m(comments: Iterable[str]) -> tuple[float | None, bool]:
    """(combined hard-body radius in m or None, doubtful) of a message's comments.

    Doubtful: a line that names it but has no length in metres, or lines that contradict each other; then it is None.
    """
    return _radius_m(_HARD_BODY_RADIUS, comments)


def exclusion_volume_radius_m(comments: Iterable[str]) -> tuple[float | None, bool]:
    """(radius of an object's exclusion volume in m or None, doubtful), as `hard_body_radius_m`."""
    return _radius_m(_EXCLUSION_VOLUME, comments)


def screening_option(comments: Iterable[str]) -> str | None:
    """What the message was screened by, such as ``Covariance``."""
    return next(iter(_values(_SCREENING_OPTION, comments)), None)


def space_track_cdm_id(comments: Iterable[str]) -> str | None:
    """Space-Track's CDM_ID."""
    return next(iter(_values(_SPACE_TRACK_ID, comments)), None)


def emergency_reportable(comments: Iterable[str]) -> bool | None:
    """True where a comment says that the emergency criteria are met, None where none does."""
    return True if any(_EMERGENCY.fullmatch(comment.strip()) for comment in comments) else None
