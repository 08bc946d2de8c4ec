"""The history's files: every live one is there, whole, and holds as many rows as its manifest says."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ssa_hub.history import object_lists
from ssa_hub.history.failures import HistoryUnavailableError
from ssa_hub.history.file_access import FileAccess
from ssa_hub.history.object_lists import ObjectListWriter
from ssa_hub.history.pinned import LiveFile
from ssa_hub.verification.findings import RESTORE, Report, examples
from ssa_hub.verification.instant import Instant


def verify_history_files(instant: Instant, report: Report, *, quick: bool, turn: Callable[[str], None]) -> set[str]:
    """Note what is wrong with the files of each table. Full: every page of every column is read.

    Answers the kinds that cannot be read further.
    """
    broken: set[str] = set()
    for kind, table in instant.tables.items():
        check = f"history/{kind}"
        try:
            files = table.files()
        except (HistoryUnavailableError, ValueError, OSError) as error:
            report.wrong(check, f"its manifests cannot be read: {error}", "rows cannot be found", RESTORE)
            broken.add(kind)
            continue
        rows = sum(file.rows for file in files)
        report.saw(check, f"{rows:,} rows in {len(files):,} files")
        names = [file.path for file in files]
        if len(set(names)) < len(names):
            twice = sorted({path for path in names if names.count(path) > 1})
            what = f"files are listed twice: {examples(twice, len(twice))}"
            report.wrong(check, what, "their rows are answered twice", RESTORE)
        for number, file in enumerate(files):
            turn(f"{check}: file {number + 1} of {len(files)}")
            fault = _fault(file, instant.access, quick=quick)
            if fault is not None:
                name = file.path.rpartition("/")[2]
                report.wrong(
                    check, f"{name}: {fault.what}", fault.meaning or f"up to {file.rows:,} rows are lost", RESTORE
                )
                if fault.meaning is None:
                    broken.add(kind)
    return broken


class _Fault(NamedTuple):
    """What is wrong with a file. ``meaning`` None: its rows are lost."""

    what: str
    meaning: str | None = None


def _fault(file: LiveFile, access: FileAccess, *, quick: bool) -> _Fault | None:
    """What is wrong with a file, or None."""
    try:
        size = access.size(file.path)
        if size != file.bytes:
            return _Fault(f"has {size:,} bytes, and its manifest says {file.bytes:,}")
        with access.parquet(file.path, page_checksum_verification=True) as parquet:
            found = parquet.metadata.num_rows
            if found != file.rows:
                return _Fault(f"has {found:,} rows, and its manifest says {file.rows:,}")
            return None if quick else _fault_of_pages(parquet)
    except FileNotFoundError:
        return _Fault("is not there")
    except (pa.ArrowException, OSError) as error:
        return _Fault(f"cannot be read: {' '.join(str(error).split())}")


def _fault_of_pages(parquet: pq.ParquetFile) -> _Fault | None:
    """What is wrong once every page is read. Raises OSError, pyarrow.ArrowException where one cannot be."""
    has_list, objects = object_lists.is_in(parquet.metadata), ObjectListWriter()
    for group in range(parquet.metadata.num_row_groups):
        rows = parquet.read_row_group(group, use_threads=False)
        if has_list:
            objects.add(rows)
    if not has_list:
        return None
    listed = object_lists.of_footer(parquet.metadata)
    if listed is None:
        return _Fault("has a list of objects that cannot be used", "the footer is damaged, and its rows are looked for")
    if not listed.agrees(objects.listed()):
        return _Fault("has a list of objects that does not agree with its rows", "answers about objects may lack rows")
    return None


def unreferenced_pins(warehouse: Path) -> list[str]:
    """Pins of backups: each keeps files that compaction has replaced."""
    pins = warehouse / "pins"
    return sorted(path.name for path in pins.iterdir()) if pins.is_dir() else []
