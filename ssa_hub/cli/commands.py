"""The commands and their options."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ssa_hub.cli import (
    administration,
    backups,
    deletions,
    explain,
    export,
    history,
    ledger,
    messages,
    policies,
    rehearse,
    rules,
    screen,
    status,
    tear_lines,
    verify,
    withdrawals,
)
from ssa_hub.cli.agreements import agreements as originators_agreements
from ssa_hub.cli.labels import labels as confidentiality_labels
from ssa_hub.cli.options import (
    DEFAULT_DATA_DIR,
    Agreements,
    BacklogMax,
    CatalogueUrl,
    DatabaseUrl,
    DataDir,
    DiskReserveMb,
    FeedWindowDays,
    Host,
    LogUrl,
    LogWindowDays,
    MetricsHost,
    MetricsPort,
    Partners,
    Port,
    RetentionNoticeHours,
    ScreenEvery,
    ScreenStart,
    Sources,
    ThresholdKm,
    Warehouse,
    WindowHours,
)

if TYPE_CHECKING:
    from ingest.intake import IntakeLimits

app = typer.Typer(
    name="ssa-hub",
    help="A data-sharing hub for space situational awareness.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
)
app.add_typer(administration.quarantine, name="quarantine")
app.add_typer(rules.partners, name="partners")
app.add_typer(originators_agreements, name="agreements")
app.add_typer(confidentiality_labels, name="labels")
app.add_typer(policies.policies, name="policies")
app.add_typer(rehearse.rehearse, name="rehearse")
app.add_typer(ledger.ledger, name="ledger")
app.add_typer(tear_lines.tear_lines, name="tear-lines")
app.add_typer(withdrawals.withdrawals, name="withdrawals")
app.add_typer(history.history, name="history")
app.add_typer(deletions.deletions, name="deletions")
app.command()(messages.check)
app.command()(messages.convert)
app.command()(screen.screen)
app.command()(status.status)
app.command()(administration.posture)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(verify.verify)
app.command()(explain.explain)
app.command()(export.export)
app.command()(withdrawals.withdraw)


def _intake(disk_reserve_mb: int | None, backlog_max: int) -> "IntakeLimits":
    from ingest.intake import IntakeLimits

    free_bytes_min = None if disk_reserve_mb is None else disk_reserve_mb * 1_000_000
    return IntakeLimits(free_bytes_min=free_bytes_min, backlog_max=backlog_max)


@app.command()
def up(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    sources: Sources = None,
    agreements: Agreements = None,
    partners: Partners = None,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
    port: Port = 8600,
    threshold_km: ThresholdKm = 5.0,
    screen_hours: WindowHours = 24.0,
    screen_start: ScreenStart = None,
    screen_every_s: ScreenEvery = 600.0,
    disk_reserve_mb: DiskReserveMb = None,
    backlog_max: BacklogMax = 2_000_000,
    retention_notice_hours: RetentionNoticeHours = 24.0,
    feed_window_days: FeedWindowDays = 400.0,
    log_window_days: LogWindowDays = 30.0,
    metrics_host: MetricsHost = "127.0.0.1",
    metrics_port: MetricsPort = None,
) -> None:
    """Run the whole hub in this process: sources, ingest, history, screening, release, API."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import KeepingSettings, ScreeningSettings, settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        catalogue_url=catalogue_url,
        warehouse=warehouse,
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
        intake=_intake(disk_reserve_mb, backlog_max),
        keeping=KeepingSettings(
            retention_notice_hours=retention_notice_hours,
            feed_window_days=feed_window_days,
            log_window_days=log_window_days,
        ),
        screening=ScreeningSettings(
            threshold_km=threshold_km, window_hours=screen_hours, start_utc=screen_start, every_s=screen_every_s
        ),
    )
    metrics = (metrics_host, metrics_port)
    starting.run(lambda reporter: running.up(settings, reporter), data_dir / "hub.log.jsonl", metrics=metrics)


@app.command()
def serve(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    sources: Sources = None,
    agreements: Agreements = None,
    partners: Partners = None,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
    port: Port = 8600,
    disk_reserve_mb: DiskReserveMb = None,
    backlog_max: BacklogMax = 2_000_000,
    retention_notice_hours: RetentionNoticeHours = 24.0,
    feed_window_days: FeedWindowDays = 400.0,
    metrics_host: MetricsHost = "127.0.0.1",
    metrics_port: MetricsPort = None,
) -> None:
    """Run sources, ingest and API, on Kafka and PostgreSQL; worker processes do the rest."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import KeepingSettings, settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        catalogue_url=catalogue_url,
        warehouse=warehouse,
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
        intake=_intake(disk_reserve_mb, backlog_max),
        keeping=KeepingSettings(retention_notice_hours=retention_notice_hours, feed_window_days=feed_window_days),
    )
    starting.run(lambda reporter: running.serve(settings, reporter), metrics=(metrics_host, metrics_port))


@app.command()
def worker(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    catalogue_url: CatalogueUrl = None,
    warehouse: Warehouse = None,
    threshold_km: ThresholdKm = 5.0,
    screen_hours: WindowHours = 24.0,
    screen_start: ScreenStart = None,
    screen_every_s: ScreenEvery = 600.0,
    retention_notice_hours: RetentionNoticeHours = 24.0,
    feed_window_days: FeedWindowDays = 400.0,
    log_window_days: LogWindowDays = 30.0,
    alive_file: Annotated[
        Path | None, typer.Option("--alive-file", help="A file to touch at every turn, for health checks.")
    ] = None,
    metrics_host: MetricsHost = "127.0.0.1",
    metrics_port: MetricsPort = None,
) -> None:
    """Record and screen, on Kafka and PostgreSQL; run as many as you like."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import KeepingSettings, ScreeningSettings, settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        catalogue_url=catalogue_url,
        warehouse=warehouse,
        keeping=KeepingSettings(
            retention_notice_hours=retention_notice_hours,
            feed_window_days=feed_window_days,
            log_window_days=log_window_days,
        ),
        screening=ScreeningSettings(
            threshold_km=threshold_km, window_hours=screen_hours, start_utc=screen_start, every_s=screen_every_s
        ),
    )
    metrics = (metrics_host, metrics_port)
    starting.run(lambda reporter: running.work(settings, reporter, alive_file), metrics=metrics)


def main() -> None:
    """Entry point of the command."""
    app(prog_name="ssa-hub")
