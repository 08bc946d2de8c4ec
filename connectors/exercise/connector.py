"""The exercise as a source: every owner's first catalogue, then new element sets without end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog

from connectors.clock import SYSTEM_CLOCK, Clock
from connectors.errors import ConfigurationError
from connectors.exercise.owners import OWNERS
from connectors.exercise.scenario import Exercise, generate_exercise
from connectors.payload import ConnectorMemory, Payload, Provenance
from connectors.sources import ExerciseSource
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND, format_utc

_log = structlog.get_logger(__name__)
_PARAMETERS = ("seed", "objects", "planted")


class ExerciseConnector:
    """Brings one payload an owner at first, and one an owner who has anything new every ``update_every_s``.

    The exercise starts at the first start of the source, to the second, and its time is the clock's. What is sent at
    which instant follows from the seed, so a second start goes on: first catalogues that nobody acknowledged come
    again, and rounds that passed while the source was stopped are left out, as with a real source.
    """

    def __init__(self, config: ExerciseSource, memory: ConnectorMemory, clock: Clock = SYSTEM_CLOCK) -> None:
        """Raises ConfigurationError where this source's exercise was started with other parameters."""
        self._config, self._memory, self._clock = config, memory, clock
        self._under_way: dict[str, tuple[str, int]] = {}
        parameters = self._parameters()
        begun = memory.get(config.id, "exercise")
        for name in _PARAMETERS:
            if begun is not None and begun[name] != parameters[name]:
                raise ConfigurationError(
                    f"source {config.id!r}: {name} is {parameters[name]}, but this exercise began with {begun[name]}:"
                    " another exercise needs another id"
                )

    @property
    def source(self) -> str:
        """The source's id in the configuration."""
        return self._config.id

    async def payloads(self) -> AsyncIterator[Payload]:
        """First catalogues, then rounds of new element sets, without end."""
        start_tai_ns = self._start_tai_ns()
        config = self._config
        exercise = await asyncio.to_thread(generate_exercise, config.seed, config.objects, config.planted, start_tai_ns)
        _log.info(
            "exercise generated",
            source=self.source,
            objects=config.objects,
            planted=len(exercise.truth),
            start_utc=f"{format_utc(start_tai_ns, 0)}Z",
        )
        for payload in self._brought(await asyncio.to_thread(exercise.first_messages), start_tai_ns):
            yield payload
        async for payload in self._rounds(exercise):
            yield payload

    async def acknowledge(self, payload: Payload) -> None:
        """Remember that the owner's messages up to this one have arrived."""
        under_way = self._under_way.pop(payload.location, None)
        if under_way is not None:
            owner, instant_tai_ns = under_way
            until = max(instant_tai_ns, self._acknowledged_tai_ns(owner))
            self._memory.put(self.source, f"owner/{owner}", {"acknowledged_tai_ns": until})

    async def _rounds(self, exercise: Exercise) -> AsyncIterator[Payload]:
        """New element sets at the start plus whole multiples of ``update_every_s``."""
        every_ns = self._config.update_every_s * NS_PER_SECOND
        number = 0
        while True:
            elapsed = (self._clock.now_tai_ns() - exercise.start_tai_ns) // every_ns
            number = max(number + 1, elapsed)
            instant = exercise.start_tai_ns + number * every_ns
            while (wait_ns := instant - self._clock.now_tai_ns()) > 0:
                await self._clock.sleep(wait_ns / NS_PER_SECOND)
            messages = await asyncio.to_thread(exercise.update_messages, instant, self._config.update_fraction)
            for payload in self._brought(messages, instant):
                yield payload

    def _brought(self, messages: dict[str, bytes], instant_tai_ns: int) -> list[Payload]:
        """Those messages of an instant that are not acknowledged, as payloads."""
        payloads = []
        for owner in OWNERS:
            data = messages.get(owner.name)
            if data is None or self._acknowledged_tai_ns(owner.name) >= instant_tai_ns:
                continue
            location = f"exercise:{self.source}/{owner.name}/{format_utc(instant_tai_ns, 0)}Z"
            self._under_way[location] = (owner.name, instant_tai_ns)
            provenance = Provenance(
                source=self.source, originator=owner.name, data_mode=DataMode.EXERCISE, label=owner.label
            )
            payloads.append(
                Payload(
                    provenance=provenance,
                    data=data,
                    location=location,
                    retrieved_tai_ns=self._clock.now_tai_ns(),
                    media_type="text/csv",
                )
            )
        return payloads

    def _acknowledged_tai_ns(self, owner: str) -> int:
        kept = self._memory.get(self.source, f"owner/{owner}")
        return -1 if kept is None else int(kept["acknowledged_tai_ns"])

    def _start_tai_ns(self) -> int:
        """The instant at which this exercise began: the memory's, or now, kept before anything is sent."""
        begun = self._memory.get(self.source, "exercise")
        if begun is None:
            now = self._clock.now_tai_ns()
            begun = {**self._parameters(), "start_tai_ns": now - now % NS_PER_SECOND}
            self._memory.put(self.source, "exercise", begun)
        return int(begun["start_tai_ns"])

    def _parameters(self) -> dict[str, Any]:
        return {name: getattr(self._config, name) for name in _PARAMETERS}
