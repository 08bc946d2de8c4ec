"""The structural characters of JSON text outside its strings, and the quotes, found at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

QUOTE, COLON, COMMA, OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY = range(1, 8)
_BACKSLASH, _BLANK_CONTROL, _FOREIGN = range(8, 11)
_CLASSES = np.zeros(256, np.uint8)
_CLASSES[:32] = _CLASSES[127:] = _FOREIGN
for _characters, _class in (("\t\n\r", _BLANK_CONTROL), ("\\", _BACKSLASH), ('"', QUOTE), (":", COLON), (",", COMMA)):
    _CLASSES[[ord(_character) for _character in _characters]] = _class
for _character, _class in zip("{}[]", (OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY), strict=True):
    _CLASSES[ord(_character)] = _class


class Tokens(NamedTuple):
    """``kinds`` uint8 (n,) and ``places`` int64 (n,) of the tokens, in order."""

    kinds: NDArray[np.uint8]
    places: NDArray[np.int64]


class TokensAndForeign(NamedTuple):
    """Tokens, and ``foreign`` int64 (k,): places of bytes that only a full reader may judge.

    These are backslashes, bytes that are not ASCII, and control characters but for the blanks between tokens.
    """

    tokens: Tokens
    foreign: NDArray[np.int64]


def tokens_of(part: NDArray[np.uint8]) -> TokensAndForeign:
    """The tokens of bytes that begin outside of strings."""
    classes = _CLASSES[part]
    places = np.flatnonzero(classes)
    kinds = classes[places]
    is_quote = kinds == QUOTE
    backslashes = places[kinds == _BACKSLASH]
    if backslashes.size:
        is_quote &= ~np.isin(places, _escaped(backslashes))
    in_string = (np.cumsum(is_quote) & 1).astype(np.bool_)
    foreign = (kinds == _BACKSLASH) | (kinds == _FOREIGN) | ((kinds == _BLANK_CONTROL) & in_string)
    tokens = is_quote | ((kinds > QUOTE) & (kinds <= CLOSE_ARRAY) & ~in_string)
    return TokensAndForeign(Tokens(kinds[tokens], places[tokens]), places[foreign])


def _escaped(backslashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places behind runs of an odd number of backslashes."""
    last = np.flatnonzero(np.diff(backslashes, append=-1) != 1)
    lengths = np.diff(last, prepend=-1)
    return np.asarray(backslashes[last[lengths % 2 == 1]] + 1)
