"""Reads TLE, 2LE and 3LE payloads: the column reader, and where it pays the fast lane before it."""

from contextlib import suppress

from schemas.element_rows import Gathering, RefusalLimitError
from schemas.reading import Reading
from schemas.text_lines import numbered_lines
from schemas.tle.column_reader import read_frames
from schemas.tle.framing import frames

# To load numba and the kernels takes as long as the column reader takes for this much (benchmarks/tle_reading.py).
FAST_LANE_PAYS_BYTES = 6 << 20


class _Lane:
    """Whether this process has the fast lane, and what it has read without it."""

    loaded = False
    bytes_without = 0


def read_tle(data: bytes, file: str) -> Reading:
    """The element sets of a TLE, 2LE or 3LE payload; ``file`` is what refusals call it.

    A record that breaks a rule is refused alone, with the line, the field with its columns, and the rule. Accepted
    and named in ``deviations``: ``missing-checksum``, ``text-after-checksum`` (Vallado's verification file),
    ``blank-mean-motion-ddot``, ``blank-ephemeris-type``, ``blank-classification`` (read as U),
    ``cospar-id-not-standard`` (left out), ``non-ascii-name``, ``angle-360`` (read as 0).
    Ephemeris type 4 is SGP4-XP: columns 45-52 and 54-61 hold AGOM and BTERM, m**2/kg.

    The fast lane is loaded when a process has had `FAST_LANE_PAYS_BYTES` to read: small uses never wait for numba,
    and no use waits more than twice as long as the best choice would have. What is read does not depend on it.
    """
    if b"\n" not in data:
        return read_by_columns(data, file)  # lines that end in CR alone, which the fast lane does not know
    if not _Lane.loaded:
        _Lane.bytes_without += len(data)
        if _Lane.bytes_without < FAST_LANE_PAYS_BYTES:
            return read_by_columns(data, file)
    from schemas.tle.fast_lane import read_by_kernels  # loads numba

    _Lane.loaded = True
    try:
        return read_by_kernels(data, file)
    except RefusalLimitError:
        return read_by_columns(data, file)  # which stops at a certain record


def read_by_columns(data: bytes, file: str) -> Reading:
    """`read_tle` without the fast lane."""
    gathering = Gathering(file)
    with suppress(RefusalLimitError):  # the gathering holds the refusal that says so
        read_frames(frames(numbered_lines(data)), gathering)
    return gathering.reading("tle")
