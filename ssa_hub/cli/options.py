"""Options that several commands share, with their environment variables."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path("ssa-hub-data")

# A server that drops what is sent to it would keep a command waiting for as long as the system's TCP does.
_CONNECT_TIMEOUT_S = 10


def _database_url(url: str | None) -> str | None:
    """The URL, with a limit to how long connecting to PostgreSQL may take unless it has its own."""
    if url is None or url.startswith("sqlite:///"):
        return url
    if not url.startswith("postgresql+psycopg://"):
        raise typer.BadParameter("must be postgresql+psycopg://user:password@host:port/database, or sqlite:///path")
    if "connect_timeout=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}connect_timeout={_CONNECT_TIMEOUT_S}"


def _instant(text: str | None) -> str | None:
    """A UTC time as it stands. Ends the command for anything else, now and not at the first screening."""
    if text is not None:
        from schemas.timescales import parse_utc

        try:
            parse_utc(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return text


DataDir = Annotated[Path, typer.Option("--data-dir", envvar="SSA_HUB_DATA_DIR", help="Where the hub keeps everything.")]
LogUrl = Annotated[
    str | None,
    typer.Option("--log-url", envvar="SSA_HUB_LOG_URL", help="kafka://host:port; default: embedded, in the data dir."),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="SSA_HUB_DATABASE_URL",
        callback=_database_url,
        help="postgresql+psycopg://user:password@host/db; default: SQLite, in the data dir.",
    ),
]
Warehouse = Annotated[
    Path | None,
    typer.Option("--warehouse", envvar="SSA_HUB_WAREHOUSE", help="Directory of the history; default: in the data dir."),
]
Sources = Annotated[
    Path | None,
    typer.Option("--sources", envvar="SSA_HUB_SOURCES", help="sources.toml; without one the hub runs an exercise."),
]
Agreements = Annotated[
    Path | None,
    typer.Option(
        "--agreements", envvar="SSA_HUB_AGREEMENTS", help="Directory of agreements to put into force at the start."
    ),
]
Partners = Annotated[
    Path | None, typer.Option("--partners", envvar="SSA_HUB_PARTNERS", help="partners.toml to enrol at the start.")
]
Host = Annotated[str, typer.Option("--host", envvar="SSA_HUB_HOST", help="Address that the API listens on.")]
Port = Annotated[int, typer.Option("--port", envvar="SSA_HUB_PORT", min=0, max=65535, help="Port of the API.")]
ThresholdKm = Annotated[
    float,
    typer.Option(
        "--threshold-km", envvar="SSA_HUB_THRESHOLD_KM", min=0.001, help="Report approaches closer than this."
    ),
]
WindowHours = Annotated[
    float, typer.Option("--screen-hours", envvar="SSA_HUB_SCREEN_HOURS", min=0.01, help="Length of the window.")
]
ScreenStart = Annotated[
    str | None,
    typer.Option(
        "--screen-start",
        envvar="SSA_HUB_SCREEN_START",
        callback=_instant,
        help="UTC start of the window; default: now, or the newest epochs where the catalogue is an old one.",
    ),
]
ScreenEvery = Annotated[
    float,
    typer.Option(
        "--screen-every-s", envvar="SSA_HUB_SCREEN_EVERY_S", min=1.0, help="Screen at most so often, and on new data."
    ),
]
