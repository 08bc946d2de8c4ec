"""Rehearsal: what each partner would have received of recorded traffic under other rules, more and less.

Both rule sets are taken as if they had held throughout the period, each rule within its own interval (`replay`). What
was in fact sent, under the rules of its day, is in the disclosure ledger.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas.labels import Label
from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND
from ssa_hub.release.columns import maskable_columns
from ssa_hub.release.partner import Partner
from ssa_hub.release.replay import Replay, RuleSet, Say, Side, Spans, dividing_instants, reached, spans_between
from ssa_hub.release.rule import Rule

if TYPE_CHECKING:
    from schemas.spif import SecurityPolicy

_TEXT, _COUNT, _TEXTS = pa.string(), pa.int64(), pa.list_(pa.string())
COUNTS = ("records", "received", "would_receive", "more", "less", "changed")
_GROUP = [pa.field("partner", _TEXT, False), pa.field("kind", _TEXT, False), pa.field("data_mode", _TEXT, False)]
_COUNT_FIELDS = [pa.field(name, _COUNT, False) for name in COUNTS]
EFFECTS_SCHEMA = pa.schema(
    [
        *_GROUP,
        pa.field("originator_1", _TEXT, False),
        pa.field("label_id_1", _TEXT, False),
        pa.field("originator_2", _TEXT, True),
        pa.field("label_id_2", _TEXT, True),
        pa.field("own_side_alone", pa.bool_(), False),
        *_COUNT_FIELDS,
        pa.field("fields_more", _TEXTS, False),
        pa.field("fields_less", _TEXTS, False),
        pa.field("resolution_before", _TEXT, True),
        pa.field("resolution_after", _TEXT, True),
        pa.field("delay_before_s", _COUNT, True),
        pa.field("delay_after_s", _COUNT, True),
        pa.field("rule_before", _TEXT, True),
        pa.field("rule_after", _TEXT, True),
        pa.field("reason_before", _TEXT, False),
        pa.field("reason_after", _TEXT, False),
    ]
)
SUMS_SCHEMA = pa.schema([*_GROUP, *_COUNT_FIELDS])
DIVISIONS_MAX = 1_000

_Counted = dict[tuple[Say, Say], dict[str, int]]


class TooManyInstantsError(ValueError):
    """Rules and labels change so often within the period that it would be divided into more than `DIVISIONS_MAX`."""


class Rehearsal(NamedTuple):
    """What is rehearsed, over what was received from ``received_from_tai_ns`` on, as of ``now_tai_ns``.

    ``originator``: only records that are his, or have an orbit of his; None: all. ``asker``: the originator who asks,
    where he is to be told no more than is his to know: of a conjunction with another's orbit just what his own side
    allows, and only of those conjunctions that he may see himself. None: both sides are decided, for who runs the hub.
    """

    before: RuleSet
    after: RuleSet
    partners: Mapping[str, Partner]
    labels: Mapping[str, Label]
    policies: Mapping[str, "SecurityPolicy"]
    received_from_tai_ns: int
    now_tai_ns: int
    originator: str | None = None
    asker: str | None = None

    def rules(self) -> list[Rule]:
        """The rules that divide the period: all; for an asker his own alone, as divisions would tell him of others'."""
        return [
            rule
            for rules in (self.before, self.after)
            for originator, agreement in rules.agreements.items()
            for rule in agreement.rules
            if self.asker is None or originator == self.originator
        ]

    def delays_upon_asker(self) -> set[int]:
        """The delays that others' rules put on the asker now, ns: what he sees of theirs depends on them."""
        asker = self.partners.get(self.asker) if self.asker is not None else None
        return {
            rule.delay_ns
            for originator, agreement in self.before.agreements.items()
            for rule in agreement.rules
            if asker is not None
            and originator != self.originator
            and rule.concerns(asker)
            and self.before.posture in rule.postures
            and rule.is_valid_at(self.now_tai_ns)
        }

    def concerned(self) -> list[Partner]:
        """The partners of whom a rule speaks, by name; who is named by none receives nothing before and after."""
        rules = [
            rule
            for rules in (self.before, self.after)
            for originator, agreement in rules.agreements.items()
            if self.originator is None or self.asker is None or originator == self.originator
            for rule in agreement.rules
        ]
        found = (self.partners[name] for name in sorted(self.partners))
        return [partner for partner in found if any(rule.names(partner) for rule in rules)]

    def spans(self, label_ids: Iterable[str]) -> Spans:
        """The spans of the period; ``label_ids``: of the labels whose records are counted."""
        labels = [self.labels[label_id] for label_id in sorted(set(label_ids)) if label_id in self.labels]
        return spans_between(self.received_from_tai_ns, self.now_tai_ns, self.rules(), labels)

    def cuts(self, spans: Spans) -> tuple[int, ...]:
        """Where traffic must be divided by its instant of receipt, TAI ns. Raises TooManyInstantsError."""
        delays = {rule.delay_ns for rule in self.rules()}
        own = self._within(dividing_instants(spans, delays))
        if len(own) > DIVISIONS_MAX:
            raise TooManyInstantsError(f"the rules divide the period into {len(own) + 1} parts: choose a shorter one")
        return self._within(dividing_instants(spans, delays | self.delays_upon_asker()))

    def _within(self, instants: Iterable[int]) -> tuple[int, ...]:
        return tuple(cut for cut in instants if self.received_from_tai_ns < cut <= self.now_tai_ns)


def rehearse(rehearsal: Rehearsal, spans: Spans, counted: Mapping[Kind, pa.Table]) -> pa.Table:
    """The effects, `EFFECTS_SCHEMA`: by partner, kind, data mode, sides, and by what the two rule sets say.

    ``counted``: by kind the counts by combination (the columns of `ssa_hub.history.traffic`), divided at
    least at ``rehearsal.cuts(spans)``. ``records``: came in; ``received`` and ``would_receive``: have reached the
    partner by now under the rules before and after; ``more`` and ``less``: reach him only after, only before;
    ``changed``: reach him in both, but other fields, another resolution or another delay. A record that has not reached
    him is told under the decision of now. Nothing is told of who made every side himself.
    """
    replays = [
        Replay(rules, rehearsal.labels, rehearsal.policies, spans) for rules in (rehearsal.before, rehearsal.after)
    ]
    # What the asker himself sees is a matter of now, not of the period.
    now = Spans((rehearsal.now_tai_ns,), rehearsal.now_tai_ns + 1)
    seen = Replay(rehearsal.before, rehearsal.labels, rehearsal.policies, now)
    rows: list[dict[str, Any]] = []
    concerned = rehearsal.concerned()
    for kind, counts in counted.items():
        for (mode, sides), slices in _combinations(kind, counts, rehearsal.originator).items():
            told = _told_to_asker(rehearsal, seen, kind, mode, sides, slices)
            for partner in concerned if told else ():
                deciding = _deciding(rehearsal, partner, sides)
                if all(originator == partner.name for originator, _ in deciding):
                    continue
                before, after = (replay.says(partner, kind, mode, deciding) for replay in replays)
                alone = len(deciding) < len(sides)
                for says, numbers in _counted(before, after, spans, told).items():
                    rows.append(_row(partner, kind, mode, sides, alone, says, numbers))
    order = [(name, "ascending") for name in ("partner", "kind", "data_mode", "originator_1", "label_id_1",
             "originator_2", "label_id_2", "own_side_alone", "reason_before", "reason_after")]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=EFFECTS_SCHEMA).sort_by(order)


def sums(effects: pa.Table) -> pa.Table:
    """Effects summed by partner, kind and data mode, `SUMS_SCHEMA`, in this order."""
    group = [field.name for field in _GROUP]
    summed = effects.group_by(group).aggregate([(name, "sum") for name in COUNTS])
    summed = summed.select([*group, *(f"{name}_sum" for name in COUNTS)]).rename_columns(SUMS_SCHEMA.names)
    return summed.cast(SUMS_SCHEMA).sort_by([(name, "ascending") for name in group])


def differing(effects: pa.Table) -> pa.Table:
    """The effects in which something differs."""
    differs = pc.greater(pc.add(pc.add(effects["more"], effects["less"]), effects["changed"]), 0)
    return effects.filter(differs)


def _combinations(
    kind: Kind, counts: pa.Table, first: str | None
) -> dict[tuple[DataMode, tuple[Side, ...]], list[tuple[int, int]]]:
    """By combination: (first instant of receipt, records) of each slice. The side of ``first`` stands first."""
    suffixes = ("_1", "_2") if kind is Kind.DERIVED_CONJUNCTIONS else ("",)
    found: dict[tuple[DataMode, tuple[Side, ...]], list[tuple[int, int]]] = defaultdict(list)
    for row in counts.to_pylist():
        sides = tuple((row[f"originator{suffix}"], row[f"label_id{suffix}"]) for suffix in suffixes)
        if first is None or any(originator == first for originator, _ in sides):
            ordered = tuple(sorted(sides, key=lambda side: side[0] != first))
            found[DataMode(row["data_mode"]), ordered].append((row["received_from_tai_ns"], row["records"]))
    return found


def _told_to_asker(
    rehearsal: Rehearsal,
    seen: Replay,
    kind: Kind,
    data_mode: DataMode,
    sides: tuple[Side, ...],
    slices: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """The slices of a combination that the asker may be told of: those that he sees himself, under the rules of now."""
    if rehearsal.asker is None:
        return list(slices)
    (say,) = seen.says(rehearsal.partners[rehearsal.asker], kind, data_mode, sides)
    if say.mask is None:
        return []
    return [(begin, records) for begin, records in slices if begin <= rehearsal.now_tai_ns - say.delay_ns]


def _deciding(rehearsal: Rehearsal, partner: Partner, sides: tuple[Side, ...]) -> tuple[Side, ...]:
    """The sides that are decided on: all; for an asker those of his own, and of the partner's, which need no rule."""
    if rehearsal.asker is None:
        return sides
    return tuple(side for side in sides if side[0] in (rehearsal.asker, partner.name))


def _counted(before: Sequence[Say], after: Sequence[Say], spans: Spans, slices: Sequence[tuple[int, int]]) -> _Counted:
    """Counts by what the two rule sets say of a record, or say now where it has not reached the partner."""
    counted: _Counted = {}
    for begin, records in slices:
        was, will = reached(before, spans, begin), reached(after, spans, begin)
        key = (was or before[-1], will or after[-1])
        counts = counted.setdefault(key, dict.fromkeys(COUNTS, 0))
        other = was is not None and will is not None and (was.mask, was.delay_ns) != (will.mask, will.delay_ns)
        for name, counts_here in (
            ("records", True),
            ("received", was is not None),
            ("would_receive", will is not None),
            ("more", was is None and will is not None),
            ("less", was is not None and will is None),
            ("changed", other),
        ):
            counts[name] += records if counts_here else 0
    return counted


def _row(
    partner: Partner,
    kind: Kind,
    data_mode: DataMode,
    sides: tuple[Side, ...],
    alone: bool,
    says: tuple[Say, Say],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    second = sides[1] if len(sides) > 1 else (None, None)
    row: dict[str, Any] = {
        "partner": partner.name,
        "kind": kind.value,
        "data_mode": data_mode.value,
        "originator_1": sides[0][0],
        "label_id_1": sides[0][1],
        "originator_2": second[0],
        "label_id_2": second[1],
        "own_side_alone": alone,
        **counts,
    }
    shown = [set(say.mask.fields) if say.mask is not None else set() for say in says]
    row["fields_more"] = list(_in_order(kind, shown[1] - shown[0]))
    row["fields_less"] = list(_in_order(kind, shown[0] - shown[1]))
    for when, say in zip(("before", "after"), says, strict=True):
        row[f"resolution_{when}"] = None if say.mask is None else _told_steps(say)
        row[f"delay_{when}_s"] = None if say.mask is None else say.delay_ns // NS_PER_SECOND
        row[f"rule_{when}"], row[f"reason_{when}"] = say.rule, say.reason
    return row


def _in_order(kind: Kind, names: set[str]) -> Iterator[str]:
    """Names of the fields that can be withheld, in the record's order."""
    return (name for name in maskable_columns(kind) if name in names)


def _told_steps(say: Say) -> str:
    """The steps of a resolution, ``name=step`` with commas; empty where nothing is coarsened."""
    steps = {} if say.mask is None else say.mask.resolution.steps()
    return ", ".join(f"{name}={step:g}" for name, step in steps.items())
