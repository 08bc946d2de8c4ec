"""The lines of a payload, numbered from 1, with their bytes as they came."""

import io
from collections.abc import Iterator


def numbered_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(line number, bytes of the line with its terminator) of a payload that ends lines in LF, CRLF, LFCR or CR.

    CR alone ends a line only where the payload has no LF at all: beside LF, a lone CR is a control character inside
    the line, and the readers refuse it there. Lines come one by one, so that a large payload is not held twice.
    """
    if b"\n" not in data and b"\r" in data:
        return enumerate(io.BytesIO(data.replace(b"\r", b"\n")), start=1)
    return enumerate(io.BytesIO(data), start=1)
