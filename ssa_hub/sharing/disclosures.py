"""Noting what is released: from the rows of an answer to entries of the ledger, durable before a byte is sent."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from schemas.records import Kind
from schemas.timescales import now_tai_ns
from ssa_hub.release.ledger import RECORD_ID_BYTES, Channel, Disclosure, problems_of
from ssa_hub.release.table import ReleaseTable
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

__all__ = ["Channel", "Disclosure", "Disclosures", "disclosures_of"]

_LEDGER_KINDS = {
    Kind.ELEMENTS: "elements",
    Kind.DERIVED_CONJUNCTIONS: "conjunctions",
    Kind.TEAR_LINES: "tear-lines",
    Kind.CONJUNCTION_MESSAGES: "conjunction-messages",
    Kind.EPHEMERIDES: "ephemerides",
}


def disclosures_of(
    rows: pa.Table, kind: Kind, released: ReleaseTable, *, partner: str, channel: Channel
) -> list[Disclosure]:
    """What an answer with these rows releases: one disclosure for each originator, data mode and kind of ids.

    ``rows`` have true record ids, ``data_mode``, ``mask_id`` (of a conjunction: the combined one) and the originator,
    or the two parents' originators; a conjunction is then a disclosure of each. The partner's own data makes none.
    Raises ValueError for a row that the table does not release.
    """
    if rows.num_rows == 0:
        return []
    record_ids = np.frombuffer(bytes.fromhex("".join(rows.column("record_id").to_pylist())), dtype=np.uint8)
    record_ids = record_ids.reshape(-1, RECORD_ID_BYTES)
    shown_whole = np.array([mask.shows_all(kind) for mask in released.masks], dtype=bool)
    pseudonymous = ~shown_whole[rows.column("mask_id").to_numpy()]
    modes, mode_of = _coded(rows.column("data_mode"))
    places, originators, originator_of = _originators(rows, kind)
    group = (originator_of * len(modes) + mode_of[places]) * 2 + pseudonymous[places]
    found = []
    for code in np.unique(group).tolist():
        originator, data_mode = originators[code // 2 // len(modes)], modes[code // 2 % len(modes)]
        if originator == partner:
            continue
        grant = released.grant(kind, data_mode, originator)
        if grant is None:
            raise ValueError(f"{kind} of {originator}, {data_mode}, are not released to {partner}")
        chosen = record_ids[places[group == code]]
        found.append(
            Disclosure(
                partner=partner,
                originator=originator,
                channel=channel,
                kind=_LEDGER_KINDS[kind],
                data_mode=data_mode,
                policy_version=released.policy_version,
                agreement_version=grant.agreement_version,
                rule=grant.rule,
                posture=str(released.posture),
                pseudonymous=bool(code % 2),
                record_ids=chosen.tobytes(),
                records=len(chosen),
            )
        )
    return found


def _coded(column: pa.ChunkedArray) -> tuple[list[str], "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    """The distinct texts of a column, and which of them each row has."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _originators(
    rows: pa.Table, kind: Kind
) -> tuple["np.ndarray[tuple[int], np.dtype[np.int64]]", list[str], "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    """(place of the row, names, which name): once for each row and originator that it is of."""
    every = np.arange(rows.num_rows)
    if kind is not Kind.DERIVED_CONJUNCTIONS:
        names, which = _coded(rows.column("originator"))
        return every, names, which
    both = pa.chunked_array(
        [*rows.column("parent_originator_1").chunks, *rows.column("parent_originator_2").chunks], pa.string()
    )
    names, which = _coded(both)
    first, second = which[: rows.num_rows], which[rows.num_rows :]
    others = np.flatnonzero(first != second)
    return np.concatenate([every, others]), names, np.concatenate([first, second[others]])


class _Waiting:
    """One caller's disclosures on their way into the ledger."""

    __slots__ = ("disclosures", "done", "failure")

    def __init__(self, disclosures: Sequence[Disclosure]) -> None:
        self.disclosures = disclosures
        self.done = False
        self.failure: Exception | None = None


class Disclosures:
    """Writes to the ledger. Threads may share one: while one writes, the others' entries gather for the next commit."""

    def __init__(self, state: State, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._ledger, self._clock_tai_ns = state.ledger, clock_tai_ns
        self._turn = threading.Condition()
        self._gathered: list[_Waiting] = []
        self._writing = False

    def record(self, disclosures: Sequence[Disclosure]) -> None:
        """Note what is about to be sent; durable on return.

        Raises StateUnavailableError: then nothing may be sent. (It may have been noted all the same, where the
        connection broke in the middle of the commit.) Raises ValueError for a disclosure that cannot be one.
        """
        if not disclosures:
            return
        for disclosure in disclosures:
            if problems := problems_of(disclosure):
                raise ValueError("; ".join(problems))
        own = _Waiting(disclosures)
        with self._turn:
            self._gathered.append(own)
            while self._writing and not own.done:
                self._turn.wait()
            if not own.done:
                self._writing = True
                batch, self._gathered = self._gathered, []
        if not own.done:
            self._write(batch)
        if own.failure is not None:
            raise _again(own.failure) from own.failure

    def _write(self, batch: list[_Waiting]) -> None:
        # What stays where the thread is interrupted: then nobody knows whether the entries are there.
        failure: Exception | None = RuntimeError("interrupted")
        try:
            self._ledger.append([entry for waiting in batch for entry in waiting.disclosures], self._clock_tai_ns())
            failure = None
        except Exception as error:
            failure = error
        finally:
            with self._turn:
                for waiting in batch:
                    waiting.failure, waiting.done = failure, True
                self._writing = False
                self._turn.notify_all()


def _again(failure: Exception) -> Exception:
    """An exception of a batch as one of its callers' own: threads must not share one traceback."""
    if isinstance(failure, StateUnavailableError):
        return StateUnavailableError(str(failure))
    return RuntimeError(f"the ledger could not be written: {failure}")
