"""On which line of a TOML document each table header and each key stands; the standard library's parser does not say.

A statement (a header, or a key with its value) is complete as soon as the lines since its beginning parse by
themselves: inside a string or an array that goes on, they do not. So the parser itself finds the statements.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]

# Finding statements costs the square of a statement's length; no honest document comes near this.
_CHARACTERS_PARSED_MAX = 8_000_000


def lines_of(text: str) -> dict[Path, int]:
    """Line (from 1) of each table header and key of a document that parses; paths as in ``("rule", 0, "kinds")``.

    >>> lines_of('a = 1\\n[[rule]]\\nid = "x"\\n')
    {('a',): 1, ('rule', 0): 2, ('rule', 0, 'id'): 3}
    """
    lines: dict[Path, int] = {}
    last_index: dict[Path, int] = {}
    here: Path = ()
    start, statement, parsed = 1, "", 0
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        statement += line + "\n"
        parsed += len(statement)
        if parsed > _CHARACTERS_PARSED_MAX:
            break
        try:
            content = tomllib.loads(statement)
        except (ValueError, RecursionError):
            continue
        if statement.lstrip().startswith("["):
            here = _header_path(content, last_index)
            lines[here] = start
        elif content:
            lines[(*here, next(iter(content)))] = start
        start, statement = number + 1, ""
    return lines


def _header_path(content: Mapping[str, Any], last_index: dict[Path, int]) -> Path:
    """The path that ``[a.b]`` or ``[[a.b]]`` opens, given how many tables each array has so far."""
    path: Path = ()
    node: Any = content
    while isinstance(node, dict) and node:
        name, node = next(iter(node.items()))
        path = (*path, name)
        if isinstance(node, list):
            last_index[path] = last_index.get(path, -1) + 1
            return (*path, last_index[path])
        if path in last_index:
            path = (*path, last_index[path])
    return path


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Line of a path, or of the nearest thing around it that has one; 0 where nothing around it has."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
