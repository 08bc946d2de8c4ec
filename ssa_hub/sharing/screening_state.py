"""How screening stands, for the hub's operators: they may know of all that the hub holds how much it is."""

import msgspec

from ssa_hub.release.partner import Partner, Role
from ssa_hub.sharing.utc import utc_texts
from ssa_hub.state.runs import Run
from ssa_hub.state.store import State

_RUNS_LOOKED_AT = 50


class RunReport(msgspec.Struct, frozen=True):
    """A run over [start_utc, end_utc]. While it runs: ``fraction`` done, ``seconds_left`` estimated or null."""

    run: int
    data_mode: str
    status: str
    started_utc: str
    finished_utc: str | None
    start_utc: str
    end_utc: str
    threshold_km: float
    objects: int | None
    conjunctions: int | None
    left_out: int
    wall_s: float | None
    fraction: float | None
    seconds_left: float | None
    cancelled_by: str | None
    failure: str | None


class ScreeningReport(msgspec.Struct, frozen=True):
    """Runs under way, and the last complete one of each data mode."""

    running: tuple[RunReport, ...]
    last_complete: tuple[RunReport, ...]


class NotAnOperatorError(Exception):
    """The asker is no steward of this hub."""


class ScreeningState:
    """Answers stewards, and takes their word to end a run."""

    def __init__(self, state: State) -> None:
        self._state = state

    def report(self, asker: Partner) -> ScreeningReport:
        """How it stands. Raises NotAnOperatorError, StateUnavailableError."""
        _require_steward(asker)
        runs = self._state.runs.last(_RUNS_LOOKED_AT)
        complete: dict[str, Run] = {}
        for data_mode in sorted({run.data_mode for run in runs}):
            last = self._state.runs.last_complete(data_mode)
            if last is not None:
                complete[data_mode] = last
        return ScreeningReport(
            running=tuple(_report(run) for run in runs if run.status == "running"),
            last_complete=tuple(_report(run) for run in complete.values()),
        )

    def cancel(self, asker: Partner) -> int:
        """Ask the runs under way to end; how many there are. Raises NotAnOperatorError, StateUnavailableError."""
        _require_steward(asker)
        return self._state.runs.cancel(asker.name)


def _require_steward(asker: Partner) -> None:
    if Role.STEWARD not in asker.roles:
        raise NotAnOperatorError


def _report(run: Run) -> RunReport:
    started, finished, start, end = utc_texts(
        [run.started_tai_ns, run.finished_tai_ns, run.start_tai_ns, run.end_tai_ns]
    )
    assert started is not None and start is not None and end is not None  # noqa: S101, PT018 (only None becomes None)
    running = run.status == "running"
    return RunReport(
        run=run.id,
        data_mode=run.data_mode.value,
        status=run.status,
        started_utc=started,
        finished_utc=finished,
        start_utc=start,
        end_utc=end,
        threshold_km=run.threshold_km,
        objects=run.objects,
        conjunctions=run.conjunctions,
        left_out=len(run.left_out),
        wall_s=run.wall_s,
        fraction=run.fraction if running else None,
        seconds_left=run.seconds_left if running else None,
        cancelled_by=run.cancelled_by,
        failure=run.failure,
    )
