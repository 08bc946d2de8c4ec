"""Values that people enter: texts, whole numbers, and dates in the form that a policy states."""

import re
from datetime import datetime

_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_PART = re.compile("|".join(_PARTS))
_LETTERS = re.compile(r"[A-Za-z%]")
# Where a policy states no form: an ISO date, or ASN.1 generalised time, which BER labels carry.
_USUAL_FORMATS = ("%Y-%m-%d", "%Y%m%d", "%Y%m%d%H%M%SZ")
_UNSIGNED = re.compile(r"[0-9]+", re.ASCII)


def date_format_is_known(date_format: str) -> bool:
    """Whether a ``dateFormat`` is made of yyyy, MM, dd, HH, mm, ss and punctuation."""
    return not _LETTERS.search(_PART.sub("", date_format))


def is_input(text: str, user_input: str, date_format: str) -> bool:
    """Whether a text is what a ``userInput`` of string, integer or date allows."""
    if user_input == "string":
        return bool(text.strip())
    if user_input == "integer":
        return _UNSIGNED.fullmatch(text) is not None
    formats = (_PART.sub(lambda part: _PARTS[part[0]], date_format),) if date_format else _USUAL_FORMATS
    return text.isascii() and any(_is_date(text, one) for one in formats)


def _is_date(text: str, pattern: str) -> bool:
    try:
        # strptime takes "2026-1-2" too; writing it anew tells whether each part has its full width.
        return datetime.strptime(text, pattern).strftime(pattern) == text
    except ValueError:
        return False
