"""What belongs to what in history, without any release: a payload's records, and conjunctions of given orbits.

Iceberg's own scans do it: questions that are asked seldom, of a few columns, with files left out by when their records
were received.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.store import History
from ssa_hub.history.tables import CONJUNCTION_MESSAGES, CONJUNCTIONS, ELEMENTS, EPHEMERIDES


def records_of_payload(
    history: History, payload_sha256: str, originator: str, received_from_tai_ns: int, received_to_tai_ns: int
) -> pa.Table:
    """The originator's records of a payload that were received in [from, to], of every kind that payloads hold:
    ``record_id``, ``data_mode``.

    Raises HistoryUnavailableError.
    """
    be = _expressions()
    chosen = be.And(
        be.EqualTo("payload_sha256", payload_sha256),
        be.EqualTo("originator", originator),
        be.GreaterThanOrEqual("received_tai_ns", received_from_tai_ns),
        be.LessThanOrEqual("received_tai_ns", received_to_tai_ns),
    )
    names = ("record_id", "data_mode")
    found = [pa.table([pa.array([], pa.string())] * len(names), list(names))]
    found += [
        pa.table([batch.column(name).cast(pa.string()) for name in names], list(names))
        for kind in (ELEMENTS, CONJUNCTION_MESSAGES, EPHEMERIDES)
        for batch in _batches(history, kind, chosen, names)
    ]
    return pa.concat_tables(found)


def conjunctions_of(history: History, parents: Sequence[str], received_from_tai_ns: int) -> pa.Table:
    """Conjunctions with any of these record ids as a parent: ``record_id``, ``data_mode``, each once, by id.

    None of them is older than its parents: ``received_from_tai_ns`` is the earliest reception of one. Raises
    HistoryUnavailableError.
    """
    names = ("record_id", "data_mode")
    wanted = pa.array(parents, pa.string())
    chosen = _expressions().GreaterThanOrEqual("received_tai_ns", received_from_tai_ns)
    found = [pa.table([pa.array([], pa.string())] * len(names), list(names))]
    # Looked up here, batch by batch: Iceberg's own "in" takes a second for ten thousand ids, once a file.
    for batch in _batches(history, CONJUNCTIONS, chosen, (*names, "parent_1", "parent_2")):
        sides = [pc.is_in(batch.column(name).cast(pa.string()), value_set=wanted) for name in ("parent_1", "parent_2")]
        rows = batch.filter(pc.or_(*sides))
        found.append(pa.table([rows.column(name).cast(pa.string()) for name in names], list(names)))
    return pa.concat_tables(found).group_by(list(names), use_threads=False).aggregate([]).sort_by("record_id")


def _expressions() -> Any:
    """PyIceberg's expressions: it takes seconds to import, and its own types know no column by its name."""
    from pyiceberg import expressions

    return expressions


def _batches(history: History, kind: str, chosen: Any, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from history.table(kind).scan(row_filter=chosen, selected_fields=tuple(names)).to_arrow_batch_reader()
    except OSError as failure:
        raise HistoryUnavailableError(f"reading {kind}: {failure}") from failure
