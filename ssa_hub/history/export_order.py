"""Rows into the canonical order of an export: nearly all are in it already, file for file."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ssa_hub.history.export_question import WHOLE, ExportQuestion

Places = NDArray[np.int64]
# Numbers below this are sorted by counting.
_SMALL = 2**16


def in_order(rows: pa.Table, question: ExportQuestion, places: Places | None = None) -> Places | None:
    """The places of the rows in the canonical order; None where all stand in it already.

    ``rows``: as `ExportQuestion.visible` answers them; ``places``: of them only these, ascending.
    """
    keys = [_ranks(one_chunk(rows.column(name))) for name in question.order]
    if places is not None:
        keys = [key[places] for key in keys]
    order = sorted_places(keys)
    if order is not None:
        keys = [key[order] for key in keys]
    if places is not None:
        order = places if order is None else places[order]
    equal = np.ones(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    for key in keys:
        equal &= key[1:] == key[:-1]
    if not equal.any():
        return order
    if order is None:
        order = np.arange(rows.num_rows, dtype=np.int64)
    # Only among equals does the last key decide, which costs a hash each where rows are shown in part.
    tied = np.zeros(len(order), dtype=np.bool_)
    tied[1:] |= equal
    tied[:-1] |= equal
    at = np.flatnonzero(tied)
    group = np.cumsum(np.concatenate([[True], ~equal]))[at]
    ids = np.array(question.order_ids(rows.select(["record_id", WHOLE]).take(pa.array(order[at]))), dtype=np.str_)
    order = order.copy()
    order[at] = order[at][np.lexsort((ids, group))]
    return order


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece, with one dictionary where it has such."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else whole.chunk(0)


def count_before(rows: pa.Table, question: ExportQuestion, below: Any) -> NDArray[np.bool_]:
    """Which rows come before every row that has not been read: the unread ones' chunk keys are ``below`` or more."""
    column = rows.column(question.chunk_key)
    if question.chunk_key == question.exported.instant:
        # As shown, an unread instant may be less by almost a step.
        shown = rows.column("shown_tai_ns").to_numpy()
        return np.asarray(shown < below - (question.step_ns - 1))
    return np.asarray(_ranks_below(column, below))


def after_key(rows: pa.Table, question: ExportQuestion, after: tuple[Any, ...]) -> NDArray[np.bool_]:
    """Which rows come after a key of the canonical order."""
    later = np.zeros(rows.num_rows, dtype=np.bool_)
    same = np.ones(rows.num_rows, dtype=np.bool_)
    for name, value in zip(question.order, after[:-1], strict=True):
        column = rows.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(pa.string())
        later |= same & pc.greater(column, value).to_numpy()
        same &= pc.equal(column, value).to_numpy()
    places = np.flatnonzero(same)
    ids = question.order_ids(rows.take(pa.array(places)))
    later[places] = [one > after[-1] for one in ids]
    return later


def _ranks(chunk: pa.Array) -> NDArray[np.int64]:
    """Numbers in the order of the column's values."""
    if pa.types.is_dictionary(chunk.type):
        rank = np.empty(len(chunk.dictionary), np.int64)
        rank[pc.sort_indices(chunk.dictionary).to_numpy()] = np.arange(len(chunk.dictionary))
        return np.asarray(rank[chunk.indices.to_numpy(zero_copy_only=False)])
    if pa.types.is_string(chunk.type):
        return _ranks(chunk.dictionary_encode())
    return np.asarray(chunk.to_numpy(zero_copy_only=False), dtype=np.int64)


def _ranks_below(column: pa.ChunkedArray, below: Any) -> NDArray[np.bool_]:
    parts = [np.empty(0, np.bool_)]
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            of = pc.less(chunk.dictionary, below).to_numpy(zero_copy_only=False)
            parts.append(of[chunk.indices.to_numpy(zero_copy_only=False)])
        else:
            parts.append(pc.less(chunk, below).to_numpy(zero_copy_only=False))
    return np.concatenate(parts)


def sorted_places(keys: list[NDArray[np.int64]]) -> Places | None:
    """Places of rows sorted by these keys; None where they are.

    Files are sorted, and come one behind the other in the order of time: sorted by the first key (an object, of which
    there are few, so numpy counts them instead of comparing) nearly every row is in its place, and only groups of equal
    first key in which one is not are compared by all keys.
    """
    order: Places | None = None
    if (keys[0][1:] < keys[0][:-1]).any():
        few = int(keys[0].min()) >= 0 and int(keys[0].max()) < _SMALL
        order = np.argsort(keys[0].astype(np.uint16) if few else keys[0], kind="stable")
        keys = [key[order] for key in keys]
    wrong = _decreases(keys)
    if not wrong.any():
        return order
    if order is None:
        order = np.arange(len(keys[0]), dtype=np.int64)
    group = np.cumsum(np.concatenate([[False], keys[0][1:] != keys[0][:-1]]))
    unsorted = np.zeros(group[-1] + 1, dtype=np.bool_)
    unsorted[group[1:][wrong]] = True
    at = np.flatnonzero(unsorted[group])
    order[at] = order[at][np.lexsort([key[at] for key in keys[::-1]])]
    return order


def _decreases(keys: list[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Whether each row but the first comes before the one that it stands behind."""
    undecided = np.ones(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    wrong = np.zeros_like(undecided)
    for key in keys:
        wrong |= undecided & (key[1:] < key[:-1])
        undecided &= key[1:] == key[:-1]
    return wrong
