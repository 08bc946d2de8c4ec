"""The worker's background task that makes the exports that partners ordered, one at a time, under a lease.

What is durable of a job when a worker dies is used by the next one: it goes on behind the last part. A worker that has
lost its lease and does not know it yet can change nothing: the job knows whose attempt it is.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec
import structlog

from ingest.disk_reserve import DiskFullError
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.services.leased_work import LeasedWork, StoppedError
from ssa_hub.sharing.export_desk import ExportLimits, NoRoomError, Order, remove_ended_files
from ssa_hub.sharing.export_making import made
from ssa_hub.sharing.export_parts import BATCHES_A_PART, DamagedError, ExportFiles, Part, remove_files
from ssa_hub.sharing.exporting import Exporting, RulesChangedError
from ssa_hub.state.export_jobs import ENDED, ExportJob, ExportJobs
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_LEASE, _LEASE_S = "exports", 60.0
_FORGOTTEN_AFTER_NS = 30 * 86_400 * NS_PER_SECOND
# How often files of ended jobs are looked for while nothing else is to be done.
_SWEEP_S = 60.0
# A job's pause doubles each time that it fails: what is made again is in the ledger again. Others go on meanwhile.
_PAUSE_MIN_S, _PAUSE_MAX_S = 1.0, 60.0

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
        self._next_sweep_s = 0.0
        self._pauses: dict[str, _Pause] = {}

    async def run(self) -> None:
        """Make exports until cancelled. What fails is told and tried again; nothing of it ends the worker."""
        await self._leased.turns(self._turn, self._every_s)

    async def _turn(self) -> None:
        try:
            # Looked at first: an idle hub writes no lease each second.
            waiting = await asyncio.to_thread(self._jobs.next_open, self._pausing())
            overdue = await asyncio.to_thread(self._jobs.overdue, self._clock_tai_ns())
            if waiting is None and not overdue and time.monotonic() < self._next_sweep_s:
                return
            self._next_sweep_s = time.monotonic() + _SWEEP_S
            async with self._leased.held() as ours:
                if ours:
                    await self._leased.done(self.turn)
        except _PASSING as error:
            log_event.warning("exports wait", error=str(error))
        except StoppedError:
            log_event.info("export stopped")
        except Exception:
            log_event.exception("exports failed", retry_s=self._every_s)

    def turn(self) -> bool:
        """Remove what has expired, and make the next job. Whether there was one.

        Raises StateUnavailableError, HistoryUnavailableError, DiskFullError, NoRoomError, OSError: the job is tried
        again; StoppedError: it was given up, or is another's by now.
        """
        now = self._clock_tai_ns()
        for job in self._jobs.overdue(now):
            self._jobs.change(job.job_id, only=("complete",), status="expired")
        self._jobs.forget(now - _FORGOTTEN_AFTER_NS)
        try:
            remove_ended_files(self._jobs, self._directory)
        except OSError as error:
            log_event.warning("files of ended exports stay", error=str(error))
        found = self._jobs.next_open(self._pausing())
        if found is not None:
            self._try(found.job_id)
        return found is not None

    def _pausing(self) -> list[str]:
        """The jobs that failed, and are not tried again yet."""
        now_s = time.monotonic()
        return [job_id for job_id, pause in self._pauses.items() if now_s < pause.until_s]

    def _try(self, job_id: str) -> None:
        attempt = _Attempt(self._jobs, job_id, self._directory)
        try:
            # Found before it begins: what another writes that takes over is not among them.
            found = attempt.files.found()
            self._make(attempt.begin(), attempt, found)
        except (RulesChangedError, TooLargeError) as error:
            attempt.fail(str(error), self._clock_tai_ns())
        except DamagedError as error:
            log_event.error("export failed", job=job_id, error=str(error))
            attempt.fail("its files were damaged on the hub's disk: order it again", self._clock_tai_ns())
        except StoppedError:
            self._pauses.pop(job_id, None)
            raise
        except _PASSING:
            pause_s = min(2 * self._pauses[job_id].length_s, _PAUSE_MAX_S) if job_id in self._pauses else _PAUSE_MIN_S
            self._pauses[job_id] = _Pause(time.monotonic() + pause_s, pause_s)
            raise
        except Exception as error:
            # A job that no retry can mend must not keep the others waiting.
            log_event.exception("export failed", job=job_id)
            attempt.fail(f"a fault of the hub: {type(error).__name__}", self._clock_tai_ns())
        self._pauses.pop(job_id, None)

    def _make(self, job: ExportJob, attempt: "_Attempt", found: set[Path]) -> None:
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
        files = attempt.files
        parts = msgspec.json.decode(job.parts, type=list[Part])
        if not files.has_parts(parts):
            # Unless it is another's by now, who has made content of them.
            parts = []
            attempt.note(parts)
            log_event.warning("export begun anew: parts of it are gone", job=job.job_id)
        files.keep_parts(parts, found)

        def go_on(content_bytes: int) -> None:
            self._room()
            self._leased.go_on()
            attempt.look()
            self._check_room(job.partner, content_bytes)

        parts, content = made(
            self._exporting, files, partner, order.asked, basis, parts, attempt.note, go_on, self._batches_a_part
        )
        now = self._clock_tai_ns()
        attempt.change(
            status="complete",
            fraction=1.0,
            bytes=content.bytes,
            bytes_on_disk=content.bytes + sum(part.kept_bytes for part in parts),
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


class _Pause(NamedTuple):
    until_s: float
    length_s: float


class _Attempt:
    """One attempt at a job. What it finds to be another's, or ended, it leaves: all but `fail` raise StoppedError."""

    def __init__(self, jobs: ExportJobs, job_id: str, directory: Path) -> None:
        self._jobs, self._job_id, self._id = jobs, job_id, uuid.uuid4().hex
        self.files = ExportFiles(directory / job_id, self._id)

    def begin(self) -> ExportJob:
        """Take the job over: from now on it is this attempt's. How it stands."""
        if not self._jobs.change(self._job_id, status="running", attempt=self._id):
            self._stop()
        return self.look()

    def change(self, **values: Any) -> None:
        """Set columns of the job."""
        if not self._jobs.change(self._job_id, of_attempt=self._id, **values):
            self._stop()

    def note(self, parts: Sequence[Part]) -> None:
        """What there is of the job."""
        self.change(
            parts=msgspec.json.encode(parts).decode(),
            rows=sum(part.rows for part in parts),
            bytes_on_disk=sum(part.rows_bytes + part.kept_bytes for part in parts),
            fraction=parts[-1].fraction if parts else 0.0,
        )

    def look(self) -> ExportJob:
        """How the job stands, which still is this attempt's."""
        here = self._jobs.get(self._job_id)
        if here is None or (here.status, here.attempt) != ("running", self._id):
            self._stop()
        return here

    def fail(self, failure: str, now_tai_ns: int) -> None:
        """End the job without content, if it is still this attempt's."""
        # The job first: without its files it could not be gone on with.
        if self._jobs.change(
            self._job_id, of_attempt=self._id, status="failed", failure=failure, finished_tai_ns=now_tai_ns
        ):
            remove_files(self.files.directory)

    def _stop(self) -> NoReturn:
        here = self._jobs.get(self._job_id)
        if here is None or here.status in ENDED:
            remove_files(self.files.directory)
        raise StoppedError
