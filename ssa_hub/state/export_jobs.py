"""Exports that partners ordered: queued, worked on by whoever holds the lease, complete until they expire."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from ssa_hub.state.database import Database, lock_table
from ssa_hub.state.history_tables import export_jobs
from ssa_hub.state.tables import partners

OPEN = ("queued", "running")
# Without content, for good.
ENDED = ("failed", "cancelled", "expired")


class TooManyJobsError(Exception):
    """The partner has as many exports as he may have."""


class NotEnrolledError(Exception):
    """There is no partner of that name, by now."""


class ExportJob(NamedTuple):
    """A row of ``export_jobs``. Instants are TAI ns; ``question`` and ``parts`` are JSON; ``attempt``: whose files.

    ``bytes``: the content's; ``bytes_on_disk``: what is kept on disk for the job, while it is made and after.
    """

    job_id: str
    partner: str
    question: str
    status: str
    requested_tai_ns: int
    started_tai_ns: int | None
    finished_tai_ns: int | None
    expires_tai_ns: int | None
    as_of_tai_ns: int | None
    policy_version: str | None
    fraction: float
    rows: int
    bytes: int
    parts: str
    sha256: str | None
    failure: str | None
    attempt: str | None
    bytes_on_disk: int


class ExportJobs:
    """The jobs of every partner. All raise StateUnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: str, partner: str, question: str, now_tai_ns: int, most: int) -> ExportJob:
        """Queue a job. Raises NotEnrolledError; TooManyJobsError where he has ``most`` that are open or complete."""
        kept = export_jobs.c.status.in_([*OPEN, "complete"])
        with self._database.transaction() as connection:
            lock_table(connection, export_jobs.name)
            if connection.execute(select(partners.c.name).where(partners.c.name == partner)).scalar() is None:
                raise NotEnrolledError(partner)
            mine = select(func.count()).where(export_jobs.c.partner == partner, kept)
            if connection.execute(mine).scalar_one() >= most:
                raise TooManyJobsError(partner)
            values = {"job_id": job_id, "partner": partner, "question": question}
            connection.execute(
                insert(export_jobs).values(**values, status="queued", requested_tai_ns=now_tai_ns, parts="[]")
            )
            return _one(connection, export_jobs.c.job_id == job_id)[0]

    def of(self, partner: str) -> list[ExportJob]:
        """A partner's jobs, newest first."""
        with self._database.snapshot() as connection:
            return _one(connection, export_jobs.c.partner == partner)

    def get(self, job_id: str) -> ExportJob | None:
        """A job by its id."""
        with self._database.snapshot() as connection:
            return next(iter(_one(connection, export_jobs.c.job_id == job_id)), None)

    def next_open(self, but: Collection[str] = ()) -> ExportJob | None:
        """The job to work on, one that was begun before the next in the queue; none of those ``but``."""
        with self._database.snapshot() as connection:
            found = _one(connection, export_jobs.c.status.in_(OPEN) & export_jobs.c.job_id.not_in(but))
        return min(found, key=lambda job: (job.status != "running", job.requested_tai_ns, job.job_id), default=None)

    def change(
        self, job_id: str, *, only: tuple[str, ...] = OPEN, of_attempt: str | None = None, **values: Any
    ) -> bool:
        """Set columns of a job that has one of the statuses ``only``, and is of the attempt where one is named.

        False where it is not, by now.
        """
        chosen: list[ColumnElement[bool]] = [export_jobs.c.job_id == job_id, export_jobs.c.status.in_(only)]
        if of_attempt is not None:
            chosen.append(export_jobs.c.attempt == of_attempt)
        with self._database.transaction() as connection:
            return connection.execute(update(export_jobs).where(*chosen).values(**values)).rowcount == 1

    def overdue(self, now_tai_ns: int) -> list[ExportJob]:
        """Complete jobs that expire by now."""
        with self._database.snapshot() as connection:
            due = (export_jobs.c.status == "complete") & (export_jobs.c.expires_tai_ns <= now_tai_ns)
            return _one(connection, due)

    def forget(self, before_tai_ns: int) -> int:
        """Remove jobs that ended before an instant and have no content; how many."""
        over = export_jobs.c.status.in_(ENDED)
        with self._database.transaction() as connection:
            return connection.execute(
                delete(export_jobs).where(over, export_jobs.c.finished_tai_ns < before_tai_ns)
            ).rowcount

    def bytes_kept(self, partner: str | None = None) -> int:
        """Bytes on disk of the jobs that have any, while they are made and after: of all partners, or of one."""
        kept: list[ColumnElement[bool]] = [export_jobs.c.status.in_([*OPEN, "complete"])]
        if partner is not None:
            kept.append(export_jobs.c.partner == partner)
        with self._database.snapshot() as connection:
            total = select(func.coalesce(func.sum(export_jobs.c.bytes_on_disk), 0)).where(*kept)
            return int(connection.execute(total).scalar_one())


def _one(connection: Connection, chosen: ColumnElement[bool]) -> list[ExportJob]:
    newest_first = (export_jobs.c.requested_tai_ns.desc(), export_jobs.c.job_id)
    rows = connection.execute(select(export_jobs).where(chosen).order_by(*newest_first))
    return [ExportJob(**row._mapping) for row in rows]
