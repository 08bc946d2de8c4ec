"""The stream: records as they become visible to a partner, with ids at which he can go on.

An event's id holds an instant (when the stream was begun) and, for each delay that the partner is under, the id of
the last record that he was sent. These he knows already; offsets or sequence numbers would count for him, in their
gaps, what he may not see.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec
import pyarrow as pa
import structlog

from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.release.columns import ALWAYS_COLUMNS
from ssa_hub.release.masks import apply_masks
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import visible
from ssa_hub.sharing.explaining import KINDS
from ssa_hub.sharing.policies import Policies, Released
from ssa_hub.sharing.utc import with_utc_columns
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.feed import Cursor, FeedRow
from ssa_hub.state.recorded import read_bodies
from ssa_hub.state.store import State

_LOOK_EVERY_S = 0.3
_KEEP_ALIVE_S = 15.0
_PAGE = 500
# A record may carry an instant of recording that lies so long before the moment at which it could be seen. Who goes on
# from an instant begins so much earlier, and gets some records once more rather than one never.
_UNDER_WAY_NS = 60 * NS_PER_SECOND
_EVENT_ID = re.compile(r"(?P<begun>[0-9]{1,19})(?P<sent>(?:;[0-9]{1,19}:[0-9a-f]{32})*)", re.ASCII)

# Asks whether the key that a stream was begun with still is one; None: no more.
Admission = Callable[[], Partner | None]

log_event = structlog.get_logger("stream")


class UnknownEventError(Exception):
    """An id of no event that this partner could have been sent."""


class StreamStart(NamedTuple):
    """Where a stream goes on: ``cursor`` for the feed, and what the next event's id is made of."""

    begun_tai_ns: int
    sent: dict[int, str]
    cursor: Cursor


class _Look(NamedTuple):
    """What one look found: the next cursor, and each record's delay, id, kind and masked JSON."""

    cursor: Cursor
    found: list[tuple[FeedRow, bytes]]


class Stream:
    """Streams for partners. Each looks for new records several times a second."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    async def start(self, partner: Partner, last_event_id: str | None, *, from_beginning: bool) -> StreamStart:
        """Where to begin: after an event, at the beginning, or now. Raises UnknownEventError."""
        if last_event_id is not None:
            return await asyncio.to_thread(self._resume, partner, last_event_id)
        if from_beginning:
            return StreamStart(0, {}, {0: 0})
        now = self._clock_tai_ns()
        return StreamStart(now, {}, await asyncio.to_thread(self._cursor_at, partner, now))

    async def events(
        self,
        admission: Admission,
        start: StreamStart,
        *,
        kinds: tuple[str, ...],
        data_mode: DataMode,
        most: int | None,
        wait_s: float | None,
    ) -> AsyncIterator[bytes]:
        """Server-sent events, without end unless ``most`` events were sent or nothing came for ``wait_s``.

        The first thing sent is an id alone, so that a client that is cut off before any record can go on too. The
        stream ends when the partner's key is one no more, and when state cannot be reached: clients come again.
        """
        begun, sent, cursor = start
        yield f"retry: 2000\nid: {_event_id(begun, sent)}\nevent: begun\ndata: {{}}\n\n".encode()
        left = most
        quiet_since = last_sign = time.monotonic()
        while left is None or left > 0:
            limit = _PAGE if left is None else min(_PAGE, left)
            try:
                look = await asyncio.to_thread(self._look, admission, cursor, kinds, data_mode, limit)
            except StateUnavailableError as error:
                log_event.warning("stream ended", error=str(error))
                return
            if look is None:
                return
            cursor = look.cursor
            for row, body in look.found:
                sent = {**sent, row.delay_ns: row.record_id}
                yield f"id: {_event_id(begun, sent)}\nevent: {row.kind}\ndata: ".encode() + body + b"\n\n"
            if look.found:
                left = None if left is None else left - len(look.found)
                quiet_since = last_sign = time.monotonic()
                continue
            if wait_s is not None and time.monotonic() - quiet_since >= wait_s:
                return
            if time.monotonic() - last_sign >= _KEEP_ALIVE_S:
                last_sign = time.monotonic()
                yield b": nothing new\n\n"
            await asyncio.sleep(_LOOK_EVERY_S)

    def _look(
        self, admission: Admission, cursor: Cursor, kinds: tuple[str, ...], data_mode: DataMode, limit: int
    ) -> _Look | None:
        """Up to ``limit`` records after the cursor that are visible now; None for a partner who is one no more."""
        partner = admission()
        if partner is None:
            return None
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        combinations = released.combinations(frozenset(KINDS[kind] for kind in kinds))
        page = self._state.feed.after(cursor, combinations, data_mode=data_mode.value, now_tai_ns=now, limit=limit)
        bodies = _bodies(page.rows, released)
        return _Look(page.cursor, [(row, bodies[row.record_id]) for row in page.rows])

    def _cursor_at(self, partner: Partner, begun_tai_ns: int) -> Cursor:
        """The cursor of who begins at an instant: of each delay, what was recorded when it became visible then.

        What lies under an embargo at the beginning was recorded before it, and is to come when its delay is over.
        """
        released = self._policies.released_to(partner, self._clock_tai_ns())
        tables = (released.elements, released.conjunctions)
        delays = {0, *(delay for table in tables for delay in table.column("delay_ns").unique().to_pylist())}
        return {delay: self._state.recorded.seq_at(begun_tai_ns - delay) for delay in delays}

    def _resume(self, partner: Partner, text: str) -> StreamStart:
        match = _EVENT_ID.fullmatch(text)
        if match is None:
            raise UnknownEventError(text)
        begun = int(match["begun"])
        if begun > self._clock_tai_ns():
            raise UnknownEventError(text)
        parts = [part.split(":") for part in match["sent"].split(";") if part]
        sent = {int(delay): record_id for delay, record_id in parts}
        cursor = {delay: self._seq_of_visible(partner, record_id) for delay, record_id in sent.items()}
        # A delay that nothing was sent under goes on where the stream was begun.
        return StreamStart(begun, sent, {**self._cursor_at(partner, begun - _UNDER_WAY_NS), **cursor})

    def _seq_of_visible(self, partner: Partner, record_id: str) -> int:
        """The number of a record that the partner sees; one that he does not see does not exist."""
        rules = self._policies.rules()
        entry = self._state.recorded.get(record_id)
        if entry is None:
            raise UnknownEventError(record_id)
        fields = visible(
            KINDS[entry.kind],
            msgspec.json.decode(entry.body),
            rules.partners.get(partner.name, partner),
            rules.agreements,
            rules.labels,
            posture=rules.posture,
            now_tai_ns=self._clock_tai_ns(),
        )
        if fields is None:
            raise UnknownEventError(record_id)
        return entry.seq


def _event_id(begun_tai_ns: int, sent: dict[int, str]) -> str:
    return ";".join([str(begun_tai_ns), *(f"{delay}:{record_id}" for delay, record_id in sorted(sent.items()))])


def _bodies(rows: list[FeedRow], released: Released) -> dict[str, bytes]:
    """The masked JSON of each row, by record id."""
    encode = msgspec.json.Encoder().encode
    found: dict[str, bytes] = {}
    for name, kind in KINDS.items():
        chosen = [row for row in rows if row.kind == name]
        if not chosen:
            continue
        masks = [
            row.mask_ids[0] if kind is Kind.ELEMENTS else released.table.combine(row.mask_ids[0], row.mask_ids[1])
            for row in chosen
        ]
        table = read_bodies([row.body for row in chosen], name).append_column("mask_id", pa.array(masks, pa.int32()))
        shown = with_utc_columns(apply_masks(table, "mask_id", released.table.masks, ALWAYS_COLUMNS[kind]))
        for record in shown.to_pylist():
            found[record["record_id"]] = encode({**record, "policy_version": released.table.policy_version})
    return found
