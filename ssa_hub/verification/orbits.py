"""What state keeps by itself besides records: newest orbits against history's own newest, labels, withdrawals."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from schemas.labels import label_from_json
from ssa_hub.history.tables import ELEMENTS
from ssa_hub.state.giving_up import GIVEN_UP
from ssa_hub.state.release_tables import withdrawn_records
from ssa_hub.state.tables import combinations, labels, newest, recorded
from ssa_hub.verification.findings import REPORT, RESTORE, Report, examples
from ssa_hub.verification.instant import Instant
from ssa_hub.verification.records import Ids

_BATCH = 10_000
_Key = tuple[str, str, str, str]


def verify_newest(instant: Instant, ids: Ids, report: Report) -> None:
    """The newest orbit of each object, data mode, originator and label, withdrawn ones and those under way left out."""
    check = "newest"
    table = instant.tables.get(ELEMENTS)
    files = [file.path for file in table.files() if file.rows] if table is not None else []
    kept = _kept(instant.connection)
    expected: dict[_Key, str] = {}
    if files:
        gone = withdrawn_ids(instant.connection) | instant.between
        rows = ids.newest(files, ids.write("not-newest", ((record_id, "") for record_id in sorted(gone))))
        for row in rows.to_pylist():
            expected[row["object_id"], row["data_mode"], row["originator"], row["label_id"]] = row["record_id"]
    wrong = sorted(key for key in kept.keys() & expected.keys() if kept[key] != expected[key])
    missing, surplus = sorted(expected.keys() - kept.keys()), sorted(kept.keys() - expected.keys())
    report.saw(check, f"{len(kept):,} newest orbits against history's own")
    for keys, what in (
        (wrong, "newest orbits are not history's newest"),
        (missing, "objects of history have no newest orbit"),
        (surplus, "newest orbits are of objects that history does not have"),
    ):
        if keys:
            named = [f"{key[0]} of {key[2]}, {key[1]}" for key in keys]
            meaning = "listings of the newest and screening take a wrong orbit, or none"
            report.wrong(check, f"{len(keys):,} {what}: {examples(named, len(named))}", meaning, RESTORE)


def _kept(connection: Connection) -> dict[_Key, str]:
    chosen = select(
        newest.c.object_id,
        combinations.c.data_mode,
        combinations.c.originator,
        combinations.c.label_id,
        newest.c.record_id,
    ).join_from(newest, combinations, newest.c.combination_id == combinations.c.id)
    return {tuple(row[:4]): row[4] for row in connection.execute(chosen)}


def withdrawn_ids(connection: Connection) -> set[str]:
    """Every record that is withdrawn."""
    return set(connection.execute(select(withdrawn_records.c.record_id)).scalars())


def verify_newest_references(instant: Instant, report: Report) -> None:
    """Newest orbits that are withdrawn, or that no record stands behind: cheap, for the quick look."""
    behind = select(newest.c.record_id).where(
        ~select(recorded.c.seq).where(recorded.c.record_id == newest.c.record_id).exists()
    )
    lost = sorted(instant.connection.execute(behind).scalars())
    if lost:
        what = f"{len(lost):,} newest orbits are not recorded: {examples(lost, len(lost))}"
        report.wrong("newest", what, "listings of the newest fail", RESTORE)
    # Others' bodies may have been given up (`ssa_hub.state.giving_up`); those of the newest never are.
    bare = select(newest.c.record_id).join_from(newest, recorded, newest.c.record_id == recorded.c.record_id)
    without_body = sorted(instant.connection.execute(bare.where(recorded.c.body == GIVEN_UP)).scalars())
    if without_body:
        what = f"{len(without_body):,} newest orbits have no body: {examples(without_body, len(without_body))}"
        report.wrong("newest", what, "listings of the newest fail", REPORT)
    recalled = select(newest.c.record_id).where(
        select(withdrawn_records.c.record_id).where(withdrawn_records.c.record_id == newest.c.record_id).exists()
    )
    shown = sorted(instant.connection.execute(recalled).scalars())
    if shown:
        what = f"{len(shown):,} newest orbits are withdrawn: {examples(shown, len(shown))}"
        report.wrong("newest", what, "what an originator has recalled is screened and listed", REPORT)


def verify_labels(instant: Instant, report: Report, in_history: Sequence[str] = ()) -> None:
    """Every label that a record names is kept, and is what its id says."""
    rows = instant.connection.execute(select(labels.c.label_id, labels.c.body))
    bodies: dict[str, str] = {row.label_id: row.body for row in rows}
    named = set(instant.connection.execute(select(combinations.c.label_id).distinct()).scalars()) | set(in_history)
    report.saw("labels", f"{len(bodies):,} kept, {len(named):,} named by records")
    lost = sorted(named - bodies.keys())
    if lost:
        what = f"{len(lost):,} labels are named by records and not kept: {examples(lost, len(lost))}"
        report.wrong("labels", what, "nobody is shown these records, as nobody knows their label", RESTORE)
    changed = sorted(label_id for label_id, body in bodies.items() if not _says(body, label_id))
    if changed:
        what = f"{len(changed):,} labels are not what their ids say: {examples(changed, len(changed))}"
        report.wrong("labels", what, "records may be released under a label that they never had", RESTORE)


def _says(body: str, label_id: str) -> bool:
    try:
        return label_from_json(body.encode()).label_id == label_id
    except (msgspec.MsgspecError, ValueError):
        return False


def verify_withdrawals(instant: Instant, report: Report) -> None:
    """Every withdrawn record is recorded, or is on the log and about to be."""
    gone = sorted(withdrawn_ids(instant.connection))
    unknown = set(gone) - instant.between - instant.ahead
    for first in range(0, len(gone), _BATCH):
        part = gone[first : first + _BATCH]
        chosen = select(recorded.c.record_id).where(recorded.c.record_id.in_(part))
        unknown.difference_update(instant.connection.execute(chosen).scalars())
    report.saw("withdrawals", f"{len(gone):,} records withdrawn")
    if unknown:
        what = f"{len(unknown):,} withdrawn records are not recorded: {examples(sorted(unknown), len(unknown))}"
        report.wrong("withdrawals", what, "state and its feed do not belong together", RESTORE)
