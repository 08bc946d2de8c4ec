"""Arrow arrays of the texts between byte positions of a payload, without a Python object a text."""

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Payload: TypeAlias = bytes | bytearray | memoryview | NDArray[np.uint8]
BLANKS = b" \t\r\n"
_ROUNDS_MAX = 64
_INT32_MAX = 2**31 - 1
_PIECE = 1 << 20


def byte_array(data: Payload) -> NDArray[np.uint8]:
    """The payload as uint8, shape (n,), read only, without a copy."""
    if isinstance(data, np.ndarray):
        return data.view(np.uint8)
    return np.frombuffer(data, dtype=np.uint8)


def gather(
    data: Payload, starts: NDArray[np.integer[Any]], stops: NDArray[np.integer[Any]], *, text: bool = True
) -> pa.Array:
    """The bytes ``starts[i]`` to ``stops[i]`` of the payload: ``pa.string()``, or ``pa.binary()`` if not ``text``.

    Both have shape (n,); the spans may stand in any order, lie in each other and be empty. Positions outside the
    payload raise IndexError. Raises ValueError where a text is not UTF-8, or where all together have over 2 GiB
    (Arrow's limit for one array of these types: gather in pieces).
    """
    payload = byte_array(data)
    n = int(starts.shape[0])
    if n == 0:
        return pa.array([], pa.string() if text else pa.binary())
    first, last = np.asarray(starts, np.int64), np.asarray(stops, np.int64)
    if int(first.min()) < 0 or int(last.max()) > payload.shape[0] or bool((last < first).any()):
        raise IndexError("spans lie inside the payload and do not end before they begin")
    total = int((last - first).sum())
    if total > _INT32_MAX:
        raise ValueError(f"{total} bytes of text in one array, at most {_INT32_MAX}")
    if bool((first[1:] >= last[:-1]).all()):
        gathered = _every_other(payload, first, last)
    else:
        gathered = _by_index(payload, first, last)
    # The cast is what checks UTF-8.
    return gathered.cast(pa.string()) if text else gathered


def _every_other(payload: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> pa.Array:
    """Spans in order that do not overlap: they and the gaps between them are one Arrow array over the payload itself,
    of which every other element is taken, in Arrow's own loop.
    """
    n = starts.shape[0]
    first, last = int(starts[0]), int(stops[-1])
    small = last - first <= _INT32_MAX
    bounds = np.empty(2 * n, np.int32 if small else np.int64)
    np.subtract(starts, first, out=bounds[::2], casting="unsafe")
    np.subtract(stops, first, out=bounds[1::2], casting="unsafe")
    whole = pa.Array.from_buffers(
        pa.binary() if small else pa.large_binary(),
        2 * n - 1,
        [None, pa.py_buffer(bounds), pa.py_buffer(payload[first:last])],
    )
    taken = pc.take(whole, pa.array(np.arange(0, 2 * n - 1, 2)), boundscheck=False)
    return taken if small else taken.cast(pa.binary())


def _by_index(payload: NDArray[np.uint8], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> pa.Array:
    """Spans in any order: an index for each byte, in pieces of about a million bytes, so that memory is bounded."""
    bounds = np.zeros(starts.shape[0] + 1, np.int64)
    np.cumsum(stops - starts, out=bounds[1:])
    out = np.empty(int(bounds[-1]), np.uint8)
    for begin in range(0, out.shape[0], _PIECE):
        end = min(begin + _PIECE, out.shape[0])
        place = np.arange(begin, end)
        span = np.searchsorted(bounds, place, side="right") - 1
        out[begin:end] = payload[place - bounds[span] + starts[span]]
    return pa.Array.from_buffers(
        pa.binary(), starts.shape[0], [None, pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(out)]
    )


def strip_blanks(
    data: Payload, starts: NDArray[np.integer[Any]], stops: NDArray[np.integer[Any]], blanks: bytes = BLANKS
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The spans without the ``blanks`` at both ends, int64 of shape (n,); a span of blanks alone becomes empty.

    Time is linear in the bytes stripped, with about a step of Python for a span that has over 64 blanks at an end.
    """
    payload = byte_array(data)
    is_blank = np.zeros(256, np.bool_)
    is_blank[list(blanks)] = True
    first, last = np.array(starts, np.int64), np.array(stops, np.int64)  # copies: they are written into
    active = np.flatnonzero(first < last)
    for _ in range(_ROUNDS_MAX):
        active = active[is_blank[payload[first[active]]]]
        if not active.shape[0]:
            break
        first[active] += 1
        active = active[first[active] < last[active]]
    for i in active:
        span = payload[first[i] : last[i]].tobytes()
        first[i] += len(span) - len(span.lstrip(blanks))
    active = np.flatnonzero(first < last)
    for _ in range(_ROUNDS_MAX):
        active = active[is_blank[payload[last[active] - 1]]]
        if not active.shape[0]:
            break
        last[active] -= 1
        active = active[first[active] < last[active]]
    for i in active:
        span = payload[first[i] : last[i]].tobytes()
        last[i] -= len(span) - len(span.rstrip(blanks))
    return first, last
