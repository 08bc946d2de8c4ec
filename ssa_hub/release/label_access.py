"""The access decision of confidentiality labels, ADatP-4774.1, 3.11.4.

The label in force at the instant is taken (succession). If the partner has a clearance under its policy, it decides;
else its alternatives in policies under which he has one do. Permitted is who holds the classification, at least one
value of every PERMISSIVE category and all values of every RESTRICTIVE one; INFORMATIVE categories are ignored. What is
not known is denied. Categories decide each by itself: "Only" of some and "Releasable To" of others do not add up.

Where the hub has the policy's document (SPIF), labels and clearances are read in its terms: a label that is not valid
under it, or has a classification, tag or value that it does not have, is denied, and what a clearance has beyond it is
not held; NATO and PUBLIC compare names without case. Without the document names are compared letter for letter.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from schemas.labels import CategoryType, Label
from schemas.spif import Demand, Demands, SecurityPolicy, policy_of
from ssa_hub.release.partner import Clearance, Partner
from ssa_hub.release.reason import Audience, Reason, ReasonCode

_NO_POLICIES: Mapping[str, SecurityPolicy] = MappingProxyType({})
_LABELS_KEPT = 65_536
_FIRST_TAI_NS = -(1 << 63)


class _Asked(NamedTuple):
    """What a label, or one of its alternatives, asks for, or the ``problem`` because of which it asks in vain.

    ``any_of`` and ``all_of`` are the demands put together: at least one of each set, and all of the one.
    """

    policy: str
    classification: str
    demands: tuple[Demand, ...]
    problem: str
    any_of: tuple[frozenset[Hashable], ...]
    all_of: frozenset[Hashable]


class _Read(NamedTuple):
    """A label that is in force: what it asks for, and what its alternatives do."""

    own: _Asked
    alternatives: tuple[_Asked, ...]


class _Stages(NamedTuple):
    """A label through its successions: ``reads[0]`` as it stands, ``reads[n]`` from ``since_tai_ns[n - 1]`` on."""

    label: Label
    since_tai_ns: tuple[int, ...]
    reads: tuple[_Read, ...]

    def at(self, now_tai_ns: int | None) -> _Read:
        """The label in force at an instant, None: as it stands."""
        if now_tai_ns is None or not self.since_tai_ns:
            return self.reads[0]
        return self.reads[bisect_right(self.since_tai_ns, now_tai_ns)]


class _Held(NamedTuple):
    """A clearance as sets."""

    classifications: frozenset[str]
    values: frozenset[Hashable]


def permitted_label_ids(
    partner: Partner,
    labels: Mapping[str, Label],
    *,
    now_tai_ns: int | None = None,
    policies: Mapping[str, SecurityPolicy] = _NO_POLICIES,
) -> tuple[str, ...]:
    """The ids, sorted, of those labels that permit this partner to see what they mark at an instant (TAI ns).

    ``labels`` by label id; ``now_tai_ns`` None: as they stand, without succession; ``policies``: those that are known.
    """
    reader = _reader(tuple(policies.items()))
    held = reader.held(partner.clearances)
    kept = reader.kept(labels)
    return tuple(sorted(label_id for label_id in labels if _permits(held, kept[label_id], now_tai_ns)))


def label_refusal(
    partner: Partner,
    label: Label,
    *,
    now_tai_ns: int | None = None,
    policies: Mapping[str, SecurityPolicy] = _NO_POLICIES,
) -> Reason | None:
    """Why the label forbids this partner to see what it marks; None where it permits. Never raises.

    ``now_tai_ns`` (TAI ns) None: the label as it stands, without succession; ``policies``: those that are known.
    """
    reader = _reader(tuple(policies.items()))
    obstacle = _obstacle(reader.held(partner.clearances), reader.stages(label).at(now_tai_ns))
    if obstacle is None:
        return None
    code, asked, demand = obstacle
    if code is ReasonCode.LABEL_INVALID:
        sentence = f"It is not valid under policy {asked.policy!r}: {asked.problem}."
    elif demand is not None:
        how = "none of the values" if code is ReasonCode.LABEL_PERMISSIVE else "not every value"
        sentence = f"{partner.name} holds {how} of {demand.name!r}: {', '.join(demand.texts)}."
    elif code is ReasonCode.LABEL_CLASSIFICATION:
        sentence = f"{partner.name} is not cleared for {asked.policy} {asked.classification!r}."
    else:
        sentence = f"{partner.name} holds no clearance under policy {asked.policy!r}."
    return Reason(code, f"The label forbids it: {sentence}", None, Audience.ORIGINATOR)


def next_label_change(labels: Iterable[Label], now_tai_ns: int) -> int | None:
    """The earliest succession instant after ``now_tai_ns`` (TAI ns) of any of these labels; None without one."""
    changes = (label.next_change_tai_ns(now_tai_ns) for label in labels if label.succession or label.alternatives)
    return min((change for change in changes if change is not None), default=None)


@lru_cache(maxsize=8)
def _reader(policies: tuple[tuple[str, SecurityPolicy], ...]) -> "_Reader":
    return _Reader(dict(policies))


class _Reader:
    """Reads labels and clearances in the terms of the policies that are known, each once: partners and labels meet
    many thousands of times. What is kept is only a shortcut: whatever threads do at once, the answers are the same.
    """

    def __init__(self, policies: Mapping[str, SecurityPolicy]) -> None:
        self._policies = policies
        self._by_id: dict[str, _Stages] = {}
        self._by_label: dict[Label, _Stages] = {}
        self.held = lru_cache(maxsize=1024)(self._held)

    def kept(self, labels: Mapping[str, Label]) -> Mapping[str, _Stages]:
        """What was read of labels by their ids, at least of these."""
        kept = self._by_id
        missing = [
            label_id
            for label_id, label in labels.items()
            if (known := kept.get(label_id)) is None or known.label is not label
        ]
        if missing:
            # Another dictionary, not this one changed: another thread may be reading it.
            kept = dict(kept) if len(kept) + len(missing) <= _LABELS_KEPT else {}
            for label_id in missing if kept else labels:
                label, known = labels[label_id], kept.get(label_id)
                same = known is not None and known.label == label
                kept[label_id] = known._replace(label=label) if known and same else self._read_stages(label)
            self._by_id = kept
        return kept

    def stages(self, label: Label) -> _Stages:
        """The label through its successions."""
        known = self._by_label.get(label)
        if known is None:
            known = self._read_stages(label)
            if len(self._by_label) >= _LABELS_KEPT:
                self._by_label = {}
            self._by_label[label] = known
        return known

    def _read_stages(self, label: Label) -> _Stages:
        since: list[int] = []
        reads = [self._read(label)]
        change = label.next_change_tai_ns(_FIRST_TAI_NS)
        while change is not None:
            since.append(change)
            reads.append(self._read(label.at(change)))
            change = label.next_change_tai_ns(change)
        return _Stages(label, tuple(since), tuple(reads))

    def _read(self, label: Label) -> _Read:
        return _Read(self._asked(label), tuple(self._asked(alternative) for alternative in label.alternatives))

    def _asked(self, label: Label) -> _Asked:
        policy = policy_of(label.policy, self._policies)
        found = _demands(label) if policy is None else policy.demands(label)
        name = label.policy if policy is None else policy.name
        if isinstance(found, list):
            return _Asked(name, label.classification, (), "; ".join(found), (), frozenset())
        any_of = (demand.values for demand in found.demands if demand.type is CategoryType.PERMISSIVE)
        all_of = (demand.values for demand in found.demands if demand.type is CategoryType.RESTRICTIVE)
        every = frozenset[Hashable]().union(*all_of)
        return _Asked(name, found.classification, found.demands, "", tuple(any_of), every)

    def _held(self, clearances: tuple[Clearance, ...]) -> dict[str, list[_Held]]:
        """Clearances by policy. Two whose policies' names differ in case only stay two: they do not add up."""
        held: dict[str, list[_Held]] = {}
        for clearance in clearances:
            policy = policy_of(clearance.policy, self._policies)
            classes: frozenset[str] = frozenset(clearance.classifications)
            values: frozenset[Hashable] = frozenset(
                (category.tag_name, category.type, value)
                for category in clearance.categories
                for value in category.values
            )
            if policy is not None:
                classes, values = policy.held(clearance.classifications, clearance.categories)
            name = clearance.policy if policy is None else policy.name
            held.setdefault(name, []).append(_Held(classes, values))
        return held


def _demands(label: Label) -> Demands:
    """What a label asks for by the letter."""
    demands = tuple(
        Demand(
            category.type,
            frozenset((category.tag_name, category.type, value) for value in category.values),
            category.tag_name,
            category.values,
        )
        for category in label.categories
        if category.type is not CategoryType.INFORMATIVE
    )
    return Demands(label.classification, demands)


def _permits(held: Mapping[str, list[_Held]], label: _Stages, now_tai_ns: int | None) -> bool:
    """Whether nothing stands in the way: just where `_obstacle` finds nothing, only quicker."""
    read = label.at(now_tai_ns) if label.since_tai_ns else label.reads[0]
    own = read.own
    clearances = held.get(own.policy)
    if clearances is None:
        return bool(read.alternatives) and _obstacle(held, read) is None
    for classifications, values in clearances:
        if (
            own.classification in classifications
            and not own.problem
            and own.all_of <= values
            and not any(map(values.isdisjoint, own.any_of))
        ):
            return True
    return False


_Obstacle: TypeAlias = tuple[ReasonCode, _Asked, Demand | None]


def _obstacle(held: Mapping[str, list[_Held]], label: _Read) -> _Obstacle | None:
    """What stands in the way first; None where nothing does.

    With a clearance under the policy of the label itself that one decides, whatever the alternatives say. Of several
    alternatives those in one policy must all permit, and one policy that does is enough.
    """
    own = label.own
    if own.policy in held:
        return _obstacle_of_all(held[own.policy], [own])
    first: _Obstacle = (ReasonCode.LABEL_POLICY, own, None)
    for policy in dict.fromkeys(asked.policy for asked in label.alternatives if asked.policy in held):
        obstacle = _obstacle_of_all(held[policy], [asked for asked in label.alternatives if asked.policy == policy])
        if obstacle is None:
            return None
        if first[1] is own:
            first = obstacle
    return first


def _obstacle_of_all(held: list[_Held], all_asked: list[_Asked]) -> _Obstacle | None:
    """What keeps the clearances from all that is asked; None where one of them meets it."""
    first: _Obstacle | None = None
    for clearance in held:
        for asked in all_asked:
            obstacle = _obstacle_of(clearance, asked)
            if obstacle is not None:
                first = first or obstacle
                break
        else:
            return None
    return first


def _obstacle_of(held: _Held, asked: _Asked) -> _Obstacle | None:
    if asked.problem:
        return ReasonCode.LABEL_INVALID, asked, None
    if asked.classification not in held.classifications:
        return ReasonCode.LABEL_CLASSIFICATION, asked, None
    for demand in asked.demands:
        if demand.type is CategoryType.PERMISSIVE:
            if held.values.isdisjoint(demand.values):
                return ReasonCode.LABEL_PERMISSIVE, asked, demand
        elif not held.values >= demand.values:
            return ReasonCode.LABEL_RESTRICTIVE, asked, demand
    return None
