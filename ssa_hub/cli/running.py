"""``ssa-hub up``, ``serve`` and ``worker``: from settings to running services, and cleanly out again."""

import asyncio
import contextlib
import importlib.metadata
import logging
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import structlog

from connectors.configuration import build_connector, load_sources
from connectors.payload import Connector
from connectors.sources import ExerciseSource, FolderSource, GpSource, SourceConfiguration
from ingest.topics import TOPICS
from ssa_hub.cli.console import ConsoleReporter
from ssa_hub.cli.exercise import prepare_exercise
from ssa_hub.cli.try_keys import LOCAL, local_key
from ssa_hub.services.hub import Hub, open_hub, run_sources, run_worker
from ssa_hub.services.rules import activate, agreement_files, enrol_partners
from ssa_hub.services.server import listen, serve_api
from ssa_hub.settings import Settings
from ssa_hub.state.store import State

# A backlog smaller than this is gone before anybody could read a bar.
_BACKLOG_SHOWN = 2_000


def configure_logs(path: Path | None) -> None:
    """Structured logs: JSON lines into a file of the data directory, or on standard error where ``path`` is None."""
    stream = None
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a", buffering=1, encoding="utf-8")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(stream) if stream else structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # aiokafka tells every rebalance and every try of a broker that is away; the hub says itself what follows from it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.basicConfig(stream=stream, level=logging.WARNING, format='{"level":"%(levelname)s","event":"%(message)s"}')


async def up(settings: Settings, reporter: ConsoleReporter) -> None:
    """Everything in one process: sources, ingest, recording, screening, API."""
    bound = listen(settings.host, settings.port)
    version = importlib.metadata.version("ssa-hub")
    reporter.say(f"SSA Hub {version}: data in {settings.data_dir}, log {_kind(settings.log_url)}, "
                 f"state {_kind(settings.database_url)}")  # fmt: skip
    async with open_hub(settings) as hub:
        connectors = await _prepare(hub, reporter)
        port = bound.getsockname()[1]
        _say_where(hub, reporter, f"http://{settings.host}:{port}")
        await _until_stopped(
            run_sources(hub, connectors), run_worker(hub, reporter), _show_backlog(hub, reporter), serve_api(hub, bound)
        )
    reporter.say("stopped; the next start goes on from here")


async def serve(settings: Settings, reporter: ConsoleReporter) -> None:
    """Sources, ingest and API; workers do the rest."""
    bound = listen(settings.host, settings.port)
    async with open_hub(settings) as hub:
        connectors = await _prepare(hub, reporter)
        reporter.say(f"API on http://{settings.host}:{bound.getsockname()[1]}")
        await _until_stopped(run_sources(hub, connectors), serve_api(hub, bound))


async def work(settings: Settings, reporter: ConsoleReporter, alive_file: Path | None) -> None:
    """Recording and screening."""
    async with open_hub(settings) as hub:
        reporter.say(f"worker on {_kind(settings.log_url)} and {_kind(settings.database_url)}")
        touch = (lambda: alive_file.touch()) if alive_file else (lambda: None)
        await _until_stopped(run_worker(hub, reporter, touch))


async def _prepare(hub: Hub, reporter: ConsoleReporter) -> list[Connector]:
    """Partners and agreements into force; the connectors of the sources, or of the exercise."""
    settings, state = hub.settings, hub.state
    if settings.partners is not None:
        partners = await asyncio.to_thread(enrol_partners, state, settings.partners)
        reporter.say(f"partners   {', '.join(partner.name for partner in partners) or 'none'}")
    if settings.agreements is not None:
        await asyncio.to_thread(_activate, state, settings.agreements, reporter)
    if settings.sources is None:
        return await asyncio.to_thread(prepare_exercise, state, settings.data_dir, reporter)
    configurations = load_sources(settings.sources)
    for configuration in configurations:
        reporter.say(f"source     {configuration.id} ({described(configuration)})")
    return [build_connector(configuration, state.memory) for configuration in configurations]


def described(source: SourceConfiguration) -> str:
    """A source in a few words."""
    match source:
        case FolderSource():
            return f"files dropped into {source.path}, made by {source.originator}, {source.data_mode}"
        case GpSource():
            return f"{source.url}, groups {', '.join(source.groups)}, made by {source.originator}, {source.data_mode}"
        case ExerciseSource():
            return f"exercise of {source.objects:,} invented objects"


def _activate(state: State, where: Path, reporter: ConsoleReporter) -> None:
    activation = activate(state, agreement_files(where))
    for agreement in activation.activated:
        reporter.say(f"agreement  of {agreement.originator}, version {agreement.version}, in force")
    for remark in activation.remarks:
        reporter.say(f"           note: {remark}")


def _say_where(hub: Hub, reporter: ConsoleReporter, base: str) -> None:
    reporter.say(f"API        {base}  (described in {base}/openapi.json)")
    if hub.settings.sources is None:
        return
    token = local_key(hub.state, hub.settings.data_dir)
    reporter.say(f"key        {token}   (partner {LOCAL}, may explain every decision)")
    reporter.say(f"try        curl -H 'Authorization: Bearer {token}' '{base}/v1/elements?limit=3'")
    if not hub.state.agreements.active():
        reporter.say(
            "note       no agreement is in force, so nobody is shown anything; write one (docs/release.md) and "
            "start with --agreements, or run ssa-hub agreements activate"
        )


async def _show_backlog(hub: Hub, reporter: ConsoleReporter) -> None:
    """Show how far recording is behind the log, while it is far."""
    topics = [topic.name for topic in TOPICS]
    while True:
        await asyncio.sleep(0.5)
        behind = await _backlog(hub, topics)
        if behind < _BACKLOG_SHOWN:
            continue
        most, began_s = behind, time.monotonic()
        with reporter.progress("Recording", float(most), "records") as bar:
            while behind:
                most = max(most, behind)
                bar.update(float(most - behind), float(most))
                await asyncio.sleep(0.3)
                behind = await _backlog(hub, topics)
        reporter.say(f"recorded   {most:,} records in {time.monotonic() - began_s:.1f} s")


async def _backlog(hub: Hub, topics: list[str]) -> int:
    ends: dict[Any, int] = {}
    for topic in topics:
        ends.update(await hub.log.end_offsets(topic))
    return await asyncio.to_thread(
        lambda: sum(max(0, end - hub.state.positions.get(partition)) for partition, end in ends.items())
    )


async def _until_stopped(*services: Coroutine[Any, Any, None]) -> None:
    """Run services until one fails, or Ctrl-C or a termination signal comes."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(service) for service in services]
    waiting = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in [*tasks, waiting]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise failures[0]


def _kind(url: str) -> str:
    scheme = url.split(":", 1)[0]
    return {"embedded": "embedded", "kafka": "Kafka", "sqlite": "SQLite"}.get(scheme, "PostgreSQL")
