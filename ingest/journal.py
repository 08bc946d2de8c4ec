"""The journal of payloads: what the hub has taken responsibility for, and what of it is on the log."""

from typing import NamedTuple, Protocol

from connectors.payload import Provenance


class JournalEntry(NamedTuple):
    """A payload in the journal. ``received_tai_ns`` is the first time that it came."""

    receipt_id: str
    payload_sha256: str
    provenance: Provenance
    location: str
    received_tai_ns: int
    published: bool
    records: int
    refused: int


class PayloadJournal(Protocol):
    """The journal of payloads. Every method is durable when it returns."""

    def stored(self, entry: JournalEntry) -> JournalEntry:
        """Note a payload; where its receipt id is known already, answer the entry that stands."""
        ...

    def published(self, receipt_id: str, *, records: int, refused: int) -> None:
        """Note that all records and refusals of a payload are on the log."""
        ...

    def unpublished(self) -> list[JournalEntry]:
        """Payloads that were stored and not published, oldest first."""
        ...
