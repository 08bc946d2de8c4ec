"""What a hub is told at its start. Everything has a default that needs no server, no network and no account."""

from pathlib import Path

import msgspec

from schemas.records import DataMode


class ScreeningSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the whole catalogue is screened, and orbits that arrive.

    ``start_utc`` None: see `ssa_hub.services.screening_window`. Up to ``at_once_max`` orbits that arrive together are
    screened at once against all others, which are held in memory for it (0: not at all; more wait for the whole run),
    unless they would take more than ``resident_megabytes_max`` (some 270 bytes an orbit and hour of the window).
    """

    threshold_km: float = 5.0
    window_hours: float = 24.0
    every_s: float = 600.0
    start_utc: str | None = None
    threads: int = 2
    at_once_max: int = 1_000
    resident_megabytes_max: float = 2_000.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub keeps and finds things.

    ``log_url`` is ``embedded:///dir`` or ``kafka://host:port``; ``database_url`` and ``catalogue_url`` are SQLAlchemy
    URLs (SQLite or ``postgresql+psycopg``); ``warehouse`` is the directory of the history's files. Those left None
    live in ``data_dir``.
    """

    data_dir: Path
    log_url: str
    database_url: str
    catalogue_url: str
    warehouse: Path
    data_mode: DataMode
    sources: Path | None = None
    agreements: Path | None = None
    partners: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8600
    screening: ScreeningSettings = ScreeningSettings()


def settings_in(
    data_dir: Path,
    *,
    log_url: str | None = None,
    database_url: str | None = None,
    catalogue_url: str | None = None,
    warehouse: Path | None = None,
    data_mode: DataMode | None = None,
    sources: Path | None = None,
    agreements: Path | None = None,
    partners: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8600,
    screening: ScreeningSettings | None = None,
) -> Settings:
    """Settings with the embedded defaults below ``data_dir`` for everything that is left None.

    Without sources the hub runs the exercise, so its default data mode is EXERCISE, and REAL otherwise.
    """
    root = data_dir.resolve()
    database = database_url or f"sqlite:///{root / 'state.sqlite'}"
    if catalogue_url is None:
        catalogue_url = database_url or f"sqlite:///{root / 'history' / 'catalogue.sqlite'}"
    return Settings(
        data_dir=root,
        log_url=log_url or f"embedded://{root / 'log'}",
        database_url=database,
        catalogue_url=catalogue_url,
        warehouse=(warehouse or root / "history").resolve(),
        data_mode=data_mode or (DataMode.REAL if sources else DataMode.EXERCISE),
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
        screening=screening or ScreeningSettings(),
    )
