"""What a payload says goes onto the log in as few transactions as memory allows: of most payloads, in one.

A catalogue of 27,000 element sets with its refusals is one transaction. What is larger goes in several, each whole, in
the payload's order; a process that is killed between two publishes all of it again, and the repeats are dropped by
record id.
"""

from collections.abc import Sequence

from ingest.log import Entry, Log

# Measured on two cores: 27,000 records of 500 bytes are one Kafka transaction of 0.3 s. Readers wait for its end, and
# its entries stand in memory two or three times.
ENTRIES_MAX = 30_000
BYTES_MAX = 32 * 1024 * 1024


class Publication:
    """One payload's way onto the log. `finish` must be called at its end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._held: dict[str, list[Entry]] = {}
        self._entries = 0
        self._bytes = 0

    async def add(self, topic: str, entries: Sequence[Entry]) -> None:
        """Hold entries, or append what has come together. Raises as `ingest.log.Log.append_all` does."""
        for entry in entries:
            size = len(entry.key) + len(entry.value) + sum(map(len, entry.headers.values()))
            if self._entries and (self._entries >= ENTRIES_MAX or self._bytes + size > BYTES_MAX):
                await self.finish()
            self._held.setdefault(topic, []).append(entry)
            self._entries += 1
            self._bytes += size

    async def finish(self) -> None:
        """Append what is held; durable on return. Raises as `ingest.log.Log.append_all` does."""
        held, self._held, self._entries, self._bytes = self._held, {}, 0, 0
        if held:
            await self._log.append_all(held)
