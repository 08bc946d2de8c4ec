"""Payloads: bytes against their SHA-256, journal against files, both ways; in memory one directory at a time."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, select

from ssa_hub.state.database import Database
from ssa_hub.state.tables import payloads, quarantine
from ssa_hub.verification.findings import RESTORE, Report, examples

_CHECK = "payloads"
_NAME = re.compile(r"[0-9a-f]{64}")
_BATCH = 10_000


def verify_payloads(
    directory: Path,
    database: Database,
    connection: Connection,
    report: Report,
    *,
    quick: bool,
    turn: Callable[[str], None],
) -> None:
    """Note what is wrong with the payload store. ``connection``: the snapshot of state that is compared.

    A payload is stored before it is noted, so each that is noted must be there. One that is there and not noted was
    left by a process that died between the two (nothing was acknowledged), or is just being noted.
    """
    _verify_journal(directory, database, connection, report)
    count, changed, unnoted, leftovers = 0, [], [], 0
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()) if directory.is_dir() else []:
        turn(f"{_CHECK}: {folder.name}")
        names = sorted(path.name for path in folder.iterdir())
        sound = [name for name in names if _NAME.fullmatch(name) and name[:2] == folder.name]
        leftovers += len(names) - len(sound)
        count += len(sound)
        if not quick:
            changed += [name for name in sound if _sha256(folder / name) not in (name, None)]
        unnoted += sorted(set(sound) - _noted(database, sound))
    report.saw(_CHECK, f"{count:,} files" + ("" if quick else ", bytes against their SHA-256"))
    if changed:
        what = f"bytes have changed of {examples(changed, len(changed))}"
        report.wrong(_CHECK, what, "the disk, or somebody, has altered what a source sent", RESTORE)
    if unnoted:
        report.remnants.append(
            f"{_CHECK}: {len(unnoted):,} files that the journal does not name ({examples(unnoted, len(unnoted))}): "
            "left by a process that died before it acknowledged them, or just arriving; harmless"
        )
    if leftovers:
        report.remnants.append(f"{_CHECK}: {leftovers:,} files that were never finished; harmless")


def _verify_journal(directory: Path, database: Database, connection: Connection, report: Report) -> None:
    rows = connection.execution_options(yield_per=_BATCH).execute(
        select(payloads.c.payload_sha256, payloads.c.source, payloads.c.status).order_by(payloads.c.payload_sha256)
    )
    missing: dict[str, str] = {}
    waiting, noted = 0, 0
    for row in rows:
        noted += 1
        waiting += row.status == "stored"
        if not (directory / row.payload_sha256[:2] / row.payload_sha256).is_file():
            missing[row.payload_sha256] = f"{row.payload_sha256} from {row.source}"
    report.saw("journal", f"{noted:,} payloads noted, {waiting:,} of them not yet on the log")
    # What was deleted meanwhile, as an agreement demands, is noted no more either.
    lost_payloads = [missing[sha] for sha in sorted(_noted(database, list(missing)))]
    if lost_payloads:
        what = f"{len(lost_payloads):,} payloads are noted and not there: {examples(lost_payloads, len(lost_payloads))}"
        report.wrong("journal", what, "what a source sent can no longer be shown", RESTORE)
    refused = connection.execute(
        select(quarantine.c.payload_sha256).where(~quarantine.c.source.startswith("log:")).distinct()
    ).scalars()
    lost = [sha for sha in refused if not (directory / sha[:2] / sha).is_file()]
    if lost:
        what = f"payloads of refused records are not there: {examples(lost, len(lost))}"
        report.wrong("quarantine", what, "a refusal cannot be looked at in its whole payload", RESTORE)


def _noted(database: Database, names: list[str]) -> set[str]:
    """Those of the payloads that the journal names now: later than the listing, so that what just came is found."""
    found: set[str] = set()
    with database.snapshot() as connection:
        for first in range(0, len(names), _BATCH):
            part = names[first : first + _BATCH]
            chosen = select(payloads.c.payload_sha256).where(payloads.c.payload_sha256.in_(part))
            found.update(connection.execute(chosen).scalars())
    return found


def _sha256(path: Path) -> str | None:
    """None where the file went away meanwhile: it was deleted as an agreement demands."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None
