"""What ``ssa-hub screen`` says of a screening: a summary for programs, and lines and a table for people."""

import sys
from typing import TYPE_CHECKING, Any

import typer

from ssa_hub.cli.event_files import NOTE, text_table
from ssa_hub.cli.files import printable, refusal_document, refusal_line

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from conjunction.events import Conjunctions
    from ssa_hub.services.screening_window import Window

SHOWN_CONJUNCTIONS = 20
SLOW_KM_S = 0.01
_WIDE = 125  # columns of a terminal that the table with RTN components takes
_SHOWN_REFUSALS = 10
_SHOWN_OBJECTS = 6


def summary(
    conjunctions: "Conjunctions", window: "Window", files: list["Path"], out: "Path | None", wall_s: float
) -> dict[str, Any]:
    """The document of --json: counts, wall seconds, peak memory, what was left out and why, each and by reason.

    ``closest`` are the closest conjunctions that are not slower than `SLOW_KM_S`, with the columns of the files;
    ``slow`` is how many are.
    """
    from schemas.timescales import format_utc

    end_tai_ns = conjunctions.start_tai_ns + round(conjunctions.duration_s * 1e9)
    return {
        "note": NOTE,
        "files": [str(path) for path in files],
        "start_utc": format_utc(conjunctions.start_tai_ns),
        "end_utc": format_utc(end_tai_ns),
        "start_reason": window.reason,
        "days": conjunctions.duration_s / 86_400.0,
        "threshold_km": conjunctions.threshold_km,
        "counts": conjunctions.counts,
        "wall_s": wall_s,
        "screening_wall_s": conjunctions.wall_s,
        "peak_memory_bytes": peak_memory_bytes(),
        "left_out_by_reason": conjunctions.left_out_by_reason,
        "left_out": _left_out(conjunctions),
        "refusals": [{"file": refusal.file, **refusal_document(refusal)} for refusal in conjunctions.orbits.refusals],
        "without_orbit": conjunctions.words_without_orbit,
        "out": None if out is None else str(out),
        "slow": slow_count(conjunctions),
        "closest": closest_passes(conjunctions),
    }


def peak_memory_bytes() -> int:
    """The most memory that this process has held at a time, as the system counts it."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def tell_orbits(conjunctions: "Conjunctions") -> None:
    """Lines on standard error: what was refused, what was left out and why, what was asked for in vain."""
    orbits = conjunctions.orbits
    for refusal in orbits.refusals[:_SHOWN_REFUSALS]:
        typer.echo(refusal_line(refusal.file, refusal_document(refusal)), err=True)
    if len(orbits.refusals) > _SHOWN_REFUSALS:
        _say(f"{len(orbits.refusals) - _SHOWN_REFUSALS:,} more refused (ssa-hub check FILE and --json have them all)")
    if orbits.superseded_count:
        _say(f"{orbits.superseded_count:,} older element sets passed by: of an object's the newest counts")
    if orbits.messages_passed_by:
        _say(f"{orbits.messages_passed_by:,} conjunction messages passed by: they are no orbits")
    numbers: dict[str, dict[int, str]] = {}
    for row in conjunctions.left_out.to_pylist():
        numbers.setdefault(row["reason"], {})[row["index"]] = called(
            row["object"], row["object_name"], row["object_id"]
        )
    for reason, count in conjunctions.left_out_by_reason.items():
        names = list(numbers[reason].values())
        more = ", …" if count > _SHOWN_OBJECTS else ""
        _say(f"left out in whole or part, {count:,}: {reason} ({', '.join(names[:_SHOWN_OBJECTS])}{more})")
    for text in conjunctions.words_without_orbit:
        _say(f"no orbit is meant by {text!r}")


def tell_table(conjunctions: "Conjunctions") -> None:
    """The closest conjunctions as a table on standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    closest = closest_passes(conjunctions)
    wide = console.width >= _WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("object 1", max_width=30, no_wrap=True, overflow="ellipsis")
    table.add_column("object 2", max_width=30, no_wrap=True, overflow="ellipsis")
    components = ("R km", "T km", "N km") if wide else ()
    for name in ("TCA (UTC)", "miss km", *components, "speed km/s", "angle °", "within"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in closest:
        objects = (
            Text(printable(called(row[f"object_{n}"], row[f"object_name_{n}"], row[f"object_id_{n}"]))) for n in (1, 2)
        )
        table.add_row(
            *objects,
            row["tca_utc"][:23] + ("*" if row["at_window_edge"] else " "),
            f"{row['miss_distance_km']:.3f}",
            *(f"{row[f'relative_position_{axis}_km']:+.3f}" for axis in ("rtn" if wide else "")),
            f"{row['relative_speed_km_s']:.4f}",
            f"{row['approach_angle_deg']:.1f}",
            _lasting(row["within_s"]),
        )
    if table.row_count:
        console.print(table)
    slow = slow_count(conjunctions)
    lines = []
    if len(closest) < len(conjunctions) - slow:
        lines.append(f"the {len(closest)} closest of {len(conjunctions) - slow:,}; --out writes all")
    if slow:
        lines.append(
            f"{slow:,} slower than {SLOW_KM_S * 1e3:g} m/s (docked, in formation, one object under two numbers) are "
            "not shown; --out writes them"
        )
    for line in lines:
        console.print(line, highlight=False)
    if any(row["at_window_edge"] for row in closest):
        console.print(
            "* at the window's edge, or where an orbit ends: the pair may come closer outside", highlight=False
        )


def called(number: int | None, name: str | None, object_id: str | None) -> str:
    """How a person calls an object: its number and name, or what there is of them."""
    words = [str(number) if number is not None else object_id or "", name or ""]
    return " ".join(word for word in words if word) or "(no name)"


def slow_count(conjunctions: "Conjunctions") -> int:
    """How many conjunctions are slower than `SLOW_KM_S`: pairs that fly together, which would fill the first page."""
    return int((_speed_km_s(conjunctions) < SLOW_KM_S).sum())


def closest_passes(conjunctions: "Conjunctions") -> list[dict[str, Any]]:
    """The closest conjunctions that are not slow, closest first, with the columns of the files and ``within_s``."""
    import numpy as np
    import pyarrow as pa

    found = conjunctions.result.conjunctions
    miss = found.column("miss_distance_m").to_numpy()
    passes = np.flatnonzero(_speed_km_s(conjunctions) >= SLOW_KM_S)
    rows = passes[np.argsort(miss[passes], kind="stable")][:SHOWN_CONJUNCTIONS]
    within_s = (found.column("exit_tai_ns").to_numpy() - found.column("entry_tai_ns").to_numpy()) / 1e9
    table = text_table(conjunctions).append_column("within_s", pa.array(within_s))
    closest: list[dict[str, Any]] = table.take(rows).to_pylist()
    return closest


def _speed_km_s(conjunctions: "Conjunctions") -> "NDArray[np.float64]":
    speed: NDArray[np.float64] = conjunctions.result.conjunctions.column("relative_speed_m_s").to_numpy() / 1e3
    return speed


def _lasting(seconds: float) -> str:
    if seconds < 100.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 36_000.0 else f"{seconds / 3600.0:.0f} h"


def _left_out(conjunctions: "Conjunctions") -> list[dict[str, Any]]:
    from schemas.timescales import format_utc

    rows: list[dict[str, Any]] = conjunctions.left_out.drop_columns(["index", "from_utc", "until_utc"]).to_pylist()
    instants = conjunctions.result.left_out.select(["from_tai_ns", "until_tai_ns"]).to_pylist()
    for row, instant in zip(rows, instants, strict=True):
        until = instant["until_tai_ns"]
        row["from_utc"] = format_utc(instant["from_tai_ns"])
        row["until_utc"] = None if until is None else format_utc(until)
    return rows


def _say(text: str) -> None:
    typer.echo(printable(text), err=True)
