"""Why a partner sees a record or does not, and who may ask."""

from collections.abc import Collection, Mapping

import msgspec

from schemas.labels import Label
from schemas.records import Kind, Row
from schemas.spif import SecurityPolicy
from schemas.timescales import NS_PER_SECOND, format_utc
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.columns import COLUMNS
from ssa_hub.release.decision import NO_POLICIES, Allow
from ssa_hub.release.partner import Partner, Posture, Role
from ssa_hub.release.reason import Audience, ReasonCode
from ssa_hub.release.record_decision import Outcome, Part, decide_record


class PartExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """One originator's say. ``agreement_version`` is None in the form that the partner himself is told."""

    originator: str
    allowed: bool
    code: ReasonCode
    reason: str
    rule: str | None
    audience: Audience
    delay_s: int | None
    label_id: str
    agreement_version: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome and reasons for one record and one partner. ``audience`` says who may be told it as a whole.

    ``parts`` has one entry for an element set, one a parent for a derived conjunction. ``visible_from_utc`` is
    None where the record is denied; ``withheld`` names the fields of the kind that are not shown. ``resolution`` has
    the steps that what is shown is rounded down to, by quantity; it is left out where all is exact.
    """

    record_id: str
    kind: Kind
    partner: str
    posture: Posture
    decided_at_utc: str
    outcome: Outcome
    audience: Audience
    visible_from_utc: str | None
    fields: tuple[str, ...]
    withheld: tuple[str, ...]
    parts: tuple[PartExplanation, ...]
    resolution: dict[str, float] | msgspec.UnsetType = msgspec.UNSET

    def for_the_partner(self) -> "Explanation":
        """What the partner himself may be told: without versions of agreements, which change with others' rules.

        Raises ValueError where it may not be told to him at all: he is then answered as for a record that does not
        exist.
        """
        if self.audience is not Audience.PARTNER:
            raise ValueError(f"an explanation of outcome {self.outcome.value!r} is for the originator alone")
        parts = tuple(msgspec.structs.replace(part, agreement_version=None) for part in self.parts)
        return msgspec.structs.replace(self, parts=parts)


def explain(
    kind: Kind,
    row: Row,
    partner: Partner,
    agreements: Mapping[str, Agreement],
    labels: Mapping[str, Label],
    *,
    posture: Posture,
    now_tai_ns: int,
    policies: Mapping[str, SecurityPolicy] = NO_POLICIES,
) -> Explanation:
    """Explain the decision on one row of ``kind`` for ``partner``. Ask `may_explain` before showing it to anybody."""
    decision = decide_record(
        kind, row, partner, agreements, labels, posture=posture, now_tai_ns=now_tai_ns, policies=policies
    )
    steps = {} if decision.mask is None else decision.mask.resolution.steps()
    visible_from = decision.visible_from_tai_ns
    return Explanation(
        record_id=row["record_id"],
        kind=kind,
        partner=partner.name,
        posture=posture,
        decided_at_utc=format_utc(now_tai_ns),
        outcome=decision.outcome,
        audience=Audience.PARTNER if decision.outcome is Outcome.SEEN else Audience.ORIGINATOR,
        visible_from_utc=None if visible_from is None else format_utc(visible_from),
        fields=decision.fields,
        withheld=tuple(name for name in COLUMNS[kind] if name not in decision.fields),
        parts=tuple(_part(part) for part in decision.parts),
        resolution=steps or msgspec.UNSET,
    )


def _part(part: Part) -> PartExplanation:
    decision = part.decision
    return PartExplanation(
        originator=part.originator,
        allowed=isinstance(decision, Allow),
        code=decision.reason.code,
        reason=decision.reason.sentence,
        rule=decision.reason.rule,
        audience=decision.reason.audience,
        delay_s=decision.delay_ns // NS_PER_SECOND if isinstance(decision, Allow) else None,
        label_id=part.label_id,
        agreement_version=decision.agreement_version,
    )


def may_explain(
    asker: Partner, about_partner: Partner, originators: Collection[str], *, about_partner_sees: bool = False
) -> bool:
    """Whether ``asker`` may be told why ``about_partner`` sees or does not see a record of ``originators``.

    A steward may; so may the originator of the record, of a derived conjunction only who is the originator of both
    parents (an answer about one side would tell the other side's rules); and a partner may about himself what he
    sees (``about_partner_sees``, see `record_decision.visible`; he is told `Explanation.for_the_partner`). Everybody
    else is answered as for a record that does not exist.
    """
    if Role.STEWARD in asker.roles:
        return True
    if originators and all(originator == asker.name for originator in originators):
        return True
    return asker.name == about_partner.name and about_partner_sees
