"""Every name in ``deviations`` is explained in docs/deviations.md."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXPLAINED = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)", (ROOT / "docs" / "deviations.md").read_text("utf-8")))
NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


def names_in_tables() -> set[str]:
    """The deviations that the tables of the messages name."""
    names: set[str] = set()
    for path in (ROOT / "schemas" / "ccsds" / "tables").glob("*.json"):
        for block in json.loads(path.read_text("utf-8"))["blocks"]:
            for keyword in block.get("keywords", ()):
                for key, value in keyword.items():
                    if key.endswith("_deviation"):
                        names.add(value)
                    elif key.endswith("_deviations"):
                        names.update(value.values())
    return names


def names_in_calls() -> set[str]:
    """The plain texts that are handed to a ``notice`` method anywhere in schemas."""
    names: set[str] = set()
    for path in (ROOT / "schemas").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notice":
                names.update(
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                )
    return {name for name in names if NAME.fullmatch(name)}


@pytest.mark.parametrize("name", sorted(names_in_tables() | names_in_calls()))
def test_every_deviation_is_explained(name):
    assert name in EXPLAINED
