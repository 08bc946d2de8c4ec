"""The log against history: what was recorded from it is in history, or was refused and is in quarantine."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import select

from ingest.log import LogRecord, TopicPartition
from ingest.log_view import LogView
from schemas.identity import payload_sha256
from ssa_hub.services.log_reading import read_messages
from ssa_hub.state.tables import quarantine
from ssa_hub.verification.findings import RESTORE, Report, examples
from ssa_hub.verification.instant import Instant, id_of
from ssa_hub.verification.records import Ids, Lawful

_SEPARATOR = "@"
_WRITE_AT = 500_000


async def verify_log(
    instant: Instant, log: LogView, ids: Ids, report: Report, kinds: Sequence[str], lawful: Lawful | None
) -> None:
    """Every message before history's positions that the log still has. ``kinds``: those that can be read.

    ``lawful``: given where records were deleted, of which the log may still have some.
    """
    for fault in (await log.faults())[:5]:
        report.wrong("log", fault, "the log's file is damaged; what is not yet recorded may be lost", RESTORE)
    for kind in kinds:
        paths: list[str] = []
        unreadable: list[LogRecord] = []
        found: list[tuple[str, str]] = []
        async for message in _recorded_messages(instant, log, kind):
            record_id = id_of(message)
            if record_id is None:
                unreadable.append(message)
                continue
            found.append((record_id, f"{message.topic}/{message.partition}{_SEPARATOR}{message.offset}"))
            if len(found) >= _WRITE_AT:
                paths.append(ids.write(f"log-{kind}-{len(paths)}", found))
                found = []
        paths.append(ids.write(f"log-{kind}-{len(paths)}", found))
        nothing = ids.write(f"log-{kind}-nothing", ())
        files = [file.path for file in instant.tables[kind].files() if file.rows]
        count, lost = ids.missing(paths, files or [nothing], nothing, lawful)
        report.saw(f"log/{kind}", "every message up to history's positions is in history, or refused")
        for_good = await _not_refused(log, kind, lost) if count <= len(lost) else lost
        if for_good:
            what = f"{count:,} messages were recorded and are not in history: {examples(for_good, count)}"
            report.wrong(f"log/{kind}", what, "what was acknowledged is lost", RESTORE)
        _verify_refusals(instant, unreadable, report)


async def _recorded_messages(instant: Instant, log: LogView, kind: str) -> AsyncIterator[LogRecord]:
    """The messages of a kind that history has taken, of those that the log still has."""
    for place, taken in sorted(instant.tables[kind].positions.items()):
        partition = TopicPartition(*place)
        if partition in instant.extents:
            first, end = instant.extents[partition]
            async for batch in log.messages(partition, first, min(taken, end)):
                for message in batch:
                    yield message


async def _not_refused(log: LogView, kind: str, lost: list[str]) -> list[str]:
    """Those of the few that a recorder would not have refused."""
    kept: list[str] = []
    for text in lost:
        place, _, offset = text.rpartition(_SEPARATOR)
        topic, _, number = place.rpartition(" at ")[2].rpartition("/")
        partition = TopicPartition(topic, int(number))
        found = [batch async for batch in log.messages(partition, int(offset), int(offset) + 1)]
        if any(read_messages(batch, kind).rows.num_rows for batch in found):
            kept.append(text)
    return kept


def _verify_refusals(instant: Instant, unreadable: Sequence[LogRecord], report: Report) -> None:
    """Messages that hold no record id are in quarantine; the same bytes twice are one refusal."""
    chosen = select(quarantine.c.payload_sha256).where(quarantine.c.source.startswith("log:"))
    kept = set(instant.connection.execute(chosen).scalars())
    lost = [
        f"{message.topic}/{message.partition}, offset {message.offset}"
        for message in unreadable
        if message.offset < instant.state_positions.get(message.topic_partition, 0)
        and payload_sha256(message.value) not in kept
    ]
    if lost:
        what = f"{len(lost):,} messages that are no records are not in quarantine: {examples(lost, len(lost))}"
        report.wrong("quarantine", what, "nobody is told that they came", RESTORE)
