"""Whose log this is: a hub writes its id onto the log that it uses first, and a hub with another id is refused.

Two hubs with states of their own on the same topics would each record the other's records under their own rules, and
share one group of recorders, so that each would get a part. Nothing else would notice it.
"""

import asyncio

from ingest.log import Entry, Log, LogRecord, LogUnavailableError, TopicPartition
from ingest.topics import HUB

_KEY = b"hub"
_PLACE = TopicPartition(HUB.name, 0)
_CLAIMS_MAX = 1_000
_LOOK_AGAIN_S = 0.02
_PATIENCE_S = 20.0


class ForeignLogError(Exception):
    """The log belongs to another hub."""


async def claim(log: Log, hub_id: str, *, adopt: bool = False) -> None:
    """Make the log this hub's own where it is nobody's yet; of several that try at once the first one gets it.

    ``adopt``: take it over, as after the loss of the state that it belonged to. Raises ForeignLogError where it is
    another hub's, LogUnavailableError.
    """
    owner = _owner(await log.read(_PLACE, 0, _CLAIMS_MAX))
    if owner is None or (adopt and owner != hub_id):
        headers = {"adopt": b"1"} if adopt else {}
        await log.append(HUB.name, [Entry(_KEY, hub_id.encode(), headers)])
        owner = await _seen(log, hub_id)
    if owner != hub_id:
        raise ForeignLogError(
            f"the log's topics belong to another hub ({owner}; this one's state is of hub {hub_id}): give this hub a "
            "prefix of its own (--log-url ...?prefix=x), or, if that hub's state is lost for ever, take its log over "
            "with ...?adopt=1"
        )


async def _seen(log: Log, hub_id: str) -> str:
    """The owner once our claim can be read: Kafka shows it some milliseconds after it is durable."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_S
    while loop.time() < deadline:
        claims = await log.read(_PLACE, 0, _CLAIMS_MAX)
        if any(record.value == hub_id.encode() for record in claims):
            owner = _owner(claims)
            assert owner is not None  # noqa: S101 (there is at least ours)
            return owner
        await asyncio.sleep(_LOOK_AGAIN_S)
    raise LogUnavailableError(f"the log does not show what was appended to {HUB.name} {_PATIENCE_S:g} s ago")


def _owner(claims: list[LogRecord]) -> str | None:
    owner = None
    for record in claims:
        if owner is None or "adopt" in record.headers:
            owner = record.value.decode(errors="replace")
    return owner
