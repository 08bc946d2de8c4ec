"""One turn of retention: begin what is due, remove it from everywhere, finish what nothing is left of.

Every step can be done again: whoever is killed, the next turn goes on with the deletions that are running. The order
is state, history, log, payloads: history is what the others are found from, so it loses its rows after state has.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from ingest.log import TopicPartition
from ingest.payload_removal import FileRemoval
from ingest.topics import QUARANTINE
from schemas.records import Kind
from schemas.timescales import now_tai_ns
from ssa_hub.history.deleting import (
    blobs_in_use,
    candidate_ids,
    drop_checkpoints,
    due_records,
    files_still_there,
    overdue,
    payloads_in_use,
    remove_records,
    table_of,
)
from ssa_hub.history.store import History
from ssa_hub.release.agreement import read_agreement
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.retention import DAY_NS, NOTICE_NS, Demand, InForce, demand_of
from ssa_hub.sharing.export_desk import remove_ended_files
from ssa_hub.state.deletions import Deletion, Places, WrongDeletionsError
from ssa_hub.state.store import State

# Their ids are held in memory, and their leaves are one transaction.
_RECORDS_MAX = 500_000
_OF_PAYLOADS = tuple(kind for kind in RECORD_KINDS if kind is not Kind.DERIVED_CONJUNCTIONS)

log_event = structlog.get_logger("retention")


class RetentionReport(NamedTuple):
    """What a turn has done: records that it began to delete, deletions finished, payloads removed."""

    records: int = 0
    finished: int = 0
    payloads: int = 0


class Outside(NamedTuple):
    """What a turn needs besides state and history.

    ``exports``: the directory of exports that partners ordered; ``trim`` removes the log's records before offsets;
    ``settled``: whether all that is on the log is recorded.
    """

    payloads: FileRemoval
    blobs: FileRemoval
    exports: Path
    trim: Callable[[Mapping[TopicPartition, int]], None]
    settled: Callable[[], bool]


def demands(state: State, now_tai_ns: int, notice_ns: int = NOTICE_NS) -> list[Demand]:
    """What the agreements demand at an instant, by originator. Raises AgreementError, StateUnavailableError."""
    histories: dict[str, list[InForce]] = {}
    rules = {}
    for entry in state.agreements.history():
        key = (entry.originator, entry.version)
        if key not in rules:
            rules[key] = read_agreement(entry.text, entry.file).retention
        in_force = InForce(entry.version, rules[key], entry.activated_tai_ns, entry.retired_tai_ns)
        histories.setdefault(entry.originator, []).append(in_force)
    found = (demand_of(originator, each, now_tai_ns, notice_ns) for originator, each in sorted(histories.items()))
    return [demand for demand in found if demand is not None]


class RetentionWork:
    """``paced`` is called between pieces of work and may raise; ``now`` answers TAI ns."""

    def __init__(
        self,
        history: History,
        state: State,
        outside: Outside,
        *,
        notice_ns: int = NOTICE_NS,
        paced: Callable[[], None] = lambda: None,
        now: Callable[[], int] = now_tai_ns,
    ) -> None:
        self._history, self._state, self._outside = history, state, outside
        self._notice_ns, self._paced, self._now = notice_ns, paced, now

    def turn(self) -> RetentionReport:
        """Do all that is due. Raises StateUnavailableError, HistoryError, LogUnavailableError, OSError."""
        now = self._now()
        wanted = demands(self._state, now, self._notice_ns)
        records = 0
        if not self._state.deletions.running():
            records = sum(self._begin(demand, now) for demand in wanted)
        under_way = [deletion for deletion in self._state.deletions.running() if not deletion.places.cleared]
        for deletion in under_way:
            self._clear(deletion)
        payloads = self._remove_payloads(wanted, now)
        if under_way or payloads:
            self._state.forgetting.wipe()
        for number, deletion in enumerate(under_way):
            places = self._places(deletion.number)
            removed = places.payloads + (payloads if number == 0 else 0)
            self._note(deletion.number, cleared=True, payloads=removed)
        return RetentionReport(records, self._finish(), payloads)

    def _begin(self, demand: Demand, now: int) -> int:
        begun = 0
        for kind in RECORD_KINDS:
            self._paced()
            for due in due_records(self._history, kind, demand, now, records_max=_RECORDS_MAX):
                # One that state does not know yet is just being recorded: its turn comes once state knows it.
                known = self._state.recorded.seqs_of(due.record_ids).keys()
                already = self._state.deletions.deleted(due.record_ids)
                ids = [record_id for record_id in due.record_ids if record_id in known and record_id not in already]
                if not ids:
                    continue
                days = due.keep_ns // DAY_NS
                number = self._state.deletions.begin(
                    kind=kind, originator=demand.originator, rule=f"{days} days after reception",
                    version=demand.version, cutoff_tai_ns=due.cutoff_tai_ns, record_ids=ids, now_tai_ns=now,
                    first_tai_ns=due.first_tai_ns,
                )  # fmt: skip
                begun += len(ids)
                log_event.info("deletion begun", number=number, kind=kind, records=len(ids), days=days)
        return begun

    def _clear(self, deletion: Deletion) -> None:
        """Remove a deletion's records from history, state, log and blobs; all but the old files of history."""
        kind, number = Kind(deletion.kind), deletion.number

        def leaving(files: list[str], blobs: list[str]) -> None:
            places = self._places(number)
            self._note(
                number,
                waiting_files=tuple(dict.fromkeys((*places.waiting_files, *files))),
                waiting_blobs=tuple(dict.fromkeys((*places.waiting_blobs, *blobs))),
                history_files=places.history_files + len(set(files) - set(places.waiting_files)),
            )

        # Ids are not kept: those of state are found by their leaves, as those of history are.
        forgotten = self._forget(deletion)
        replaced = remove_records(
            self._history, kind, deletion.originator, deletion.cutoff_tai_ns, self._state.deletions.deleted,
            leaving=leaving, paced=self._paced,
        )  # fmt: skip
        if kind is Kind.ELEMENTS:
            drop_checkpoints(self._history, deletion.places.first_tai_ns, leaving)
        self._outside.trim(self._held_by_state(table_of(kind)))
        blobs = self._places(number).waiting_blobs
        removed = self._outside.blobs.remove(blobs, self._blobs_needed)
        places = self._places(number)
        self._note(
            number,
            history_rows=places.history_rows + replaced.rows,
            state_rows=places.state_rows + forgotten,
            blobs=places.blobs + removed,
            exports=places.exports + self._state.forgetting.exports(self._now()),
        )

    def _blobs_needed(self, blobs: Sequence[str]) -> set[str]:
        # What the log has and history not yet may name them.
        return blobs_in_use(self._history, blobs) if self._outside.settled() else set(blobs)

    def _forget(self, deletion: Deletion) -> int:
        """Remove from state what history still has of the deletion: it goes from history after that."""
        forgotten = 0
        for ids in candidate_ids(self._history, Kind(deletion.kind), deletion.originator, deletion.cutoff_tai_ns):
            self._paced()
            forgotten += self._state.forgetting.records(sorted(self._state.deletions.deleted(ids)))
        return forgotten

    def _held_by_state(self, kind: str) -> dict[TopicPartition, int]:
        """Up to where history and state hold the log: of the kind's topic, and of refusals."""
        topics = (kind.replace("_", "-"), QUARANTINE)
        return {partition: at for partition, at in self._state.positions.all().items() if partition.topic in topics}

    def _remove_payloads(self, wanted: Sequence[Demand], now: int) -> int:
        """Remove payloads that are older than the shortest rule says and of which history has no record left."""
        by_originator = {demand.originator: demand for demand in wanted}
        shortest = [ns for demand in wanted for kind in RECORD_KINDS if (ns := demand.shortest_ns(kind)) is not None]
        if not shortest or not self._outside.settled():
            return 0
        receptions: dict[str, set[int]] = {}
        due: Counter[str] = Counter()
        for sha256, provenance, received in self._state.forgetting.received_before(now - min(shortest)):
            demand = by_originator.get(provenance.originator)
            kept = [] if demand is None else [
                demand.keep_ns(kind, provenance.source, provenance.data_mode) for kind in _OF_PAYLOADS
            ]  # fmt: skip
            keep_ns = min((each for each in kept if each is not None), default=None)
            if keep_ns is not None and received < now - keep_ns:
                receptions.setdefault(sha256, set()).add(received)
                due[sha256] += 1
        receipts = self._state.forgetting.receipts_of(due)
        alone = {sha256: receptions[sha256] for sha256, count in due.items() if receipts[sha256] == count}
        gone = sorted(alone.keys() - payloads_in_use(self._history, alone))
        removed, refusals = self._state.forgetting.payloads(gone)
        self._outside.payloads.remove(gone, lambda found: set(self._state.forgetting.receipts_of(found)))
        if removed:
            log_event.info("payloads removed", payloads=len(gone), receipts=removed, refusals=refusals)
        return len(gone)

    def _finish(self) -> int:
        finished = 0
        running = self._state.deletions.running()
        if running:  # an export that was under way may have written once more after it was ended
            remove_ended_files(self._state.export_jobs, self._outside.exports)
        for deletion in running:
            left = files_still_there(self._history, deletion.places.waiting_files)
            if left != deletion.places.waiting_files:
                self._note(deletion.number, waiting_files=left)
            if left or not deletion.places.cleared or not self._state.deletions.finish(deletion.number, self._now()):
                break
            finished += 1
            log_event.info("deletion finished", number=deletion.number, records=deletion.records)
        return finished

    def _places(self, number: int) -> Places:
        found = self._state.deletions.get(number)
        if found is None:
            raise WrongDeletionsError(f"deletion {number} is gone from the state")
        return found.places

    def _note(self, number: int, **changes: object) -> None:
        self._state.deletions.note(number, msgspec.structs.replace(self._places(number), **changes))


def verify_deletions(
    state: State, history: History, *, now_tai_ns: int, notice_ns: int = NOTICE_NS, allowance_ns: int = DAY_NS
) -> list[str]:
    """What is wrong with the deletions, in sentences; none: all holds.

    Checked: chain, roots and signatures; that history has no record left that was to be deleted longer than the
    allowance ago. Raises StateUnavailableError, HistoryUnavailableError.
    """
    wrong = []
    try:
        state.deletions.verify()
    except WrongDeletionsError as error:
        wrong.append(str(error))
    for demand in demands(state, now_tai_ns, notice_ns + allowance_ns):
        for kind in RECORD_KINDS:
            left = overdue(history, kind, demand, now_tai_ns - allowance_ns)
            if left:
                wrong.append(f"{left} records of {kind} of {demand.originator} are kept longer than his agreement says")
    return wrong
