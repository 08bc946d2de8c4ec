"""The lane for JSON: the flat objects of a part of an array found at once, without a Python object a record.

It looks at structure alone (quotes, colons, commas, brackets), member by member, and takes an object only where it is
sure to read it as the reader of single objects does: known keys, each once, strings without escapes, numbers by JSON's
grammar, null, ASCII without control characters. All other objects are for that reader.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.byte_spans import byte_array, gather, strip_blanks
from schemas.omm.flat import judged_keys
from schemas.omm.json_tokens import CLOSE, COLON, COMMA, OPEN, QUOTE, Tokens, tokens_of
from schemas.omm.keywords import flat_keys
from schemas.value_columns import Mask, equals_any, matches

_BLANKS = b" \t\r\n"
_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][+-]?[0-9]+)?$"
_Index = NDArray[np.int64]


class JsonObjects(NamedTuple):
    """n objects in order: ``starts`` and ``stops`` in the payload, int64 (n,); ``followed`` marks those behind which
    stands a comma and then the next of them. ``columns``: texts by key, null where an object has none, of length n.
    """

    starts: _Index
    stops: _Index
    followed: Mask
    columns: dict[str, pa.Array]


class _Members(NamedTuple):
    """The members of all objects: which object, where key and value stand, and whether the value is a string."""

    row: _Index
    keys: tuple[_Index, _Index]
    values: tuple[_Index, _Index]
    is_string: Mask


def find_objects(data: bytes, start: int, stop: int) -> JsonObjects:
    """The flat objects that lie wholly in the bytes ``start`` to ``stop``, of which ``start`` is outside of strings."""
    part = byte_array(data)[start:stop]
    tokens, foreign = tokens_of(part)
    opening, closing = _flat_objects(tokens, foreign)
    good = np.ones(opening.size, np.bool_)
    if not opening.size:
        return JsonObjects(opening, closing, good, {})
    members = _members(part, tokens, opening, closing, good)
    codes, names = _known_keys(part, members, good)
    # Which member of an object says what; -1: none. One that stands twice leaves another without its place.
    place = np.full(opening.size * len(names), -1, np.int64)
    slot = members.row * len(names) + codes
    place[slot] = np.arange(slot.size)
    good[members.row[place[slot] != np.arange(slot.size)]] = False
    table = place.reshape(opening.size, len(names))
    columns = {}
    for code, name in enumerate(names):
        column = _column(part, members, table[:, code], good, judged=name in judged_keys())
        if column is not None:
            columns[name] = column
    rows = pa.array(good)
    followed = _followed(part, tokens, opening, closing)
    kept = np.flatnonzero(good)
    chained = np.zeros(kept.size, np.bool_)
    chained[:-1] = followed[kept[:-1]] & (np.diff(kept) == 1)
    return JsonObjects(
        tokens.places[opening[kept]] + start,
        tokens.places[closing[kept]] + 1 + start,
        chained,
        {name: column.filter(rows) for name, column in columns.items()} if not good.all() else columns,
    )


def _flat_objects(tokens: Tokens, foreign: _Index) -> tuple[_Index, _Index]:
    """Tokens that open and close an object with nothing nested in it and no byte that the lane leaves alone."""
    brackets = np.flatnonzero(tokens.kinds >= OPEN)
    opens = np.flatnonzero((tokens.kinds[brackets[:-1]] == OPEN) & (tokens.kinds[brackets[1:]] == CLOSE))
    opening, closing = brackets[opens], brackets[opens + 1]
    before = np.searchsorted(foreign, tokens.places[opening])
    behind = np.searchsorted(foreign, tokens.places[closing])
    clean = before == behind
    return opening[clean], closing[clean]


def _members(part: NDArray[np.uint8], tokens: Tokens, opening: _Index, closing: _Index, good: Mask) -> _Members:
    """The members of the objects; ``good`` is cleared where an object has other tokens than theirs."""
    kinds, places = tokens
    # Behind the last token there is nothing; a kind of 0 fits no rule.
    kinds, places = np.append(kinds, [0, 0, 0]).astype(np.uint8), np.append(places, [part.size] * 3)
    colons = np.flatnonzero(kinds == COLON)
    row = np.searchsorted(opening, colons, side="right") - 1
    inside = (row >= 0) & (colons < closing[np.maximum(row, 0)]) & (colons - opening[np.maximum(row, 0)] >= 3)
    colons, row = colons[inside], row[inside]
    is_string = kinds[colons + 1] == QUOTE
    end = colons + np.where(is_string, 3, 1)
    fits = (kinds[colons - 1] == QUOTE) & (kinds[colons - 2] == QUOTE)
    fits &= (kinds[colons - 3] == OPEN) | (kinds[colons - 3] == COMMA)
    fits &= (kinds[end] == COMMA) | (kinds[end] == CLOSE)
    fits &= ~is_string | (kinds[colons + 2] == QUOTE)
    good[row[~fits]] = False
    # With two quotes and a colon a key, two quotes a string, and commas between the members, no token is left over.
    count = np.bincount(row, minlength=opening.size)
    strings = np.bincount(row[is_string], minlength=opening.size)
    good &= (count > 0) & (closing - opening - 1 == 3 * count + 2 * strings + count - 1)
    kept = good[row]
    colons, row, is_string, end = colons[kept], row[kept], is_string[kept], end[kept]
    starts, stops = places[colons] + 1, places[end]
    starts, stops = np.where(is_string, places[colons + 1] + 1, starts), np.where(is_string, places[colons + 2], stops)
    literal = np.flatnonzero(~is_string)
    starts[literal], stops[literal] = strip_blanks(part, starts[literal], stops[literal], _BLANKS)
    gaps = [
        (places[colons - 3] + 1, places[colons - 2]),
        (places[colons - 1] + 1, places[colons]),
        (places[colons[is_string]] + 1, starts[is_string] - 1),
        (stops[is_string] + 1, places[end[is_string]]),
    ]
    for (first, last), of in zip(gaps, (row, row, row[is_string], row[is_string]), strict=True):
        good[of[~_blank(part, first, last)]] = False
    return _Members(row, (places[colons - 2] + 1, places[colons - 1]), (starts, stops), is_string)


def _known_keys(part: NDArray[np.uint8], members: _Members, good: Mask) -> tuple[_Index, list[str]]:
    """(code of each member's key, keys by code); ``good`` is cleared where an object has one that is not known."""
    keys = gather(part, *members.keys).dictionary_encode()
    codes = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    names: list[str] = keys.dictionary.to_pylist()
    known = [name for name in names if name in flat_keys()]
    # All that are not known share the last code, which no column is made of.
    renamed = np.array([known.index(name) if name in flat_keys() else len(known) for name in names], np.int64)
    codes = renamed[codes]
    good[members.row[codes == len(known)]] = False
    return codes, [*known, ""]


def _column(part: NDArray[np.uint8], members: _Members, place: _Index, good: Mask, *, judged: bool) -> pa.Array | None:
    """The texts of one key, or None where they are not judged; ``good`` is cleared where a value is no JSON."""
    rows = np.flatnonzero(place >= 0)
    if rows.size == 0:
        return None
    member = place[rows]
    literal = ~members.is_string[member]
    if not judged and not literal.any():
        return None
    texts = gather(part, members.values[0][member], members.values[1][member])
    stated = np.ones(rows.size, np.bool_)
    if literal.any():
        null = literal & equals_any(texts, ("null",))
        good[rows[literal & ~null & ~matches(texts, _NUMBER)]] = False
        stated = ~null
    if rows.size == place.size and stated.all():
        return texts
    index = np.zeros(place.size, np.int64)
    index[rows] = np.arange(rows.size)
    absent = np.ones(place.size, np.bool_)
    absent[rows] = ~stated
    return pc.take(texts, pa.array(index, mask=absent))


def _followed(part: NDArray[np.uint8], tokens: Tokens, opening: _Index, closing: _Index) -> Mask:
    """Behind which objects there is a comma, and then the next of these objects."""
    kinds, places = tokens
    followed = np.zeros(opening.size, np.bool_)
    close, following = closing[:-1], opening[1:]
    comma = np.minimum(close + 1, kinds.size - 1)
    followed[:-1] = (following == close + 2) & (kinds[comma] == COMMA)
    followed[:-1] &= _blank(part, places[close] + 1, places[comma])
    followed[:-1] &= _blank(part, places[comma] + 1, np.maximum(places[following], places[comma] + 1))
    return followed


def _blank(part: NDArray[np.uint8], starts: _Index, stops: _Index) -> Mask:
    """Which spans hold nothing but blanks."""
    blank = starts >= stops
    some = np.flatnonzero(~blank)
    if some.size:
        first, last = strip_blanks(part, starts[some], stops[some], _BLANKS)
        blank[some] = first >= last
    return np.asarray(blank)
