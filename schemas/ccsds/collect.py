"""From the messages of a payload to records: each is judged and made into a record, or refused alone."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from schemas.ccsds.judge import judge
from schemas.ccsds.tree import Message, Unread
from schemas.refusals import REFUSALS_MAX, RecordRefusedError, Refusal

Record = TypeVar("Record")


def collect(
    messages: Iterable[Message | Unread],
    data: bytes,
    file: str,
    encoding: str,
    record_of: Callable[[Message], Record],
    *,
    draft: bool = False,
) -> tuple[list[Record], list[Refusal]]:
    """(records, refusals) of messages out of the payload ``data``; ``file`` is what refusals call it.

    ``encoding`` is kvn, xml or json. Every message has at most one refusal, which carries the message's bytes; after
    `REFUSALS_MAX` of them the rest of the payload is one more refusal.
    """
    records: list[Record] = []
    refusals: list[Refusal] = []
    try:
        for message in messages:
            if len(refusals) == REFUSALS_MAX:
                rule = f"{REFUSALS_MAX} records were refused, so the rest of the payload was not read"
                limit = RecordRefusedError("payload", "", rule)
                refusals.append(limit.refusal(file, message.record, message.line, b""))
                break
            try:
                if message.error is not None:
                    raise message.error
                if isinstance(message, Message):
                    judge(message, draft=draft, encoding=encoding)
                    records.append(record_of(message))
            except RecordRefusedError as error:
                span = data[message.start : message.stop]
                refusals.append(error.refusal(file, message.record, message.line, span))
    except RecordRefusedError as error:  # of the encoding's reader: it met no message at all
        refusals.append(error.refusal(file, 1, error.line, data))
    return records, refusals
