"""What of a release table speaks of one kind and mode: checked once a table, however many questions it answers."""

import threading
import weakref

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Kind

RELEASE_COLUMNS = (
    *("kind", "data_mode", "originator", "label_id", "delay_ns", "mask_id"),
    *("time_step_ns", "distance_step_m"),
)

_Key = tuple[int, Kind, str, bool]
# Reentrant: what ends while it is held calls back.
_lock = threading.RLock()
# By the table's address, for as long as it is there: Arrow tables never change, and have no hash.
_checked: dict[_Key, tuple["weakref.ref[pa.Table]", pa.Table]] = {}


def released_combinations(release: pa.Table, kind: Kind, data_mode: str, *, ordered: bool = False) -> pa.Table:
    """The rows of a release table that speak of a kind and mode; ``ordered``: with the column ``whole``.

    A combination that stands twice would show a row twice, a negative delay would be none: both are refused. Raises
    ValueError for a malformed table.
    """
    key = (id(release), kind, data_mode, ordered)
    with _lock:
        known = _checked.get(key)
    if known is not None and known[0]() is release:
        return known[1]
    chosen = _chosen(release, kind, data_mode, ordered=ordered)

    def forget(ended: "weakref.ref[pa.Table]") -> None:
        with _lock:
            if key in _checked and _checked[key][0] is ended:
                del _checked[key]

    with _lock:
        _checked[key] = (weakref.ref(release, forget), chosen)
    return chosen


def _chosen(release: pa.Table, kind: Kind, data_mode: str, *, ordered: bool) -> pa.Table:
    columns = [*RELEASE_COLUMNS, "whole"] if ordered else list(RELEASE_COLUMNS)
    missing = [name for name in columns if name not in release.column_names]
    if missing:
        raise ValueError(f"the release table lacks the columns {', '.join(missing)}")
    wanted = pc.and_(pc.equal(release["kind"], str(kind)), pc.equal(release["data_mode"], data_mode))
    chosen = release.select(columns).filter(wanted)
    keys = chosen.select(["originator", "label_id"])
    if keys.group_by(["originator", "label_id"]).aggregate([]).num_rows != keys.num_rows:
        raise ValueError(f"the release table names a combination of originator and label twice for {kind}")
    if chosen.num_rows and (chosen["delay_ns"].null_count or pc.min(chosen["delay_ns"]).as_py() < 0):
        raise ValueError("the release table has a delay that is negative or missing")
    return chosen
