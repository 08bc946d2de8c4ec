"""Layouts of XML elements: the bytes that two elements share when they differ in nothing but the texts of their leaves.

Works on positions in a window of a payload, in numpy; no object is made for an element.
"""

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.byte_spans import strip_blanks
from schemas.ccsds.xml_structure import TEXT_LENGTH_MAX

_ELEMENT_BYTES_MAX = 1 << 16
_TAG = re.compile(rb"<(/?)([^\s<>/!?\"'=]+)([^<>]*?)(/?)>")
_NAME_END = np.frombuffer(b" \t\r\n/>", np.uint8)


class Layout(NamedTuple):
    """``literals`` stand around the values, in order; ``brackets`` counts the ``<`` in each.

    ``names`` are the leaves' elements. ``values[i]`` is the place of leaf i among the values, or -1 for an element
    without text (``<X/>``). ``identities`` tell leaves of one name apart by their attributes.
    """

    literals: tuple[bytes, ...]
    brackets: tuple[int, ...]
    names: tuple[str, ...]
    values: tuple[int, ...]
    identities: tuple[bytes, ...]


class Window(NamedTuple):
    """Bytes ``start`` and after of a payload: positions in it of ``<``, of what no value may hold (``bad``), of
    carriage returns and of ends of line, each int64 and relative to ``start``; ``line`` is the number of its first.
    """

    start: int
    data: NDArray[np.uint8]
    brackets: NDArray[np.int64]
    bad: NDArray[np.int64]
    returns: NDArray[np.int64]
    line_ends: NDArray[np.int64]
    line: int


class Matches(NamedTuple):
    """Elements of one layout in a window: ``which`` of the candidates they are, where they end, and where their values
    stand without the blanks around them (a pair of arrays a value). Positions are relative to the window.
    """

    which: NDArray[np.int64]
    stops: NDArray[np.int64]
    values: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def layout_of(element: bytes) -> Layout | None:
    """The layout of one element, from its ``<`` to its last ``>``; None for one that only a parser should read.

    None where there are comments, CDATA sections, instructions or references, text beside elements, a ``>`` in an
    attribute, ``nil``, or over 64 KiB.
    """
    if len(element) > _ELEMENT_BYTES_MAX or any(mark in element for mark in (b"<!", b"<?", b"&", b"nil", b"]]>")):
        return None
    tags = list(_TAG.finditer(element))
    if not tags or tags[0].start() or tags[-1].end() != len(element) or element.count(b"<") != len(tags):
        return None
    if any(tag[3].count(b'"') % 2 or tag[3].count(b"'") for tag in tags):
        return None
    cuts: list[tuple[int, int]] = []
    leaves: list[tuple[str, int, bytes]] = []
    for tag, after in zip(tags, [*tags[1:], None], strict=True):
        if tag[4]:
            leaves.append((tag[2].decode("ascii", "replace"), -1, tag[0]))
        if after is None:
            break
        if not tag[1] and not tag[4] and after[1]:
            leaves.append((tag[2].decode("ascii", "replace"), len(cuts), tag[0]))
            cuts.append((tag.end(), after.start()))
        elif element[tag.end() : after.start()].strip(b" \t\r\n"):
            return None
    bounds = [0, *(at for cut in cuts for at in cut), len(element)]
    literals = tuple(element[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True))
    return Layout(
        literals,
        tuple(literal.count(b"<") for literal in literals),
        tuple(leaf[0] for leaf in leaves),
        tuple(leaf[1] for leaf in leaves),
        tuple(leaf[2] for leaf in leaves),
    )


def window_of(data: bytes, start: int, stop: int, line: int) -> Window | None:
    """The window, or None where it holds what XML forbids: control characters, bytes that are no UTF-8."""
    window = np.frombuffer(data, np.uint8, stop - start, start)
    newlines = np.flatnonzero(window == 10)
    returns = np.flatnonzero(window == 13)
    if np.count_nonzero(window < 32) != newlines.size + returns.size + np.count_nonzero(window == 9):
        return None
    bad = [np.flatnonzero(window == ord("&"))]
    text = data[start:stop] if bool((window > 127).any()) or data.find(b"]]>", start, stop) >= 0 else b""
    if text:
        try:
            text.decode()
        except UnicodeDecodeError:
            return None
        marks = re.finditer(rb"\]\]>|\xef\xbf[\xbe\xbf]", text)
        bad.append(np.array([mark.start() for mark in marks], np.int64))
    line_ends = newlines
    if returns.size:
        lone = window[np.minimum(returns + 1, window.size - 1)] != 10
        line_ends = np.sort(np.concatenate((newlines, returns[lone])))
    brackets = np.flatnonzero(window == ord("<"))
    return Window(start, window, brackets, np.sort(np.concatenate(bad)), returns, line_ends, line)


def candidates(window: Window, tag: bytes) -> NDArray[np.int64]:
    """Which brackets begin an element whose tag begins with ``tag`` (``<omm``)."""
    name = np.frombuffer(tag, np.uint8)
    found = np.flatnonzero(window.brackets + name.size < window.data.size)
    for offset, byte in enumerate(name.tolist()):
        found = found[window.data[window.brackets[found] + offset] == byte]
    return found[np.isin(window.data[window.brackets[found] + name.size], _NAME_END)]


def matches(window: Window, layout: Layout, begins: NDArray[np.int64]) -> Matches:
    """Those of the candidates ``begins`` (places among the brackets) that have the layout, and lawful values."""
    which = np.arange(begins.size)
    bracket = begins
    spans: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    stops = np.empty(0, np.int64)
    for literal, count in zip(layout.literals, layout.brackets, strict=True):
        inside = bracket + count <= window.brackets.size
        at = window.brackets[np.minimum(bracket, window.brackets.size - 1)]
        inside &= at + len(literal) <= window.data.size
        same = np.zeros(at.size, np.bool_)
        # Fixed-length strings at any byte: numpy compares them whole. No NUL stands in the window to be stripped.
        shape = (max(window.data.size - len(literal) + 1, 0),)
        texts: NDArray[np.bytes_] = np.ndarray(shape, f"S{len(literal)}", window.data.data, strides=(1,))
        same[inside] = texts[at[inside]] == literal
        if len(spans):
            spans[-1] = (spans[-1][0], at)
        if not same.all():
            which, bracket, at = which[same], bracket[same], at[same]
            spans = [(start[same], stop[same]) for start, stop in spans]
        if not which.size:
            break
        stops = at + len(literal)
        spans.append((stops, stops))
        bracket = bracket + count
    lawful = _lawful(window, window.brackets[begins[which]], stops, spans[:-1]) if which.size else which > 0
    values = [strip_blanks(window.data, start[lawful], stop[lawful]) for start, stop in spans[:-1]]
    which, stops = which[lawful], stops[: which.size][lawful]
    if window.returns.size and which.size:
        # expat makes one line end of a CR LF, so that a text with one inside is not its bytes.
        plain = np.ones(which.size, np.bool_)
        for start, stop in values:
            plain &= np.searchsorted(window.returns, start) == np.searchsorted(window.returns, stop)
        which, stops = which[plain], stops[plain]
        values = [(start[plain], stop[plain]) for start, stop in values]
    return Matches(which, stops, values)


def _lawful(
    window: Window,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    values: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> NDArray[np.bool_]:
    """Whether an element has no value that is too long and holds nothing that only a parser should read."""
    lawful: NDArray[np.bool_] = np.equal(np.searchsorted(window.bad, starts), np.searchsorted(window.bad, stops))
    for start, stop in values:
        lawful &= stop - start <= TEXT_LENGTH_MAX
    return lawful
