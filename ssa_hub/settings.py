"""What a hub is told at its start. Everything has a default that needs no server, no network and no account."""

from pathlib import Path

import msgspec

from ingest.intake import IntakeLimits
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND
from ssa_hub.history.locations import is_object


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


class KeepingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long things are kept that no agreement speaks of, and after which notice one that does takes effect.

    ``feed_window_days``: how long after it became visible a record can be streamed; ``log_window_days``: how long the
    embedded log keeps what is recorded.
    """

    retention_notice_hours: float = 24.0
    feed_window_days: float = 400.0
    log_window_days: float = 30.0

    @property
    def notice_ns(self) -> int:
        """The notice, ns."""
        return round(self.retention_notice_hours * 3600 * NS_PER_SECOND)

    @property
    def feed_window_ns(self) -> int:
        """The feed's window, ns."""
        return round(self.feed_window_days * 86_400 * NS_PER_SECOND)

    @property
    def log_window_ns(self) -> int:
        """The log's window, ns."""
        return round(self.log_window_days * 86_400 * NS_PER_SECOND)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the hub keeps and finds things.

    ``log_url`` is ``embedded:///dir`` or ``kafka://host:port``; ``database_url`` and ``catalogue_url`` are SQLAlchemy
    URLs (SQLite or ``postgresql+psycopg``), and ``catalogue_url`` may be an Iceberg REST catalogue (``rest+http://...``,
    ``rest+https://...``). ``warehouse`` is the directory of the history's files; with ``object_store``
    (``s3://bucket/prefix``) they are there, and the directory has what is under way. Those left None live in
    ``data_dir``.
    """

    data_dir: Path
    log_url: str
    database_url: str
    catalogue_url: str
    warehouse: Path
    data_mode: DataMode
    object_store: str | None = None
    sources: Path | None = None
    agreements: Path | None = None
    partners: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8600
    screening: ScreeningSettings = ScreeningSettings()
    intake: IntakeLimits = IntakeLimits()
    keeping: KeepingSettings = KeepingSettings()


def settings_in(
    data_dir: Path,
    *,
    log_url: str | None = None,
    database_url: str | None = None,
    catalogue_url: str | None = None,
    warehouse: str | Path | None = None,
    data_mode: DataMode | None = None,
    sources: Path | None = None,
    agreements: Path | None = None,
    partners: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8600,
    screening: ScreeningSettings | None = None,
    intake: IntakeLimits | None = None,
    keeping: KeepingSettings | None = None,
) -> Settings:
    """Settings with the embedded defaults below ``data_dir`` for everything that is left None.

    ``warehouse``: a directory, or ``s3://bucket/prefix``.

    Without sources the hub runs the exercise, so its default data mode is EXERCISE, and REAL otherwise.
    """
    root = data_dir.resolve()
    database = database_url or f"sqlite:///{root / 'state.sqlite'}"
    if catalogue_url is None:
        catalogue_url = database_url or f"sqlite:///{root / 'history' / 'catalogue.sqlite'}"
    object_store = str(warehouse) if warehouse is not None and is_object(str(warehouse)) else None
    directory = Path(warehouse) if warehouse is not None and object_store is None else root / "history"
    return Settings(
        data_dir=root,
        log_url=log_url or f"embedded://{root / 'log'}",
        database_url=database,
        catalogue_url=catalogue_url,
        warehouse=directory.resolve(),
        object_store=object_store,
        data_mode=data_mode or (DataMode.REAL if sources else DataMode.EXERCISE),
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
        screening=screening or ScreeningSettings(),
        intake=intake or IntakeLimits(),
        keeping=keeping or KeepingSettings(),
    )
