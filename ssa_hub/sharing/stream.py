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
import pyarrow.compute as pc

from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.release.columns import ALWAYS_COLUMNS
from ssa_hub.release.masks import apply_masks
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import visible
from ssa_hub.release.table import ReleaseTable
from ssa_hub.sharing.explaining import KINDS
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.utc import with_utc_columns
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


class UnknownEventError(Exception):
    """An id of no event that this partner could have been sent."""


class StreamStart(NamedTuple):
    """Where a stream goes on: ``cursor`` for the feed, and what the next event's id is made of."""

    begun_tai_ns: int
    sent: dict[int, str]
    cursor: Cursor | int


class Stream:
    """Streams for partners. Each looks for new records several times a second."""

    def __init__(self, state: State, policies: Policies, clock_tai_ns: Callable[[], int] = now_tai_ns) -> None:
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns

    async def start(self, partner: Partner, last_event_id: str | None, *, from_beginning: bool) -> StreamStart:
        """Where to begin: after an event, at the beginning, or now. Raises UnknownEventError."""
        if last_event_id is not None:
            return await asyncio.to_thread(self._resume, partner, last_event_id)
        if from_beginning:
            return StreamStart(0, {}, 0)
        now = self._clock_tai_ns()
        return StreamStart(now, {}, await asyncio.to_thread(self._state.recorded.seq_at, now))

    async def events(
        self,
        partner: Partner,
        start: StreamStart,
        *,
        kinds: tuple[str, ...],
        data_mode: DataMode,
        most: int | None,
        wait_s: float | None,
    ) -> AsyncIterator[bytes]:
        """Server-sent events, without end unless ``most`` events were sent or nothing came for ``wait_s``.

        The first thing sent is an id alone, so that a client that is cut off before any record can go on too.
        """
        begun, sent, cursor = start
        yield f"retry: 2000\nid: {_event_id(begun, sent)}\nevent: begun\ndata: {{}}\n\n".encode()
        left = most
        quiet_since = last_sign = time.monotonic()
        while left is None or left > 0:
            now = self._clock_tai_ns()
            limit = _PAGE if left is None else min(_PAGE, left)
            release = await asyncio.to_thread(self._policies.release_of, partner, now)
            page = await asyncio.to_thread(
                self._state.feed.after,
                cursor,
                _of_kinds(release, kinds),
                data_mode=data_mode.value,
                now_tai_ns=now,
                limit=limit,
            )
            cursor = page.cursor
            if page.rows:
                bodies = await asyncio.to_thread(_bodies, page.rows, release)
                for row in page.rows:
                    sent = {**sent, row.delay_ns: row.record_id}
                    head = f"id: {_event_id(begun, sent)}\nevent: {row.kind}\ndata: "
                    yield head.encode() + bodies[row.record_id] + b"\n\n"
                left = None if left is None else left - len(page.rows)
                quiet_since = last_sign = time.monotonic()
                continue
            if wait_s is not None and time.monotonic() - quiet_since >= wait_s:
                return
            if time.monotonic() - last_sign >= _KEEP_ALIVE_S:
                last_sign = time.monotonic()
                yield b": nothing new\n\n"
            await asyncio.sleep(_LOOK_EVERY_S)

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
        beginning = self._state.recorded.seq_at(begun - _UNDER_WAY_NS)
        if not cursor:
            return StreamStart(begun, sent, beginning)
        # A delay that nothing was sent under goes on where the stream was begun.
        release = self._policies.release_of(partner, self._clock_tai_ns())
        delays = set(release.to_arrow().column("delay_ns").to_pylist())
        return StreamStart(begun, sent, {**dict.fromkeys(delays, beginning), **cursor})

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


def _of_kinds(release: ReleaseTable, kinds: tuple[str, ...]) -> pa.Table:
    table = release.to_arrow()
    return table.filter(pc.is_in(table.column("kind"), pa.array([KINDS[kind].value for kind in kinds], pa.string())))


def _bodies(rows: list[FeedRow], release: ReleaseTable) -> dict[str, bytes]:
    """The masked JSON of each row, by record id."""
    encode = msgspec.json.Encoder().encode
    found: dict[str, bytes] = {}
    for name, kind in KINDS.items():
        chosen = [row for row in rows if row.kind == name]
        if not chosen:
            continue
        masks = [
            row.mask_ids[0] if kind is Kind.ELEMENTS else release.combine(row.mask_ids[0], row.mask_ids[1])
            for row in chosen
        ]
        table = read_bodies([row.body for row in chosen], name).append_column("mask_id", pa.array(masks, pa.int32()))
        shown = with_utc_columns(apply_masks(table, "mask_id", release.masks, ALWAYS_COLUMNS[kind]))
        for record in shown.to_pylist():
            found[record["record_id"]] = encode({**record, "policy_version": release.policy_version})
    return found
