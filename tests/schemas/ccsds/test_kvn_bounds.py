"""Whatever the bytes, KVN is read in bounded memory and without an exception."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ccsds.read_kvn import read_kvn_messages
from schemas.ccsds.table import KINDS, MessageKind
from schemas.ccsds.tree import Message, Unread
from tests.schemas.ccsds.kvn_trees import CDM, CDM_TEXT, OCM, OEM, OEM_TEXT, OMM

KIND = pytest.mark.parametrize("kind", [OMM, OEM, CDM, OCM], ids=lambda kind: kind.message)


@KIND
@given(st.binary(max_size=400), st.booleans(), st.sampled_from(KINDS))
def test_no_bytes_at_all_make_the_reader_raise(kind: MessageKind, noise: bytes, led: bool, other: str) -> None:
    data = (
        (f"CCSDS_{kind.message}_VERS = 3.0\n".encode() if led else b"") + noise + f"\nCCSDS_{other}_VERS = 1".encode()
    )
    found = list(read_kvn_messages(data, kind))
    assert [message.record for message in found] == list(range(1, len(found) + 1))
    assert found[-1].stop == len(data)
    assert all(before.stop <= after.start for before, after in pairwise(found))


def peak_bytes(data: bytes, kind: MessageKind) -> tuple[int, list[Message | Unread]]:
    tracemalloc.start()
    try:
        found = list(read_kvn_messages(data, kind))
        return tracemalloc.get_traced_memory()[1], found
    finally:
        tracemalloc.stop()


@KIND
@pytest.mark.parametrize("led", [False, True])
def test_a_payload_of_one_line_is_not_copied(kind: MessageKind, led: bool) -> None:
    data = (f"CCSDS_{kind.message}_VERS = 1.0\nX = ".encode() if led else b"") + b"x" * (32 << 20)
    peak, (part,) = peak_bytes(data, kind)
    assert peak < 1 << 20
    assert part.error is not None


def test_a_long_data_line_and_millions_of_blank_ones_are_not_copied() -> None:
    head = OEM_TEXT.partition(b"COMMENT of the data")[0]
    peak, (long_line,) = peak_bytes(head + b"2026 1\n2026 " + b"1" * (32 << 20), OEM)
    assert peak < 16 << 20
    assert long_line.error is not None
    assert long_line.error.line == 9
    peak, (blank,) = peak_bytes(
        head + b"\r\n" * 4_000_000 + b"2026 1 2 3 4 5 6\r\n" + b" \n" * 4_000_000 + b"OOPS", OEM
    )
    assert peak < 48 << 20
    assert blank.error is not None
    assert blank.error.line == 8_000_000 + 9


def test_many_data_lines_are_one_span_whatever_their_number() -> None:
    head, _, rest = OEM_TEXT.partition(b"2026-11-22T00:00:00 1 2 3 4 5 6\n")
    data = head + b"2026-11-22T00:00:00 1 2 3 4 5 6\n" * 300_000 + rest
    peak, (message,) = peak_bytes(data, OEM)
    assert isinstance(message, Message)
    assert message.error is None
    assert peak < 16 << 20
    assert len(message.blocks[3].rows) == 1
    assert message.blocks[4].line == 300_000 + 11


def test_messages_come_one_by_one() -> None:
    reading = read_kvn_messages(CDM_TEXT * 300, CDM)
    assert isinstance(reading, Iterator)
    assert next(reading).record == 1
    peak, found = peak_bytes(CDM_TEXT * 300, CDM)
    assert len(found) == 300
    tracemalloc.start()
    for _ in read_kvn_messages(CDM_TEXT * 300, CDM):
        pass
    assert tracemalloc.get_traced_memory()[1] < peak / 2
    tracemalloc.stop()


def test_a_message_of_endless_keyword_lines_ends_with_an_error() -> None:
    flood, whole = read_kvn_messages(b"CCSDS_OMM_VERS = 3.0\n" + b"A=\n" * 510_000 + b"CCSDS_OMM_VERS = 3.0\n", OMM)
    assert isinstance(flood, Message)
    assert flood.error is not None
    assert flood.error.line == 500_001
    assert len(flood.blocks[0].items) < 500_000
    assert isinstance(whole, Message)
    assert whole.error is None
