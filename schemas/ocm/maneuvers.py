"""The data lines of an OCM's manoeuvres, checked by what MAN_COMPOSITION says of their columns."""

import re

from schemas.ccsds.tree import Block
from schemas.ccsds.values import number_of, word_of
from schemas.ocm.rows import Clock, instant_of, line_words
from schemas.refusals import RecordRefusedError

_CLAUSE = "CCSDS 502.0-B-3, 6.2.8"
_SEPARATOR = re.compile(r"[,\s]+")
_TIME = "TIME_"
_TEXTS = frozenset({"DEPLOY_ID"})
_SWITCHES = {"THR_INTERP": ("ON", "OFF")}


def check_maneuvers(block: Block, data: bytes, clock: Clock) -> None:
    """Raise RecordRefusedError, with the line, unless each line of a man block has what MAN_COMPOSITION lists.

    Columns ``TIME_...`` hold instants, absolute or in seconds after EPOCH_TZERO; DEPLOY_ID a name; THR_INTERP ON or
    OFF; all others numbers (CCSDS 502.0-B-3, tables 6-8 and 6-9).
    """
    composition = block.text("MAN_COMPOSITION") or ""
    columns = [name for name in _SEPARATOR.split(composition.strip("[] ")) if name]
    for line, words in line_words(block, data, "manLine"):
        try:
            if len(words) != len(columns):
                rule = f"{len(columns)} values, as MAN_COMPOSITION lists, {len(words)} stand here"
                raise RecordRefusedError("manLine", " ".join(words), rule, _CLAUSE)
            for column, word in zip(columns, words, strict=True):
                _check(column, word, clock)
        except RecordRefusedError as error:
            error.line = line
            raise


def _check(column: str, word: str, clock: Clock) -> None:
    if column.startswith(_TIME):
        instant_of(word, clock, column)
    elif column in _SWITCHES:
        if word_of(word) not in _SWITCHES[column]:
            raise RecordRefusedError(column, word, f"one of {', '.join(_SWITCHES[column])}", _CLAUSE)
    elif column not in _TEXTS:
        number_of(column, word, _CLAUSE)
