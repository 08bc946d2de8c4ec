"""The release table: every decision for one partner, tabulated, so that the store filters by joining with it.

A decision factors: the label's part does not depend on the originator, the rules' part does not depend on the label.
So each label and each (originator, kind, mode) is decided once, and the table is the product of what they allow.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.spif import SecurityPolicy
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.columns import RECORD_KINDS
from ssa_hub.release.decision import NO_POLICIES, Allow, decide_by_rules
from ssa_hub.release.label_access import next_label_change, permitted_label_ids
from ssa_hub.release.mask import Mask
from ssa_hub.release.masks import apply_masks
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.policy_version import policy_version
from ssa_hub.release.reason import ReasonCode

__all__ = [
    "RELEASE_SCHEMA",
    "Grant",
    "ReleaseRow",
    "ReleaseTable",
    "apply_masks",
    "build_release_table",
    "policy_version",
]

RELEASE_SCHEMA = pa.schema(
    [
        pa.field("kind", pa.string(), False),
        pa.field("data_mode", pa.string(), False),
        pa.field("originator", pa.string(), False),
        pa.field("label_id", pa.string(), False),
        pa.field("delay_ns", pa.int64(), False),
        pa.field("mask_id", pa.int32(), False),
        pa.field("rule", pa.string(), False),
        pa.field("time_step_ns", pa.int64(), False),
        pa.field("distance_step_m", pa.float64(), False),
    ]
)

COMBINATION_SCHEMA = pa.schema(
    [
        pa.field("mask_id_1", pa.int32(), False),
        pa.field("mask_id_2", pa.int32(), False),
        pa.field("mask_id", pa.int32(), False),
    ]
)


class ReleaseRow(NamedTuple):
    """One allowed combination. ``time_step_ns`` 1 and ``distance_step_m`` 0: exact."""

    kind: Kind
    data_mode: DataMode
    originator: str
    label_id: str
    delay_ns: int
    mask_id: int
    rule: str
    time_step_ns: int
    distance_step_m: float


class Grant(NamedTuple):
    """What is allowed for (kind, mode, originator): with every label where ``own``, else with those permitted.

    ``agreement_version`` is for the ledger, and empty for own data.
    """

    kind: Kind
    data_mode: DataMode
    originator: str
    delay_ns: int
    mask_id: int
    rule: str
    own: bool
    agreement_version: str
    time_step_ns: int
    distance_step_m: float


@dataclass(frozen=True)
class ReleaseTable:
    """All that one partner may see, under one posture, at the instants before ``valid_until_tai_ns``.

    Join for elements: kind, data_mode, originator and label_id are equal, and ``received_tai_ns + delay_ns <= now``.
    For derived conjunctions join twice, once a parent (parent_originator_N, parent_label_id_N); both must be there,
    the delay and the steps are the greater ones, and the mask is `combine` of both. ``masks[mask_id]`` says what is
    shown and how finely. A query that selects, sorts or pages by an instant or a distance uses it rounded down to the
    row's ``time_step_ns`` (1: exact) or ``distance_step_m`` (0: exact). There are no rows of kind tear-lines.

    ``valid_until_tai_ns`` None: until an agreement, the partner, the posture, a security policy, or the set of labels
    or originators changes. ``policy_version`` may be told to the partner.
    """

    partner: str
    posture: Posture
    policy_version: str
    masks: tuple[Mask, ...]
    valid_until_tai_ns: int | None
    _grants: tuple[Grant, ...]
    _every_label: tuple[str, ...]
    _permitted_labels: tuple[str, ...]
    _combinations: Mapping[tuple[int, int], int]

    def rows(self) -> Iterator[ReleaseRow]:
        """The allowed combinations, one at a time; `to_arrow` is the way for many."""
        for grant in self._grants:
            for label_id in self._every_label if grant.own else self._permitted_labels:
                yield ReleaseRow(*grant[:3], label_id, *grant[3:6], *grant[8:])

    def grant(self, kind: Kind, data_mode: DataMode | str, originator: str) -> Grant | None:
        """What is allowed of this originator's records of this kind and mode, for a permitted label; None: nothing."""
        return self._grant_of.get((kind, data_mode, originator))

    @cached_property
    def _grant_of(self) -> dict[tuple[str, str, str], Grant]:
        return {(grant.kind, grant.data_mode, grant.originator): grant for grant in self._grants}

    def to_arrow(self, kind: Kind | None = None, showing: Collection[str] = (), *, exactly: bool = False) -> pa.Table:
        """The allowed combinations, of one kind or of all, with `RELEASE_SCHEMA`.

        ``showing``: only those that show all these columns. A query that selects or sorts rows by the value of a
        column needs them: with the whole table, asking for miss distances below 1 km, then below 500 m, would find
        out the miss distance that is withheld. (Both parents' masks show a column just when their `combine` does.)
        ``exactly``: and only those that coarsen none of them: whoever may choose orbits to compare with (a what-if)
        would find where the coarse value steps, and so the exact one.
        """
        grants = [
            grant
            for grant in self._grants
            if (kind is None or grant.kind is kind) and self.masks[grant.mask_id].shows(showing, exactly=exactly)
        ]
        label_ids = [self._every_label if grant.own else self._permitted_labels for grant in grants]
        grant_of_row = pa.array(np.repeat(np.arange(len(grants)), [len(ids) for ids in label_ids]), pa.int64())
        columns = [
            pa.concat_arrays([self._arrow_labels[grant.own] for grant in grants] or [pa.array([], field.type)])
            if field.name == "label_id"
            else pa.array([getattr(grant, field.name) for grant in grants], field.type).take(grant_of_row)
            for field in RELEASE_SCHEMA
        ]
        return pa.Table.from_arrays(columns, schema=RELEASE_SCHEMA)

    @cached_property
    def _arrow_labels(self) -> dict[bool, pa.Array]:
        """The label ids of a grant by whether it is one of own data."""
        return {True: pa.array(self._every_label, pa.string()), False: pa.array(self._permitted_labels, pa.string())}

    def combine(self, mask_id_1: int, mask_id_2: int) -> int:
        """The mask of a derived conjunction from its parents' masks: `Mask.both`.

        Raises KeyError for masks that are not both of derived conjunctions.
        """
        return self._combinations[mask_id_1, mask_id_2]

    def combinations_to_arrow(self) -> pa.Table:
        """`combine` as a table (mask_id_1, mask_id_2, mask_id) with both orders of each pair, for a join."""
        pairs = [(*pair, combined) for pair, combined in sorted(self._combinations.items())]
        columns = [pa.array([pair[position] for pair in pairs], pa.int32()) for position in range(3)]
        return pa.Table.from_arrays(columns, schema=COMBINATION_SCHEMA)

    def with_combined_masks(self, table: pa.Table) -> pa.Table:
        """``table`` with ``mask_id`` (`combine` of each row) in the place of ``mask_id_1`` and ``mask_id_2``.

        Raises ValueError for a row whose masks are not both of derived conjunctions.
        """
        count = len(self.masks)
        lookup = np.full((count + 1, count + 1), -1, dtype=np.int32)
        for pair, combined in self._combinations.items():
            lookup[pair] = combined
        # An id that is missing or outside the masks lands in the last row or column, where nothing is allowed.
        first, second = (
            np.where((ids >= 0) & (ids < count), ids, count)
            for ids in (
                table.column(name).cast(pa.int64()).fill_null(-1).to_numpy() for name in ("mask_id_1", "mask_id_2")
            )
        )
        mask_ids = lookup[first, second]
        if (mask_ids < 0).any():
            raise ValueError("a row has masks that are not both of derived conjunctions")
        return table.drop_columns(["mask_id_1", "mask_id_2"]).append_column(
            COMBINATION_SCHEMA.field("mask_id"), pa.array(mask_ids)
        )


def build_release_table(
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    originators: Iterable[str],
    posture: Posture,
    now_tai_ns: int,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> ReleaseTable:
    """Tabulate the decisions for ``partner``; ``agreements`` by originator, ``labels`` by label id.

    ``policies``: the security policies that are known, by name. ``labels`` and ``originators`` are those that the hub's
    records have. A record with another one is not in the table, hence not shown, until the table is built anew.
    """
    allowed: list[tuple[Kind, DataMode, str, Allow]] = []
    for originator in sorted(set(originators)):
        allowed += _allowed(partner, agreements.get(originator), originator, posture, now_tai_ns)
    masks, combined = _intern_masks(allowed)
    mask_ids = {mask: index for index, mask in enumerate(masks)}
    grants = tuple(
        Grant(
            kind,
            data_mode,
            originator,
            allow.delay_ns,
            mask_ids[allow.mask],
            allow.rule,
            own=allow.reason.code is ReasonCode.OWN_DATA,
            agreement_version=allow.agreement_version or "",
            time_step_ns=allow.mask.resolution.time_step_ns,
            distance_step_m=allow.mask.resolution.distance_m,
        )
        for kind, data_mode, originator, allow in allowed
    )
    return ReleaseTable(
        partner=partner.name,
        posture=posture,
        policy_version=policy_version(partner, agreements, posture),
        masks=masks,
        valid_until_tai_ns=_valid_until(partner, agreements, labels, posture, now_tai_ns),
        _grants=grants,
        _every_label=tuple(sorted(labels)),
        _permitted_labels=permitted_label_ids(partner, labels, now_tai_ns=now_tai_ns, policies=policies),
        _combinations=combined,
    )


def _allowed(
    partner: Partner, agreement: Agreement | None, originator: str, posture: Posture, now_tai_ns: int
) -> Iterator[tuple[Kind, DataMode, str, Allow]]:
    for kind in RECORD_KINDS:
        for data_mode in DataMode:
            decision = decide_by_rules(
                partner,
                agreement,
                originator=originator,
                kind=kind,
                data_mode=data_mode,
                posture=posture,
                now_tai_ns=now_tai_ns,
            )
            if isinstance(decision, Allow):
                yield kind, data_mode, originator, decision


def _intern_masks(
    allowed: Iterable[tuple[Kind, DataMode, str, Allow]],
) -> tuple[tuple[Mask, ...], dict[tuple[int, int], int]]:
    """The distinct masks, and what two masks of derived conjunctions both show, sorted; and which pair gives which."""
    single = {allow.mask for _, _, _, allow in allowed}
    derived = sorted({allow.mask for kind, _, _, allow in allowed if kind is Kind.DERIVED_CONJUNCTIONS})
    meeting = {(mask, mask): mask for mask in derived}
    for first, second in combinations(derived, 2):
        meeting[first, second] = meeting[second, first] = first.both(second)
    masks = tuple(sorted(single | set(meeting.values())))
    index = {mask: number for number, mask in enumerate(masks)}
    return masks, {(index[a], index[b]): index[both] for (a, b), both in meeting.items()}


def _valid_until(
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    posture: Posture,
    now_tai_ns: int,
) -> int | None:
    """The earliest end to come of a rule's interval that concerns the partner (of originators without records too, so
    that it says nothing of who has records), or instant at which a label is succeeded by another.
    """
    ends = [
        end
        for originator, agreement in agreements.items()
        if originator != partner.name
        for rule in agreement.rules
        if rule.concerns(partner) and posture in rule.postures
        for end in (rule.valid_from_tai_ns, rule.valid_until_tai_ns)
        if end is not None and end > now_tai_ns
    ]
    changing = (label for label in labels.values() if label.succession is not None or label.alternatives)
    succession = next_label_change(changing, now_tai_ns)
    return min(ends if succession is None else [*ends, succession], default=None)
