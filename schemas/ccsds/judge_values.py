"""One keyword's value against its table: emptiness, units, type, bounds, choices, characters."""

from typing import NamedTuple

from schemas.ccsds.table import BlockKind, Keyword, MessageKind, ValueType
from schemas.ccsds.tree import Item, Message
from schemas.ccsds.values import (
    DIGITS_MAX,
    NUMBER_LENGTH_MAX,
    check_epoch,
    digits_of,
    has_bare_point,
    integer_of,
    is_mixed_case,
    number_of,
    word_of,
)
from schemas.refusals import RecordRefusedError

TEXT_LENGTH_MAX = 4_000
COMMENT_LENGTH_MAX = 10_000
_LINE_BREAKS = str.maketrans("\n\r\t", "   ")


class Clauses(NamedTuple):
    """Where a book says how things are written."""

    lines: str
    order: str
    values: str
    epochs: str
    units: str


_ODM = "CCSDS 502.0-B-3"
_CDM = "CCSDS 508.0-B-1"
_CLAUSES = {
    _ODM: Clauses(f"{_ODM}, 7.3", f"{_ODM}, 7.4", f"{_ODM}, 7.5", f"{_ODM}, 7.5.10", f"{_ODM}, 7.7"),
    _CDM: Clauses(*[f"{_CDM}, 6.3"] * 5),
}


def clauses_of(book: str) -> Clauses:
    """The clauses of a book; of an unknown one, the book itself."""
    return _CLAUSES.get(book) or Clauses(*[book] * 5)


class Place(NamedTuple):
    """Where values stand: the message, its block, and what holds for all values there.

    ``markup``: XML or JSON, whose texts are Unicode and whose units are attributes. ``scale`` is the time scale
    of the epochs, as `word_of` gives TIME_SYSTEM.
    """

    message: Message
    kind: MessageKind
    block: BlockKind
    clauses: Clauses
    markup: bool
    scale: str


class Words(NamedTuple):
    """A keyword with its choices as `word_of` gives them."""

    keyword: Keyword
    choices: frozenset[str]


def check_value(item: Item, words: Words, place: Place) -> None:
    """Raise RecordRefusedError, without a line, unless the item's text is one that its keyword may have."""
    keyword, text = words.keyword, item.text
    if item.nil or not text:
        _check_empty(item, keyword, place)
        return
    if keyword.value_deviations:
        deviation = keyword.value_deviations.get(text[:NUMBER_LENGTH_MAX].upper())
        if deviation is not None:
            _check_units(item, keyword, place, demanded=False)
            place.message.notice(deviation)
            return
    demanded = keyword.xml_units_mandatory if place.markup else place.kind.units_mandatory
    if item.units or (demanded and keyword.units):
        _check_units(item, keyword, place, demanded=True)
    if keyword.type is ValueType.NUMBER:
        if keyword.count == 1:
            _check_number(text, keyword, place)
        else:
            _check_numbers(text, keyword, place)
    elif keyword.type is ValueType.INTEGER:
        _check_bounds(text, integer_of(keyword.keyword, text, place.clauses.values), keyword, place)
    elif keyword.type is ValueType.EPOCH:
        _check_epoch(text, keyword, place)
    else:
        if keyword.type is ValueType.CHOICE:
            _check_choice(text, words, place)
        check_text(keyword.keyword, text, place)


def check_comment(text: str, place: Place) -> None:
    """Raise RecordRefusedError for a comment with control characters or longer than `COMMENT_LENGTH_MAX`.

    Comments are read by people only, so printable characters beyond ASCII are accepted in KVN too, and noticed.
    """
    check_text("COMMENT", text, place, length_max=COMMENT_LENGTH_MAX, ascii_only=False)


def check_text(
    keyword: str, text: str, place: Place, *, length_max: int = TEXT_LENGTH_MAX, ascii_only: bool = True
) -> None:
    """Raise RecordRefusedError for unprintable text, text beyond ASCII in KVN, and text longer than ``length_max``."""
    if len(text) > length_max:
        raise RecordRefusedError(keyword, text, f"at most {length_max} characters", place.clauses.lines)
    if text.isascii() and text.isprintable():
        return
    if place.markup and any(character in text for character in "\n\r\t"):
        place.message.notice("line-break-in-text")
        text = text.translate(_LINE_BREAKS)
    if not text.isprintable():
        raise RecordRefusedError(keyword, text, "printable characters, no control characters", place.clauses.lines)
    if text.isascii():
        return
    if ascii_only and not place.markup:
        raise RecordRefusedError(keyword, text, "printable ASCII characters", place.clauses.lines)
    place.message.notice("non-ascii-text")


def _check_empty(item: Item, keyword: Keyword, place: Place) -> None:
    if item.nil and item.text:
        raise RecordRefusedError(keyword.keyword, item.text, "no value where nil is stated", place.block.clause)
    if keyword.type is ValueType.FREE and not item.nil:
        return
    if not keyword.empty_deviation:
        raise RecordRefusedError(keyword.keyword, "", "a value must stand behind this keyword", place.block.clause)
    if item.units:
        _check_units(item, keyword, place, demanded=False)
    place.message.notice(keyword.empty_deviation)


def _check_units(item: Item, keyword: Keyword, place: Place, *, demanded: bool) -> None:
    units = item.units
    if units == keyword.units or units in keyword.units_other:
        return
    if not keyword.units:
        raise RecordRefusedError(keyword.keyword, f"[{units}]", "this keyword has no units", place.clauses.units)
    if not units:
        if demanded:
            rule = f"the units [{keyword.units}] must be stated"
            raise RecordRefusedError(keyword.keyword, item.text, rule, place.clauses.units)
        return
    deviation = keyword.units_deviations.get(units)
    if deviation is None:
        raise RecordRefusedError(keyword.keyword, f"[{units}]", f"units are [{keyword.units}]", place.clauses.units)
    place.message.notice(deviation)


def _check_numbers(text: str, keyword: Keyword, place: Place) -> None:
    numbers = text.split() if len(text) <= NUMBER_LENGTH_MAX * keyword.count else []
    if len(numbers) != keyword.count:
        rule = f"{keyword.count} numbers with blanks between them"
        raise RecordRefusedError(keyword.keyword, text, rule, place.block.clause)
    for number in numbers:
        _check_number(number, keyword, place)


def _check_number(text: str, keyword: Keyword, place: Place) -> None:
    value = number_of(keyword.keyword, text, place.clauses.values)
    if "." in text and has_bare_point(text):
        place.message.notice("bare-decimal-point")
    if len(text) > DIGITS_MAX and digits_of(text) > DIGITS_MAX:
        place.message.notice("more-than-16-digits")
    if keyword.low is not None or keyword.high is not None:
        _check_bounds(text, value, keyword, place)


def _check_bounds(text: str, value: float, keyword: Keyword, place: Place) -> None:
    low, high = keyword.low, keyword.high
    if low is not None and (value < low or (keyword.low_open and value == low)):
        raise RecordRefusedError(keyword.keyword, text, _bounds(keyword), place.block.clause)
    if high is None or value < high or (value == high and not keyword.high_open):
        return
    if value > high or not keyword.high_deviation:
        raise RecordRefusedError(keyword.keyword, text, _bounds(keyword), place.block.clause)
    place.message.notice(keyword.high_deviation)


def _bounds(keyword: Keyword) -> str:
    """The bounds in words, such as ``-360 to less than 360 deg``."""
    low = "" if keyword.low is None else f"{'more than ' if keyword.low_open else ''}{keyword.low:.10g}"
    high = "" if keyword.high is None else f"{'less than ' if keyword.high_open else ''}{keyword.high:.10g}"
    if not high:
        low += "" if keyword.low_open else " or more"
    return " ".join(part for part in (" to ".join(part for part in (low, high) if part), keyword.units) if part)


def _check_epoch(text: str, keyword: Keyword, place: Place) -> None:
    if keyword.relative_time and "T" not in text:
        number_of(keyword.keyword, text, place.clauses.epochs)
        return
    check_epoch(keyword.keyword, text, place.clauses.epochs, scale="UTC" if keyword.utc else place.scale)


def _check_choice(text: str, words: Words, place: Place) -> None:
    keyword = words.keyword
    if len(text) > TEXT_LENGTH_MAX:
        raise RecordRefusedError(keyword.keyword, text, f"at most {TEXT_LENGTH_MAX} characters", place.clauses.lines)
    if not keyword.open_choices and word_of(text) not in words.choices:
        rule = f"one of {', '.join(keyword.choices)}"
        raise RecordRefusedError(keyword.keyword, text, rule, place.block.clause)
    if is_mixed_case(text):
        place.message.notice("mixed-case-value")
