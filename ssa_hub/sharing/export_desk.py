"""Where partners order exports, ask how they stand, and fetch them: each sees his own jobs alone."""

import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest.disk_reserve import DiskFullError
from schemas.timescales import format_utc, now_tai_ns
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.export_formats import ExportFormat
from ssa_hub.sharing.export_parts import Content, DamagedError, ExportFiles, Part, remove_files
from ssa_hub.sharing.exporting import ExportAsked, ExportBasis, Exporting, RulesChangedError
from ssa_hub.state.export_jobs import ENDED, OPEN, ExportJob, ExportJobs, TooManyJobsError
from ssa_hub.state.store import State

# What a job's directory is called.
_JOB_ID = re.compile("[0-9a-f]{32}")
_STANDING_MAX = 1_000


class ExportLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs a partner may have, open or complete; bytes that his may take, and all together; how long kept, s."""

    jobs_a_partner: int = 4
    bytes_a_partner: int = 50_000_000_000
    bytes_max: int = 200_000_000_000
    keep_s: float = 86_400.0


class Order(msgspec.Struct, frozen=True):
    """The JSON in ``export_jobs.question``. ``basis``: once the work has begun."""

    asked: ExportAsked
    basis: ExportBasis | None = None


class NotReadyError(Exception):
    """The job has no content: it is not complete, or was given up."""


class NoRoomError(Exception):
    """No job is taken while the disk has no room."""


class Finished(NamedTuple):
    """A complete export as it can be fetched."""

    path: Path
    content: Content
    format: ExportFormat
    policy_version: str
    data_mode: str


class ExportDesk:
    """Orders of exports. Threads may share one. All raise StateUnavailableError.

    ``directory``: where `ssa_hub.services.export_jobs` keeps the files; ``room`` raises DiskFullError.
    """

    def __init__(
        self,
        state: State,
        exporting: Exporting,
        directory: Path,
        limits: ExportLimits,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        room: Callable[[], None] = lambda: None,
    ) -> None:
        self._jobs, self._exporting, self._directory, self._limits = state.export_jobs, exporting, directory, limits
        self._clock_tai_ns, self._room = clock_tai_ns, room
        # The rules that the newest jobs asked for were found to stand under: looking takes as long as they are large.
        self._standing: dict[str, tuple[object, ...]] = {}

    def order(self, partner: Partner, asked: ExportAsked) -> dict[str, Any]:
        """Queue an export. Raises TooManyJobsError, NoRoomError, NotEnrolledError."""
        try:
            self._room()
        except DiskFullError as error:
            raise NoRoomError("the disk has no room for exports") from error
        if self._jobs.bytes_kept() >= self._limits.bytes_max:
            raise NoRoomError("exports take as much room as they may")
        if self._jobs.bytes_kept(partner.name) >= self._limits.bytes_a_partner:
            raise TooManyJobsError(partner.name)
        question = msgspec.json.encode(Order(asked)).decode()
        now, most = self._clock_tai_ns(), self._limits.jobs_a_partner
        return described(self._jobs.add(uuid.uuid4().hex, partner.name, question, now, most))

    def jobs(self, partner: Partner) -> list[dict[str, Any]]:
        """The partner's jobs, newest first."""
        return [described(job) for job in self._jobs.of(partner.name)]

    def job(self, partner: Partner, job_id: str) -> dict[str, Any] | None:
        """One of his jobs; None where he has none of that id."""
        job = self._own(partner, job_id)
        return None if job is None else described(job)

    def cancel(self, partner: Partner, job_id: str) -> bool:
        """Give a job up, or its content. False where he has none of that id.

        The files of a job that is being worked on are removed by whoever works on it, at the next batch.
        """
        job = self._own(partner, job_id)
        if job is None:
            return False
        now = self._clock_tai_ns()
        self._jobs.change(job_id, only=(*OPEN, "complete"), status="cancelled", finished_tai_ns=now)
        if job.status != "running":
            with suppress(OSError):  # a worker has begun with it since: its files go as those of all that ended
                remove_files(self._directory / job_id)
        return True

    def content(self, partner: Partner, job_id: str) -> Finished | None:
        """The content of a complete job; None where he has none of that id.

        Raises NotReadyError, and RulesChangedError where it must be ordered anew: the rules that it was made under are
        not those of now, something in it has been withdrawn, or it has expired.
        """
        job = self._own(partner, job_id)
        if job is None:
            return None
        if job.status == "expired" or (job.expires_tai_ns is not None and self._clock_tai_ns() >= job.expires_tai_ns):
            raise RulesChangedError("the export has expired")
        order = msgspec.json.decode(job.question, type=Order)
        if job.status != "complete" or job.sha256 is None or order.basis is None:
            raise NotReadyError(job.status)
        rules = self._exporting.rules()
        self._exporting.check(partner, order.basis)
        files, parts = _complete(self._directory, job)
        if not files.has_content(parts):
            raise RulesChangedError("the export's files are gone")
        if self._standing.get(job_id) != rules.token:
            try:
                self._exporting.check_standing(partner, order.asked, files.depends_on(parts))
            except DamagedError as error:
                raise RulesChangedError(str(error)) from error
            self._stands(job_id, rules.token)
        content, asked = Content(job.bytes, job.sha256), order.asked
        return Finished(files.content, content, asked.format, order.basis.policy_version, asked.data_mode.value)

    def _stands(self, job_id: str, token: tuple[object, ...]) -> None:
        while len(self._standing) >= _STANDING_MAX:
            self._standing.pop(next(iter(self._standing)), None)
        self._standing[job_id] = token

    def _own(self, partner: Partner, job_id: str) -> ExportJob | None:
        job = self._jobs.get(job_id)
        return job if job is not None and job.partner == partner.name else None


def remove_ended_files(jobs: ExportJobs, directory: Path) -> None:
    """Remove the files of jobs that have ended without content, or are forgotten, and parts of what is complete.

    A worker died before it could, or the jobs were ended by another process. What is not a job's directory is let be.
    Raises StateUnavailableError; OSError where some could not be removed, when all others are.
    """
    failed: OSError | None = None
    for path in directory.iterdir() if directory.exists() else ():
        if not _JOB_ID.fullmatch(path.name):
            continue
        job = jobs.get(path.name)
        try:
            if job is None or job.status in ENDED:
                remove_files(path)
            elif job.status == "complete":
                files, parts = _complete(directory, job)
                files.keep_content(parts)
        except OSError as error:
            failed = error
    if failed is not None:
        raise failed


def _complete(directory: Path, job: ExportJob) -> tuple[ExportFiles, list[Part]]:
    """The files of a complete job, and the parts that its content was made of."""
    return ExportFiles(directory / job.job_id, job.attempt or ""), msgspec.json.decode(job.parts, type=list[Part])


def described(job: ExportJob) -> dict[str, Any]:
    """A job as its partner is told of it."""
    order = msgspec.json.decode(job.question, type=Order)
    basis = order.basis
    return {
        "id": job.job_id,
        "status": job.status,
        "kind": order.asked.kind,
        "format": order.asked.format.value,
        "data_mode": order.asked.data_mode.value,
        "fraction": job.fraction,
        "rows": job.rows,
        "bytes": job.bytes if job.status == "complete" else None,
        "sha256": job.sha256,
        "policy_version": None if basis is None else basis.policy_version,
        "requested_utc": format_utc(job.requested_tai_ns, 6),
        "as_of_utc": None if basis is None else format_utc(basis.as_of_tai_ns, 6),
        "finished_utc": None if job.finished_tai_ns is None else format_utc(job.finished_tai_ns, 6),
        "expires_utc": None if job.expires_tai_ns is None else format_utc(job.expires_tai_ns, 6),
        "failure": job.failure,
        "content": f"/v1/exports/{job.job_id}/content" if job.status == "complete" else None,
    }
