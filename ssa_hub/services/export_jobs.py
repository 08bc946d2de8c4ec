"""The worker's background task that makes the exports that partners ordered, one at a time, under a lease.

What is durable of a job when a worker dies is used by the next one: it goes on behind the last part. A worker that has
lost its lease and does not know it yet can change nothing: the job knows whose attempt it is.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import structlog

from ingest.disk_reserve import DiskFullError
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.services.leased_work import LeasedWork, StoppedError
from ssa_hub.sharing.export_desk import ExportLimits, NoRoomError, Order, remove_ended_files
from ssa_hub.sharing.export_parts import BATCHES_A_PART, ExportFiles, Part, remove_files
from ssa_hub.sharing.exporting import Exporting, RulesChangedError
from ssa_hub.state.export_jobs import ENDED, ExportJob, ExportJobs
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_LEASE, _LEASE_S = "exports", 60.0
_FORGOTTEN_AFTER_NS = 30 * 86_400 * NS_PER_SECOND
# How often files of ended jobs are looked for while nothing else is to be done.
_SWEEP_S = 60.0
# The pause doubles after each turn that failed: what is begun again may be in the ledger again.
_PAUSE_MAX_S = 60.0

# What another turn may mend.
_PASSING = (StateUnavailableError, HistoryUnavailableError, DiskFullError, NoRoomError, OSError)

log_event = structlog.get_logger("exports")


class TooLargeError(Exception):
    """A partner's exports would take more room than his may."""


class ExportService:
    """Any number of workers may run one: the lease lets one of them work. ``room`` raises DiskFullError."""

    def __init__(
        self,
        state: State,
        exporting: Exporting,
        directory: Path,
        holder: str,
        limits: ExportLimits,
        *,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        room: Callable[[], None] = lambda: None,
        every_s: float = 1.0,
        batches_a_part: int = BATCHES_A_PART,
    ) -> None:
        self._state, self._jobs, self._exporting, self._directory = state, state.export_jobs, exporting, directory
        self._limits, self._clock_tai_ns, self._room = limits, clock_tai_ns, room
        self._every_s, self._batches_a_part = every_s, batches_a_part
        self._leased = LeasedWork(state.leases, _LEASE, holder, _LEASE_S)
        self._next_sweep_s, self._pause_s = 0.0, 0.0

    async def run(self) -> None:
        """Make exports until cancelled. What fails is told and tried again; nothing of it ends the worker."""
        await self._leased.turns(self._turn, self._every_s)

    async def _turn(self) -> None:
        try:
            # Looked at first: an idle hub writes no lease each second.
            waiting = await asyncio.to_thread(self._jobs.next_open)
            overdue = await asyncio.to_thread(self._jobs.overdue, self._clock_tai_ns())
            if waiting is None and not overdue and time.monotonic() < self._next_sweep_s:
                return
            self._next_sweep_s = time.monotonic() + _SWEEP_S
            async with self._leased.held() as ours:
                if ours:
                    await self._leased.done(self.turn)
            self._pause_s = 0.0
            return
        except _PASSING as error:
            log_event.warning("exports wait", error=str(error))
        except StoppedError:
            log_event.info("export stopped")
        except Exception:
            log_event.exception("exports failed")
        self._pause_s = min(2 * (self._pause_s or self._every_s), _PAUSE_MAX_S)
        await asyncio.sleep(self._pause_s)

    def turn(self) -> bool:
        """Remove what has expired, and make the next job. Whether there was one.

        Raises StateUnavailableError, HistoryUnavailableError, DiskFullError, NoRoomError, OSError: the job is tried
        again; StoppedError: it was given up, or is another's by now.
        """
        now = self._clock_tai_ns()
        for job in self._jobs.overdue(now):
            self._jobs.change(job.job_id, only=("complete",), status="expired")
        self._jobs.forget(now - _FORGOTTEN_AFTER_NS)
        remove_ended_files(self._jobs, self._directory)
        found = self._jobs.next_open()
        if found is not None:
            self._make(found)
        return found is not None

    def _make(self, job: ExportJob) -> None:
        attempt = _Attempt(self._jobs, job, self._directory / job.job_id)
        attempt.begin()
        try:
            self._attempt(job, attempt)
        except (RulesChangedError, TooLargeError) as error:
            attempt.fail(str(error), self._clock_tai_ns())
        except (StoppedError, *_PASSING):
            raise
        except Exception as error:
            # A job that no retry can mend must not keep the others waiting.
            log_event.exception("export failed", job=job.job_id)
            attempt.fail(f"a fault of the hub: {type(error).__name__}", self._clock_tai_ns())

    def _attempt(self, job: ExportJob, attempt: "_Attempt") -> None:
        partner = self._state.partners.get(job.partner)
        if partner is None:
            raise RulesChangedError("the partner is no longer enrolled")
        order = msgspec.json.decode(job.question, type=Order)
        basis = order.basis
        if basis is None:
            basis = self._exporting.basis(partner)
            attempt.change(
                question=msgspec.json.encode(Order(order.asked, basis)).decode(),
                started_tai_ns=self._clock_tai_ns(),
                as_of_tai_ns=basis.as_of_tai_ns,
                policy_version=basis.policy_version,
            )
        files = ExportFiles(attempt.directory, attempt.id)
        parts = msgspec.json.decode(job.parts, type=list[Part])
        if not files.has_parts(parts):
            log_event.warning("export begun anew: parts of it are gone", job=job.job_id)
            parts = []
        files.keep_parts(parts)

        def note(done: Sequence[Part]) -> None:
            attempt.change(
                parts=msgspec.json.encode(done).decode(),
                rows=sum(part.rows for part in done),
                bytes=sum(part.bytes for part in done),
                fraction=done[-1].fraction,
            )

        def go_on(content_bytes: int = 0) -> None:
            self._room()
            self._leased.go_on()
            attempt.look()
            self._check_room(job.partner, content_bytes)

        after = parts[-1].after if parts else None
        batches = self._exporting.batches(partner, order.asked, basis, after)
        parts = files.write_parts(batches, parts, note, go_on, self._batches_a_part)
        self._exporting.check_withdrawals(files.depends_on(parts))
        self._exporting.check_grants(partner, order.asked, files.grants(parts))
        empty = self._exporting.empty(partner, order.asked, basis)
        content = files.assemble(parts, order.asked.format, empty, go_on)
        now = self._clock_tai_ns()
        attempt.change(
            status="complete",
            fraction=1.0,
            bytes=content.bytes,
            sha256=content.sha256,
            finished_tai_ns=now,
            expires_tai_ns=now + round(self._limits.keep_s * NS_PER_SECOND),
        )
        files.keep_content(parts)
        log_event.info("export made", job=job.job_id, partner=job.partner, bytes=content.bytes)

    def _check_room(self, partner: str, content_bytes: int) -> None:
        most = self._limits.bytes_a_partner
        if self._jobs.bytes_kept(partner) + content_bytes > most:
            raise TooLargeError(f"your exports would take more than the {most:,} bytes that they may: ask for less")
        if self._jobs.bytes_kept() + content_bytes > self._limits.bytes_max:
            raise NoRoomError("exports take as much room as they may")


class _Attempt:
    """One attempt at a job. What it finds to be another's, or ended, it leaves: all but `fail` raise StoppedError."""

    def __init__(self, jobs: ExportJobs, job: ExportJob, directory: Path) -> None:
        self._jobs, self._job_id, self.directory = jobs, job.job_id, directory
        self.id = uuid.uuid4().hex

    def begin(self) -> None:
        """Take the job over: from now on it is this attempt's."""
        if not self._jobs.change(self._job_id, status="running", attempt=self.id):
            self._stop()

    def change(self, **values: Any) -> None:
        """Set columns of the job."""
        if not self._jobs.change(self._job_id, of_attempt=self.id, **values):
            self._stop()

    def look(self) -> None:
        """Whether the job still is this attempt's, and not given up."""
        here = self._jobs.get(self._job_id)
        if here is None or (here.status, here.attempt) != ("running", self.id):
            self._stop()

    def fail(self, failure: str, now_tai_ns: int) -> None:
        """End the job without content, if it is still this attempt's."""
        # The job first: without its files it could not be gone on with.
        if self._jobs.change(
            self._job_id, of_attempt=self.id, status="failed", failure=failure, finished_tai_ns=now_tai_ns
        ):
            remove_files(self.directory)

    def _stop(self) -> NoReturn:
        here = self._jobs.get(self._job_id)
        if here is None or here.status in ENDED:
            remove_files(self.directory)
        raise StoppedError
