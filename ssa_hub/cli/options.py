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


def _catalogue_url(url: str | None) -> str | None:
    """The URL as it is to be used. Ends the command for anything that no catalogue can have."""
    from ssa_hub.history.locations import is_served

    if url is None or is_served(url):
        return url
    try:
        return _database_url(url)
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{error.message}, or rest+https://host:port/path") from error


def _warehouse(place: str | None) -> str | None:
    """The place as it stands. Ends the command for an object store's that cannot be one."""
    from ssa_hub.history.locations import is_object

    if place is not None and is_object(place):
        from ssa_hub.history.object_files import ObjectFiles

        try:
            ObjectFiles(place)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    return place


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
CatalogueUrl = Annotated[
    str | None,
    typer.Option(
        "--catalogue-url",
        envvar="SSA_HUB_CATALOGUE_URL",
        callback=_catalogue_url,
        help="Catalogue of the history: as --database-url, or rest+https://host:port/path; default: that database.",
    ),
]
Warehouse = Annotated[
    str | None,
    typer.Option(
        "--warehouse",
        envvar="SSA_HUB_WAREHOUSE",
        callback=_warehouse,
        help="Directory of the history, or s3://bucket/prefix; default: in the data dir.",
    ),
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
MetricsHost = Annotated[
    str, typer.Option("--metrics-host", envvar="SSA_HUB_METRICS_HOST", help="Address of the metrics' own port.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        envvar="SSA_HUB_METRICS_PORT",
        min=0,
        max=65535,
        help="Show metrics to Prometheus, without a key.",
    ),
]
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
DiskReserveMb = Annotated[
    int | None,
    typer.Option(
        "--disk-reserve-mb",
        envvar="SSA_HUB_DISK_RESERVE_MB",
        min=0,
        help="Take nothing in with less free on a disk; default: a hundredth of the disk, at most 500.",
    ),
]
RetentionNoticeHours = Annotated[
    float,
    typer.Option(
        "--retention-notice-hours",
        envvar="SSA_HUB_RETENTION_NOTICE_HOURS",
        min=0.0,
        help="Delete what an agreement demands so long after it came into force.",
    ),
]
FeedWindowDays = Annotated[
    float,
    typer.Option(
        "--feed-window-days",
        envvar="SSA_HUB_FEED_WINDOW_DAYS",
        min=1.0,
        help="Stream a record for so long after it became visible; listings and exports have it for ever.",
    ),
]
LogWindowDays = Annotated[
    float,
    typer.Option(
        "--log-window-days",
        envvar="SSA_HUB_LOG_WINDOW_DAYS",
        min=1.0,
        help="Keep what is recorded on the log for so long.",
    ),
]
BacklogMax = Annotated[
    int,
    typer.Option(
        "--backlog-max",
        envvar="SSA_HUB_BACKLOG_MAX",
        min=1,
        help="Take nothing in while more records wait to be recorded.",
    ),
]
