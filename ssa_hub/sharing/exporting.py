"""Exports as a partner is shown them: fixed numbers of visible rows, masked, with his ids, in the ledger first."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_DAY, now_tai_ns
from ssa_hub.history.combinations import released_combinations
from ssa_hub.history.export_question import COMBINATION, EXPORTED, ExportQuestion, Wanted
from ssa_hub.history.exporting import Exporter
from ssa_hub.history.planning import Range
from ssa_hub.history.store import History
from ssa_hub.history.tables import CONJUNCTIONS, ELEMENTS
from ssa_hub.release.partner import Partner
from ssa_hub.sharing.disclosures import Channel, Disclosures, disclosures_of
from ssa_hub.sharing.export_formats import ExportFormat
from ssa_hub.sharing.policies import Policies, Released, Rules
from ssa_hub.sharing.shown_rows import shown_rows

# Visible rows of each batch but the last: of no file's making.
BATCH_ROWS = 65_536
# Exports that are answered as they are read, at once.
STREAMS_A_PARTNER, STREAMS_TOGETHER = 2, 8
# How far ahead of now approaches are looked for, in the share done of an export that names no last TCA.
_AHEAD_NS = 7 * NS_PER_DAY

# A record's id as 16 bytes, as numpy sorts and finds them.
ID_BYTES = np.dtype("S16")

Key = tuple[Any, ...]


class RulesChangedError(Exception):
    """The rules that an export began under are no longer those in force, or something in it has been withdrawn."""


class ExportAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is exported: instants are epochs, or TCAs of conjunctions, as shown; all ranges have both ends in them."""

    kind: str
    data_mode: DataMode
    format: ExportFormat
    object_ids: tuple[str, ...] | None = None
    catalogue_numbers: tuple[int, ...] | None = None
    from_tai_ns: int | None = None
    to_tai_ns: int | None = None
    received_from_tai_ns: int | None = None
    received_to_tai_ns: int | None = None
    known_at_tai_ns: int | None = None


class ExportBasis(msgspec.Struct, frozen=True):
    """What an export was made under; ``valid_until_tai_ns`` None: until the rules change."""

    as_of_tai_ns: int
    policy_version: str
    posture: str
    valid_until_tai_ns: int | None


class DependsOn(NamedTuple):
    """What shown rows depend on.

    ``ids``: true ids, 16 bytes each, ascending, whose withdrawal would change them; ``grants``: the combinations of
    originator and label that they were released by, each once.
    """

    ids: bytes
    grants: pa.Table


class ShownBatch(NamedTuple):
    """Rows as shown, already in the ledger. ``after``: the key to go on behind; ``fraction``: share of all done."""

    records: pa.Table
    after: Key
    fraction: float
    depends_on: DependsOn


class Exporting:
    """Makes exports. Threads may share one."""

    def __init__(
        self,
        history: History,
        policies: Policies,
        disclosures: Disclosures,
        clock_tai_ns: Callable[[], int] = now_tai_ns,
        *,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._exporter, self._policies, self._disclosures = Exporter(history), policies, disclosures
        self._clock_tai_ns, self._batch_rows = clock_tai_ns, batch_rows
        self._withdrawn: tuple[pa.Table | None, NDArray[np.bytes_]] = (None, np.empty(0, ID_BYTES))

    def basis(self, partner: Partner) -> ExportBasis:
        """The rules of now for a partner."""
        now = self._clock_tai_ns()
        table = self._policies.released_to(partner, now).table
        return ExportBasis(now, table.policy_version, str(table.posture), table.valid_until_tai_ns)

    def rules(self) -> Rules:
        """The rules in force now; the same object until something in them changes."""
        return self._policies.rules()

    def check(self, partner: Partner, basis: ExportBasis) -> Released:
        """What is released as of the basis. Raises RulesChangedError where other rules are in force by now."""
        now = self._clock_tai_ns()
        if partner.name not in self._policies.rules().partners:
            raise RulesChangedError("the partner is no longer enrolled")
        released = self._policies.released_to(partner, now)
        same = (released.table.policy_version, str(released.table.posture)) == (basis.policy_version, basis.posture)
        if not same or (basis.valid_until_tai_ns is not None and now >= basis.valid_until_tai_ns):
            raise RulesChangedError("the rules have changed since this export began")
        return released

    def check_standing(self, partner: Partner, asked: ExportAsked, depends_on: Iterable[DependsOn]) -> None:
        """Raise RulesChangedError where rows depend on what is withdrawn, or released to the partner no more."""
        released = self._policies.released_to(partner, self._clock_tai_ns())
        for part in depends_on:
            self._check_withdrawals(part)
            _check_grants(part, asked, released)

    def _check_withdrawals(self, depends_on: DependsOn) -> None:
        gone = self._withdrawn_ids()
        ids = np.frombuffer(depends_on.ids, dtype=ID_BYTES)
        if (ids[np.minimum(np.searchsorted(ids, gone), len(ids) - 1)] == gone).any():
            raise RulesChangedError("something in this export has been withdrawn since")

    def _withdrawn_ids(self) -> NDArray[np.bytes_]:
        """Made once of the same rules: there may be a million."""
        rules, (of, ids) = self._policies.rules(), self._withdrawn
        if of is not rules.withdrawn:
            ids = np.frombuffer(bytes.fromhex("".join(rules.withdrawn.column("record_id").to_pylist())), ID_BYTES)
            self._withdrawn = (rules.withdrawn, ids)
        return ids

    def empty(self, partner: Partner, asked: ExportAsked, basis: ExportBasis) -> pa.Table:
        """The export's columns without rows."""
        released = self.check(partner, basis)
        question = _question(asked, released, basis)
        rows = question.visible(_no_rows(question))
        return _shown(rows, question, released)[1]

    def batches(
        self, partner: Partner, asked: ExportAsked, basis: ExportBasis, after: Key | None = None
    ) -> Generator[ShownBatch, None, None]:
        """The export's batches from behind a key on; each is in the ledger when it is given out.

        Raises RulesChangedError, HistoryUnavailableError, StateUnavailableError: then what came before is not whole.
        """
        released = self.check(partner, basis)
        question = _question(asked, released, basis)
        share = _Share(asked, question, basis)
        for rows in _cut(self._exporter.rows(question, after), self._batch_rows):
            now_released = self.check(partner, basis)
            # As released when it began: the masks' numbers in the rows are of that table.
            true, records = _shown(rows, question, released)
            depends_on = DependsOn(_ids(true, released, question), question.grants_of(rows))
            self._check_withdrawals(depends_on)
            if now_released is not released:
                _check_grants(depends_on, asked, now_released)
            kind = question.exported.release_kind
            self._disclosures.record(
                disclosures_of(true, kind, released.table, partner=partner.name, channel=Channel.EXPORT)
            )
            key = question.key_of(rows, rows.num_rows - 1)
            yield ShownBatch(records, key, share.at(key), depends_on)


def _question(asked: ExportAsked, released: Released, basis: ExportBasis) -> ExportQuestion:
    wanted = Wanted(
        asked.data_mode,
        basis.as_of_tai_ns,
        asked.object_ids,
        asked.catalogue_numbers,
        Range(asked.from_tai_ns, asked.to_tai_ns),
        Range(asked.received_from_tai_ns, asked.received_to_tai_ns),
        asked.known_at_tai_ns,
    )
    order_key = released.order_key(EXPORTED[asked.kind].release_kind)
    return ExportQuestion(
        asked.kind, _release(asked, released), wanted, order_key=order_key, withdrawn=released.withdrawn
    )


def _release(asked: ExportAsked, released: Released) -> pa.Table:
    return {ELEMENTS: released.elements, CONJUNCTIONS: released.conjunctions}[asked.kind]


def _no_rows(question: ExportQuestion) -> pa.Table:
    return question.definition.record_schema.empty_table()


def _shown(rows: pa.Table, question: ExportQuestion, released: Released) -> tuple[pa.Table, pa.Table]:
    """The rows with true ids and one mask each, and as they are shown."""
    true = rows.select([*question.definition.record_schema.names, *question.mask_columns])
    if len(question.mask_columns) > 1:
        true = released.table.with_combined_masks(true)
    return true, shown_rows(true, question.exported.release_kind, released).combine_chunks()


def _check_grants(depends_on: DependsOn, asked: ExportAsked, released: Released) -> None:
    """Raise RulesChangedError where a combination that rows were released by is not released any more.

    A security policy changes that under the same policy version; what the version names (delays, masks, steps) is
    `Exporting.check`'s. Only the rows' own combinations are looked at: what else is released tells nothing of them.
    """
    current = released_combinations(_release(asked, released), EXPORTED[asked.kind].release_kind, asked.data_mode)
    if depends_on.grants.join(current.select(COMBINATION), keys=COMBINATION, join_type="left anti").num_rows:
        raise RulesChangedError("the rules have changed since this export began")


def _ids(true: pa.Table, released: Released, question: ExportQuestion) -> bytes:
    """The ids of the rows, and of the orbits that they were found with which are not withdrawn already."""
    ids = true.column("record_id").to_pylist()
    if question.exported.release_kind is Kind.DERIVED_CONJUNCTIONS:
        gone = set() if released.withdrawn is None else set(released.withdrawn.column("record_id").to_pylist())
        parents = {one for side in (1, 2) for one in true.column(f"parent_{side}").to_pylist()}
        ids += sorted(parents - gone)
    return np.unique(np.frombuffer(bytes.fromhex("".join(ids)), dtype=ID_BYTES)).tobytes()


def _cut(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of just so many, but for the last, each in memory of its own.

    Taken by index: a slice would carry its neighbours' bytes along into an Arrow answer.
    """
    held: pa.Table | None = None
    for table in tables:
        held = table if held is None else pa.concat_tables([held, table])
        start = 0
        while held.num_rows - start >= rows:
            yield _copied(held.slice(start, rows))
            start += rows
        held = held.slice(start) if start else held
    if held is not None and held.num_rows:
        yield _copied(held)


def _copied(rows: pa.Table) -> pa.Table:
    return rows.combine_chunks().take(pa.array(np.arange(rows.num_rows)))


class _Share:
    """How much of an export is done, from what the partner sees and asked, never from what is hidden."""

    def __init__(self, asked: ExportAsked, question: ExportQuestion, basis: ExportBasis) -> None:
        self._by_instant = question.chunk_key == question.exported.instant
        self._first: int | None = asked.from_tai_ns
        self._last = basis.as_of_tai_ns + _AHEAD_NS if asked.to_tai_ns is None else asked.to_tai_ns

    def at(self, key: Key) -> float:
        """The share before a key, 0 to 1: of the time from the first TCA to the last, or of the order of ids."""
        if self._by_instant:
            self._first = key[0] if self._first is None else self._first
            return float(min(max((key[0] - self._first) / max(self._last - self._first, 1), 0.0), 1.0))
        catalogue, _, number = str(key[0]).partition("-")
        if catalogue != "cat" or not number.isdigit():
            return 0.99
        # cat-1… to cat-9… follow each other as their first digits do.
        return min((float(f"0.{number}") - 0.1) / 0.9, 0.99)
