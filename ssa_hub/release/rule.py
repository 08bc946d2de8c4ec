"""A rule of an agreement, and an example of what its originator expects of the rules."""

from functools import cache, cached_property
from typing import Any

import msgspec

from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.release.mask import EXACT, Resolution
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.tear_line_terms import TearLineTerms, terms_content

OWN_DATA = "own-data"
DELAY_S_MAX = 10 * 366 * 86_400
ALL_POSTURES = tuple(sorted(Posture))


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One rule: it allows; what no rule allows is denied. It holds in [``valid_from``, ``valid_until``).

    ``tear_line`` is there just where ``kinds`` is tear-lines alone; such a rule has neither fields nor a resolution.

    NOTE: a new field needs a default that means what a rule without it has always meant. Fields at their default do
    not enter the canonical form, so agreements that do not use it keep their version.
    """

    id: str
    kinds: tuple[Kind, ...]
    data_modes: tuple[DataMode, ...]
    fields: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    postures: tuple[Posture, ...] = ALL_POSTURES
    resolution: Resolution = EXACT
    tear_line: TearLineTerms | None = None
    delay_s: int = 0
    valid_from: str | None = None
    valid_until: str | None = None

    def names(self, partner: Partner) -> bool:
        """Whether it names this partner, himself or by a group."""
        return partner.name in self.partners or not partner.groups.isdisjoint(self.groups)

    def concerns(self, partner: Partner) -> bool:
        """Whether it speaks of this partner: it names him, for a purpose that he is enrolled with."""
        return self.names(partner) and (not self.purposes or not partner.purposes.isdisjoint(self.purposes))

    @property
    def delay_ns(self) -> int:
        """How long after its receipt a record stays hidden, ns."""
        return self.delay_s * NS_PER_SECOND

    def is_valid_at(self, tai_ns: int) -> bool:
        """Whether an instant lies in its interval."""
        begin, end = self.valid_from_tai_ns, self.valid_until_tai_ns
        return (begin is None or begin <= tai_ns) and (end is None or tai_ns < end)

    @cached_property
    def valid_from_tai_ns(self) -> int | None:
        """First instant at which it holds, TAI ns; None: from always."""
        return None if self.valid_from is None else parse_utc(self.valid_from)

    @cached_property
    def valid_until_tai_ns(self) -> int | None:
        """First instant at which it holds no more, TAI ns; None: for ever."""
        return None if self.valid_until is None else parse_utc(self.valid_until)

    @cached_property
    def content(self) -> dict[str, Any]:
        """What it says, without whom it says it of: a partner's policy version must not name other partners."""
        return {key: value for key, value in plain(self).items() if key not in {"partners", "groups", "purposes"}}


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What the originator expects of his rules for one partner. ``posture`` None: in each of the three.

    ``resolution``: the steps that are to apply; ``budget``: the statements that are to be allowed, of tear-lines alone.
    ``at`` None: every rule is taken as in force, whenever it is valid.
    """

    partner: str
    kind: Kind
    data_mode: DataMode
    sees: bool
    posture: Posture | None = None
    fields: tuple[str, ...] | None = None
    resolution: Resolution | None = None
    delay_s: int | None = None
    budget: int | None = None
    at: str | None = None


def plain(struct: msgspec.Struct, leave_out: str = "") -> dict[str, Any]:
    """Fields that are not at their default; every tuple of texts here is a set, so it is sorted."""
    content: dict[str, Any] = {}
    for name, default in _defaults(type(struct)):
        value = getattr(struct, name)
        if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            value = tuple(sorted(value))
        if value == default or name == leave_out:
            continue
        if isinstance(value, Resolution):
            value = value.steps()
        elif isinstance(value, TearLineTerms):
            value = terms_content(value)
        content[name] = value
    return content


@cache
def _defaults(struct: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in msgspec.structs.fields(struct))
