"""The rules in force, read from state, and each partner's release table, kept until something it depends on changes."""

import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog
from numpy.typing import NDArray

from schemas.labels import Label
from schemas.records import Kind
from schemas.spif import SecurityPolicy, read_spif
from ssa_hub.release.agreement import Agreement, read_agreement
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.table import ReleaseTable, build_release_table
from ssa_hub.sharing.shown_ids import PartnerIds, ShownIds, shown_ids_of
from ssa_hub.state.store import State

log_event = structlog.get_logger("policies")


class Rules(NamedTuple):
    """All that decisions depend on, at one instant. ``token`` changes whenever any of it does.

    ``security_policies`` by name. ``withdrawn``: every withdrawn record (``record_id``), and whether conjunctions of it
    are withdrawn too (``derived``).
    """

    token: tuple[object, ...]
    partners: dict[str, Partner]
    agreements: dict[str, Agreement]
    labels: dict[str, Label]
    posture: Posture
    security_policies: dict[str, SecurityPolicy]
    withdrawn: pa.Table


@dataclass(frozen=True)
class Released:
    """A partner's release table, and what it lets through as queries join with it, tabulated once.

    ``elements`` and ``conjunctions`` have `RELEASE_SCHEMA`'s columns and ``whole``: whether records are shown as they
    are. ``conjunctions_by_miss_distance`` are only those combinations that show the miss distance: who may not see it
    cannot ask by it either, as a bound would tell it. ``ids`` are the partner's pseudonyms; ``withdrawn`` is
    `Rules.withdrawn`, None where nothing is.
    """

    table: ReleaseTable
    elements: pa.Table
    conjunctions: pa.Table
    conjunctions_by_miss_distance: pa.Table
    ids: PartnerIds
    withdrawn: pa.Table | None

    def combinations(self, kinds: frozenset[Kind]) -> pa.Table:
        """The combinations of these kinds."""
        chosen = {Kind.ELEMENTS: self.elements, Kind.DERIVED_CONJUNCTIONS: self.conjunctions}
        return pa.concat_tables([table for kind, table in chosen.items() if kind in kinds])

    def of_kind(self, kind: Kind) -> pa.Table:
        """The combinations of one kind of records, as queries of it join with them."""
        if kind is Kind.ELEMENTS:
            return self.elements
        return self.conjunctions if kind is Kind.DERIVED_CONJUNCTIONS else self._of_messages[kind]

    def in_part(self, kind: Kind, mask_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which rows, by their masks, are not shown as they are: their ids are pseudonyms."""
        return ~self._whole[kind][mask_ids]

    def order_key(self, kind: Kind) -> str | None:
        """The key of the order of ids for queries of a kind; None where every record of it is shown as it is."""
        table = self.of_kind(kind)
        return None if pc.all(table.column("whole"), min_count=0).as_py() else self.ids.order_key

    def shows_whole_elements(self, data_mode: str, originator: str, label_id: str) -> bool:
        """Whether element sets of this combination are shown as they are: then so are their ids as parents."""
        grant = self.table.grant(Kind.ELEMENTS, data_mode, originator)
        if grant is None or not self._whole[Kind.ELEMENTS][grant.mask_id]:
            return False
        return grant.own or label_id in self._permitted_labels

    @cached_property
    def _whole(self) -> dict[Kind, NDArray[np.bool_]]:
        return {kind: whole_masks(self.table, kind) for kind in RECORD_KINDS}

    @cached_property
    def _of_messages(self) -> dict[Kind, pa.Table]:
        return {
            kind: _with_whole(self.table.to_arrow(kind), self._whole[kind])
            for kind in (Kind.CONJUNCTION_MESSAGES, Kind.EPHEMERIDES)
        }

    @cached_property
    def _permitted_labels(self) -> frozenset[str]:
        """The labels of element sets that are others'; the same of every originator that allows any."""
        others = pc.not_equal(self.elements.column("originator"), self.table.partner)
        return frozenset(self.elements.column("label_id").filter(others).unique().to_pylist())


def whole_masks(table: ReleaseTable, kind: Kind) -> NDArray[np.bool_]:
    """By mask id: whether it shows records of a kind as they are."""
    return np.array([mask.shows_all(kind) for mask in table.masks], dtype=np.bool_)


@lru_cache(maxsize=64)
def _security_policy(document: bytes, file: str) -> SecurityPolicy:
    """A policy's document as read: it changes far less often than the rules are read anew."""
    return read_spif(document, file)


def _with_whole(rows: pa.Table, whole: NDArray[np.bool_]) -> pa.Table:
    column = whole[rows.column("mask_id").to_numpy()] if rows.num_rows else np.empty(0, dtype=np.bool_)
    return rows.append_column(pa.field("whole", pa.bool_(), False), pa.array(column)).combine_chunks()


class Policies:
    """Reads the rules anew when state says that they have changed, so a change acts on the next question."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._released: dict[str, tuple[Rules, Released]] = {}
        self._shown_ids: ShownIds | None = None

    @property
    def shown_ids(self) -> ShownIds:
        """Every partner's pseudonyms of record ids. Raises StateUnavailableError."""
        if self._shown_ids is None:
            self._shown_ids = shown_ids_of(self._state)
        return self._shown_ids

    def rules(self) -> Rules:
        """The rules in force now."""
        token = self._state.policy_token()
        with self._lock:
            if self._rules is None or self._rules.token != token:
                self._rules = self._read(token)
            return self._rules

    def released_to(self, partner: Partner, now_tai_ns: int) -> Released:
        """What is released to the partner as of now."""
        rules = self.rules()
        with self._lock:
            kept = self._released.get(partner.name)
        if kept is not None and kept[0] is rules:
            valid_until = kept[1].table.valid_until_tai_ns
            if valid_until is None or now_tai_ns < valid_until:
                return kept[1]
        table = build_release_table(
            rules.partners.get(partner.name, partner),
            rules.agreements,
            rules.labels,
            # An originator without an agreement releases nothing, but to himself.
            {*rules.agreements, partner.name},
            rules.posture,
            now_tai_ns,
            rules.security_policies,
        )
        derived = Kind.DERIVED_CONJUNCTIONS
        whole = whole_masks(table, derived)
        released = Released(
            table,
            _with_whole(table.to_arrow(Kind.ELEMENTS), whole_masks(table, Kind.ELEMENTS)),
            _with_whole(table.to_arrow(derived), whole),
            _with_whole(table.to_arrow(derived, showing=("miss_distance_m",)), whole),
            self.shown_ids.of(partner.name),
            rules.withdrawn if rules.withdrawn.num_rows else None,
        )
        with self._lock:
            self._released[partner.name] = (rules, released)
        return released

    def _read(self, token: tuple[object, ...]) -> Rules:
        agreements = [agreement for agreement in map(_agreement, self._state.agreements.active()) if agreement]
        return Rules(
            token=token,
            partners={partner.name: partner for partner in self._state.partners.all()},
            agreements={agreement.originator: agreement for agreement in agreements},
            labels=self._state.labels.all(),
            posture=self._state.agreements.posture(),
            security_policies={
                name: _security_policy(document, file) for name, file, document in self._state.security_policies.all()
            },
            withdrawn=self._state.withdrawals.table(),
        )


def _agreement(active: tuple[str, str]) -> Agreement | None:
    """An agreement in force; None for one that this version of the hub does not read: its originator releases nothing
    then, and everybody else is answered as before.
    """
    file, text = active
    try:
        return read_agreement(text, file)
    except AgreementError as error:
        log_event.error("an agreement in force cannot be read: nothing of it is released", file=file, error=str(error))
        return None
