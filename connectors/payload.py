"""What a connector is, and what it brings."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from schemas.labels import Label
from schemas.records import DataMode


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration of a source says of everything that comes from it."""

    source: str
    originator: str
    data_mode: DataMode
    label: Label


class Payload(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes as they came. ``location`` says where from (a path, a URL, a partner's push), for people to read."""

    provenance: Provenance
    data: bytes
    location: str
    retrieved_tai_ns: int
    media_type: str | None = None


class ConnectorMemory(Protocol):
    """What a connector remembers over restarts (ETags, files seen): small JSON values, durable when `put` returns."""

    def get(self, source: str, key: str) -> dict[str, Any] | None:
        """The value last put, or None."""
        ...

    def put(self, source: str, key: str, value: dict[str, Any]) -> None:
        """Keep a value."""
        ...


class Connector(Protocol):
    """One configured source."""

    @property
    def source(self) -> str:
        """The source's id in the configuration."""
        ...

    def payloads(self) -> AsyncIterator[Payload]:
        """Payloads, without end, as they appear. Cancelling the iteration stops the connector cleanly."""
        ...

    async def acknowledge(self, payload: Payload) -> None:
        """Called when the payload is safely the hub's: do not bring it again."""
        ...
