"""Sources: what connectors bring is taken in, and what is interrupted is finished later."""

import asyncio

import structlog

from connectors.payload import Connector, Payload
from ingest.log import LogUnavailableError
from ingest.pipeline import Ingest, Receipt
from ssa_hub.services.reporting import Reporter, in_one_line
from ssa_hub.state.failures import StateUnavailableError

_RETRY_S = 2.0
_RESTART_S = 10.0
_RESUME_EVERY_S = 30.0
# What passes by itself: a server that is away, a disk that is full.
_PASSING = (LogUnavailableError, StateUnavailableError, OSError)

log_event = structlog.get_logger("sources")


async def run_sources(ingest: Ingest, connectors: list[Connector], reporter: Reporter) -> None:
    """Bring in what the sources have until cancelled. No source's trouble ends another's work."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(keep_resuming(ingest))
        if ingest.intake is not None:
            tasks.create_task(ingest.intake.watch())
        for connector in connectors:
            tasks.create_task(run_connector(connector, ingest, reporter))


async def run_connector(
    connector: Connector, ingest: Ingest, reporter: Reporter, *, restart_s: float = _RESTART_S
) -> None:
    """Take in what a source brings, until cancelled. A connector that fails is started again, and people are told."""
    told = ""
    while True:
        try:
            async for payload in connector.payloads():
                await _take_in(connector, ingest, payload, reporter)
            return
        except Exception as error:
            log_event.error(
                "source interrupted",
                source=connector.source,
                restart_s=restart_s,
                error=str(error),
                exc_info=None if isinstance(error, _PASSING) else error,
            )
            if in_one_line(error) != told:
                told = in_one_line(error)
                reporter.say(f"source     {connector.source} is interrupted, next try in {restart_s:g} s: {told}")
        await asyncio.sleep(restart_s)


async def _take_in(connector: Connector, ingest: Ingest, payload: Payload, reporter: Reporter) -> None:
    """Try until it is durable, then acknowledge it. What can never be taken in is logged and not acknowledged."""
    while True:
        try:
            receipt = await ingest.accept(payload)
            await connector.acknowledge(payload)
            reporter.say(f"taken in   {connector.source}: {payload.location}: {_outcome(receipt)}")
            return
        except _PASSING as error:
            log_event.warning("payload not taken in yet", source=connector.source, error=str(error))
            await asyncio.sleep(_RETRY_S)
        except Exception as error:
            log_event.error("payload left", source=connector.source, location=payload.location, exc_info=error)
            reporter.say(f"source     {connector.source}: {payload.location} is left as it is: {in_one_line(error)}")
            return


_CALLED = {
    **dict.fromkeys(("tle", "omm"), ("element set", "element sets")),
    "cdm": ("conjunction message", "conjunction messages"),
    **dict.fromkeys(("oem", "ocm", "meme"), ("ephemeris", "ephemerides")),
}


def _what(receipt: Receipt) -> str:
    one, many = _CALLED.get(receipt.encoding.partition("-")[0], ("record", "records"))
    return one if receipt.records == 1 else many


def _outcome(receipt: Receipt) -> str:
    if receipt.repeat:
        return "the same bytes as before"
    known = receipt.records - receipt.new
    return (
        f"{receipt.records:,} {_what(receipt)}"
        + (f", {known:,} of them known" if known else "")
        + (f", {receipt.refused:,} refused (ssa-hub quarantine list)" if receipt.refused else "")
    )


async def keep_resuming(ingest: Ingest, *, every_s: float = _RESUME_EVERY_S) -> None:
    """Finish payloads that were stored and not published: at the start, and after the log has been away."""
    while True:
        try:
            for receipt in await ingest.resume():
                log_event.info("payload resumed", receipt_id=receipt.receipt_id, records=receipt.records)
        except _PASSING as error:
            log_event.warning("payloads not resumed yet", error=str(error))
        await asyncio.sleep(every_s)
