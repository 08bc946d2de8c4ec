"""``ssa-hub up``, ``serve`` and ``worker``: from settings to running services, and cleanly out again."""

import asyncio
import contextlib
import importlib.metadata
import os
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from connectors.configuration import build_connector, load_sources
from connectors.payload import Connector
from connectors.sources import ExerciseSource, FolderSource, GpSource, SourceConfiguration
from ingest.log import LogUnavailableError, TopicPartition
from ingest.topics import TOPICS
from ssa_hub.cli.console import ConsoleReporter
from ssa_hub.cli.exercise import prepare_exercise
from ssa_hub.cli.try_keys import LOCAL, local_key
from ssa_hub.services.gauges import Gauges
from ssa_hub.services.hub import Hub, open_hub, run_worker
from ssa_hub.services.rules import activate, agreement_files, enrol_partners
from ssa_hub.services.server import listen, serve_api
from ssa_hub.services.sources import run_sources
from ssa_hub.settings import Settings
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

# A backlog smaller than this is gone before anybody could read a bar.
_BACKLOG_SHOWN = 2_000


async def up(settings: Settings, reporter: ConsoleReporter) -> None:
    """Everything in one process: sources, ingest, recording, screening, API."""
    sources = _configured_sources(settings)
    bound = listen(settings.host, settings.port)
    version = importlib.metadata.version("ssa-hub")
    reporter.say(f"SSA Hub {version}: data in {settings.data_dir}, log {_kind(settings.log_url)}, "
                 f"state {_kind(settings.database_url)}")  # fmt: skip
    async with open_hub(settings, "up") as hub:
        connectors, token = await asyncio.to_thread(_prepare, hub, sources, reporter)
        base = _say_where(settings, reporter, bound.getsockname()[1])
        if token is None:
            token = await asyncio.to_thread(local_key, hub.state, settings.data_dir)
            reporter.say(f"key        {token}  (partner {LOCAL}: a steward, may explain every decision)")
        listing = "conjunctions" if sources is None else "elements"
        reporter.say(f"try        curl -H 'Authorization: Bearer {token}' '{base}/v1/{listing}?limit=3'")
        await _until_stopped(
            reporter,
            run_sources(hub.ingest, connectors, reporter),
            run_worker(hub, reporter),
            _show_backlog(hub, reporter),
            serve_api(hub, bound),
            Gauges(hub).run(),
        )
    reporter.say("stopped; the next start goes on from here")


async def serve(settings: Settings, reporter: ConsoleReporter) -> None:
    """Sources, ingest and API; workers do the rest."""
    sources = _configured_sources(settings)
    bound = listen(settings.host, settings.port)
    async with open_hub(settings, "serve") as hub:
        connectors, _ = await asyncio.to_thread(_prepare, hub, sources, reporter)
        _say_where(settings, reporter, bound.getsockname()[1])
        await _until_stopped(
            reporter, run_sources(hub.ingest, connectors, reporter), serve_api(hub, bound), Gauges(hub).run()
        )


async def work(settings: Settings, reporter: ConsoleReporter, alive_file: Path | None) -> None:
    """Recording and screening."""
    async with open_hub(settings) as hub:
        reporter.say(f"worker on {_kind(settings.log_url)} and {_kind(settings.database_url)}")
        touch = (lambda: alive_file.touch()) if alive_file else (lambda: None)
        await _until_stopped(reporter, run_worker(hub, reporter, touch), Gauges(hub).run())


def _configured_sources(settings: Settings) -> list[SourceConfiguration] | None:
    """The sources of sources.toml, None for the exercise. Read first: it is what people get wrong."""
    return None if settings.sources is None else load_sources(settings.sources)


def _prepare(
    hub: Hub, sources: list[SourceConfiguration] | None, reporter: ConsoleReporter
) -> tuple[list[Connector], str | None]:
    """Partners and agreements into force; the connectors of the sources, or of the exercise with a key to try it."""
    settings, state = hub.settings, hub.state
    if settings.partners is not None:
        partners = enrol_partners(state, settings.partners)
        reporter.say(f"partners   {', '.join(partner.name for partner in partners) or 'none'}")
    if settings.agreements is not None:
        _activate(state, settings.agreements, reporter)
    if sources is None:
        return prepare_exercise(state, settings.data_dir, reporter)
    for configuration in sources:
        reporter.say(f"source     {configuration.id}: {described(configuration)}")
    if not state.agreements.active():
        reporter.say(
            "note       no agreement is in force, so nobody is shown anything of another's: write one "
            "(docs/release.md), then ssa-hub agreements activate, or start with --agreements"
        )
    return [build_connector(configuration, state.memory) for configuration in sources], None


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
    activation = activate(state, agreement_files(where), by="ssa-hub up")
    for agreement in activation.activated:
        reporter.say(f"agreement  of {agreement.originator}, version {agreement.version}, in force")
    for remark in activation.remarks:
        reporter.say(f"           note: {remark}")


def _say_where(settings: Settings, reporter: ConsoleReporter, port: int) -> str:
    """Say where the API is; answers its address."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    base = f"http://{host}:{port}"
    reporter.say(f"API        {base}  (described in {base}/openapi.json)")
    return base


async def _show_backlog(hub: Hub, reporter: ConsoleReporter) -> None:
    """Show how far recording is behind the log, while it is far."""
    while True:
        await asyncio.sleep(0.5)
        with contextlib.suppress(LogUnavailableError, StateUnavailableError):  # the services that need them tell
            await _show_one_backlog(hub, reporter)


async def _show_one_backlog(hub: Hub, reporter: ConsoleReporter) -> None:
    before, end = await _recorded_and_end(hub)
    if end - before < _BACKLOG_SHOWN:
        return
    began_s, at = time.monotonic(), before
    with reporter.progress("Recording", float(end - before), "records") as bar:
        while at < end:
            bar.update(float(at - before), float(end - before))
            await asyncio.sleep(0.3)
            at, end = await _recorded_and_end(hub)
    reporter.say(f"recorded   {at - before:,} records in {time.monotonic() - began_s:.1f} s")


async def _recorded_and_end(hub: Hub) -> tuple[int, int]:
    """How many records of the log are in history and state, and how many there are."""
    ends: dict[TopicPartition, int] = {}
    for topic in TOPICS:
        ends.update(await hub.log.end_offsets(topic.name))
    positions = await asyncio.to_thread(hub.state.positions.all)
    return sum(min(positions.get(partition, 0), end) for partition, end in ends.items()), sum(ends.values())


async def _until_stopped(reporter: ConsoleReporter, *services: Coroutine[Any, Any, None]) -> None:
    """Run services until one fails, or Ctrl-C or a termination signal comes. A second signal ends the process."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    tasks = [asyncio.create_task(service, name=getattr(service, "__qualname__", None)) for service in services]
    ended: set[asyncio.Task[Any]] = set()

    def asked() -> None:
        if stop.is_set():
            reporter.close()
            os._exit(130)  # what was promised is durable, whatever the instant (tests/deployment kills)
        reporter.say("stopping   finishing what is being written (once more: at once)")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    waiting = asyncio.create_task(stop.wait())
    try:
        ended, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in [*tasks, waiting]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [result for result in results if isinstance(result, Exception)]
    if failures:
        raise failures[0]
    if not stop.is_set():
        # Cancelled from within, perhaps, which is no failure to be raised.
        raise RuntimeError(f"ended by itself: {', '.join(sorted(task.get_name() for task in ended))}")


def _kind(url: str) -> str:
    scheme = url.split(":", 1)[0]
    known = {"kafka": "Kafka", "sqlite": "SQLite", "postgresql+psycopg": "PostgreSQL"}
    return known.get(scheme, scheme)
