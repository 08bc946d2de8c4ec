import bz2
import gzip
import lzma
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decompress import decompressed
from schemas.refusals import RecordRefusedError

COMPRESSORS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "LZMA": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
}
each_format = pytest.mark.parametrize("name", COMPRESSORS)


@each_format
@given(content=st.binary(max_size=2000))
def test_what_was_compressed_comes_back(name, content):
    assert decompressed(COMPRESSORS[name](content), 2000) == content


@each_format
def test_members_are_joined_and_zero_bytes_behind_them_ignored(name):
    compress = COMPRESSORS[name]
    assert decompressed(compress(b"ab") + compress(b"cd") + b"\0" * 9, 4) == b"abcd"


@each_format
def test_one_byte_more_than_allowed_is_refused(name):
    data = COMPRESSORS[name](b"x" * 1000)
    assert len(decompressed(data, 1000)) == 1000
    with pytest.raises(RecordRefusedError, match="at most 999 bytes"):
        decompressed(data, 999)


@each_format
def test_a_payload_cut_short_is_refused(name):
    data = COMPRESSORS[name](bytes(range(256)) * 20)
    for stop in (7, len(data) // 2, len(data) - 1):
        with pytest.raises(RecordRefusedError, match="cut short"):
            decompressed(data[:stop], 1 << 20)


@each_format
def test_a_damaged_payload_is_refused(name):
    data = bytearray(COMPRESSORS[name](bytes(range(256)) * 20))
    data[len(data) // 2] ^= 0xFF
    data[len(data) // 2 + 1] ^= 0xFF
    with pytest.raises(RecordRefusedError):
        decompressed(bytes(data), 1 << 20)


@each_format
def test_something_behind_the_members_is_refused(name):
    with pytest.raises(RecordRefusedError, match="nothing behind"):
        decompressed(COMPRESSORS[name](b"ab") + b"more", 100)


def test_many_empty_members_cost_little_and_too_many_are_refused():
    empty = gzip.compress(b"", mtime=0)
    assert decompressed(empty * 20_000, 10) == b""
    with pytest.raises(RecordRefusedError, match="members"):
        decompressed(empty * 100_001, 10)


def test_an_lzma_stream_that_demands_a_huge_dictionary_is_refused():
    data = bytearray(lzma.compress(b"ab" * 1000, format=lzma.FORMAT_ALONE))
    data[1:5] = (1 << 31).to_bytes(4, "little")
    with pytest.raises(RecordRefusedError, match="undamaged LZMA"):
        decompressed(bytes(data), 1 << 20)


def test_data_of_another_kind_comes_back_as_it_is():
    for data in (b"", b"1 25544U", b"<omm/>", zlib.compress(b"x")):
        assert decompressed(data, 1) is data
