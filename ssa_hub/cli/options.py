"""Options that several commands share, with their environment variables."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path("ssa-hub-data")

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
        help="UTC start of the window; default: now, or the newest epochs where the catalogue is an old one.",
    ),
]
ScreenEvery = Annotated[
    float,
    typer.Option(
        "--screen-every-s", envvar="SSA_HUB_SCREEN_EVERY_S", min=1.0, help="Screen at most so often, and on new data."
    ),
]
