"""Screening runs: what was screened when, from which orbits, and what was left out."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, insert, select, update

from schemas.records import DataMode
from schemas.timescales import NS_PER_SECOND, now_tai_ns
from ssa_hub.state.database import Database
from ssa_hub.state.tables import runs


class Run(NamedTuple):
    """One run over the window [start, end]. ``catalogue_seq``: number of the last element set that took part.

    ``status`` is running, complete or failed; ``left_out`` says which objects were not screened, and why.
    ``told_seq``: up to which element set arrivals since then were screened over the same window. While it runs,
    ``fraction`` is how much is done, ``seconds_left`` an estimate (None: nothing can be said), ``objects`` how many
    orbits take part, ``cancelled_by`` who has asked to end it.
    """

    id: int
    data_mode: DataMode
    catalogue_seq: int
    start_tai_ns: int
    end_tai_ns: int
    threshold_km: float
    status: str
    objects: int | None
    conjunctions: int | None
    left_out: list[dict[str, Any]]
    wall_s: float | None
    failure: str | None
    started_tai_ns: int
    finished_tai_ns: int | None
    told_seq: int | None = None
    fraction: float | None = None
    seconds_left: float | None = None
    cancelled_by: str | None = None

    @property
    def up_to_seq(self) -> int:
        """The number of the last element set that this run, or screening at once after it, has told of."""
        return self.catalogue_seq if self.told_seq is None else max(self.catalogue_seq, self.told_seq)

    @property
    def duration_s(self) -> float:
        """The window's length."""
        return (self.end_tai_ns - self.start_tai_ns) / NS_PER_SECOND

    @property
    def age_s(self) -> float:
        """Seconds since it finished (since it started, while it runs)."""
        since = self.started_tai_ns if self.finished_tai_ns is None else self.finished_tai_ns
        return (now_tai_ns() - since) / NS_PER_SECOND


class Runs:
    """Runs by number."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        *,
        data_mode: DataMode,
        catalogue_seq: int,
        start_tai_ns: int,
        duration_s: float,
        threshold_km: float,
        objects: int | None = None,
    ) -> int:
        """Note that a run over so many orbits has begun; answers its number."""
        with self._database.transaction() as connection:
            statement = insert(runs).values(
                data_mode=data_mode.value,
                catalogue_seq=catalogue_seq,
                start_tai_ns=start_tai_ns,
                end_tai_ns=start_tai_ns + round(duration_s * NS_PER_SECOND),
                threshold_km=threshold_km,
                status="running",
                objects=objects,
                left_out="[]",
                started_tai_ns=now_tai_ns(),
            )
            number: int = connection.execute(statement.returning(runs.c.id)).scalar_one()
        return number

    def complete(
        self, run_id: int, *, objects: int, conjunctions: int, left_out: list[dict[str, Any]], wall_s: float
    ) -> None:
        """Note that a run has published all it found. Raises KeyError where it is not running."""
        self._finish(
            run_id,
            status="complete",
            objects=objects,
            conjunctions=conjunctions,
            left_out=msgspec.json.encode(left_out).decode(),
            wall_s=wall_s,
        )

    def fail(self, run_id: int, failure: str) -> None:
        """Note that a run has failed, and why. Raises KeyError where it is not running."""
        self._finish(run_id, status="failed", failure=failure.replace("\0", "\\x00"))

    def advance(self, run_id: int, *, fraction: float, seconds_left: float | None) -> str | None:
        """Note how far a running run is. Answers who has asked to end it, or None."""
        with self._database.transaction() as connection:
            cancelled_by: str | None = connection.execute(
                update(runs)
                .where(runs.c.id == run_id, runs.c.status == "running")
                .values(fraction=fraction, seconds_left=seconds_left)
                .returning(runs.c.cancelled_by)
            ).scalar()
        return cancelled_by

    def cancel(self, cancelled_by: str) -> int:
        """Ask every running run to end; how many there are. Who screens ends them at its next `advance`."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(runs).where(runs.c.status == "running").values(cancelled_by=cancelled_by)
            )
        return changed.rowcount

    def tell_up_to(self, run_id: int, sequence: int) -> None:
        """Note that element sets up to a number were screened at once, over the run's window. It never falls."""
        with self._database.transaction() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run_id, func.coalesce(runs.c.told_seq, runs.c.catalogue_seq) < sequence)
                .values(told_seq=sequence)
            )

    def abandon_running(self, failure: str) -> int:
        """Note every running run as failed, for who has the screening lease and knows that nobody runs; how many."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(runs)
                .where(runs.c.status == "running")
                .values(status="failed", failure=failure, finished_tai_ns=now_tai_ns())
            )
        return changed.rowcount

    def last_complete(self, data_mode: DataMode) -> Run | None:
        """The complete run of a data mode that began last, or None."""
        found = self._select(
            select(runs)
            .where(runs.c.data_mode == data_mode.value, runs.c.status == "complete")
            .order_by(runs.c.id.desc())
            .limit(1)
        )
        return found[0] if found else None

    def covered_up_to(self, data_mode: DataMode, tai_ns: int, threshold_km: float) -> int | None:
        """Up to which number orbits took part in complete runs that have told of an instant; None where none has.

        Told of it have runs whose window has it in its inside (not on its edge), with no smaller a threshold; with
        them what was screened at once over that window afterwards.
        """
        chosen = select(func.max(func.coalesce(runs.c.told_seq, runs.c.catalogue_seq))).where(
            runs.c.data_mode == data_mode.value,
            runs.c.status == "complete",
            runs.c.start_tai_ns < tai_ns,
            runs.c.end_tai_ns > tai_ns,
            runs.c.threshold_km >= threshold_km,
        )
        with self._database.snapshot() as connection:
            up_to: int | None = connection.execute(chosen).scalar()
        return up_to

    def last(self, limit: int, data_mode: DataMode | None = None) -> list[Run]:
        """Runs, the last one first."""
        chosen = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if data_mode is not None:
            chosen = chosen.where(runs.c.data_mode == data_mode.value)
        return self._select(chosen)

    def _select(self, chosen: Any) -> list[Run]:
        with self._database.snapshot() as connection:
            rows = connection.execute(chosen).all()
        return [
            Run(*row)._replace(
                data_mode=DataMode(row.data_mode), left_out=msgspec.json.decode(row.left_out, type=list[dict[str, Any]])
            )
            for row in rows
        ]

    def _finish(self, run_id: int, **values: Any) -> None:
        with self._database.transaction() as connection:
            changed = connection.execute(
                update(runs)
                .where(runs.c.id == run_id, runs.c.status == "running")
                .values(finished_tai_ns=now_tai_ns(), **values)
            )
            if changed.rowcount != 1:
                raise KeyError(run_id)
