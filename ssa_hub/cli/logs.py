"""Structured logs: JSON lines, every one with ``event``, ``level``, ``time`` and ``service``. docs/operating.md."""

import logging
from pathlib import Path
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ssa_hub.cli.log_file import LogFile


class _Named(structlog.PrintLogger):
    """A logger that knows which service it belongs to."""

    def __init__(self, service: str, stream: TextIO | None) -> None:
        super().__init__(stream)
        self.service = service


def _add_service(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    event.setdefault("service", getattr(logger, "service", "hub"))
    return event


def _from_library(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """A line of a library's: its logger's name stands for the service."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["service"] = record.name
    return event


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
]


def configure_logs(path: Path | None) -> None:
    """JSON lines into a file of the data directory, or on standard output where ``path`` is None.

    Libraries' warnings (uvicorn's, alembic's) become lines of the same form.
    """
    stream: TextIO | None = None
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the data directory, see `open_hub`
        stream = cast(TextIO, LogFile(path))
    rendering: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    structlog.configure(
        processors=[*_SHARED, _add_service, *rendering],
        logger_factory=lambda *names: _Named(str(names[0]) if names else "hub", stream),
        cache_logger_on_first_use=True,
    )
    # aiokafka tells every rebalance and every try of a broker that is away; the hub says itself what follows from it.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, _from_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
