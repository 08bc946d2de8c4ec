"""The worker's background task that makes the exports that partners ordered, one at a time, under a lease.

What is durable of a job when a worker dies is used by the next one: it goes on behind the last part.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import structlog

from ingest.disk_reserve import DiskFullError
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.services.leased_work import LeasedWork, StoppedError
from ssa_hub.sharing.export_desk import ExportLimits, Order, remove_ended_files
from ssa_hub.sharing.export_parts import BATCHES_A_PART, ExportFiles, Part
from ssa_hub.sharing.exporting import Exporting, RulesChangedError
from ssa_hub.state.export_jobs import ExportJob
from ssa_hub.state.failures import StateUnavailableError
from ssa_hub.state.store import State

_LEASE, _LEASE_S = "exports", 60.0
_FORGOTTEN_AFTER_NS = 30 * 86_400 * NS_PER_SECOND

log_event = structlog.get_logger("exports")


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

    async def run(self) -> None:
        """Make exports until cancelled. What fails is told and tried again; nothing of it ends the worker."""
        await self._leased.turns(self._turn, self._every_s)

    async def _turn(self) -> None:
        try:
            # Looked at first: an idle hub writes no lease each second.
            waiting = await asyncio.to_thread(self._jobs.next_open)
            overdue = await asyncio.to_thread(self._jobs.overdue, self._clock_tai_ns())
            if waiting is None and not overdue:
                return
            async with self._leased.held() as ours:
                if ours:
                    await self._leased.done(self.turn)
        except (StateUnavailableError, HistoryUnavailableError, DiskFullError) as error:
            log_event.warning("exports wait", error=str(error))
        except StoppedError:
            log_event.info("export stopped")
        except Exception:
            log_event.exception("exports failed", retry_s=self._every_s)

    def turn(self) -> bool:
        """Remove what has expired, and make the next job. Whether there was one.

        Raises StateUnavailableError, HistoryUnavailableError, DiskFullError, OSError: the job is tried again.
        """
        now = self._clock_tai_ns()
        for job in self._jobs.overdue(now):
            ExportFiles(self._directory / job.job_id).remove()
            self._jobs.change(job.job_id, only=("complete",), status="expired")
        self._jobs.forget(now - _FORGOTTEN_AFTER_NS)
        remove_ended_files(self._jobs, self._directory)
        found = self._jobs.next_open()
        if found is not None:
            try:
                self._make(found)
            except RulesChangedError as error:
                self._end(found, "failed", str(error))
            except (StoppedError, StateUnavailableError, HistoryUnavailableError, DiskFullError, OSError):
                raise
            except Exception as error:
                # A job that no retry can mend must not keep the others waiting.
                log_event.exception("export failed", job=found.job_id)
                self._end(found, "failed", f"a fault of the hub: {type(error).__name__}")
        return found is not None

    def _end(self, job: ExportJob, status: str, failure: str) -> None:
        ExportFiles(self._directory / job.job_id).remove()
        self._jobs.change(job.job_id, status=status, failure=failure, finished_tai_ns=self._clock_tai_ns())

    def _make(self, job: ExportJob) -> None:
        partner = self._state.partners.get(job.partner)
        if partner is None:
            raise RulesChangedError("the partner is no longer enrolled")
        order = msgspec.json.decode(job.question, type=Order)
        basis = order.basis
        if basis is None:
            basis = self._exporting.basis(partner)
            question = msgspec.json.encode(Order(order.asked, basis)).decode()
            begun = self._jobs.change(
                job.job_id,
                status="running",
                question=question,
                started_tai_ns=self._clock_tai_ns(),
                as_of_tai_ns=basis.as_of_tai_ns,
                policy_version=basis.policy_version,
            )
            if not begun:
                raise StoppedError
        files = ExportFiles(self._directory / job.job_id)
        parts = msgspec.json.decode(job.parts, type=list[Part])

        def note(done: Sequence[Part]) -> None:
            said = msgspec.json.encode(done).decode()
            rows = sum(part.rows for part in done)
            if not self._jobs.change(job.job_id, parts=said, rows=rows, fraction=done[-1].fraction):
                self._cancelled(files)

        def go_on() -> None:
            self._room()
            self._leased.go_on()
            here = self._jobs.get(job.job_id)
            if here is None or here.status != "running":
                self._cancelled(files)

        after = parts[-1].after if parts else None
        batches = self._exporting.batches(partner, order.asked, basis, after)
        parts = files.write_parts(batches, parts, note, go_on, self._batches_a_part)
        self._exporting.check_withdrawals(files.depends_on())
        empty = self._exporting.empty(partner, order.asked, basis)
        content = files.assemble(len(parts), order.asked.format, empty, go_on)
        now = self._clock_tai_ns()
        finished = self._jobs.change(
            job.job_id,
            status="complete",
            fraction=1.0,
            bytes=content.bytes,
            sha256=content.sha256,
            finished_tai_ns=now,
            expires_tai_ns=now + round(self._limits.keep_s * NS_PER_SECOND),
        )
        if not finished:
            self._cancelled(files)
        files.remove_parts()
        log_event.info("export made", job=job.job_id, partner=job.partner, bytes=content.bytes)

    def _cancelled(self, files: ExportFiles) -> None:
        files.remove()
        raise StoppedError
