"""Verification of a whole hub, while it runs or while it does not; nothing is changed."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url

from ingest.log_view import LogView, sqlite_faults, viewed_log
from schemas.timescales import format_utc
from ssa_hub.history.tables import ELEMENTS, EPHEMERIDES
from ssa_hub.release.ledger_verification import WrongLedgerError
from ssa_hub.services.database import opened_state
from ssa_hub.settings import Settings
from ssa_hub.state.deletions import Deletions, WrongDeletionsError
from ssa_hub.state.history_tables import deletions as deletion_rows
from ssa_hub.state.store import State
from ssa_hub.verification.ephemerides import verify_ephemerides
from ssa_hub.verification.findings import REPORT, RESTORE, Report
from ssa_hub.verification.history_files import unreferenced_pins, verify_history_files
from ssa_hub.verification.instant import Instant, is_clearing, state_snapshot, taken
from ssa_hub.verification.log_records import verify_log
from ssa_hub.verification.orbits import verify_labels, verify_newest, verify_newest_references, verify_withdrawals
from ssa_hub.verification.payloads import verify_payloads
from ssa_hub.verification.positions import verify_positions
from ssa_hub.verification.records import Ids, Lawful, verify_counts, verify_ids


def _silent(_: str) -> None:
    """Nobody watches."""


async def verify_hub(settings: Settings, *, quick: bool, turn: Callable[[str], None] = _silent) -> Report:
    """Verify the hub of the settings. ``turn`` is told what is looked at next.

    ``quick``: positions, counts, which files there are and how large; else every byte, every id and the ledger's
    chain, too. Raises LogUnavailableError, StateUnavailableError, HistoryUnavailableError where a part cannot be
    reached at all, ValueError for an object store that cannot be one.
    """
    with opened_state(settings.database_url) as state:
        async with viewed_log(settings.log_url) as log:
            with state_snapshot(state) as (connection, standing):
                instant = await taken(connection, standing, settings, log)
                report = Report(quick=quick, compared_at_utc=format_utc(instant.taken_tai_ns, 3))
                await _verify(settings, state, log, instant, report, turn)
    return report


async def _verify(
    settings: Settings, state: State, log: LogView, instant: Instant, report: Report, turn: Callable[[str], None]
) -> None:
    quick = report.quick
    turn("positions")
    verify_positions(instant, report)
    broken = verify_history_files(instant, report, quick=quick, turn=turn)
    kinds = [kind for kind in instant.recorded_kinds if kind not in broken]
    verify_newest_references(instant, report)
    verify_withdrawals(instant, report)
    deletions, running = _deletions(instant)
    if running:
        report.remnants.append("deletions: one is under way: what it deletes is not compared, and counts are not")
    if quick:
        verify_labels(instant, report)
        if not broken and not running:
            verify_counts(instant, report)
    else:
        # In the data directory: it is on the disk that has room for the history.
        spill = Path(tempfile.mkdtemp(prefix="verify-", dir=settings.data_dir))
        try:
            with closing(Ids(spill, instant.access)) as ids:
                deleted = Deletions(state.database, state.secrets).deleted if deletions else None
                await _verify_every_record(
                    instant, log, ids, report, kinds, (deleted if running else None, deleted), turn
                )
        finally:
            shutil.rmtree(spill, ignore_errors=True)
    verify_payloads(settings.data_dir / "payloads", state.database, instant.connection, report, quick=quick, turn=turn)
    if EPHEMERIDES not in broken and not running:
        verify_ephemerides(settings.data_dir / "ephemerides", instant, report, quick=quick)
    _verify_state_file(settings, report)
    _verify_ledger(state, report, turn)
    if deletions and not quick:
        _verify_deletions(state, report)
    pins = unreferenced_pins(settings.warehouse)
    if pins:
        report.remnants.append(
            f"pins: {', '.join(pins)} in {settings.warehouse / 'pins'}: a backup is being taken, or died; "
            "where none is, remove them, as they keep replaced files"
        )


async def _verify_every_record(
    instant: Instant,
    log: LogView,
    ids: Ids,
    report: Report,
    kinds: list[str],
    lawful: tuple[Lawful | None, Lawful | None],
    turn: Callable[[str], None],
) -> None:
    """``lawful``: as `verify_ids` and `verify_log` take it."""
    verify_ids(instant, ids, report, kinds, lawful[0], turn)
    turn("log")
    await verify_log(instant, log, ids, report, kinds, lawful[1])
    named: set[str] = set()
    if ELEMENTS in kinds:
        turn("newest orbits")
        if lawful[0] is None:
            verify_newest(instant, ids, report)
        files = [file.path for file in instant.tables[ELEMENTS].files() if file.rows]
        # What is under way brings its label with it.
        named = ids.distinct(files, "label_id") if files and not instant.between else set()
    verify_labels(instant, report, sorted(named))


def _deletions(instant: Instant) -> tuple[int, int]:
    """How many deletions there have been, and how many are under way."""
    rows = instant.connection.execute(select(deletion_rows.c.status, deletion_rows.c.places)).all()
    return len(rows), sum(is_clearing(row.status, row.places) for row in rows)


def _verify_deletions(state: State, report: Report) -> None:
    try:
        count = Deletions(state.database, state.secrets).verify()
    except WrongDeletionsError as error:
        report.wrong("deletions", str(error), "what was deleted can no longer be proven", f"{RESTORE}; {REPORT}")
        return
    report.saw("deletions", f"{count:,} verified")


def _verify_state_file(settings: Settings, report: Report) -> None:
    url = make_url(settings.database_url)
    if report.quick or url.get_backend_name() != "sqlite":
        return
    for fault in sqlite_faults(Path(str(url.database)))[:5]:
        report.wrong("state", fault, "the database's file is damaged", RESTORE)


def _verify_ledger(state: State, report: Report, turn: Callable[[str], None]) -> None:
    if report.quick:
        return
    turn("ledger")
    try:
        verified = state.ledger_periods.verify()
    except WrongLedgerError as error:
        meaning = "who received what can no longer be proven from there on"
        report.wrong("ledger", str(error), meaning, f"{RESTORE}; {REPORT}")
        return
    report.saw("ledger", f"{verified.entries:,} entries, {verified.periods:,} closed days")
