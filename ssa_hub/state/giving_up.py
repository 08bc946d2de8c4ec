"""Bodies of records that are older than the feed's window: given up by state, and read from history where one is asked.

A row of ``recorded`` stays for ever, so that a repeat is dropped however late it comes; its body is most of its size,
and history has all of it. An empty body stands for one that was given up: the body of a record is a JSON object, never
empty, so nothing else can be meant by it, and the tables stay as they are. The newest orbits keep theirs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.tables import newest, recorded

GIVEN_UP = b""
_LOOKUP_IDS = 10_000

# Given a kind and instants of reception (TAI ns) by record id, answers the bodies of those that history has.
ReadBodies = Callable[[str, Mapping[str, int]], Mapping[str, bytes]]


class Archive:
    """Where bodies are read that state has given up: history, told once it is open."""

    def __init__(self) -> None:
        self._read: ReadBodies | None = None

    def read_with(self, read: ReadBodies) -> None:
        """Read bodies so from now on."""
        self._read = read

    def bodies(self, kind: str, received_tai_ns: Mapping[str, int]) -> Mapping[str, bytes]:
        """Bodies by record id; those that history no longer has are left out.

        Raises StateUnavailableError where no history is open, and what the reading raises.
        """
        if not received_tai_ns:
            return {}
        if self._read is None:
            raise StateUnavailableError("a record older than the feed's window is in history, which is not open here")
        return self._read(kind, received_tai_ns)

    def filled(self, rows: Sequence[tuple[str, str, int, bytes]]) -> dict[str, tuple[str, bytes]]:
        """Kind and body by id of rows (record id, kind, reception, body), given-up bodies read."""
        found = {record_id: (kind, bytes(body)) for record_id, kind, _, body in rows if body != GIVEN_UP}
        wanted: dict[str, dict[str, int]] = {}
        for record_id, kind, received, body in rows:
            if body == GIVEN_UP:
                wanted.setdefault(kind, {})[record_id] = received
        for kind, instants in wanted.items():
            found.update((record_id, (kind, body)) for record_id, body in self.bodies(kind, instants).items())
        return found


class GivenUp(NamedTuple):
    """How far a look has come: the last number looked at, and how many bodies were given up."""

    last_seq: int
    bodies: int


class GivingUp:
    """Gives bodies up, some at a time. Raises StateUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def before(self, tai_ns: int, *, after_seq: int, limit: int) -> GivenUp | None:
        """Of the next ``limit`` records after a number give those up that were recorded before an instant (TAI ns) and
        are no newest orbit. One transaction; None: there are no more.
        """
        with self._database.transaction() as connection:
            # Against a withdrawal or deletion that just makes one of them the newest.
            for table in (recorded.name, newest.name):
                lock_table(connection, table)
            numbers = list(
                connection.execute(
                    select(recorded.c.seq)
                    .where(recorded.c.seq > after_seq, recorded.c.recorded_tai_ns < tai_ns)
                    .order_by(recorded.c.seq)
                    .limit(limit)
                ).scalars()
            )
            if not numbers:
                return None
            is_newest = select(newest.c.record_id).where(
                newest.c.object_id == recorded.c.object_id_1,
                newest.c.combination_id == recorded.c.combination_1,
                newest.c.record_id == recorded.c.record_id,
            )
            given_up = connection.execute(
                update(recorded)
                .where(
                    recorded.c.seq > after_seq,
                    recorded.c.seq <= numbers[-1],
                    recorded.c.recorded_tai_ns < tai_ns,
                    recorded.c.body != GIVEN_UP,
                    ~is_newest.exists(),
                )
                .values(body=GIVEN_UP)
            )
            return GivenUp(numbers[-1], given_up.rowcount)


def take_back(connection: Connection, records: Sequence[Mapping[str, Any]]) -> None:
    """Give records (all columns of their kind's record schema) that are about to be newest orbits their bodies back."""
    by_id = {record["record_id"]: record for record in records}
    ids, empty = sorted(by_id), []
    for first in range(0, len(ids), _LOOKUP_IDS):
        chosen = select(recorded.c.record_id).where(
            recorded.c.record_id.in_(ids[first : first + _LOOKUP_IDS]), recorded.c.body == GIVEN_UP
        )
        empty += list(connection.execute(chosen).scalars())
    if empty:
        encode = msgspec.json.Encoder().encode
        statement = update(recorded).where(recorded.c.record_id == bindparam("of")).values(body=bindparam("whole"))
        connection.execute(statement, [{"of": record_id, "whole": encode(by_id[record_id])} for record_id in empty])
