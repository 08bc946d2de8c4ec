"""Files of ephemerides: each that a row of history names is there, and its bytes are those of its name."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ssa_hub.history.tables import EPHEMERIDES
from ssa_hub.verification.findings import RESTORE, Report, examples
from ssa_hub.verification.instant import Instant

_COLUMNS = ("states_sha256", "covariances_sha256")
_BATCH = 50_000


def verify_ephemerides(directory: Path, instant: Instant, report: Report, *, quick: bool) -> None:
    """Note what is missing or has changed. A file is stored before the row that names it is made."""
    if EPHEMERIDES not in instant.tables:
        return
    missing, changed, named = [], [], 0
    for sha256 in _named(instant):
        named += 1
        path = directory / sha256[:2] / sha256
        try:
            if not path.is_file():
                missing.append(sha256)
            elif not quick and _sha256(path) != sha256:
                changed.append(sha256)
        except FileNotFoundError:
            missing.append(sha256)
    report.saw("ephemerides", f"{named:,} files named" + ("" if quick else ", bytes against their SHA-256"))
    if missing:
        what = f"{len(missing):,} files of ephemerides are not there: {examples(missing, len(missing))}"
        report.wrong("ephemerides", what, "their states cannot be given out", RESTORE)
    if changed:
        what = f"bytes have changed of {examples(changed, len(changed))}"
        report.wrong("ephemerides", what, "the disk, or somebody, has altered states of an orbit", RESTORE)


def _named(instant: Instant) -> Iterator[str]:
    """The files that rows of history name, a data file at a time; one named by several rows of one file once."""
    for file in instant.tables[EPHEMERIDES].files():
        seen: set[str] = set()
        with instant.access.parquet(file.path) as parquet:
            for batch in parquet.iter_batches(_BATCH, columns=list(_COLUMNS), use_threads=False):
                for column in batch.columns:
                    seen.update(value for value in column.to_pylist() if value is not None)
        yield from sorted(seen)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
