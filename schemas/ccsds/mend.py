"""Before a message is written again: known deviations that can be put right without changing what it says."""

import re

import pyarrow.compute as pc

from schemas.ccsds.table import Keyword, ValueType
from schemas.ccsds.tree import Item, Lines, Message, Run
from schemas.ccsds.values import has_bare_point, word_of
from schemas.refusals import CannotRenderError

_LINE_BREAK = re.compile(r" *[\n\r\t][ \n\r\t]*")


def mended(message: Message, creation_date: str = "", originator: str = "") -> list[str]:
    """Put right what a judged message says in a known wrong form, and tell it by name; changes the message.

    Numbers get a digit on each side of the point, words of a list their standard spelling, known wrong units the right
    ones; ends of line in a text become blanks, comments stand first in their block; optional values that are empty or
    ``NaN`` go.
    ``creation_date`` (UTC text) and ``originator`` are put where a message has those keywords and nothing in them.
    """
    notes: list[str] = []
    given = {"CREATION_DATE": creation_date, "ORIGINATOR": originator}
    for block in message.blocks:
        items = []
        for item in block.items:
            keyword = block.kind.by_name.get(item.keyword)
            line = _in_one_line(item)
            new = line if keyword is None else _mended_item(line, keyword, given)
            if new is not item:
                notes.append(_told(item, new))
            if new is not None:
                items.append(new)
        block.items = _comments_first(items)
        if block.items != items:
            notes.append(f"COMMENT: moved to the beginning of {block.kind.name}")
        rows = [run if isinstance(run, Lines) else _rows_in_one_line(run) for run in block.rows]
        if any(new is not old for new, old in zip(rows, block.rows, strict=True)):
            notes.append(f"{block.kind.rows}: ends of line in a line of data written as blanks")
            block.rows = rows
    return notes


def refuse_draft(message: Message) -> None:
    """Raise CannotRenderError, naming version or keyword, for a message of a draft: drafts are read, not written."""
    kind = message.kind
    if message.version in kind.draft_versions:
        raise CannotRenderError(f"{kind.version_keyword} = {message.version} is a draft, which is not written")
    for block in message.blocks:
        drafts = {keyword.keyword for keyword in block.kind.keywords if keyword.draft}
        for item in block.items:
            if block.kind.draft or item.keyword in drafts:
                raise CannotRenderError(f"{item.keyword} belongs to a draft of the {kind.message} and is not written")


def require_whole_groups(message: Message) -> None:
    """Raise CannotRenderError, naming the keyword, where part of a group of keywords is missing that XML and the nested
    JSON have as one element (``relativeStateVector`` of the CDM); KVN may have any of them.
    """
    for block in message.blocks:
        said = {item.keyword for item in block.items}
        begun = {keyword.xml_group for keyword in block.kind.keywords if keyword.xml_group and keyword.keyword in said}
        for keyword in block.kind.keywords:
            if keyword.xml_group in begun and keyword.keyword not in said:
                raise CannotRenderError(f"{keyword.keyword}: {keyword.xml_group} has all of its values or none")


def _told(item: Item, new: Item | None) -> str:
    if new is None:
        return f"{item.keyword}: {f'{item.text!r} ' if item.text else ''}left out"
    if new.text != item.text:
        return f"{item.keyword}: {item.text!r} written as {new.text!r}"
    return f"{item.keyword}: [{item.units}] written as [{new.units}]"


def _in_one_line(item: Item) -> Item:
    text = _LINE_BREAK.sub(" ", item.text)
    return item if text == item.text else item._replace(text=text)


def _mended_item(item: Item, keyword: Keyword, given: dict[str, str]) -> Item | None:
    if not item.text:
        if given.get(item.keyword):
            return item._replace(text=given[item.keyword], nil=False)
        return item if keyword.status == "M" else None
    if keyword.status != "M" and item.text.upper() in keyword.value_deviations:
        return None
    if item.units in keyword.units_deviations:
        item = item._replace(units=keyword.units)
    if keyword.type is ValueType.NUMBER and keyword.count == 1 and has_bare_point(item.text):
        return item._replace(text=_with_digits(item.text))
    if keyword.type is ValueType.CHOICE and item.text not in keyword.choices:
        spelled = [choice for choice in keyword.choices if word_of(choice) == word_of(item.text)]
        return item._replace(text=spelled[0]) if spelled else item
    return item


def _rows_in_one_line(run: Run) -> Run:
    if not any(pc.any(pc.match_substring_regex(column, r"[\n\r\t]")).as_py() for column in run.columns):
        return run
    columns = (pc.replace_substring_regex(column, _LINE_BREAK.pattern, " ") for column in run.columns)
    return run._replace(columns=tuple(columns))


def _with_digits(text: str) -> str:
    """
    >>> _with_digits("-.87E-6"), _with_digits("5."), _with_digits("5.E3")
    ('-0.87E-6', '5.0', '5.0E3')
    """
    before, _, after = text.partition(".")
    return f"{before if before.strip('+-') else before + '0'}.{after if after[:1].isdigit() else '0' + after}"


def _comments_first(items: list[Item]) -> list[Item]:
    """The standard has comments at a block's start alone, and XML has no other place for them."""
    return [item for item in items if item.keyword == "COMMENT"] + [item for item in items if item.keyword != "COMMENT"]
