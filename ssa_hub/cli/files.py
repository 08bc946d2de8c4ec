"""What the commands on files share: reading and writing them whole, and how refusals and mistakes are told."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from schemas.refusals import Refusal


def content(path: Path) -> tuple[str, bytes]:
    """How the file is called in what is said of it, and its bytes; never more of them than a payload may have.

    A path ``-`` is the input. Ends the command for a file that cannot be read.
    """
    from schemas.messages import PAYLOAD_BYTES_MAX

    try:
        if str(path) == "-":
            return "<stdin>", sys.stdin.buffer.read(PAYLOAD_BYTES_MAX + 1)
        with path.open("rb") as file:
            return str(path), file.read(PAYLOAD_BYTES_MAX + 1)
    except OSError as error:
        raise end(f"{path}: {error.strerror or error}") from error


def put(target: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside the target and put it in its place, so that no half file is left.

    Ends the command where that fails.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        write(partial)
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise end(f"{target}: {error.strerror or error}") from error


def refusal_document(refusal: "Refusal") -> dict[str, Any]:
    """A refusal as --json gives it."""
    return {
        "record": refusal.record,
        "line": refusal.line,
        "keyword": refusal.field,
        "value": refusal.value,
        "rule": refusal.rule,
        "clause": refusal.clause,
    }


def refusal_line(name: str, refusal: dict[str, Any]) -> str:
    """``file:line: record n: KEYWORD = 'value': rule [clause]``, which editors and terminals know to open."""
    place = f"{name}:{refusal['line']}" if refusal["line"] else name
    clause = f" [{refusal['clause']}]" if refusal["clause"] else ""
    # What the value holds is escaped where it was read; to escape it again would double its backslashes.
    value = f" = '{refusal['value']}'" if refusal["value"] else ""
    return printable(f"{place}: record {refusal['record']}: {refusal['keyword']}{value}: {refusal['rule']}{clause}")


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def end(text: str) -> typer.Exit:
    """Tell a mistake that a person can mend; to be raised: the command ends with 2."""
    typer.echo(f"ssa-hub: {text}", err=True)
    return typer.Exit(2)
