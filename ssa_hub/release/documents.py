"""Strict reading of the hub's own TOML documents: known keys only, nothing converted, every mistake with its line.

A table's keys are listed once, as `Key` values: reading, the sentences of the errors and the reference page
(docs/release.md, checked by a test) all follow from that list.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from schemas.timescales import format_utc, parse_utc
from ssa_hub.release.errors import DocumentError, Mistake
from ssa_hub.release.toml_lines import Path, line_of, lines_of

CHARACTERS_MAX = 1_000_000
TABLES_MAX = 1_000
TEXT_MAX = 200
KEY_DOTS_MAX = 8
# More parts of a dotted key than any document of the hub has; begun at the start of a word, and without going back.
_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]{0,200}+"|'[^'\n]{0,200}+')"""
_DEEP_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_KEY_PART}[ \t]*+\.[ \t]*+){{{KEY_DOTS_MAX + 1}}}")
_INT64_MAX = 2**63 - 1
_E = TypeVar("_E", bound=StrEnum)

Reader = Callable[[Any], Any]


class Key(NamedTuple):
    """One key of a table: ``read`` gives the value or raises ValueError; ``allowed`` says what may stand there."""

    name: str
    read: Reader
    allowed: str
    required: bool = False


class Document:
    """One document on its way in. Collects the mistakes; `finish` raises them together as ``error``."""

    def __init__(self, text: str, file: str, error: type[DocumentError]) -> None:
        self._text, self.file, self._error = text, file, error
        self._mistakes: list[Mistake] = []
        self._lines: dict[Path, int] | None = None
        self.content: dict[str, Any] = self._parse()

    def _parse(self) -> dict[str, Any]:
        if len(self._text) > CHARACTERS_MAX:
            size = f"{len(self._text)} characters"
            raise self._error((self._bare("the document", size, f"at most {CHARACTERS_MAX} are read"),))
        if _DEEP_KEY.search(self._text):
            # The parser takes the square of a dotted key's length: one of 1 MB would hold a thread for hours.
            raise self._error((self._bare("the document", "", f"a key has at most {KEY_DOTS_MAX} dots"),))
        try:
            return tomllib.loads(self._text)
        except (ValueError, RecursionError) as error:  # ValueError: also for numbers of thousands of digits
            raise self._error((self._bare("", "", f"not a TOML document: {error}"),)) from error

    def _bare(self, key: str, value: str, meaning: str) -> Mistake:
        return Mistake(file=self.file, line=0, where="", key=key, value=value, meaning=meaning)

    def mistake(self, path: Path, where: str, key: str, value: object, meaning: str) -> None:
        """Note a mistake at ``path``. ``value`` None: there is none to show."""
        if self._lines is None:
            self._lines = lines_of(self._text)
        try:
            shown = "" if value is None else repr(value)[:TEXT_MAX]
        except ValueError:  # Python writes no number of thousands of digits, and TOML has them in hexadecimal
            shown = "a number too long to write"
        except RecursionError:
            shown = "a value too deep to write"
        line = line_of(self._lines, path)
        self._mistakes.append(Mistake(file=self.file, line=line, where=where, key=key, value=shown, meaning=meaning))

    def finish(self) -> None:
        """Raise the document's error if there was any mistake."""
        if self._mistakes:
            raise self._error(tuple(sorted(self._mistakes, key=lambda mistake: mistake.line)))

    def tables(self, parent: dict[str, Any], path: Path, where: str) -> list[tuple[Path, dict[str, Any]]]:
        """The tables of the array at ``path`` (its last part is the key in ``parent``); none if it is left out."""
        key = str(path[-1])
        value = parent.get(key, [])
        if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
            self.mistake(path, where, key, value, f"must be tables: [[{key}]]")
            return []
        if len(value) > TABLES_MAX:
            self.mistake(path, where, key, None, f"{len(value)} tables; at most {TABLES_MAX} are read")
            return []
        return [((*path, index), table) for index, table in enumerate(value)]

    def read(
        self, raw: dict[str, Any], path: Path, where: str, keys: Sequence[Key], nested: Iterable[str] = ()
    ) -> dict[str, Any] | None:
        """The values of a table's keys, or None when any is wrong. ``nested`` are keys that the caller reads."""
        known = {key.name: key for key in keys}
        all_names = [*known, *nested]
        values: dict[str, Any] = {}
        right = True
        for name, value in raw.items():
            if name in known:
                try:
                    values[name] = known[name].read(value)
                except ValueError as error:
                    self.mistake((*path, name), where, name, value, f"{error}; allowed: {known[name].allowed}")
                    right = False
            elif name not in all_names:
                self.mistake((*path, name), where, name, None, f"unknown key; allowed: {', '.join(all_names)}")
                right = False
        for key in keys:
            if key.required and key.name not in raw:
                self.mistake(path, where, key.name, None, f"is missing; allowed: {key.allowed}")
                right = False
        return values if right else None


def text(value: Any) -> str:
    """A non-empty text of one line, without white space around it."""
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    if not value or value != value.strip() or not value.isprintable():
        raise ValueError("must be one line of text, not empty, without white space around it")
    if len(value) > TEXT_MAX:
        raise ValueError(f"is longer than {TEXT_MAX} characters")
    return value


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(low: int, high: int) -> Reader:
    """A whole number from ``low`` to ``high``."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError("must be a whole number within its range")
        return value

    return read


def number(low: float, high: float) -> Reader:
    """A number from ``low`` to ``high``, whole or not; the result is a float."""

    def read(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError("must be a number within its range")
        return math.fabs(value) if value == 0 else float(value)

    return read


def ascending(item: Reader) -> Reader:
    """A list of at least one number, each greater than the one before; the result is in this order."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("must be a list of at least one")
        items = tuple(item(entry) for entry in value)
        if list(items) != sorted(set(items)):
            raise ValueError("must ascend, each greater than the one before")
        return items

    return read


def table(value: Any) -> dict[str, Any]:
    """A table, whose keys the caller reads."""
    if not isinstance(value, dict):
        raise ValueError("must be a table: {key = value, ...}")
    return value


def choice(kinds: type[_E]) -> Reader:
    """One of an enumeration's values, written exactly."""

    def read(value: Any) -> _E:
        if not isinstance(value, str) or value not in list(kinds):
            raise ValueError(f"{value!r} is none of these" if isinstance(value, str) else "must be a text in quotes")
        return kinds(value)

    return read


def listing(item: Reader) -> Reader:
    """A list of at least one item, none named twice; the result is sorted."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("must be a list of at least one")
        items = [item(entry) for entry in value]
        if len(set(items)) < len(items):
            raise ValueError("names something twice")
        return tuple(sorted(items))

    return read


def utc(value: Any) -> str:
    """A UTC instant, in the one form that equal instants share (``YYYY-MM-DDThh:mm:ss[.d*]``)."""
    if not isinstance(value, str):
        raise ValueError("must be a UTC time in quotes")
    tai_ns = parse_utc(value)
    if tai_ns > _INT64_MAX:
        raise ValueError("lies beyond the year 2262, the end of int64 nanoseconds")
    whole_second, _, fraction = format_utc(tai_ns, 9).partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole_second}.{fraction}" if fraction else whole_second
