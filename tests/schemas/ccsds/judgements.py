"""What the judge says of a message, and of one in which a single item was changed."""

from collections.abc import Iterator

import pytest

from schemas.ccsds.judge import judge
from schemas.ccsds.table import Keyword, message_kind
from schemas.ccsds.tree import Item, Message
from schemas.refusals import RecordRefusedError
from tests.schemas.ccsds.judged_messages import CDM, OCM, OEM_KVN, OMM, SAMPLES

TEXTS = {"OMM": OMM, "OEM": OEM_KVN, "CDM": CDM, "OCM": OCM}

each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


def refusal(message: Message, encoding: str = "kvn", draft: bool = False) -> RecordRefusedError:
    with pytest.raises(RecordRefusedError) as caught:
        judge(message, encoding=encoding, draft=draft)
    assert caught.value.rule
    assert caught.value.clause.startswith("CCSDS 50")
    return caught.value


def refusal_with(message: Message, place: tuple[int, int], item: Item, encoding: str) -> RecordRefusedError:
    """The refusal of the message with another item in that place; the message is as it was afterwards."""
    items = message.blocks[place[0]].items
    kept, items[place[1]] = items[place[1]], item
    try:
        return refusal(message, encoding)
    finally:
        items[place[1]] = kept


def with_item(message: Message, block: int, place: int, item: Item) -> Message:
    message.blocks[block].items[place] = item
    return message


def places(message: Message) -> Iterator[tuple[int, int, Item, Keyword]]:
    """(block, place in it, item, keyword) of every keyword but comments and user-defined ones."""
    for number, block in enumerate(message.blocks):
        for place, item in enumerate(block.items):
            if item.keyword in block.kind.by_name:
                yield number, place, item, block.kind.by_name[item.keyword]


def version(kind: str) -> str:
    return message_kind(kind).versions[-1]
