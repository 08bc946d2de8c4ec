"""From the segments of ephemerides to rows of a catalogue: which may be used, who speaks when, where a row ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.ephemeris_tracks import EphemerisTracks
from conjunction.frames.names import Frame, FrameError, frame_named
from conjunction.frames.orientation_grid import orientation_grid
from conjunction.interpolation import InterpolationError, interpolated_span_tai_ns, nodes_of, recommended
from conjunction.interpolation_kernel import rough_changes
from schemas.ccsds.values import word_of
from schemas.earth_orientation import EarthOrientationSpanError, iers_table
from schemas.ephemeris import EphemerisSegment

_CENTRE = "EARTH"
_STATES_MIN = 2
_ROUGH_KM = 2.5e-4  # interpolation that is off by less stays, two and a half times over, within the 1 m of the sieve


class RowsOfEphemerides(NamedTuple):
    """n rows: `orbit` (n,) int32, the span valid_from_tai_ns and valid_until_tai_ns (n,) int64, tracks, and reasons."""

    tracks: EphemerisTracks
    orbit: NDArray[np.int32]
    valid_from_tai_ns: NDArray[np.int64]
    valid_until_tai_ns: NDArray[np.int64]
    unusable: dict[int, str]


class _Segment(NamedTuple):
    """A segment that may be used, as `EphemerisTracks` keeps it, and the span for which it would speak alone."""

    from_ns: int
    until_ns: int
    method: int
    node_count: int
    frame: Frame
    node_tai_ns: NDArray[np.int64]
    state: NDArray[np.float64]
    break_ns: NDArray[np.int64]


class _Refused(Exception):
    """A segment that cannot be used; the text says why."""


@dataclass
class _Gathering:
    segments: list[_Segment] = field(default_factory=list)
    spans: list[tuple[int, int, int]] = field(default_factory=list)
    row_span: list[int] = field(default_factory=lambda: [0])
    orbit: list[int] = field(default_factory=list)
    row_from_ns: list[int] = field(default_factory=list)
    row_until_ns: list[int] = field(default_factory=list)
    unusable: dict[int, str] = field(default_factory=dict)

    def row(self, orbit: int, from_ns: int, until_ns: int, spans: Sequence[tuple[int, int, int]]) -> None:
        self.orbit.append(orbit)
        self.row_from_ns.append(from_ns)
        self.row_until_ns.append(until_ns)
        self.spans.extend(spans)
        self.row_span.append(len(self.spans))

    def refused_row(self, orbit: int, from_ns: int, until_ns: int, reason: str) -> None:
        self.unusable[len(self.orbit)] = reason
        self.row(orbit, from_ns, until_ns, ())


def rows_of_ephemerides(ephemerides: Sequence[Sequence[EphemerisSegment]]) -> RowsOfEphemerides:
    """Rows of all ephemerides, in order; of each its gap-free stretches by time, then what cannot be used.

    A stretch is made of usable spans that touch (no instant of whole nanoseconds between them) or overlap; where two
    share an instant the later segment speaks, as in `conjunction.interpolation.interpolate`. A segment that cannot be
    used has a row of its own, with the reason, and so has an ephemeris without a segment.
    """
    rows = _Gathering()
    for orbit, segments in enumerate(ephemerides):
        first = len(rows.segments)
        refused: list[tuple[int, int, str]] = []
        for number, segment in enumerate(segments, 1):
            try:
                rows.segments.append(_usable(segment))
            except _Refused as error:
                refused.append((*segment.usable_tai_ns(), f"segment {number} of {len(segments)}: {error}"))
        spoken = [(one.from_ns, one.until_ns) for one in rows.segments[first:]]
        for stretch in _stretches(_who_speaks(spoken)):
            moved = [(begin, end, first + segment) for begin, end, segment in stretch]
            rows.row(orbit, stretch[0][0], stretch[-1][1], moved)
        for from_ns, until_ns, reason in refused:
            rows.refused_row(orbit, from_ns, until_ns, reason)
        if not segments:
            bounds = np.iinfo(np.int64)
            rows.refused_row(orbit, int(bounds.min), int(bounds.max), "the ephemeris has no segment of states")
    return RowsOfEphemerides(
        _tracks_of(rows),
        np.array(rows.orbit, dtype=np.int32),
        np.array(rows.row_from_ns, dtype=np.int64),
        np.array(rows.row_until_ns, dtype=np.int64),
        rows.unusable,
    )


def _usable(segment: EphemerisSegment) -> _Segment:
    """Raises _Refused with the reason where the segment cannot be used."""
    if word_of(segment.center_name) != _CENTRE:
        raise _Refused(f"CENTER_NAME = {segment.center_name!r}: only states about {_CENTRE} are screened")
    try:
        frame = frame_named(segment.ref_frame)
        method, wanted = recommended(segment)
    except (FrameError, InterpolationError) as error:
        raise _Refused(str(error)) from None
    if segment.ref_frame_epoch_tai_ns is not None and frame in (Frame.TEME, Frame.ITRF):
        raise _Refused(f"reference frame {segment.ref_frame!r} at a REF_FRAME_EPOCH is not converted: it moves")
    count = segment.states.num_rows
    if count < _STATES_MIN:
        raise _Refused(f"{count} state{'' if count == 1 else 's'}: interpolation takes {_STATES_MIN} at least")
    node_tai_ns, state = nodes_of(segment)
    if not (np.diff(node_tai_ns) > 0).all():
        raise _Refused("the epochs of its states do not rise from state to state")
    if not np.isfinite(state).all():
        raise _Refused("a state is not a finite number")
    from_ns, until_ns = interpolated_span_tai_ns(segment)
    if until_ns <= from_ns:
        raise _Refused("its states span no part of its usable time")
    if frame is not Frame.TEME:
        try:
            orientation_grid(np.array([from_ns, until_ns]), iers_table())
        except EarthOrientationSpanError as error:
            raise _Refused(str(error)) from None
    nodes = min(wanted, count)
    found = np.empty(count, dtype=np.int64)
    changes = rough_changes(node_tai_ns, state, method, nodes, _ROUGH_KM, found)
    return _Segment(from_ns, until_ns, method, nodes, frame, node_tai_ns, state, found[:changes].copy())


def _who_speaks(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(from, until, number) of each stretch of time for which one span speaks, rising: the last given that holds it."""
    spoken: list[tuple[int, int, int]] = []
    for number, (from_ns, until_ns) in enumerate(spans):
        if not spoken or spoken[-1][1] < from_ns:
            spoken.append((from_ns, until_ns, number))
            continue
        kept: list[tuple[int, int, int]] = []
        for begin, end, other in spoken:
            if begin < from_ns:
                kept.append((begin, min(end, from_ns - 1), other))
            if end > until_ns:
                kept.append((max(begin, until_ns + 1), end, other))
        spoken = sorted([*kept, (from_ns, until_ns, number)])
    return spoken


def _stretches(spoken: list[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    """The same, cut where time is left to nobody."""
    stretches: list[list[tuple[int, int, int]]] = []
    for span in spoken:
        if stretches and stretches[-1][-1][1] + 1 == span[0]:
            stretches[-1].append(span)
        else:
            stretches.append([span])
    return stretches


def _tracks_of(rows: _Gathering) -> EphemerisTracks:
    segments = rows.segments
    if not segments:
        return EphemerisTracks.none(len(rows.orbit))
    spans = np.array(rows.spans, dtype=np.int64).reshape(-1, 3)
    return EphemerisTracks(
        row_span=np.array(rows.row_span, dtype=np.int64),
        span_from_ns=spans[:, 0].copy(),
        span_until_ns=spans[:, 1].copy(),
        span_segment=spans[:, 2].copy(),
        segment_node=np.cumsum([0, *(len(one.node_tai_ns) for one in segments)], dtype=np.int64),
        method=np.array([one.method for one in segments], dtype=np.int64),
        node_count=np.array([one.node_count for one in segments], dtype=np.int64),
        frame=np.array([one.frame for one in segments], dtype=np.int8),
        segment_break=np.cumsum([0, *(len(one.break_ns) for one in segments)], dtype=np.int64),
        break_ns=np.concatenate([one.break_ns for one in segments]),
        node_tai_ns=np.concatenate([one.node_tai_ns for one in segments]),
        state=np.concatenate([one.state for one in segments]),
    )
