"""Decompresses gzip payloads within a limit."""

import zlib

from schemas.refusals import RecordRefusedError

GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
_CLAUSE = "RFC 1952"


def gunzip(data: bytes, bytes_max: int) -> bytes:
    """The content of a gzip payload, all its members joined, zero bytes behind them ignored.

    Raises RecordRefusedError for what is damaged, cut short, followed by anything else, or larger than ``bytes_max``;
    never more than that is held.
    """
    parts: list[bytes] = []
    size = 0
    rest = data
    while True:
        member = zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)
        try:
            part = member.decompress(rest, bytes_max - size + 1)
        except zlib.error as error:
            raise RecordRefusedError("payload", str(error), "undamaged gzip", _CLAUSE) from error
        size += len(part)
        if size > bytes_max:
            raise RecordRefusedError("payload", "gzip", f"at most {bytes_max} bytes when decompressed")
        if not member.eof:
            raise RecordRefusedError("payload", "gzip", "a gzip payload that is not cut short", _CLAUSE)
        parts.append(part)
        rest = member.unused_data.lstrip(b"\0")
        if not rest:
            return b"".join(parts)
        if not rest.startswith(GZIP_MAGIC):
            raise RecordRefusedError("payload", rest[:20], "nothing behind the gzip members", _CLAUSE)
