"""``ssa-hub status``: how the hub stands, in 80 columns, while it runs or while it does not."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli.existing_state import existing_state, mendable_errors
from ssa_hub.cli.options import DEFAULT_DATA_DIR, CatalogueUrl, DatabaseUrl, DataDir, LogUrl, Warehouse

if TYPE_CHECKING:
    from ssa_hub.services.overview import Overview
    from ssa_hub.settings import Settings
    from ssa_hub.state.runs import Run
    from ssa_hub.state.store import State

_RUNS_SHOWN = 5
_WIDTH = 13
_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """How the hub stands: lag, records, files, screening, disk. Ends with status 1 where something is wrong."""
    import msgspec

    from ssa_hub.settings import settings_in

    settings = settings_in(
        data_dir, log_url=log_url, database_url=database_url, catalogue_url=catalogue_url, warehouse=warehouse
    )
    with existing_state(data_dir, database_url) as state, mendable_errors():
        seen = asyncio.run(_overview(settings, state))
        if as_json:
            whole = {**msgspec.to_builtins(seen), "lag_messages": seen.lag_messages}
            typer.echo(msgspec.json.format(msgspec.json.encode(whole)))
        else:
            _tell(seen)
            _tell_rules_and_runs(state)
            for text in seen.wrong:
                typer.echo(_line("WRONG", text))
    if seen.wrong:
        raise typer.Exit(1)


async def _overview(settings: "Settings", state: "State") -> "Overview":
    from ingest.log import LogUnavailableError
    from ingest.log_view import AbsentLogView, viewed_log
    from ssa_hub.services.overview import Overlooker

    try:
        async with viewed_log(settings.log_url) as log:
            return await Overlooker(settings, state, log).overview()
    except LogUnavailableError as error:
        return await Overlooker(settings, state, AbsentLogView(str(error))).overview()


def _tell(seen: "Overview") -> None:
    age = "" if seen.newest_recorded_age_seconds is None else f", the newest {_ago(seen.newest_recorded_age_seconds)}"
    typer.echo(_line("records", f"{seen.recorded:,} recorded{age}"))
    if seen.lag_seconds is not None:
        since = f", the oldest for {_span(seen.lag_seconds)}" if seen.lag_messages else ""
        typer.echo(_line("log", f"{seen.lag_messages:,} messages wait to be recorded{since}"))
        for topic, partitions in seen.lag.items():
            if count := sum(partitions.values()):
                typer.echo(_line("", f"{topic}: {count:,} in {sum(map(bool, partitions.values()))} partitions"))
    filled = {kind: part for kind, part in seen.history.items() if part.rows}
    if not filled:
        typer.echo(_line("history", "no rows yet"))
    for kind, part in filled.items():
        levels = ", ".join(f"{count:,} of level {level}" for level, count in part.files.items())
        files = f"{sum(part.files.values()):,} files" + (f" ({levels})" if len(part.files) > 1 else "")
        typer.echo(_line("history", f"{kind}: {part.rows:,} rows, {_size(part.bytes)}"))
        compacted = f", compacted {part.compacted_utc} UTC" if part.compacted_utc else ""
        typer.echo(_line("", f"{files}{compacted}"))
    if seen.checkpoint_age_seconds is not None:
        typer.echo(_line("checkpoint", f"the newest is of {_ago(seen.checkpoint_age_seconds)}"))
    by_source = "".join(f"; {source}: {count:,}" for source, count in seen.quarantine.items())
    typer.echo(_line("quarantine", f"{sum(seen.quarantine.values()):,} refused{by_source}"))
    if seen.unpublished_payloads:
        typer.echo(_line("payloads", f"{seen.unpublished_payloads:,} stored and not yet on the log"))
    sizes = [f"{name} {_size(size)}" for name, size in (("state", seen.state_bytes), ("log", seen.log_bytes)) if size]
    free = [f"{_size(free)} free for {part}" for part, free in seen.disk_free_bytes.items()]
    typer.echo(_line("disk", ", ".join(free)))
    typer.echo(_line("", ", ".join(sizes)))


def _tell_rules_and_runs(state: "State") -> None:
    typer.echo(_line("posture", str(state.agreements.posture())))
    typer.echo(_line("agreements", f"{len(state.agreements.active())} in force, {len(state.partners.all())} partners"))
    for run in state.runs.last(_RUNS_SHOWN):
        _tell_run(run)


def _tell_run(run: "Run") -> None:
    """One screening run, the last one first, with what was left out and why."""
    from schemas.timescales import format_utc

    took = "" if run.wall_s is None else f" in {run.wall_s:.1f} s"
    objects = "" if run.objects is None else f", {run.objects:,} orbits"
    found = "" if run.conjunctions is None else f", {run.conjunctions:,} close approaches"
    failure = f": {run.failure}" if run.failure else ""
    typer.echo(_line("screening", f"{run.data_mode}: {run.status}{took}{objects}{found}{failure}"))
    window = f"{run.duration_s / 3600.0:g} h from {format_utc(run.start_tai_ns, 0)} UTC, {run.threshold_km:g} km"
    typer.echo(_line("", f"{window}; {_ago(run.age_s)}"))
    reasons = Counter(str(left_out.get("reason")) for left_out in run.left_out)
    for reason, count in reasons.most_common():
        typer.echo(_line("", f"left out, in whole or from some instant on: {count:,}: {reason}"))


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}"


def _ago(seconds: float) -> str:
    return f"{_span(seconds)} ago" if seconds >= 1.0 else "just now"


def _span(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _size(size: int) -> str:
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= limit:
            return f"{size / limit:,.1f} {unit}"
    return f"{size} B"
