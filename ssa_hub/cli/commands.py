"""The commands and their options."""

from pathlib import Path
from typing import Annotated

import typer

from ssa_hub.cli import (
    administration,
    explain,
    ledger,
    messages,
    policies,
    rehearse,
    rules,
    screen,
    tear_lines,
    withdrawals,
)
from ssa_hub.cli.agreements import agreements as originators_agreements
from ssa_hub.cli.labels import labels as confidentiality_labels
from ssa_hub.cli.options import (
    DEFAULT_DATA_DIR,
    Agreements,
    DatabaseUrl,
    DataDir,
    Host,
    LogUrl,
    Partners,
    Port,
    ScreenEvery,
    ScreenStart,
    Sources,
    ThresholdKm,
    Warehouse,
    WindowHours,
)

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
app.command()(messages.check)
app.command()(messages.convert)
app.command()(screen.screen)
app.command()(administration.status)
app.command()(administration.posture)
app.command()(explain.explain)
app.command()(withdrawals.withdraw)


@app.command()
def up(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    sources: Sources = None,
    agreements: Agreements = None,
    partners: Partners = None,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
    port: Port = 8600,
    threshold_km: ThresholdKm = 5.0,
    screen_hours: WindowHours = 24.0,
    screen_start: ScreenStart = None,
    screen_every_s: ScreenEvery = 600.0,
) -> None:
    """Run the whole hub in this process: sources, ingest, history, screening, release, API."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import ScreeningSettings, settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        warehouse=warehouse,
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
        screening=ScreeningSettings(
            threshold_km=threshold_km, window_hours=screen_hours, start_utc=screen_start, every_s=screen_every_s
        ),
    )
    starting.run(lambda reporter: running.up(settings, reporter), data_dir / "hub.log.jsonl")


@app.command()
def serve(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    sources: Sources = None,
    agreements: Agreements = None,
    partners: Partners = None,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    warehouse: Warehouse = None,
    host: Host = "127.0.0.1",
    port: Port = 8600,
) -> None:
    """Run sources, ingest and API, on Kafka and PostgreSQL; worker processes do the rest."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        warehouse=warehouse,
        sources=sources,
        agreements=agreements,
        partners=partners,
        host=host,
        port=port,
    )
    starting.run(lambda reporter: running.serve(settings, reporter))


@app.command()
def worker(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    log_url: LogUrl = None,
    database_url: DatabaseUrl = None,
    warehouse: Warehouse = None,
    threshold_km: ThresholdKm = 5.0,
    screen_hours: WindowHours = 24.0,
    screen_start: ScreenStart = None,
    screen_every_s: ScreenEvery = 600.0,
    alive_file: Annotated[
        Path | None, typer.Option("--alive-file", help="A file to touch at every turn, for health checks.")
    ] = None,
) -> None:
    """Record and screen, on Kafka and PostgreSQL; run as many as you like."""
    from ssa_hub.cli import running, starting
    from ssa_hub.settings import ScreeningSettings, settings_in

    settings = settings_in(
        data_dir,
        log_url=log_url,
        database_url=database_url,
        warehouse=warehouse,
        screening=ScreeningSettings(
            threshold_km=threshold_km, window_hours=screen_hours, start_utc=screen_start, every_s=screen_every_s
        ),
    )
    starting.run(lambda reporter: running.work(settings, reporter, alive_file))


def main() -> None:
    """Entry point of the command."""
    app(prog_name="ssa-hub")
