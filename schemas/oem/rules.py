"""What CCSDS 502.0-B-3 demands of the segments of an OEM beyond its tables: spans, order, interpolation, one object."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.ccsds.values import word_of
from schemas.ephemeris import EphemerisSegment, Interpolation
from schemas.refusals import RecordRefusedError

METADATA_CLAUSE = "CCSDS 502.0-B-3, table 5-3"
TOO_FEW_STATES = "too-few-states-for-interpolation"
STATES_SHORT_OF_SPAN = "states-do-not-cover-span"


class Metadata(NamedTuple):
    """A segment's metadata as read. Instants in TAI ns; ``lines`` are those of its keywords, ``line`` its own."""

    object_name: str
    object_id: str
    center_name: str
    ref_frame: str
    ref_frame_epoch_tai_ns: int | None
    time_system: str
    start_tai_ns: int
    usable_start_tai_ns: int | None
    usable_stop_tai_ns: int | None
    stop_tai_ns: int
    interpolation: Interpolation | None
    texts: dict[str, str]
    lines: dict[str, int]
    line: int

    def refused(self, keyword: str, rule: str, clause: str = METADATA_CLAUSE) -> RecordRefusedError:
        """What is said of one of its keywords."""
        line = self.lines.get(keyword, self.line)
        return RecordRefusedError(keyword, self.texts.get(keyword, ""), rule, clause, line)


def check_metadata(metadata: Metadata) -> None:
    """Raise RecordRefusedError unless the total span encloses the usable one and both run forward, and a frame that is
    fixed at an epoch names it (CCSDS 502.0-B-3, table 5-3).
    """
    start, stop = metadata.start_tai_ns, metadata.stop_tai_ns
    usable_start, usable_stop = metadata.usable_start_tai_ns, metadata.usable_stop_tai_ns
    if stop < start:
        raise metadata.refused("STOP_TIME", "not before START_TIME")
    if usable_start is not None and not start <= usable_start <= stop:
        raise metadata.refused("USEABLE_START_TIME", "from START_TIME to STOP_TIME")
    if usable_stop is not None and not start <= usable_stop <= stop:
        raise metadata.refused("USEABLE_STOP_TIME", "from START_TIME to STOP_TIME")
    if usable_start is not None and usable_stop is not None and usable_stop < usable_start:
        raise metadata.refused("USEABLE_STOP_TIME", "not before USEABLE_START_TIME")
    frame_word = word_of(metadata.ref_frame).replace(" ", "")
    if frame_word.endswith("OFEPOCH") and metadata.ref_frame_epoch_tai_ns is None:
        raise metadata.refused("REF_FRAME_EPOCH", f"must be there for the frame {metadata.ref_frame}")
    has_method, has_degree = (f"INTERPOLATION{end}" in metadata.texts for end in ("", "_DEGREE"))
    if has_method and not has_degree:
        rule, line = "must be there with INTERPOLATION", metadata.lines["INTERPOLATION"]
        raise RecordRefusedError("INTERPOLATION_DEGREE", "", rule, METADATA_CLAUSE, line)
    if has_degree and not has_method:
        raise metadata.refused("INTERPOLATION_DEGREE", "stands only with INTERPOLATION")


def check_epochs(
    epoch_tai_ns: NDArray[np.int64], metadata: Metadata, refused_row: Callable[[int, str, str], RecordRefusedError]
) -> list[str]:
    """Known deviations of a segment's states, whose epochs are ``epoch_tai_ns``, shape (n,), n >= 1.

    Raises RecordRefusedError, made by ``refused_row`` (row, rule, clause), unless epochs rise strictly, lie from
    START_TIME to STOP_TIME, and reach into the usable span.
    """
    falling = np.flatnonzero(np.diff(epoch_tai_ns) <= 0)
    if falling.size:
        raise refused_row(int(falling[0]) + 1, "epochs rise from line to line", "CCSDS 502.0-B-3, 5.2.4.4")
    first, last = int(epoch_tai_ns[0]), int(epoch_tai_ns[-1])
    if first < metadata.start_tai_ns:
        raise refused_row(0, "not before START_TIME", METADATA_CLAUSE)
    if last > metadata.stop_tai_ns:
        row = int(np.searchsorted(epoch_tai_ns, metadata.stop_tai_ns, side="right"))
        raise refused_row(row, "not after STOP_TIME", METADATA_CLAUSE)
    usable_start = metadata.start_tai_ns if metadata.usable_start_tai_ns is None else metadata.usable_start_tai_ns
    usable_stop = metadata.stop_tai_ns if metadata.usable_stop_tai_ns is None else metadata.usable_stop_tai_ns
    if last < usable_start:
        raise metadata.refused("USEABLE_START_TIME", "not after the last state: none of the states is usable")
    if first > usable_stop:
        raise metadata.refused("USEABLE_STOP_TIME", "not before the first state: none of the states is usable")
    deviations = []
    if first > usable_start or last < usable_stop:
        deviations.append(STATES_SHORT_OF_SPAN)
    if metadata.interpolation is not None and len(epoch_tai_ns) < nodes_needed(metadata.interpolation):
        deviations.append(TOO_FEW_STATES)
    return deviations


def nodes_needed(interpolation: Interpolation) -> int:
    """How many states the recommended interpolation takes at once; 2 for a method that the book does not name.

    Source: a Hermite polynomial of degree d through positions and velocities has (d + 1) / 2 nodes, Lagrange's d + 1.

    >>> nodes_needed(Interpolation("HERMITE", 7)), nodes_needed(Interpolation("Lagrange", 7))
    (4, 8)
    """
    degree = interpolation.degree or 1
    method = word_of(interpolation.method)
    if method == "LAGRANGE":
        return degree + 1
    return (degree + 2) // 2 if method == "HERMITE" else 2


def check_segments(segments: list[EphemerisSegment], metadata: list[Metadata]) -> None:
    """Raise RecordRefusedError unless all segments are of one object and one time system, and their usable spans
    follow each other, sharing an end point at most.

    Source: CCSDS 502.0-B-3, 5.1.3, 5.2.4.4 and 5.2.4.5.
    """
    for before, after, stated in zip(segments, segments[1:], metadata[1:], strict=False):
        if word_of(after.object_id) != word_of(before.object_id):
            rule = f"an OEM is of a single object, and the segment before is of {before.object_id}"
            raise stated.refused("OBJECT_ID", rule, "CCSDS 502.0-B-3, 5.1.3")
        if word_of(after.time_system) != word_of(before.time_system):
            rule = f"the same in all segments of an OEM, and the segment before has {before.time_system}"
            raise stated.refused("TIME_SYSTEM", rule, "CCSDS 502.0-B-3, 5.2.4.5")
        if after.usable_tai_ns()[0] < before.usable_tai_ns()[1]:
            keyword = "START_TIME" if after.usable_start_tai_ns is None else "USEABLE_START_TIME"
            rule = "not before the end of the usable span of the segment before"
            raise stated.refused(keyword, rule, "CCSDS 502.0-B-3, 5.2.4.4")
