"""The lane for XML payloads of many elements in one layout: columns of texts, without a Python object an element.

A catalogue is thousands of ``<omm>`` whose tags are the same bytes, an ephemeris a million such ``<stateVector>``. Such
elements are found and cut out by comparing bytes; the rest, in which at least the first element of every stretch stays
(its anchor), is read by `schemas.ccsds.xml_elements`, and what it says of an anchor holds for those cut out.

Why this changes nothing: an XML parser is a machine with states, and what it makes of the bytes behind an element
depends on the bytes before only through its state (the open elements, the namespaces in scope, and whether it is in a
comment, a CDATA section, a tag …). An element that the parser has read as an element, start tag to end tag, leaves the
state in which it began. So if the element reader has met the anchor as a message (or row) at just its place, then the
state there and behind it is "between the children of ``ndm``" (or of the data section). An element behind it, with only
white space between, therefore begins in that state too, and if its tags are byte for byte those of the anchor, and its
texts are texts in any context (no ``<``, no ``&``, no ``]]>``, valid UTF-8, no control characters), the parser goes
through the same states and ends in the same one: by induction, so do all that follow in the stretch. Cutting stretches
out that leave the state as it was cannot change how the rest is read; only positions, lines and record numbers shift,
and those are counted back. Hence the guards, each of which leads to reading without the lane, or leaves the element in:

- the anchors are met by the element reader at just their places, with just the texts that the lane read there;
- the first of a layout has no error (then the errors of its fellows are theirs to state), no rows, no keyword twice;
- ``<!`` and ``<?`` in an element, references, ``>`` in an attribute, single quotes, ``xsi:nil``: not for the lane;
- a text of over 10,000 bytes is not for the lane, nor one with a carriage return inside, which a parser rewrites;
- a window with control characters or bytes that are no UTF-8, or a document that breaks anywhere: no lane at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.byte_spans import gather, strip_blanks
from schemas.ccsds.table import MessageKind
from schemas.ccsds.tree import Run
from schemas.ccsds.xml_elements import Kept
from schemas.ccsds.xml_layouts import Layout, Matches, Window, candidates, layout_of, matches, window_of
from schemas.ccsds.xml_rows import RowChain
from schemas.ccsds.xml_structure import row_line_name, rows_are_elements

_WINDOW_BYTES = 4 << 20
_ELEMENTS_MIN = 3
_LAYOUTS_MAX = 32
_TRIES_MAX = 8  # first elements of a layout that are looked at in one window


@dataclass(slots=True)
class MessageRun:
    """Messages of one layout, cut out: the first of it is at ``start`` to ``stop`` and says ``texts``."""

    layout: Layout
    start: int
    stop: int
    texts: tuple[str, ...]
    runs: list[Run] = field(default_factory=list)
    spans: list[NDArray[np.int64]] = field(default_factory=list)


@dataclass(slots=True)
class Found:
    """What the lane has cut out of a payload: ``kept`` is what is left to read."""

    kept: Kept
    messages: list[MessageRun]
    chains: dict[int, RowChain]
    message_starts: NDArray[np.int64]  # of the messages cut out, sorted
    anchors_before: NDArray[np.int64]  # where each stretch of messages cut out begins


def find_runs(data: bytes, kinds: Sequence[MessageKind]) -> Found | None:
    """What can be cut out, or None where it is less than half of the payload."""
    scans: list[_Scan] = []
    for root, is_row in _tags(data, kinds):
        if data.count(b"<" + root) >= _ELEMENTS_MIN:
            scan = _Scan(data, root, is_row)
            if not scan.run():
                return None
            scans.append(scan)
    stretches = [stretch for scan in scans for stretch in scan.stretches]
    if not stretches:
        return None
    cut = np.concatenate(stretches)
    cut = cut[np.argsort(cut[:, 0], kind="stable")]
    if bool((cut[1:, 0] < cut[:-1, 1]).any()) or 2 * int((cut[:, 1] - cut[:, 0]).sum()) < len(data):
        return None
    cut, bounds = _joined(cut)
    lines = np.concatenate(([0], np.cumsum(bounds[:, 3] - bounds[:, 2])))
    kept = Kept(np.concatenate(([0], bounds[:, 1])), np.concatenate((bounds[:, 0], [len(data)])), lines)
    of_messages = [stretch for scan in scans if not scan.is_row for stretch in scan.stretches]
    messages = np.concatenate(of_messages) if of_messages else np.empty((0, 5), np.int64)
    messages = messages[np.argsort(messages[:, 0], kind="stable")]
    return Found(
        kept,
        [run for scan in scans for run in scan.messages if run.runs],
        {at: chain for scan in scans for at, chain in scan.finished_chains()},
        messages[:, 0],
        messages[messages[:, 4] == 0, 0],
    )


def _tags(data: bytes, kinds: Sequence[MessageKind]) -> Iterator[tuple[bytes, bool]]:
    """(element, whether it is a row) of what the lane knows: messages that say no keyword twice, and rows."""
    rows: set[str] = set()
    for kind in kinds:
        if kind.segments == "1" and not any(block.rows for block in kind.blocks):
            yield kind.root.encode(), False
        of_rows = [block for block in kind.blocks if block.rows]
        for block in of_rows if of_rows and b"<" + kind.root.encode() in data else ():
            rows |= {block.name} if rows_are_elements(block) else {row_line_name(block)}
    yield from ((name.encode(), True) for name in sorted(rows - {""}))


def _joined(cut: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Elements cut out (start, stop, line of start, line of stop, whether the one before is cut out too), in order, and
    the stretches that they make up together with the white space between them.
    """
    first = np.flatnonzero(cut[:, 4] == 0)
    last = np.concatenate((first[1:], [cut.shape[0]])) - 1
    return cut, np.column_stack((cut[first, 0], cut[last, 1], cut[first, 2], cut[last, 3]))


class _Scan:
    """One pass over a payload for the elements ``root``, in windows that begin at one of them."""

    def __init__(self, data: bytes, root: bytes, is_row: bool) -> None:
        self.is_row = is_row
        self.messages: list[MessageRun] = []
        self.stretches: list[NDArray[np.int64]] = []
        self._data = data
        self._tag = b"<" + root
        self._end = b"</" + root + b">"
        self._layouts: list[Layout] = []
        self._chains: dict[int, tuple[tuple[str, ...], list[Run]]] = {}
        self._anchor = 0  # of the chain at hand
        # Of the element before the window: where it ends (-1: not known), its layout, and whether it is cut out.
        self._stop, self._layout, self._is_cut = -1, -1, False

    def run(self) -> bool:
        """Whether all was seen; False where a window holds what XML forbids."""
        data = self._data
        start = data.find(self._tag)
        line = 1 + _line_ends(data, 0, max(start, 0))
        while start >= 0:
            stop, following = self._bounds(start)
            window = window_of(data, start, stop, line)
            if window is None:
                return False
            self._scan(window)
            line += window.line_ends.size + _line_ends(data, stop, max(following, stop))
            start = following
        return True

    def _bounds(self, start: int) -> tuple[int, int]:
        """(where the window ends that begins at ``start``, where the next begins or -1)."""
        limit = start + _WINDOW_BYTES
        if limit < len(self._data):
            stop = self._data.rfind(self._tag, start + 1, limit)
            if stop >= 0:
                return stop, stop
        # The last window, or an element that is too long for one: as far as it goes, to the end of a tag.
        return self._data.rfind(b">", start, limit) + 1 or min(limit, len(self._data)), self._data.find(
            self._tag, limit
        )

    def finished_chains(self) -> Iterator[tuple[int, RowChain]]:
        """The rows cut out, by the place of the row before them."""
        for at, (texts, runs) in self._chains.items():
            if runs:
                yield at, RowChain(runs[0].keywords, texts, runs)

    def _scan(self, window: Window) -> None:
        begins = candidates(window, self._tag)
        if not begins.size:
            return
        starts = window.brackets[begins]
        stops = np.full(begins.size, -1, np.int64)
        layouts = np.full(begins.size, -1, np.int64)
        found: dict[int, Matches] = {}
        for number, matched in self._matched(window, begins, layouts):
            found[number] = matched
            layouts[matched.which], stops[matched.which] = number, matched.stops
        follows = self._follows(window, starts, stops)
        before = np.concatenate(([self._layout], layouts[:-1]))
        cut = (layouts >= 0) & follows
        if self.is_row:
            cut &= layouts == before
        else:
            for number, matched in found.items():
                if not any(run.layout is self._layouts[number] for run in self.messages):
                    cut[matched.which[0]] = False
                    self._first(window, self._layouts[number], matched, window.start + int(starts[matched.which[0]]))
        before_cut = np.concatenate(([self._is_cut], cut[:-1]))
        self._take(window, starts, stops, cut, before_cut, found)
        last = int(begins.size) - 1
        anchors = np.flatnonzero(~cut)
        if anchors.size:
            self._anchor = window.start + int(starts[anchors[-1]])
        self._stop = int(stops[last]) + window.start if stops[last] >= 0 else -1
        self._layout, self._is_cut = int(layouts[last]), bool(cut[last])

    def _matched(
        self, window: Window, begins: NDArray[np.int64], layouts: NDArray[np.int64]
    ) -> Iterator[tuple[int, Matches]]:
        """(number of layout, its elements); ``layouts`` is filled in by the caller as they come."""
        for number, layout in enumerate(list(self._layouts)):
            matched = _among(window, layout, begins, np.flatnonzero(layouts < 0))
            if matched.which.size:
                yield number, matched
        tried = -1
        for _ in range(_TRIES_MAX):
            open_ones = np.flatnonzero(layouts < 0)
            open_ones = open_ones[open_ones > tried]
            if not open_ones.size or len(self._layouts) == _LAYOUTS_MAX:
                return
            tried = int(open_ones[0])
            found = self._layout_at(window.start + int(window.brackets[begins[tried]]))
            if found is not None and found not in self._layouts:
                matched = _among(window, found, begins, open_ones)
                if matched.which.size:
                    self._layouts.append(found)
                    yield len(self._layouts) - 1, matched

    def _layout_at(self, start: int) -> Layout | None:
        stop = self._data.find(self._end, start, start + (1 << 16))
        found = layout_of(self._data[start : stop + len(self._end)]) if stop >= 0 else None
        if found is None or self._data.count(self._tag, start, stop) > 1:
            return None
        return None if not self.is_row and len(set(_keys(found))) < len(found.names) else found

    def _follows(self, window: Window, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each element stands behind another with only white space between."""
        follows = np.zeros(starts.size, np.bool_)
        known = np.flatnonzero(stops[:-1] >= 0)
        gap_starts, gap_stops = strip_blanks(window.data, stops[known], starts[known + 1])
        follows[known + 1] = gap_starts == gap_stops
        # Behind an element whose end is not known; asked only where it matters.
        for place in np.flatnonzero((stops >= 0) & np.concatenate(([True], stops[:-1] < 0))).tolist():
            at = window.start + int(starts[place])
            if place == 0 and self._stop >= 0:
                follows[0] = not self._data[self._stop : at].strip(b" \t\r\n")
            else:
                follows[place] = self._data[max(at - 256, 0) : at].rstrip(b" \t\r\n").endswith(self._end)
        return follows

    def _first(self, window: Window, layout: Layout, matched: Matches, start: int) -> None:
        """The first message of a layout: it stays in, and its fellows are held against it."""
        stop = window.start + int(matched.stops[0])
        self.messages.append(MessageRun(layout, start, stop, _texts(self._data, window, layout, matched, 0)))

    def _take(
        self,
        window: Window,
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        cut: NDArray[np.bool_],
        before_cut: NDArray[np.bool_],
        found: dict[int, Matches],
    ) -> None:
        """Gather the texts of what is cut out."""
        places = np.flatnonzero(cut)
        if not places.size and not self.is_row:
            return
        begin_lines = window.line + np.searchsorted(window.line_ends, starts)
        stop_lines = window.line + np.searchsorted(window.line_ends, np.maximum(stops, 0))
        # A stretch begins anew behind an element that stays in.
        self.stretches.append(
            np.column_stack(
                (
                    starts[places] + window.start,
                    stops[places] + window.start,
                    begin_lines[places],
                    stop_lines[places],
                    before_cut[places],
                )
            ).astype(np.int64)
        )
        for number, matched in found.items():
            taken = np.flatnonzero(cut[matched.which])
            layout = self._layouts[number]
            which = matched.which[taken]
            columns = tuple(
                gather(window.data, matched.values[value][0][taken], matched.values[value][1][taken])
                if value >= 0
                else pa.array([""] * taken.size, pa.string())
                for value in layout.values
            )
            run = Run(layout.names, columns, begin_lines[which])
            if self.is_row:
                self._chain(window, starts, matched, cut, run, layout)
            elif taken.size:
                of_layout = next(messages for messages in self.messages if messages.layout is layout)
                of_layout.runs.append(run)
                of_layout.spans.append(np.column_stack((starts[which], stops[which])) + window.start)

    def _chain(
        self,
        window: Window,
        starts: NDArray[np.int64],
        matched: Matches,
        cut: NDArray[np.bool_],
        run: Run,
        layout: Layout,
    ) -> None:
        """Hang rows cut out on the row before them that stays in; ``run`` has those of the layout, in order."""
        is_cut = cut[matched.which]
        anchors = np.flatnonzero(~is_cut)
        counts = np.diff(np.concatenate((anchors, [is_cut.size])))
        at = 0
        if is_cut.size and is_cut[0]:  # the anchor stands in the window before
            count = int(anchors[0]) if anchors.size else is_cut.size
            self._chains[self._anchor][1].append(_slice(run, 0, count))
            at = count
        for anchor, count in zip(anchors.tolist(), (counts - 1).tolist(), strict=True):
            place = window.start + int(starts[matched.which[anchor]])
            if count or matched.which[anchor] == starts.size - 1:
                self._chains[place] = (_texts(self._data, window, layout, matched, anchor), [])
            if count:
                self._chains[place][1].append(_slice(run, at, count))
                at += count


def _among(window: Window, layout: Layout, begins: NDArray[np.int64], places: NDArray[np.int64]) -> Matches:
    # Candidates that stand closer than the layout is long cannot have it; without them, no more bytes are compared than
    # the window has, whatever is in it.
    starts = window.brackets[begins]
    room = np.diff(starts, append=window.data.size) >= sum(map(len, layout.literals))
    places = places[room[places]]
    matched = matches(window, layout, begins[places])
    return matched._replace(which=places[matched.which])


def _slice(run: Run, start: int, count: int) -> Run:
    columns = tuple(column.slice(start, count) for column in run.columns)
    return Run(run.keywords, columns, run.lines[start : start + count])


def _texts(data: bytes, window: Window, layout: Layout, matched: Matches, place: int) -> tuple[str, ...]:
    """What one element says, leaf by leaf."""
    spans = [(int(start[place]), int(stop[place])) for start, stop in matched.values]
    texts = [data[window.start + start : window.start + stop].decode() for start, stop in spans]
    return tuple(texts[value] if value >= 0 else "" for value in layout.values)


def _keys(layout: Layout) -> list[bytes]:
    """What a keyword twice is known by: the name, or the whole tag of a user-defined one."""
    return [
        identity if name == "USER_DEFINED" else name.encode()
        for name, identity in zip(layout.names, layout.identities, strict=True)
    ]


def _line_ends(data: bytes, start: int, stop: int) -> int:
    both = data.count(b"\r\n", start, stop) if data.find(b"\r", start, stop) >= 0 else 0
    return data.count(b"\n", start, stop) + data.count(b"\r", start, stop) - both
