"""Decompresses payloads, told by what they begin with, within a limit: gzip, bzip2, xz and LZMA."""

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

from schemas.refusals import RecordRefusedError

# Fed in pieces, as each decompressor hands back a copy of what it did not use: a payload of a million empty members
# would be copied a million times.
_PIECE = 16_384
_MEMBERS_MAX = 100_000
_LZMA_MEMORY_MAX = 128 << 20  # bytes that a decoder's dictionary may take
_GZIP_WINDOW_BITS = 31
_ZEROS = re.compile(rb"\0*")


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Format(NamedTuple):
    name: str
    magic: bytes
    clause: str
    new: Callable[[], _Decompressor]


_FORMATS = (
    _Format("gzip", b"\x1f\x8b", "RFC 1952", lambda: zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)),
    _Format("bzip2", b"BZh", "bzip2", bz2.BZ2Decompressor),
    _Format("xz", b"\xfd7zXZ\x00", "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _LZMA_MEMORY_MAX)),
    # Properties 0x5d and a dictionary of whole 64 KiB: what every writer of .lzma files makes.
    _Format("LZMA", b"\x5d\x00\x00", "LZMA", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, _LZMA_MEMORY_MAX)),
)


def decompressed(data: bytes, bytes_max: int) -> bytes:
    """The content of a compressed payload, all its members joined, zero bytes behind them ignored; other data as it is.

    Raises RecordRefusedError for what is damaged, cut short, followed by anything else, or larger than ``bytes_max``;
    never much more than that is held.
    """
    known = next((known for known in _FORMATS if data.startswith(known.magic)), None)
    return data if known is None else _joined_members(data, known, bytes_max)


def _joined_members(data: bytes, known: _Format, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = position = 0
    for _ in range(_MEMBERS_MAX):
        member = known.new()
        while not member.eof:
            piece = data[position : position + _PIECE]
            if not piece:
                raise RecordRefusedError("payload", known.name, f"{known.name} that is not cut short", known.clause)
            position += len(piece)
            try:
                part = member.decompress(piece, bytes_max - size + 1)
            except (zlib.error, OSError, lzma.LZMAError) as error:
                raise RecordRefusedError("payload", str(error), f"undamaged {known.name}", known.clause) from error
            size += len(part)
            if size > bytes_max:
                raise RecordRefusedError("payload", known.name, f"at most {bytes_max} bytes when decompressed")
            parts.append(part)
        position -= len(member.unused_data)
        zeros = _ZEROS.match(data, position)
        position = zeros.end() if zeros else position
        if position == len(data):
            return b"".join(parts)
        if not data.startswith(known.magic, position):
            found = data[position : position + 20]
            raise RecordRefusedError("payload", found, f"nothing behind the {known.name} members", known.clause)
    raise RecordRefusedError("payload", known.name, f"at most {_MEMBERS_MAX} members", known.clause)
