"""A judged conjunction message as a row, and how exactly its numbers are written."""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.table import Keyword, ValueType
from schemas.ccsds.tree import Item, Message
from schemas.ccsds.values import integer_of, number_of, word_of
from schemas.cdm.columns import (
    CONJUNCTION_MESSAGE_SCHEMA,
    COVARIANCE_KEYWORDS,
    OBJECTS,
    STATE_KEYWORDS,
    column_name,
    comment_column,
    empty_row,
)
from schemas.cdm.digits import last_digit, last_digit_of_second, shared_last_digit
from schemas.cdm.rules import check_conjunction
from schemas.cdm.said_in_comments import (
    HARD_BODY_RADIUS_DOUBTFUL,
    emergency_reportable,
    exclusion_volume_radius_m,
    hard_body_radius_m,
    screening_option,
    space_track_cdm_id,
)
from schemas.timescales import format_utc, parse_utc

DESIGNATORS_EQUAL = "designators-equal"
TCA_OUTSIDE_SCREENING_PERIOD = "tca-outside-screening-period"
_CATALOGUE_NUMBER = re.compile(r"[0-9]{1,9}")
_COMMENT = "COMMENT"
_POSITION = tuple(f"RELATIVE_POSITION_{axis}" for axis in "RTN")
_VELOCITY = tuple(f"RELATIVE_VELOCITY_{axis}" for axis in "RTN")
_NOTHING_STATED = frozenset({"", "NONE", "UNKNOWN", "N/A"})
_M_PER_KM = 1000.0
_COMMENT_COLUMNS = tuple(name for name in CONJUNCTION_MESSAGE_SCHEMA.names if name.endswith("_comments"))
_OBJECT_COMMENT_COLUMNS = {n: tuple(c for c in _COMMENT_COLUMNS if c.startswith(f"object{n}_")) for n in OBJECTS}


class RowDigits(NamedTuple):
    """One unit of the last digit of a row's numbers, NaN for what is not stated; see `schemas.cdm.agreement`.

    ``covariances`` has shape (2, 21): objects, terms of the lower triangle in the CDM's own units.
    """

    tca_s: float
    miss_distance_m: float
    relative_speed_m_s: float
    relative_position_m: float
    relative_velocity_m_s: float
    position_m: float
    velocity_m_s: float
    covariances: NDArray[np.float64]


class StatedConjunction(NamedTuple):
    """What one message states: a row without what is computed from it, and how exactly it is written."""

    row: dict[str, Any]
    digits: RowDigits


def stated_conjunction_of(message: Message) -> StatedConjunction:
    """The row of a message that `schemas.ccsds.judge.judge` has let in. Raises RecordRefusedError by `rules`."""
    check_conjunction(message)
    row = empty_row()
    row["version"] = message.version
    texts: dict[tuple[str, int], str] = {}
    for block in message.blocks:
        for index, item in enumerate(block.items):
            keyword = block.kind.by_name.get(item.keyword)
            if block.kind.draft or (keyword is not None and keyword.draft):
                row["draft_keywords"].append(_draft_entry(item, block.segment, index))
            elif item.keyword == _COMMENT:
                row[comment_column(block.kind.name, block.segment)].append(item.text)
            elif keyword is not None and keyword.keyword != "OBJECT":
                value = _value_of(item, keyword)
                row[column_name(keyword.keyword, block.segment)] = value
                if value is not None:
                    texts[keyword.keyword, block.segment] = item.text
    row["tca_utc"] = format_utc(row["tca_tai_ns"], 9)
    _add_what_comments_say(row)
    for segment in OBJECTS:
        row[f"object{segment}_catalogue_number"] = _catalogue_number(row, segment)
    row["quality"] += _doubts(row)
    row["deviations"] = list(message.deviations)
    row["payload_record"] = message.record
    return StatedConjunction(row, _digits_of(texts))


def _value_of(item: Item, keyword: Keyword) -> Any:
    """The value of a judged item; None where it states none."""
    if item.nil or not item.text or item.text.upper() in keyword.value_deviations:
        return None
    if keyword.type is ValueType.NUMBER:
        return number_of(keyword.keyword, item.text)
    if keyword.type is ValueType.INTEGER:
        return integer_of(keyword.keyword, item.text)
    if keyword.type is ValueType.EPOCH:
        return parse_utc(item.text)
    if keyword.type is ValueType.CHOICE:
        word = word_of(item.text)
        return next((choice for choice in keyword.choices if word_of(choice) == word), word)
    return item.text


def _draft_entry(item: Item, segment: int, index: int) -> tuple[str, str]:
    """Place and text of a draft keyword, such as ``object1.HBR`` and ``5 [m]``; comments of draft blocks by number."""
    place = f"object{segment}." if segment else ""
    number = f" {index + 1}" if item.keyword == _COMMENT else ""
    return f"{place}{item.keyword}{number}", f"{item.text} [{item.units}]" if item.units else item.text


def _add_what_comments_say(row: dict[str, Any]) -> None:
    of_message = [text for name in _COMMENT_COLUMNS for text in row[name]]
    row["hard_body_radius_m"], doubtful = hard_body_radius_m(of_message)
    row["screening_option"] = screening_option(of_message)
    row["space_track_cdm_id"] = space_track_cdm_id(of_message)
    row["emergency_reportable"] = emergency_reportable(of_message)
    for segment in OBJECTS:
        prefix = f"object{segment}_"
        of_object = [text for name in _OBJECT_COMMENT_COLUMNS[segment] for text in row[name]]
        radius_m, radius_doubtful = exclusion_volume_radius_m(of_object)
        row[f"{prefix}exclusion_volume_radius_m"] = radius_m
        doubtful = doubtful or radius_doubtful
    if doubtful:
        row["quality"].append(HARD_BODY_RADIUS_DOUBTFUL)


def _catalogue_number(row: dict[str, Any], segment: int) -> int | None:
    designator = row[column_name("OBJECT_DESIGNATOR", segment)] or ""
    catalogue = word_of(row[column_name("CATALOG_NAME", segment)] or "")
    return int(designator) if catalogue == "SATCAT" and _CATALOGUE_NUMBER.fullmatch(designator) else None


def _doubts(row: dict[str, Any]) -> list[str]:
    """Flags that need one row only: a TCA that was not looked for, equal designators, default covariances."""
    tca, start, stop = (row[f"{name}_tai_ns"] for name in ("tca", "start_screen_period", "stop_screen_period"))
    outside = (start is not None and tca < start) or (stop is not None and tca > stop)
    catalogues = {word_of(row[column_name("CATALOG_NAME", segment)] or "") for segment in OBJECTS}
    designators = {word_of(row[column_name("OBJECT_DESIGNATOR", segment)] or "").lstrip("0") for segment in OBJECTS}
    equal = len(catalogues) == len(designators) == 1 and not designators & _NOTHING_STATED
    defaults = [n for n in OBJECTS if row[column_name("COVARIANCE_METHOD", n)] == "DEFAULT"]
    flags = [TCA_OUTSIDE_SCREENING_PERIOD] * outside + [DESIGNATORS_EQUAL] * equal
    return flags + [f"object{segment}-covariance-default" for segment in defaults]


def _digits_of(texts: dict[tuple[str, int], str]) -> RowDigits:
    def one(keyword: str) -> float:
        text = texts.get((keyword, 0))
        return float("nan") if text is None else last_digit(text)

    def shared(keywords: tuple[str, ...], segments: tuple[int, ...]) -> float:
        return shared_last_digit(texts[k, n] for k in keywords for n in segments if (k, n) in texts)

    terms = [[texts.get((keyword, segment)) for keyword in COVARIANCE_KEYWORDS] for segment in OBJECTS]
    return RowDigits(
        last_digit_of_second(texts["TCA", 0]),
        one("MISS_DISTANCE"),
        one("RELATIVE_SPEED"),
        shared(_POSITION, (0,)),
        shared(_VELOCITY, (0,)),
        shared(STATE_KEYWORDS[:3], OBJECTS) * _M_PER_KM,
        shared(STATE_KEYWORDS[3:], OBJECTS) * _M_PER_KM,
        np.array([[_last_digit_of_term(text) for text in row] for row in terms]),
    )


def _last_digit_of_term(text: str | None) -> float:
    """As `last_digit`; a bare ``0`` is exact, because who leaves zeros out writes so what is not estimated."""
    if text is None:
        return float("nan")
    return 0.0 if text == "0" else last_digit(text)
