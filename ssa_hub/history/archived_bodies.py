"""Records of history as the JSON bodies that state had of them (`ssa_hub.state.giving_up`)."""

from collections.abc import Mapping

import msgspec
import pyarrow.compute as pc

from ssa_hub.history.availability import availability
from ssa_hub.history.planning import Planner
from ssa_hub.history.store import History
from ssa_hub.history.stored_columns import unpacked
from ssa_hub.history.tables import definition_of


def archived_bodies(history: History, kind: str, received_tai_ns: Mapping[str, int]) -> dict[str, bytes]:
    """Bodies by record id; those that history does not have are left out.

    ``received_tai_ns``: when each was received. Row groups of other instants are not read; of one instant, as of a
    catalogue that came in one payload, all are. Raises HistoryUnavailableError.
    """
    definition = definition_of(kind)
    names = definition.record_schema.names
    encode = msgspec.json.Encoder().encode
    instants = sorted(set(received_tai_ns.values()))
    found: dict[str, bytes] = {}
    for file in Planner(history).plan(kind).files:
        if len(found) == len(received_tai_ns):
            break
        if not file.may_hold_one_of("received_tai_ns", instants):
            continue
        wanted = (pc.field("received_tai_ns").isin(instants)) & (pc.field("record_id").isin(sorted(received_tai_ns)))
        with availability(f"records of {kind} by id"):
            rows = history.files.table(file.path, filters=wanted)
        whole = unpacked(definition.as_stored(rows), definition).select(names).cast(definition.record_schema)
        found.update((record["record_id"], encode(record)) for record in whole.to_pylist())
    return found
