"""Whom a tear-line concerns: who operates one side of a close approach, may know that side, and not the other."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.spif import SecurityPolicy
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.decision import Allow, Deny, TearLineGrant, decide, label_unknown, tear_line_grant
from ssa_hub.release.partner import Partner, Posture


class ObjectSide(NamedTuple):
    """One side of a conjunction, as decisions see it. ``label_id`` is that of the orbit."""

    object_id: str
    originator: str
    label_id: str


class Concern(NamedTuple):
    """A statement may be made, from ``delay_ns`` after the receipt of the conjunction on."""

    grant: TearLineGrant
    delay_ns: int


class Decisions:
    """Decisions on tear-lines under one set of rules at one instant; each is made once. For one thread."""

    def __init__(
        self,
        partners: Mapping[str, Partner],
        agreements: Mapping[str, Agreement],
        labels: Mapping[str, Label],
        policies: Mapping[str, SecurityPolicy],
        *,
        posture: Posture,
        now_tai_ns: int,
    ) -> None:
        self._partners, self._agreements, self._labels, self._policies = partners, agreements, labels, policies
        self._posture, self._now_tai_ns = posture, now_tai_ns
        self._grants: dict[tuple[str, str, DataMode], TearLineGrant | None] = {}
        self._sides: dict[tuple[str, str, str, DataMode], Allow | Deny] = {}

    def concern(self, partner: Partner, own: ObjectSide, hidden: ObjectSide, data_mode: DataMode) -> Concern | None:
        """What may be said to a partner of an approach of ``own`` and ``hidden``; None: nothing.

        He must be concerned by the one side and not see the conjunction. Where he sees it later only, as an embargo
        ends, he is told at once what the rule for tear-lines lets be said: an originator who has written one wants the
        operator warned, and an approach may be over before the embargo is. Where the record comes as early as the
        statement would, the record is enough. One that he sees in part, with its distance withheld, is not hidden.
        """
        allowed = self.allowed(partner, own, hidden.originator, data_mode)
        if allowed is None:
            return None
        record = self._side(partner, hidden, data_mode)
        if isinstance(record, Allow) and record.delay_ns <= allowed.delay_ns:
            return None
        return allowed

    def allowed(self, partner: Partner, own: ObjectSide, hidden_originator: str, data_mode: DataMode) -> Concern | None:
        """The same, whether he sees the conjunction or not: whether what was said may still be told."""
        # To push an orbit under a number makes nobody its operator: invented orbits would search for the hidden object.
        if own.object_id not in partner.operates:
            return None
        grant = self.grant(partner, hidden_originator, data_mode)
        if grant is None:
            return None
        side = self._side(partner, own, data_mode)
        return Concern(grant, max(side.delay_ns, grant.delay_ns)) if isinstance(side, Allow) else None

    def grant(self, partner: Partner, originator: str, data_mode: DataMode) -> TearLineGrant | None:
        """The terms on which statements about an originator's hidden objects are made to a partner."""
        key = (partner.name, originator, data_mode)
        if key not in self._grants:
            self._grants[key] = tear_line_grant(
                partner,
                self._agreements.get(originator),
                originator=originator,
                data_mode=data_mode,
                posture=self._posture,
                now_tai_ns=self._now_tai_ns,
                policies=self._policies,
            )
        return self._grants[key]

    def granting(self) -> dict[tuple[str, DataMode], list[Partner]]:
        """By originator and data mode, the partners to whom statements about its objects are made now."""
        found: dict[tuple[str, DataMode], list[Partner]] = {}
        for _, partner in sorted(self._partners.items()):
            for originator in self._agreements:
                for data_mode in DataMode:
                    if self.grant(partner, originator, data_mode) is not None:
                        found.setdefault((originator, data_mode), []).append(partner)
        return found

    def _side(self, partner: Partner, side: ObjectSide, data_mode: DataMode) -> Allow | Deny:
        """Whether a side is released to him as a derived conjunction."""
        key = (partner.name, side.originator, side.label_id, data_mode)
        if key not in self._sides:
            label = self._labels.get(side.label_id)
            self._sides[key] = (
                label_unknown(side.label_id)
                if label is None
                else decide(
                    partner,
                    self._agreements.get(side.originator),
                    originator=side.originator,
                    label=label,
                    kind=Kind.DERIVED_CONJUNCTIONS,
                    data_mode=data_mode,
                    posture=self._posture,
                    now_tai_ns=self._now_tai_ns,
                    policies=self._policies,
                )
            )
        return self._sides[key]
