"""Columns of texts read as values: numbers, whole numbers, instants, choices; many at once, by Arrow and RE2.

A column is a ``pa.string()`` array of length n, null where a record does not state it. Masks are bool arrays of shape
(n,). The grammar of numbers is checked before anything is converted: Arrow's own conversion would admit ``nan``,
``inf`` and ``0x1p3``. Arrow rounds decimal text to the nearest float64 as Python's ``float`` does (a test compares).
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.byte_spans import byte_array
from schemas.ccsds.values import DIGITS_MAX, INTEGER_PATTERN, NUMBER_PATTERN, digits_of
from schemas.epoch_matrix import parse_epoch_matrix
from schemas.time_systems import to_tai_ns

Mask = NDArray[np.bool_]

NUMBER_LENGTH_MAX = 64
INSTANT_LENGTH_MAX = 64
TEXT_LENGTH_MAX = 1_000
# A digit on each side of the point, as the standards demand: what passes this has no deviation to look for.
_STRICT_NUMBER = r"^[+-]?[0-9]+(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]+)?$"
_NUMBER = f"^(?:{NUMBER_PATTERN})$"
_INTEGER = f"^(?:{INTEGER_PATTERN})$"
_FITS_INT64 = r"^[+-]?0*[0-9]{1,18}$"
_BARE_POINT = r"^[+-]?\.|\.(?:[Ee]|$)"


class Numbers(NamedTuple):
    """``values`` float64 (n,), 0 where there is none. A record that does not state the number passes every mask.

    ``is_number``: the text follows the grammar; ``is_finite``: float64 can hold it. ``bare_point`` marks
    ``.5`` and ``5.``, ``many_digits`` numbers of more than 16 digits, the standard's limit.
    """

    values: NDArray[np.float64]
    stated: Mask
    is_number: Mask
    is_finite: Mask
    bare_point: Mask
    many_digits: Mask


class Integers(NamedTuple):
    """``values`` int64 (n,), 0 where there is none; ``fits``: within int64, with 18 digits at most."""

    values: NDArray[np.int64]
    stated: Mask
    is_integer: Mask
    fits: Mask


def mask_of(column: pa.Array) -> Mask:
    """A boolean column as an array, null as False."""
    filled = column if column.null_count == 0 else pc.fill_null(column, False)
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.bool_)


def is_stated(column: pa.Array) -> Mask:
    """Where a column is not null."""
    if column.null_count == 0:
        return np.ones(len(column), dtype=np.bool_)
    if column.null_count == len(column):
        return np.zeros(len(column), dtype=np.bool_)
    return mask_of(pc.is_valid(column))


def matches(column: pa.Array, pattern: str) -> Mask:
    """Where an RE2 pattern is found in the text; False where it is null."""
    return mask_of(pc.match_substring_regex(column, pattern))


def equals_any(column: pa.Array, texts: tuple[str, ...]) -> Mask:
    """Where the text is one of some texts; False where it is null."""
    if len(texts) == 1:
        return mask_of(pc.equal(column, pa.scalar(texts[0], pa.string())))
    return mask_of(pc.is_in(column, value_set=pa.array(texts, pa.string())))


def is_empty(column: pa.Array) -> Mask:
    """Where the text is stated and empty."""
    return equals_any(column, ("",))


def numbers_of(column: pa.Array) -> Numbers:
    """The float64 nearest to each decimal number; no negative zero."""
    count, stated = len(column), is_stated(column)
    plain = matches(column, _STRICT_NUMBER) & (_lengths(column) <= NUMBER_LENGTH_MAX)
    bare_point, is_number = np.zeros(count, np.bool_), plain | ~stated
    odd = np.flatnonzero(~is_number)
    if odd.size:
        texts = column.take(pa.array(odd))
        is_number[odd] = matches(texts, _NUMBER) & (_lengths(texts) <= NUMBER_LENGTH_MAX)
        bare_point[odd] = is_number[odd] & matches(texts, _BARE_POINT)
    read = column if bool(is_number.all()) else pc.if_else(pa.array(is_number), column, pa.scalar(None, pa.string()))
    values = _filled(pc.cast(read, pa.float64()), 0.0)
    finite = np.isfinite(values)
    values = np.where(finite, values, 0.0) + 0.0
    return Numbers(values, stated, is_number, finite, bare_point, _many_digits(column, is_number))


def integers_of(column: pa.Array) -> Integers:
    """Whole numbers in digits, a sign allowed."""
    stated = is_stated(column)
    is_integer = (matches(column, _INTEGER) & (_lengths(column) <= NUMBER_LENGTH_MAX)) | ~stated
    fits = matches(column, _FITS_INT64) & is_integer
    read = column if bool(fits.all()) else pc.if_else(pa.array(fits), column, pa.scalar(None, pa.string()))
    # Arrow reads a minus sign before whole numbers, and no plus sign.
    values = _filled(pc.cast(pc.utf8_ltrim(read, "+"), pa.int64()), 0)
    return Integers(values.astype(np.int64), stated, is_integer, fits | ~stated)


def instants_of(column: pa.Array, time_system: str = "UTC") -> tuple[NDArray[np.int64], Mask]:
    """(TAI ns int64 (n,), where it was read): CCSDS times (502.0-B-3, 7.5.10) of a time system; 0 where there is none.

    A record that does not state the time counts as read. `instant_rule` says what is wrong with one that was not.
    """
    count, stated, lengths = len(column), is_stated(column), _lengths(column)
    tai_ns, read = np.zeros(count, np.int64), ~stated
    for length in np.unique(lengths[stated & (lengths <= INSTANT_LENGTH_MAX)]).tolist():
        rows = np.flatnonzero(stated & (lengths == length))
        tai_ns[rows], read[rows] = parse_epoch_matrix(_matrix(column, rows, length), time_system)
    for row in np.flatnonzero(~read & (lengths <= INSTANT_LENGTH_MAX)).tolist():
        # What the compiled reader leaves is wrong, or of a rare form; this one has words for it.
        try:
            tai_ns[row], read[row] = to_tai_ns(time_system, column[row].as_py()), True
        except ValueError:
            continue
    return tai_ns, read


def instant_rule(text: str, time_system: str = "UTC") -> str:
    """What is wrong with a time that `instants_of` did not read."""
    if len(text.encode("utf-8", "surrogatepass")) > INSTANT_LENGTH_MAX:
        return f"at most {INSTANT_LENGTH_MAX} characters"
    try:
        to_tai_ns(time_system, text)
    except ValueError as error:
        return str(error)
    return "a time that can be read"


def is_plain_text(column: pa.Array, length_max: int = TEXT_LENGTH_MAX) -> Mask:
    """Where a text is printable and not too long, or null."""
    passed = mask_of(pc.utf8_is_printable(column)) & (_lengths(column, characters=True) <= length_max)
    return passed | ~is_stated(column)


def _many_digits(column: pa.Array, is_number: Mask) -> Mask:
    many = is_number & (_lengths(column) > DIGITS_MAX)
    rows = np.flatnonzero(many)
    if rows.size:
        many[rows] = [digits_of(text) > DIGITS_MAX for text in column.take(pa.array(rows)).to_pylist()]
    return many


def _lengths(column: pa.Array, *, characters: bool = False) -> NDArray[np.int64]:
    """Bytes, or characters, of each text; 0 where it is null."""
    lengths = pc.utf8_length(column) if characters else pc.binary_length(column)
    return _filled(lengths, 0).astype(np.int64)


def _filled(column: pa.Array, value: float) -> NDArray[np.float64]:
    filled = column if column.null_count == 0 else pc.fill_null(column, value)
    array: NDArray[np.float64] = filled.to_numpy(zero_copy_only=False)
    return array


def _matrix(column: pa.Array, rows: NDArray[np.int64], width: int) -> NDArray[np.uint8]:
    """The bytes of some texts of one length, shape (rows, width)."""
    buffers = column.buffers()
    offsets = np.frombuffer(buffers[1], np.int32)[column.offset : column.offset + len(column) + 1]
    if buffers[2] is None or not width:
        return np.zeros((rows.size, width), np.uint8)
    data = byte_array(memoryview(buffers[2]))
    if rows.size == len(column) and int(offsets[-1] - offsets[0]) == rows.size * width:
        return data[int(offsets[0]) : int(offsets[-1])].reshape(rows.size, width)
    index = offsets[rows].astype(np.int64)[:, None] + np.arange(width)
    return np.asarray(data[index])
