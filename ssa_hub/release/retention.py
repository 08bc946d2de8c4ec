"""How long an originator's records are kept: the tables ``[[retention]]`` of his agreement, and what follows of them.

A record is deleted when it was received longer ago than the shortest of the rules that match it says. Deletion cannot
be taken back, so it is demanded by an agreement only after a notice: during it only what the agreements before
demanded as well is deleted. A retired agreement demands nothing: retiring it is how an originator says that nothing of
his agreement holds any more, and what is deleted by mistake is gone, while what is kept by mistake can be deleted.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from schemas.records import DataMode, Kind
from ssa_hub.release.columns import RECORD_KINDS

DAY_NS = 86_400 * 1_000_000_000
KEEP_DAYS_MAX = 36_525
NOTICE_NS = DAY_NS

# Their source is the hub itself: a rule for some sources says nothing of them.
WITHOUT_SOURCE = frozenset({Kind.DERIVED_CONJUNCTIONS})


class RetentionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records are kept for ``keep_days`` (days of 86,400 s of TAI) after their reception. Empty: of every one."""

    keep_days: int
    kinds: tuple[Kind, ...] = ()
    sources: tuple[str, ...] = ()
    data_modes: tuple[DataMode, ...] = ()

    @property
    def keep_ns(self) -> int:
        """How long records are kept, ns."""
        return self.keep_days * DAY_NS

    def matches(self, kind: Kind, source: str, data_mode: str) -> bool:
        """Whether it speaks of such records. A rule with sources speaks of none that the hub derives itself."""
        if self.sources and (kind in WITHOUT_SOURCE or source not in self.sources):
            return False
        return kind in (self.kinds or RECORD_KINDS) and (not self.data_modes or data_mode in self.data_modes)

    def sentence(self) -> str:
        """What it says, for people."""
        days = "1 day" if self.keep_days == 1 else f"{self.keep_days} days"
        of = ", ".join(self.kinds) if self.kinds else "every kind"
        sources = f", sources {', '.join(self.sources)}" if self.sources else ""
        modes = f", {', '.join(self.data_modes)}" if self.data_modes else ""
        return f"records of {of}{sources}{modes} are deleted {days} after reception"


class InForce(NamedTuple):
    """Retention rules of one originator, in force in [``since_tai_ns``, ``until_tai_ns``); until None: still."""

    version: str
    rules: tuple[RetentionRule, ...]
    since_tai_ns: int
    until_tai_ns: int | None


class Demand(NamedTuple):
    """What is demanded of an originator's records now: each of ``rules_of`` has to demand a deletion.

    ``version``: of the agreement in force, in whose name records are deleted.
    """

    originator: str
    version: str
    rules_of: tuple[tuple[RetentionRule, ...], ...]

    def keep_ns(self, kind: Kind, source: str, data_mode: str) -> int | None:
        """How long such records are kept, ns; None: for ever.

        The shortest of the rules that match, and of several agreements that were in force the one that keeps longest.
        """
        longest = 0
        for rules in self.rules_of:
            matching = [rule.keep_ns for rule in rules if rule.matches(kind, source, data_mode)]
            if not matching:
                return None
            longest = max(longest, min(matching))
        return longest

    def shortest_ns(self, kind: Kind) -> int | None:
        """The shortest time that any records of a kind are kept at most; None: none is ever deleted."""
        each = [[rule.keep_ns for rule in rules if _may_match(rule, kind)] for rules in self.rules_of]
        return max(min(found) for found in each) if all(each) else None

    def cutoff_tai_ns(self, kind: Kind, source: str, data_mode: str, now_tai_ns: int) -> int | None:
        """Such records are deleted that were received before this instant, TAI ns; None: none is."""
        keep_ns = self.keep_ns(kind, source, data_mode)
        return None if keep_ns is None else now_tai_ns - keep_ns


def demand_of(
    originator: str, history: Sequence[InForce], now_tai_ns: int, notice_ns: int = NOTICE_NS
) -> Demand | None:
    """What the agreements of an originator demand at an instant; None: nothing.

    ``history``: every time that one was in force, oldest first. All that were in force in the last ``notice_ns`` have
    to demand a deletion, and one must have been all the while: so a new rule waits for the notice, a longer one counts
    at once, and an edit of something else changes nothing. Raises ValueError for a negative notice.
    """
    if notice_ns < 0:
        raise ValueError(f"a notice of {notice_ns} ns")
    begin = now_tai_ns - notice_ns
    counting = [
        entry
        for entry in history
        if entry.since_tai_ns <= now_tai_ns and (entry.until_tai_ns is None or entry.until_tai_ns > begin)
    ]
    if not counting or counting[-1].until_tai_ns is not None or counting[0].since_tai_ns > begin:
        return None
    if any(entry.until_tai_ns != later.since_tai_ns for entry, later in pairwise(counting)):
        return None
    rules = tuple(dict.fromkeys(entry.rules for entry in counting))
    return Demand(originator, counting[-1].version, rules) if all(rules) else None


def sentences(rules: Iterable[RetentionRule], notice_ns: int | None = None) -> tuple[str, ...]:
    """What to tell who puts an agreement with these rules into force; nothing where there are none.

    ``notice_ns`` None: of a hub whose notice the teller does not know.
    """
    told = [rule.sentence() for rule in rules]
    if told:
        begins = "after the hub's notice (24 h unless it says otherwise)"
        if notice_ns is not None:
            begins = f"{notice_ns / 3.6e12:g} h after the agreement is put into force"
        told.append(f"deletion begins {begins}, and cannot be taken back")
    return tuple(told)


def _may_match(rule: RetentionRule, kind: Kind) -> bool:
    return kind in (rule.kinds or RECORD_KINDS) and not (rule.sources and kind in WITHOUT_SOURCE)
