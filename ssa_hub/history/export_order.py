"""Rows into the canonical order of an export: almost always they are in runs that are sorted already."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ssa_hub.history.export_question import ExportQuestion

Places = NDArray[np.int64]


def in_order(rows: pa.Table, question: ExportQuestion) -> Places | None:
    """The places of the rows in the canonical order; None where they stand in it already.

    ``rows``: as `ExportQuestion.visible` answers them, one chunk a column.
    """
    keys = [_ranks(rows.column(name)) for name in question.order]
    order: Places | None = None
    if not _is_sorted(keys):
        order = np.lexsort(keys[::-1]).astype(np.int64)
        keys = [key[order] for key in keys]
    equal = np.ones(max(rows.num_rows - 1, 0), dtype=np.bool_)
    for key in keys:
        equal &= key[1:] == key[:-1]
    if not equal.any():
        return order
    if order is None:
        order = np.arange(rows.num_rows, dtype=np.int64)
    # Only among equals does the last key decide, which costs a hash each where rows are shown in part.
    tied = np.zeros(rows.num_rows, dtype=np.bool_)
    tied[1:] |= equal
    tied[:-1] |= equal
    places = np.flatnonzero(tied)
    group = np.cumsum(np.concatenate([[True], ~equal]))[places]
    ids = np.array(question.order_ids(rows.take(pa.array(order[places]))), dtype=np.str_)
    order[places] = order[places][np.lexsort((ids, group))]
    return order


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


def _ranks(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Numbers in the order of the column's values."""
    chunk = column.chunk(0) if column.num_chunks else column.combine_chunks()
    if pa.types.is_dictionary(chunk.type):
        rank = np.empty(len(chunk.dictionary), np.int64)
        rank[pc.sort_indices(chunk.dictionary).to_numpy()] = np.arange(len(chunk.dictionary))
        return np.asarray(rank[chunk.indices.to_numpy(zero_copy_only=False)])
    if pa.types.is_string(chunk.type):
        return _ranks(pa.chunked_array([chunk.dictionary_encode()]))
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


def _is_sorted(keys: list[NDArray[np.int64]]) -> bool:
    undecided = np.ones(max(len(keys[0]) - 1, 0), dtype=np.bool_)
    for key in keys:
        if (undecided & (key[1:] < key[:-1])).any():
            return False
        undecided &= key[1:] == key[:-1]
    return True
