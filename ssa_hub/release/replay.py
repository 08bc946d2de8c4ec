"""Rules through time: under which decision a record that was received at some instant would have reached a partner.

The hub decides when it is asked. So a record reaches a partner at the first instant, from its receipt on, at which the
decision of that instant allows it and its delay is over. The decision stands still between the instants at which a rule
begins or ends, or a label passes to its successor: these are the spans here. In a span that ends before ``end``, a
record that is allowed after a delay is reached just if it was received before ``end - delay``. The first such counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from schemas.labels import Label
from schemas.records import DataMode, Kind
from ssa_hub.release.agreement import Agreement
from ssa_hub.release.decision import Allow, Deny, decide, label_unknown
from ssa_hub.release.label_access import next_label_change
from ssa_hub.release.mask import Mask
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.rule import Rule

if TYPE_CHECKING:
    from schemas.spif import SecurityPolicy

Side = tuple[str, str]


class RuleSet(NamedTuple):
    """The rules to decide by, throughout: agreements by originator, and a posture."""

    agreements: Mapping[str, Agreement]
    posture: Posture


class Say(NamedTuple):
    """What becomes of a record in a span. ``mask`` None: it is denied; then ``delay_ns`` is 0 and ``rule`` None.

    ``rule`` and ``reason`` are of all sides of a conjunction, joined.
    """

    mask: Mask | None
    delay_ns: int
    rule: str | None
    reason: str


class Spans(NamedTuple):
    """The first instants of the spans, ascending, and the first instant after the last of them, TAI ns."""

    begins_tai_ns: tuple[int, ...]
    end_tai_ns: int

    @property
    def ends_tai_ns(self) -> tuple[int, ...]:
        """The first instant after each."""
        return (*self.begins_tai_ns[1:], self.end_tai_ns)


def spans_between(begin_tai_ns: int, now_tai_ns: int, rules: Iterable[Rule], labels: Iterable[Label]) -> Spans:
    """The spans of [``begin_tai_ns``, ``now_tai_ns``]: divided where a rule begins or ends, or a label changes."""
    instants = {
        instant
        for rule in rules
        for instant in (rule.valid_from_tai_ns, rule.valid_until_tai_ns)
        if instant is not None and begin_tai_ns < instant <= now_tai_ns
    }
    for label in labels:
        change = next_label_change([label], begin_tai_ns)
        while change is not None and change <= now_tai_ns:
            instants.add(change)
            change = next_label_change([label], change)
    return Spans((begin_tai_ns, *sorted(instants)), now_tai_ns + 1)


def dividing_instants(spans: Spans, delays_ns: Iterable[int]) -> tuple[int, ...]:
    """Instants of receipt, ascending, between which all records share their fate, whichever of the delays holds."""
    delays = {0, *delays_ns}
    return tuple(sorted({end - delay for end in spans.ends_tai_ns for delay in delays}))


def reached(says: Sequence[Say], spans: Spans, received_tai_ns: int) -> Say | None:
    """What a record that was received then came under; None: it has not reached the partner by the end."""
    for say, end in zip(says, spans.ends_tai_ns, strict=True):
        if say.mask is not None and received_tai_ns < end - say.delay_ns:
            return say
    return None


class Replay:
    """The decisions of one rule set in each span; each is made once."""

    def __init__(
        self, rules: RuleSet, labels: Mapping[str, Label], policies: Mapping[str, "SecurityPolicy"], spans: Spans
    ) -> None:
        self._rules, self._labels, self._policies, self._spans = rules, labels, policies, spans
        self._made: dict[tuple[str, Kind, DataMode, tuple[Side, ...]], tuple[Say, ...]] = {}

    def says(self, partner: Partner, kind: Kind, data_mode: DataMode, sides: tuple[Side, ...]) -> tuple[Say, ...]:
        """For each span what becomes of a record for the partner; ``sides``: (originator, label id) of each orbit."""
        key = (partner.name, kind, data_mode, sides)
        if key not in self._made:
            if len(sides) == 1:
                made = tuple(self._say(partner, kind, data_mode, sides[0], at) for at in self._spans.begins_tai_ns)
            else:
                each = [self.says(partner, kind, data_mode, (side,)) for side in sides]
                made = tuple(_together(say) for say in zip(*each, strict=True))
            self._made[key] = made
        return self._made[key]

    def _say(self, partner: Partner, kind: Kind, data_mode: DataMode, side: Side, at_tai_ns: int) -> Say:
        originator, label_id = side
        label = self._labels.get(label_id)
        decision: Allow | Deny = (
            label_unknown(label_id)
            if label is None
            else decide(
                partner,
                self._rules.agreements.get(originator),
                originator=originator,
                label=label,
                kind=kind,
                data_mode=data_mode,
                posture=self._rules.posture,
                now_tai_ns=at_tai_ns,
                policies=self._policies,
            )
        )
        if isinstance(decision, Allow):
            return Say(decision.mask, decision.delay_ns, decision.rule, decision.reason.sentence)
        return Say(None, 0, None, decision.reason.sentence)


def _together(says: tuple[Say, ...]) -> Say:
    """What both sides of a conjunction say: the fields that both show, the coarser resolution, the longer delay."""
    refusals = [say.reason for say in says if say.mask is None]
    if refusals:
        return Say(None, 0, None, " ".join(dict.fromkeys(refusals)))
    masks = [say.mask for say in says if say.mask is not None]
    mask = masks[0]
    for other in masks[1:]:
        mask = mask.both(other)
    rules = dict.fromkeys(say.rule for say in says if say.rule is not None)
    reasons = " ".join(dict.fromkeys(say.reason for say in says))
    return Say(mask, max(say.delay_ns for say in says), " + ".join(rules), reasons)
