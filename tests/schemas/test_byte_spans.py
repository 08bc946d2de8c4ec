"""Spans of bytes against the slices of Python."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.byte_spans import gather, strip_blanks

_SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=12)


def _arrays(spans: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array(spans, np.int64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


@given(st.binary(min_size=60, max_size=60), _SPANS)
def test_gather_gives_the_slices_in_any_order(data: bytes, spans: list[list[int]]) -> None:
    starts, stops = _arrays(spans)
    gathered = gather(data, starts, stops, text=False)
    assert gathered.type == pa.binary()
    gathered.validate(full=True)
    assert gathered.to_pylist() == [data[a:b] for a, b in spans]


@given(st.binary(min_size=60, max_size=60), st.lists(st.integers(0, 60), max_size=16).map(sorted))
def test_gather_gives_the_slices_of_spans_in_order(data: bytes, bounds: list[int]) -> None:
    spans = [list(pair) for pair in zip(bounds[::2], bounds[1::2], strict=False)]
    starts, stops = _arrays(spans)
    gathered = gather(np.frombuffer(data, np.uint8), starts.astype(np.int32), stops.astype(np.int32), text=False)
    gathered.validate(full=True)
    assert gathered.to_pylist() == [data[a:b] for a, b in spans]


@given(st.lists(st.text(), min_size=1))
def test_text_comes_back_as_strings(texts: list[str]) -> None:
    encoded = [text.encode("utf-8", "replace") for text in texts]
    stops = np.cumsum([len(text) for text in encoded])
    starts = np.concatenate(([0], stops[:-1]))
    gathered = gather(b"".join(encoded), starts, stops)
    assert gathered.type == pa.string()
    assert gathered.to_pylist() == [text.decode() for text in encoded]


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(ValueError, match="UTF8"):
        gather(b"ab\xff", np.array([0, 1]), np.array([1, 3]))


def test_spans_outside_the_payload_are_refused() -> None:
    for start, stop in ((-1, 2), (0, 4), (2, 1)):
        with pytest.raises(IndexError):
            gather(b"abc", np.array([start]), np.array([stop]))


@given(st.lists(st.sampled_from(b" \t\r\nab"), min_size=60, max_size=60).map(bytes), _SPANS)
def test_blanks_go_from_both_ends(data: bytes, spans: list[list[int]]) -> None:
    starts, stops = strip_blanks(data, *_arrays(spans))
    assert [data[a:b] for a, b in zip(starts, stops, strict=True)] == [data[a:b].strip(b" \t\r\n") for a, b in spans]
    assert (starts <= stops).all()


def test_a_million_blanks_go_at_once() -> None:
    data = b" " * 1_000_000 + b"x" + b" " * 1_000_000
    starts, stops = strip_blanks(data, np.array([0, 0]), np.array([len(data), 1_000_000]))
    assert data[starts[0] : stops[0]] == b"x"
    assert starts[1] == stops[1]
