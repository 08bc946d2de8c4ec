"""What footers say of where objects' rows stand, against looking at the rows."""

import base64
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssa_hub.history import object_lists
from ssa_hub.history.file_access import LocalFiles
from ssa_hub.history.footers import Footers
from ssa_hub.history.object_lists import ObjectList, ObjectListWriter, packed, unpacked

NAMES = st.sampled_from([*(f"cat-{n}" for n in (1, 10, 2, 25544)), "src-x-80001", "ÜBER", "\U0001f6f0", "￮", ""])


def listed(objects: list[str], pieces: list[int]) -> ObjectList | None:
    """The list of a file that was written in pieces of so many rows, the last of which has the rest."""
    writer, begin = ObjectListWriter(), 0
    for size in [*pieces, len(objects)]:
        writer.add(pa.table({"object_id": pa.array(objects[begin : begin + size], pa.string())}))
        begin += size
    found = writer.listed()
    return None if found is None else unpacked(packed(found).encode(), len(objects))


def in_utf8(name: str) -> bytes:
    return name.encode()


@given(st.lists(NAMES, min_size=1), st.lists(st.integers(0, 5), max_size=4), st.lists(NAMES, max_size=40, unique=True))
def test_each_objects_rows_are_where_the_list_says_however_the_file_was_written(
    objects: list[str], pieces: list[int], asked: list[str]
) -> None:
    objects.sort(key=in_utf8)
    found = listed(objects, pieces)
    assert found is not None
    expected = [
        (objects.index(name), objects.index(name) + objects.count(name)) for name in sorted(asked) if name in objects
    ]
    assert found.rows_of(sorted(asked)) == expected
    # Many names are looked up in another way.
    many = sorted({*asked, *(f"cat-{n}" for n in range(100, 100 + object_lists._MANY))})
    assert found.rows_of(many) == expected


@given(st.lists(NAMES, min_size=1))
def test_rows_that_are_not_in_order_are_not_listed(objects: list[str]) -> None:
    assert (listed(objects, []) is not None) == (objects == sorted(objects, key=in_utf8))


def test_nothing_written_is_no_list() -> None:
    assert ObjectListWriter().listed() is None


def with_digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest()[:16].encode() + b":" + base64.b64encode(data)


NONE = [b"", b":", b"?", b"QUJD", b"\xff:?", with_digest(b""), with_digest(b"\xff\xff\xff\xff\x00\x00\x00\x00")]


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_list_is_none(text: bytes) -> None:
    assert unpacked(text, 1) is None


@given(st.lists(NAMES, min_size=1, max_size=50), st.integers(0), st.integers(1, 255))
def test_a_list_with_a_changed_byte_is_none_or_says_the_same(objects: list[str], place: int, change: int) -> None:
    objects.sort(key=in_utf8)
    writer = ObjectListWriter()
    writer.add(pa.table({"object_id": pa.array(objects, pa.string())}))
    written = writer.listed()
    assert written is not None
    text = bytearray(packed(written).encode())
    text[place % len(text)] ^= change
    found = unpacked(bytes(text), len(objects))
    # Base64 has bits that stand for nothing.
    assert found is None or written.agrees(found)


def test_a_list_of_other_rows_or_of_another_form_is_none() -> None:
    writer = ObjectListWriter()
    writer.add(pa.table({"object_id": ["cat-1", "cat-1", "cat-2"]}))
    written = writer.listed()
    assert written is not None
    text = packed(written).encode()
    assert written.agrees(unpacked(text, 3))
    assert not written.agrees(None)
    writer.add(pa.table({"object_id": ["cat-2"]}))
    assert not written.agrees(writer.listed())
    assert unpacked(text, 3) is not None
    assert unpacked(text, 4) is None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, pa.schema([("object_id", pa.string())])) as stream:
        stream.write_table(pa.table({"object_id": ["cat-1"]}))
    assert unpacked(with_digest(sink.getvalue().to_pybytes()), 1) is None


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=6), st.integers(1, 9))
def test_row_groups_of_rows_are_those_that_hold_one(pieces: list[tuple[int, int]], size: int) -> None:
    rows = sorted((begin, min(begin + count, 31)) for begin, count in pieces if begin < 31)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"object_id": [f"{n:02d}" for n in range(31)]}), sink, row_group_size=size)

    class Files(LocalFiles):
        def footer(self, path: str) -> pq.FileMetaData:
            return pq.read_metadata(pa.BufferReader(sink.getvalue()))

    footer = Footers(Files(Path("/none")), ("object_id",), objects=True).of("f")
    assert footer.groups_with_rows(rows) == sorted({row // size for begin, end in rows for row in range(begin, end)})
    assert [footer.begin_of(group) for group in range(footer.metadata.num_row_groups)] == list(range(0, 31, size))
    assert footer.objects is None
