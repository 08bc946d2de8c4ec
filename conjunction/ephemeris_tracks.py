"""The ephemerides of a catalogue: all their states one behind the other, and who speaks for which span of time.

A row of the catalogue is a track: a chain of spans of time without a gap, each of which one segment speaks for. An
element set is a track without spans.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from conjunction.frames import rotation_matrices, transform
from conjunction.frames.names import Frame
from conjunction.interpolation_kernel import track_grid, track_states

_INERTIAL = Frame.TEME
_EVALUATED: Final = 10  # the fields that the kernels take, in their order


class States(NamedTuple):
    """States in TEME: position_km and velocity_km_s (m, 3); code (m,) int8, 0 or a key of STATE_REASONS."""

    position_km: NDArray[np.float64]
    velocity_km_s: NDArray[np.float64]
    code: NDArray[np.int8]


class EphemerisTracks(NamedTuple):
    """Tracks of n rows, in p spans, of s segments.

    row_span (n + 1,) int64: row i has spans row_span[i] to row_span[i + 1], rising, each span_from_ns to span_until_ns
    (p,) TAI ns, both included, from segment span_segment (p,). Segment j has nodes segment_node[j] to
    segment_node[j + 1], a method (LAGRANGE, HERMITE) and node_count, how many nodes it interpolates among, int64; a
    frame (`conjunction.frames.names.Frame`) int8; and break_ns segment_break[j] to segment_break[j + 1], instants at
    which it goes on to another polynomial that is visibly off. node_tai_ns (nodes,) and state (nodes, 6), km and km/s.
    """

    row_span: NDArray[np.int64]
    span_from_ns: NDArray[np.int64]
    span_until_ns: NDArray[np.int64]
    span_segment: NDArray[np.int64]
    segment_node: NDArray[np.int64]
    method: NDArray[np.int64]
    node_count: NDArray[np.int64]
    frame: NDArray[np.int8]
    node_tai_ns: NDArray[np.int64]
    state: NDArray[np.float64]
    segment_break: NDArray[np.int64]
    break_ns: NDArray[np.int64]

    @classmethod
    def none(cls, n: int) -> "EphemerisTracks":
        """n rows without a span."""
        empty, zero = np.empty(0, dtype=np.int64), np.zeros(1, dtype=np.int64)
        return cls(
            row_span=np.zeros(n + 1, dtype=np.int64),
            span_from_ns=empty,
            span_until_ns=empty,
            span_segment=empty,
            segment_node=zero,
            method=empty,
            node_count=empty,
            frame=np.empty(0, dtype=np.int8),
            segment_break=zero,
            break_ns=empty,
            node_tai_ns=empty,
            state=np.empty((0, 6)),
        )

    @classmethod
    def joined(cls, parts: Sequence["EphemerisTracks"]) -> "EphemerisTracks":
        """The rows of all parts, in order; a segment is kept as often as parts have it."""
        first_segment = np.cumsum([0, *(len(part.frame) for part in parts)])
        columns = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in cls._fields
            if name not in ("row_span", "segment_node", "segment_break", "span_segment")
        }
        return cls(
            row_span=_offsets_joined([part.row_span for part in parts]),
            segment_node=_offsets_joined([part.segment_node for part in parts]),
            segment_break=_offsets_joined([part.segment_break for part in parts]),
            span_segment=np.concatenate(
                [part.span_segment + first for part, first in zip(parts, first_segment, strict=False)]
            ),
            **columns,
        )

    def take(self, rows: NDArray[np.integer[Any]]) -> "EphemerisTracks":
        """The rows `rows` (m,), in that order, with the segments that they need, each once."""
        if not len(self.frame):
            return EphemerisTracks.none(len(rows))
        spans, row_span = _gathered(self.row_span, rows)
        segments, span_segment = np.unique(self.span_segment[spans], return_inverse=True)
        nodes, segment_node = _gathered(self.segment_node, segments)
        breaks, segment_break = _gathered(self.segment_break, segments)
        return EphemerisTracks(
            row_span=row_span,
            span_from_ns=self.span_from_ns[spans],
            span_until_ns=self.span_until_ns[spans],
            span_segment=span_segment.astype(np.int64),
            segment_node=segment_node,
            method=self.method[segments],
            node_count=self.node_count[segments],
            frame=self.frame[segments],
            segment_break=segment_break,
            break_ns=self.break_ns[breaks],
            node_tai_ns=self.node_tai_ns[nodes],
            state=self.state[nodes],
        )

    def breaks(self, rows: NDArray[np.integer[Any]] | None = None) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(m,) int32 and (m,) TAI ns, by row and time: where the states of the rows (all unless given) are not smooth.

        That is where another segment begins to speak, and where a segment's polynomials do not fit one another. The
        first result counts the rows that were given.
        """
        wanted = np.arange(len(self.row_span) - 1) if rows is None else rows
        spans, row_span = _gathered(self.row_span, wanted)
        row_of_span = np.repeat(np.arange(len(wanted)), np.diff(row_span))
        joined = np.zeros(len(spans), dtype=np.bool_)
        joined[1:] = row_of_span[1:] == row_of_span[:-1]
        inside, offsets = _gathered(self.segment_break, self.span_segment[spans])
        span = np.repeat(np.arange(len(spans)), np.diff(offsets))
        tai_ns = self.break_ns[inside]
        spoken = (tai_ns > self.span_from_ns[spans[span]]) & (tai_ns <= self.span_until_ns[spans[span]])
        whose = np.concatenate([row_of_span[joined], row_of_span[span[spoken]]])
        instants = np.concatenate([self.span_from_ns[spans[joined]], tai_ns[spoken]])
        order = np.lexsort((instants, whose))
        return whose[order].astype(np.int32), instants[order]

    def states_at(self, index: NDArray[np.int32], tai_ns: NDArray[np.int64]) -> States:
        """States of rows index (m,) at tai_ns (m,) in TEME; NaN, and OUTSIDE_SPAN, where a row has none."""
        state, code = np.empty((len(index), 6)), np.empty(len(index), dtype=np.int8)
        frame_of = np.empty(len(index), dtype=np.int8)
        track_states(*self[:_EVALUATED], index, tai_ns, state, code, frame_of)
        position, velocity = state[:, :3].copy(), state[:, 3:].copy()
        for frame in np.unique(frame_of[frame_of >= 0]).tolist():
            if frame == _INERTIAL:
                continue
            of = frame_of == frame
            turned = transform(state[of, :3], state[of, 3:], tai_ns[of], Frame(frame).name, _INERTIAL.name)
            position[of], velocity[of] = turned
        return States(position, velocity, code)

    def fill_grid(
        self,
        rows: NDArray[np.int32],
        columns: NDArray[np.int64],
        tai_ns: NDArray[np.int64],
        position_km: NDArray[np.float64],
        velocity_km_s: NDArray[np.float64],
        code: NDArray[np.int8],
    ) -> None:
        """States of rows (m,) at all tai_ns (k,) in TEME, into the columns (m,) of arrays as in `GridStates`.

        The frames' rotations are worked out once an instant.
        """
        rotation, coupling = self._rotations(rows, tai_ns)
        track_grid(*self[:_EVALUATED], rows, columns, tai_ns, rotation, coupling, position_km, velocity_km_s, code)

    def _rotations(
        self, rows: NDArray[np.int32], tai_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(rotation, coupling), (4, k, 3, 3) each: from each frame to TEME, at instants where a row is in it."""
        rotation, coupling = np.empty((2, len(Frame), len(tai_ns), 3, 3))
        spans, _ = _gathered(self.row_span, rows)
        frame = self.frame[self.span_segment[spans]]
        for number in np.unique(frame).tolist():
            of = spans[frame == number]
            needed = (tai_ns >= self.span_from_ns[of].min()) & (tai_ns <= self.span_until_ns[of].max())
            if number == _INERTIAL or not needed.any():
                continue
            turned = rotation_matrices(tai_ns[needed], Frame(number).name, _INERTIAL.name)
            rotation[number, needed], coupling[number, needed] = turned
        return rotation, coupling


def _offsets_joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    counts = np.concatenate([np.diff(part) for part in parts])
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _gathered(
    offsets: NDArray[np.int64], which: NDArray[np.integer[Any]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the members of the groups `which`, one group behind the other, and the offsets of these."""
    begin, count = offsets[which], offsets[which + 1] - offsets[which]
    new = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    return np.arange(new[-1], dtype=np.int64) + np.repeat(begin - new[:-1], count), new
