"""The stream: records as they become visible to a partner, and what the hub tells him by himself, with ids to go on at.

An event's id holds an instant (when the stream was begun), for each delay that the partner is under the id of the
last record that he was sent, and the id of the last notice. These he knows already; offsets or sequence numbers would
count for him, in their gaps, what he may not see.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import NamedTuple

import structlog

from ingest.clock_watch import ClockJumpedError
from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.release.partner import Partner
from ssa_hub.release.record_decision import deciding_originators
from ssa_hub.release.rule import DELAY_S_MAX
from ssa_hub.sharing.disclosures import Disclosures
from ssa_hub.sharing.notices import Notice, Notices
from ssa_hub.sharing.policies import Policies
from ssa_hub.sharing.seen_records import KINDS, SeenRecord, is_withdrawn, seen_record
from ssa_hub.sharing.stream_records import StreamRecord, stream_records
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.feed import Cursor, Place, place_of, place_since
from ssa_hub.state.news import comes_before
from ssa_hub.state.store import State

NOTICES = "notices"

FEED_WINDOW_NS = 400 * 86_400 * NS_PER_SECOND
_LOOK_EVERY_S = 0.3
_KEEP_ALIVE_S = 15.0
_PAGE = 500
# A record may carry an instant of recording that lies so long before the moment at which it could be seen. Who goes on
# from an instant begins so much earlier, and gets some records once more rather than one never.
_UNDER_WAY_NS = 60 * NS_PER_SECOND
_EVENT_ID = re.compile(
    r"(?P<begun>[0-9]{1,19})(?P<sent>(?:;[0-9]{1,19}:[0-9a-f]{32})*)(?:;n:(?P<notice>[0-9a-f]{32}))?", re.ASCII
)

# Asks whether the key that a stream was begun with still is one; None: no more.
Admission = Callable[[], Partner | None]

log_event = structlog.get_logger("stream")


class UnknownEventError(Exception):
    """An id of no event that this partner could have been sent."""


class EventTooOldError(Exception):
    """Records that he has not been sent are older than the feed's window: the stream has them no more."""


class StreamStart(NamedTuple):
    """Where a stream goes on: ``cursor`` for the feed and ``notice`` (number, None: the first) for the notices, and
    what the next event's id is made of: by delay the id, as it was shown, of the last record; that of the last notice.
    """

    begun_tai_ns: int
    sent: dict[int, str]
    notice_sent: str | None
    cursor: Cursor
    notice: int | None

    @property
    def event_id(self) -> str:
        """What the client is to go on from, as far as he has got."""
        parts = [str(self.begun_tai_ns), *(f"{delay}:{record_id}" for delay, record_id in sorted(self.sent.items()))]
        return ";".join(parts if self.notice_sent is None else [*parts, f"n:{self.notice_sent}"])


class _Look(NamedTuple):
    """What one look found: where the next one goes on, records and notices. They have been noted as released."""

    cursor: Cursor
    notice: int | None
    records: list[StreamRecord]
    notices: list[Notice]


class Stream:
    """Streams for partners. Each looks for new records several times a second."""

    def __init__(
        self,
        state: State,
        policies: Policies,
        disclosures: Disclosures,
        notices: Notices,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        window_ns: int = FEED_WINDOW_NS,
    ) -> None:
        """``window_ns``: how long after it became visible a record can be streamed."""
        self._window_ns = window_ns
        self._state, self._policies, self._clock_tai_ns = state, policies, clock_tai_ns
        self._disclosures, self._notices = disclosures, notices

    async def start(
        self,
        partner: Partner,
        last_event_id: str | None,
        *,
        from_beginning: bool,
        data_mode: DataMode,
        kinds: tuple[str, ...] = tuple(KINDS),
    ) -> StreamStart:
        """Where to begin: after an event, at the beginning of the window, or now.

        Raises UnknownEventError, EventTooOldError, StateUnavailableError, HistoryUnavailableError.
        """
        if last_event_id is not None:
            start = await asyncio.to_thread(self._resume, partner, last_event_id)
            await asyncio.to_thread(self._check_age, partner, start.cursor, kinds, data_mode)
            return start
        if from_beginning:
            begun = max(self._clock_tai_ns() - self._window_ns, 0)
            return StreamStart(begun, {}, None, {0: place_since(begun)}, None)
        return await asyncio.to_thread(self._now, partner, data_mode)

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

        ``kinds``: elements, conjunctions, notices. The first thing sent is an id alone, so that a client that is cut
        off before any record can go on too. The stream ends when the partner's key is one no more, and when state
        cannot be reached: clients come again.
        """
        with self._state.news.listening() as news:
            found = self._events(admission, start, kinds, data_mode, most, wait_s, news)
            async with contextlib.aclosing(found):
                async for event in found:
                    yield event

    async def _events(
        self,
        admission: Admission,
        at: StreamStart,
        kinds: tuple[str, ...],
        data_mode: DataMode,
        most: int | None,
        wait_s: float | None,
        news: asyncio.Event,
    ) -> AsyncGenerator[bytes]:
        yield f"retry: 2000\nid: {at.event_id}\nevent: begun\ndata: {{}}\n\n".encode()
        left = most
        quiet_since = last_sign = time.monotonic()
        next_look, woken = 0.0, False
        while left is None or left > 0:
            limit = _PAGE if left is None else min(_PAGE, left)
            news.clear()
            try:
                look = await asyncio.to_thread(self._look, admission, at, kinds, data_mode, limit, woken)
            except (StateUnavailableError, ClockJumpedError) as error:
                log_event.warning("stream ended", error=str(error))
                return
            if look is None:
                return
            at = at._replace(cursor=look.cursor, notice=look.notice)
            for record in look.records:
                at = at._replace(sent={**at.sent, record.delay_ns: record.shown_id})
                yield _event(at, record.name, record.data)
            for notice in look.notices:
                at = at._replace(notice_sent=notice.shown_id)
                yield _event(at, notice.kind, notice.data())
            if found := len(look.records) + len(look.notices):
                left = None if left is None else left - found
                quiet_since = last_sign = time.monotonic()
                continue
            if not woken:
                if wait_s is not None and time.monotonic() - quiet_since >= wait_s:
                    return
                next_look = time.monotonic() + _LOOK_EVERY_S
            if time.monotonic() - last_sign >= _KEEP_ALIVE_S:
                last_sign = time.monotonic()
                yield b": nothing new\n\n"
            woken = await comes_before(news, next_look)

    def _look(
        self,
        admission: Admission,
        at: StreamStart,
        kinds: tuple[str, ...],
        data_mode: DataMode,
        limit: int,
        woken: bool,
    ) -> _Look | None:
        """Up to ``limit`` records and notices that are visible now; None for a partner who is one no more.

        ``woken``: not the clock asks for the look, but that something was recorded, which may be hidden from the
        partner, and he must not learn when: only what is visible at the moment of its own recording may come then, so
        no notices, and nothing at all where he is under a delay.

        Rendered first, then noted as released: when they are handed on, the ledger has them.
        """
        partner = admission()
        if partner is None:
            return None
        cursor = at.cursor
        records: list[StreamRecord] = []
        if wanted := frozenset(KINDS[kind] for kind in kinds if kind in KINDS):
            now = self._clock_tai_ns()
            released = self._policies.released_to(partner, now)
            combinations = released.combinations(wanted)
            delayed = any(combinations.column("delay_ns").to_pylist())
            while not records and not (woken and delayed):
                page = self._state.feed.after(
                    cursor, combinations, data_mode=data_mode.value, now_tai_ns=now, limit=limit
                )
                cursor = page.cursor
                records, disclosures = stream_records(page.rows, released)
                self._disclosures.record(disclosures)
                if len(page.rows) < limit:
                    break
        notice = at.notice
        notices: list[Notice] = []
        if NOTICES in kinds and not woken and len(records) < limit:
            notices = self._notices.visible(
                partner, after=notice, data_mode=data_mode, limit=limit - len(records), with_untold=True
            )
            self._notices.tell(partner, notices)
            notice = self._later(partner, notice, notices)
        return _Look(cursor, notice, records, notices)

    def _later(self, partner: Partner, notice: int | None, found: list[Notice]) -> int | None:
        """After which notice to go on. One that was never sent before may have come from before the place."""
        known = None if notice is None else self._state.notices.get(notice, partner.name)
        rows = [one.row for one in found] + ([] if known is None else [known])
        return max(rows, key=lambda row: (row.due_tai_ns, row.id)).id if rows else notice

    def _now(self, partner: Partner, data_mode: DataMode) -> StreamStart:
        """Everything that is visible now is behind; what lies under an embargo comes when its delay is over."""
        now = self._clock_tai_ns()
        place = self._state.feed.place_at(now)
        notice = self._notices.last(partner, data_mode)
        sent = None if notice is None else self._notices.shown_id(partner, notice)
        return StreamStart(now, {}, sent, self._everywhere(partner, place), notice)

    def _everywhere(self, partner: Partner, place: Place) -> dict[int, Place]:
        """One place for each delay that the partner is under."""
        released = self._policies.released_to(partner, self._clock_tai_ns())
        tables = (released.elements, released.conjunctions)
        return dict.fromkeys((0, *(d for t in tables for d in t.column("delay_ns").unique().to_pylist())), place)

    def _resume(self, partner: Partner, text: str) -> StreamStart:
        match = _EVENT_ID.fullmatch(text)
        if match is None:
            raise UnknownEventError(text)
        begun = int(match["begun"])
        if begun > self._clock_tai_ns():
            raise UnknownEventError(text)
        parts = [part.split(":") for part in match["sent"].split(";") if part]
        sent = {int(delay): record_id for delay, record_id in parts}
        places = {delay: self._place_of_seen(partner, record_id, delay) for delay, record_id in sent.items()}
        # A delay that nothing was sent under goes on where the stream was begun.
        cursor = {**self._everywhere(partner, place_since(begun - _UNDER_WAY_NS)), **places}
        notice = match["notice"]
        # One that he was not told begins with the first: notices come again rather than never.
        number = None if notice is None else self._notices.number(partner, notice)
        return StreamStart(begun, sent, notice if number is not None else None, cursor, number)

    def _check_age(self, partner: Partner, cursor: Cursor, kinds: tuple[str, ...], data_mode: DataMode) -> None:
        """Raise EventTooOldError where anything unread became visible to him before the window.

        Whether its body has been given up yet does not count: who comes again gets the same answer. It is asked of what
        he may see, so it tells nothing of what he may not.
        """
        begin = self._clock_tai_ns() - self._window_ns
        wanted = frozenset(KINDS[kind] for kind in kinds if kind in KINDS)
        if not wanted or all(place.visible_tai_ns >= begin for place in cursor.values()):
            return
        combinations = self._policies.released_to(partner, self._clock_tai_ns()).combinations(wanted)
        page = self._state.feed.after(
            cursor, combinations, data_mode=data_mode.value, now_tai_ns=begin, limit=1, with_given_up=True
        )
        if page.rows:
            raise EventTooOldError

    def _place_of_seen(self, partner: Partner, shown_id: str, delay_ns: int) -> Place:
        """The place of a record that the partner sees; one that he does not see does not exist."""
        now = self._clock_tai_ns()
        released = self._policies.released_to(partner, now)
        rules = self._policies.rules()
        seen = seen_record(self._state, rules, released.ids, partner, shown_id, now_tai_ns=now)
        if seen is None or delay_ns > DELAY_S_MAX * NS_PER_SECOND:
            raise UnknownEventError(shown_id)
        entry = seen.entry
        if is_withdrawn(seen.kind, seen.row, rules) and not self._was_sent(partner, seen):
            raise UnknownEventError(shown_id)
        visible_tai_ns = max(entry.received_tai_ns + delay_ns, entry.recorded_tai_ns)
        if visible_tai_ns > now:
            raise UnknownEventError(shown_id)
        return place_of(visible_tai_ns, entry.seq, under_way_ns=_UNDER_WAY_NS)

    def _was_sent(self, partner: Partner, seen: SeenRecord) -> bool:
        """Whether a record that is withdrawn was released to the partner before: for him it has existed."""
        others = set(deciding_originators(seen.kind, seen.row)) - {partner.name}
        if not others:
            return True
        received = self._state.ledger.who_received([seen.entry.record_id], min(others), seen.entry.received_tai_ns)
        return any(one.partner == partner.name for one in received)


def _event(at: StreamStart, name: str, data: bytes) -> bytes:
    return f"id: {at.event_id}\nevent: {name}\ndata: ".encode() + data + b"\n\n"
