"""Sources: what they bring is taken in whatever else fails, and acknowledged when it is durable."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from connectors.payload import Payload, Provenance
from ingest.log import Entry, LogUnavailableError
from ingest.payload_store import PayloadStore
from ingest.pipeline import Ingest
from schemas.records import DataMode
from ssa_hub.services.sources import run_connector, run_sources
from ssa_hub.state.failures import StateUnavailableError
from tests.hub.rooms import LABEL, Rooms, rooms, running_until
from tests.hub.test_screening_service import Said
from tests.ingest.tle import element_set
from tests.log.places import everything


def payload(number: int, source: str) -> Payload:
    provenance = Provenance(source=source, originator="CENTRE", data_mode=DataMode.REAL, label=LABEL)
    data = element_set(number).encode()
    return Payload(provenance=provenance, data=data, location=f"{number}.tle", retrieved_tai_ns=10**18)


class Numbers:
    """A source that brings element sets of the objects 1 to 3, and fails before the second, once."""

    def __init__(self, source: str, failures: int = 0) -> None:
        self.source, self.failures = source, failures
        self.acknowledged: list[str] = []

    async def payloads(self) -> AsyncIterator[Payload]:
        for number in (1, 2, 3):
            if number == 2 and self.failures:
                self.failures -= 1
                raise StateUnavailableError("the database is away")
            if f"{number}.tle" not in self.acknowledged:
                yield payload(number, self.source)
        await asyncio.Event().wait()

    async def acknowledge(self, payload: Payload) -> None:
        self.acknowledged.append(payload.location)


class AwayLog:
    """The log behind a fault: appends fail until it is back."""

    def __init__(self, opened: Rooms) -> None:
        self.log, self.away = opened.log, True

    async def append_all(self, entries: dict[str, list[Entry]]) -> None:
        if self.away:
            raise LogUnavailableError("the broker is away")
        await self.log.append_all(entries)


def ingest(opened: Rooms, directory: Path) -> Ingest:
    return Ingest(opened.log, PayloadStore(directory / "p"), opened.state.payloads, opened.state.recorded.known)


async def test_a_source_that_fails_is_started_again_and_people_are_told(tmp_path: Path, sqlite_url: str) -> None:
    connector, said = Numbers("drop", failures=2), Said()
    async with rooms(tmp_path, sqlite_url) as opened:
        await running_until(
            lambda: len(connector.acknowledged) == 3,
            run_connector(connector, ingest(opened, tmp_path), said, restart_s=0.01),
        )
        assert len(await everything(opened.log, "elements")) == 3
    assert connector.acknowledged == ["1.tle", "2.tle", "3.tle"]
    told = [line for line in said.lines if "interrupted" in line]
    assert told == ["source     drop is interrupted, next try in 0.01 s: the database is away"], (
        "once, not at every try"
    )
    assert "taken in   drop: 3.tle: 1 element set" in said.lines


async def test_a_source_that_never_works_does_not_hold_up_another(tmp_path: Path, sqlite_url: str) -> None:
    good, bad = Numbers("good"), Numbers("bad", failures=10**6)
    async with rooms(tmp_path, sqlite_url) as opened:
        await running_until(
            lambda: len(good.acknowledged) == 3, run_sources(ingest(opened, tmp_path), [bad, good], Said())
        )
    assert bad.acknowledged == ["1.tle"]


async def test_nothing_is_acknowledged_before_it_is_on_the_log(tmp_path: Path, sqlite_url: str) -> None:
    connector = Numbers("drop")
    async with rooms(tmp_path, sqlite_url) as opened:
        away = AwayLog(opened)
        taking = Ingest(away, PayloadStore(tmp_path / "p"), opened.state.payloads, opened.state.recorded.known)  # type: ignore[arg-type]
        await running_until(
            lambda: len(opened.state.payloads.unpublished()) == 1, run_connector(connector, taking, Said())
        )
        assert connector.acknowledged == []
        away.away = False
        (receipt,) = await taking.resume()
        assert receipt.records == 1
