"""A server that speaks the form of CelesTrak's gp.php, asked politely.

At most one request a group in ``interval_s`` (two hours or more), kept in the memory before the request is sent, so
that neither a restart nor a crash asks again; conditional requests; a server that refuses one group is left alone
with all of them. Source of the rules: CelesTrak's usage policy and its "GP Data Formats" page (2026).
"""

import asyncio
import hashlib
import importlib.metadata
import random
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import httpx
import msgspec
import structlog

from connectors import gp_form, politeness
from connectors.clock import SYSTEM_CLOCK, Clock
from connectors.http_request import Answer, NoAnswerError, get
from connectors.payload import ConnectorMemory, Payload, Provenance
from connectors.sources import GpSource
from schemas.timescales import NS_PER_SECOND, format_utc

_log = structlog.get_logger(__name__)
_JITTER = random.SystemRandom()

# Statuses by which a server speaks of the asker, not of the group: all groups wait.
_ABOUT_US = frozenset({401, 403, 429, 503})


class GroupState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a group. The last three speak of the newest body that was acknowledged."""

    not_before_tai_ns: int = 0
    failures: int = 0
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None


class _Pending(NamedTuple):
    """A body under way: what is remembered once it is acknowledged."""

    group: str
    etag: str | None
    last_modified: str | None
    sha256: str


def user_agent(contact: str) -> str:
    """Names the hub and its version, and how its operator can be reached where that is configured."""
    name = f"ssa-hub/{importlib.metadata.version('ssa-hub')}"
    return f"{name} ({contact})" if contact else name


class GpConnector:
    """Brings each group's newest element sets, as bytes."""

    def __init__(
        self,
        config: GpSource,
        memory: ConnectorMemory,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[], float] = _JITTER.random,
    ) -> None:
        self._config, self._memory, self._clock, self._jitter = config, memory, clock, jitter
        self._provenance = Provenance(
            source=config.id, originator=config.originator, data_mode=config.data_mode, label=config.label
        )
        self._pending: dict[str, _Pending] = {}

    @property
    def source(self) -> str:
        """The source's id in the configuration."""
        return self._config.id

    async def payloads(self) -> AsyncIterator[Payload]:
        """Bodies that hold data and differ from what was acknowledged, without end."""
        headers = {"User-Agent": user_agent(self._config.contact), "Accept-Encoding": "gzip"}
        limits = httpx.Timeout(self._config.timeout_s)
        async with httpx.AsyncClient(headers=headers, timeout=limits, follow_redirects=False) as client:
            while True:
                due_tai_ns, group = min((self._due_tai_ns(group), group) for group in self._config.groups)
                wait_s = (due_tai_ns - self._clock.now_tai_ns()) / NS_PER_SECOND
                if wait_s > 0:
                    await self._clock.sleep(wait_s)
                    continue
                payload = await self._ask(client, group)
                if payload is not None:
                    yield payload

    async def acknowledge(self, payload: Payload) -> None:
        """Remember the body and its validators, so that the server can say "not modified" from now on."""
        pending = self._pending.get(payload.location)
        digest = await asyncio.to_thread(_sha256, payload.data)
        if pending is None or pending.sha256 != digest:
            return
        del self._pending[payload.location]
        state = self._state(pending.group)
        self._keep(
            pending.group,
            msgspec.structs.replace(
                state, etag=pending.etag, last_modified=pending.last_modified, sha256=pending.sha256
            ),
        )

    def _state(self, group: str) -> GroupState:
        kept = self._memory.get(self.source, f"group/{group}")
        return GroupState() if kept is None else msgspec.convert(kept, type=GroupState)

    def _keep(self, group: str, state: GroupState) -> None:
        self._memory.put(self.source, f"group/{group}", msgspec.to_builtins(state))

    def _due_tai_ns(self, group: str) -> int:
        """When the group may be asked for again."""
        host = self._memory.get(self.source, "host") or {"not_before_tai_ns": 0}
        kept = max(self._state(group).not_before_tai_ns, int(host["not_before_tai_ns"]))
        now = self._clock.now_tai_ns()
        if kept > now + (politeness.LONGEST_WAIT_S + self._config.interval_s * 2) * NS_PER_SECOND:
            # Kept while the machine's clock was far ahead. Start again from a full interval.
            _log.warning("kept waiting time lies too far ahead; the clock was wrong", source=self.source, group=group)
            self._put_off(group, self._config.interval_s)
            self._memory.put(self.source, "host", {"not_before_tai_ns": 0})
            return now + round(self._config.interval_s * NS_PER_SECOND)
        return kept

    def _put_off(self, group: str, wait_s: float, failures: int | None = None) -> None:
        """Keep that the group is not asked for before ``wait_s`` from now have passed."""
        state = self._state(group)
        self._keep(
            group,
            msgspec.structs.replace(
                state,
                not_before_tai_ns=self._clock.now_tai_ns() + round(wait_s * NS_PER_SECOND),
                failures=state.failures if failures is None else failures,
            ),
        )

    async def _ask(self, client: httpx.AsyncClient, group: str) -> Payload | None:
        """One request, whatever comes of it."""
        state = self._state(group)
        self._put_off(group, self._config.interval_s)
        headers = {}
        if state.etag is not None:
            headers["If-None-Match"] = state.etag
        if state.last_modified is not None:
            headers["If-Modified-Since"] = state.last_modified
        url = httpx.URL(self._config.url, params=gp_form.query(group, self._config.format))
        try:
            answer = await get(client, url, headers, self._config.timeout_s, self._config.max_body_bytes)
        except NoAnswerError as error:
            self._without_answer(group, state.failures + 1, error)
            return None
        return self._judged(group, state, str(url), answer)

    def _without_answer(self, group: str, failures: int, error: NoAnswerError) -> None:
        interval_s = self._config.interval_s
        if error.reached:
            wait_s = politeness.after_failure_s(None, failures, interval_s, None, self._jitter())
        else:
            wait_s = politeness.after_no_connection_s(failures, interval_s, self._jitter())
        self._put_off(group, wait_s, failures)
        self._report(group, str(error), wait_s)

    def _judged(self, group: str, state: GroupState, location: str, answer: Answer) -> Payload | None:
        """What an answer means: data, nothing new, or an error to back off from."""
        if answer.status == 304 or (answer.status in (200, 403) and gp_form.says_not_updated(answer.body)):
            self._put_off(group, self._config.interval_s, failures=0)
            _log.info("nothing new", source=self.source, group=group, status=answer.status)
            return None
        if answer.status != 200:
            self._refused(group, state.failures + 1, answer)
            return None
        if not gp_form.is_data(answer.body, self._config.format):
            words = gp_form.first_words(answer.body)
            wait_s = politeness.after_failure_s(200, state.failures + 1, self._config.interval_s, None, self._jitter())
            self._put_off(group, wait_s, state.failures + 1)
            self._report(group, f"the answer is no {self._config.format.value} element sets: {words!r}", wait_s)
            return None
        self._put_off(group, self._config.interval_s, failures=0)
        digest = _sha256(answer.body)
        if digest == state.sha256:
            _log.info("same bytes as before", source=self.source, group=group)
            return None
        self._pending[location] = _Pending(
            group, answer.headers.get("etag"), answer.headers.get("last-modified"), digest
        )
        return Payload(
            provenance=self._provenance,
            data=answer.body,
            location=location,
            retrieved_tai_ns=self._clock.now_tai_ns(),
            media_type=answer.headers.get("content-type"),
        )

    def _refused(self, group: str, failures: int, answer: Answer) -> None:
        """An error status: back off, with every group where the server speaks of us."""
        now = self._clock.now_tai_ns()
        asked_s = politeness.retry_after_s(answer.headers.get("retry-after"), now)
        wait_s = politeness.after_failure_s(answer.status, failures, self._config.interval_s, asked_s, self._jitter())
        self._put_off(group, wait_s, failures)
        if answer.status in _ABOUT_US:
            until = now + round(wait_s * NS_PER_SECOND)
            self._memory.put(self.source, "host", {"not_before_tai_ns": until})
        self._report(group, f"status {answer.status}: {gp_form.first_words(answer.body)!r}", wait_s)

    def _report(self, group: str, what: str, wait_s: float) -> None:
        again = format_utc(self._clock.now_tai_ns() + round(wait_s * NS_PER_SECOND), 0)
        _log.warning("no element sets", source=self.source, group=group, reason=what, again_utc=f"{again}Z")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
