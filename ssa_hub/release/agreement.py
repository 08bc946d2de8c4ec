"""An originator's agreement: the TOML document, its rules and examples, and the version that its content has.

Everything is refused that the format does not know: a rule that was meant and not understood is a leak or a gap.
"""

import hashlib
from functools import cache, cached_property
from typing import Any

import msgspec

from schemas.records import DataMode, Kind
from schemas.timescales import NS_PER_SECOND, parse_utc
from ssa_hub.release.columns import COLUMNS, EVERY_FIELD
from ssa_hub.release.documents import Document, Key, choice, flag, listing, text, utc, whole
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.partner import Partner, Posture
from ssa_hub.release.toml_lines import Path

OWN_DATA = "own-data"
DELAY_S_MAX = 10 * 366 * 86_400
ALL_POSTURES = tuple(sorted(Posture))


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One rule: it allows; what no rule allows is denied. It holds in [``valid_from``, ``valid_until``).

    NOTE: a new field needs a default that means what a rule without it has always meant. Fields at their default do
    not enter the canonical form, so agreements that do not use it keep their version.
    """

    id: str
    kinds: tuple[Kind, ...]
    data_modes: tuple[DataMode, ...]
    fields: tuple[str, ...]
    partners: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    postures: tuple[Posture, ...] = ALL_POSTURES
    delay_s: int = 0
    valid_from: str | None = None
    valid_until: str | None = None

    def concerns(self, partner: Partner) -> bool:
        """Whether it speaks of this partner, by name or by a group."""
        return partner.name in self.partners or not partner.groups.isdisjoint(self.groups)

    @property
    def delay_ns(self) -> int:
        """How long after its receipt a record stays hidden, ns."""
        return self.delay_s * NS_PER_SECOND

    @cached_property
    def valid_from_tai_ns(self) -> int | None:
        """First instant at which it holds, TAI ns; None: from always."""
        return None if self.valid_from is None else parse_utc(self.valid_from)

    @cached_property
    def valid_until_tai_ns(self) -> int | None:
        """First instant at which it holds no more, TAI ns; None: for ever."""
        return None if self.valid_until is None else parse_utc(self.valid_until)


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What the originator expects of his rules for one partner. ``posture`` None: in each of the three.

    ``at`` None: every rule is taken as in force, whenever it is valid.
    """

    partner: str
    kind: Kind
    data_mode: DataMode
    sees: bool
    posture: Posture | None = None
    fields: tuple[str, ...] | None = None
    delay_s: int | None = None
    at: str | None = None


class Agreement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """All that one originator allows. The first rule that matches, in the file's order, decides."""

    originator: str
    rules: tuple[Rule, ...] = ()
    examples: tuple[Example, ...] = ()
    title: str | None = None
    file: str = ""

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical content."""
        return hashlib.sha256(canonical_bytes(self)).hexdigest()[:16]


_KINDS = ", ".join(Kind)
_MODES = ", ".join(DataMode)
_POSTURES = ", ".join(Posture)
_UTC = 'UTC in quotes, "YYYY-MM-DDThh:mm:ss"'
_FIELDS = '["*"], or a list of names of fields of the kind'
AGREEMENT_KEYS = (
    Key("originator", text, "the originator's name, one line of text", required=True),
    Key("title", text, "one line of text, for people"),
)
RULE_KEYS = (
    Key("id", text, f'a name of the rule, unique in the file, not "{OWN_DATA}"', required=True),
    Key("kinds", listing(choice(Kind)), f"a list of: {_KINDS}", required=True),
    Key("partners", listing(text), "a list of names of partners; partners, groups, or both must be there"),
    Key("groups", listing(text), "a list of names of groups; partners, groups, or both must be there"),
    Key("data_modes", listing(choice(DataMode)), f"a list of: {_MODES}", required=True),
    Key("postures", listing(choice(Posture)), f"a list of: {_POSTURES}; left out: all three"),
    Key("fields", listing(text), f"{_FIELDS}s named in kinds", required=True),
    Key("delay_s", whole(0, DELAY_S_MAX), f"a whole number from 0 to {DELAY_S_MAX} s after receipt; left out: 0"),
    Key("valid_from", utc, f"{_UTC}: the first instant; left out: from always"),
    Key("valid_until", utc, f"{_UTC}: the first instant no more; left out: for ever"),
)
EXAMPLE_KEYS = (
    Key("partner", text, "a partner's name", required=True),
    Key("kind", choice(Kind), f"one of: {_KINDS}", required=True),
    Key("data_mode", choice(DataMode), f"one of: {_MODES}", required=True),
    Key("sees", flag, "true or false", required=True),
    Key("posture", choice(Posture), f"one of: {_POSTURES}; left out: it holds in all three"),
    Key("fields", listing(text), f"{_FIELDS}: just what is shown; only where sees = true"),
    Key("delay_s", whole(0, DELAY_S_MAX), "the delay that is to apply, s; only where sees = true"),
    Key("at", utc, f"{_UTC}; left out: every rule is taken as valid"),
)


def read_agreement(text_: str, file: str) -> Agreement:
    """Read an agreement. Raises AgreementError with every mistake, its line, key, value and what is allowed."""
    document = Document(text_, file, AgreementError)
    head = document.read(document.content, (), "", AGREEMENT_KEYS, nested=("rule", "example"))
    rules = _read_rules(document)
    examples = _read_examples(document)
    document.finish()
    if head is None:
        raise AssertionError("a table that could not be read has left a mistake")
    return Agreement(**head, rules=tuple(rules), examples=tuple(examples), file=file)


def _read_rules(document: Document) -> list[Rule]:
    rules: list[Rule] = []
    ids: set[str] = set()
    for path, raw in document.tables(document.content, ("rule",), ""):
        number = int(path[-1]) + 1
        where = f"rule {raw['id']!r}" if isinstance(raw.get("id"), str) else f"rule {number}"
        values = document.read(raw, path, where, RULE_KEYS)
        if values is None:
            continue
        rule = Rule(**values)
        if rule.id in ids or rule.id == OWN_DATA:
            meaning = "is another rule's id too" if rule.id in ids else "is the hub's own word; name it otherwise"
            document.mistake((*path, "id"), where, "id", rule.id, meaning)
        ids.add(rule.id)
        if not rule.partners and not rule.groups:
            document.mistake(path, where, "partners", None, f"is missing; allowed: {RULE_KEYS[2].allowed}")
        _check_fields(document, path, where, rule.fields, rule.kinds)
        begin, end = rule.valid_from_tai_ns, rule.valid_until_tai_ns
        if begin is not None and end is not None and begin >= end:
            meaning = f"is not after valid_from = {rule.valid_from!r}: the rule would never hold"
            document.mistake((*path, "valid_until"), where, "valid_until", rule.valid_until, meaning)
        rules.append(rule)
    return rules


def _read_examples(document: Document) -> list[Example]:
    examples: list[Example] = []
    for path, raw in document.tables(document.content, ("example",), ""):
        where = f"example {int(path[-1]) + 1}"
        values = document.read(raw, path, where, EXAMPLE_KEYS)
        if values is None:
            continue
        example = Example(**values)
        if not example.sees:
            for key in ("fields", "delay_s"):
                if key in values:
                    document.mistake((*path, key), where, key, raw[key], "says nothing where sees = false")
        if example.fields is not None:
            _check_fields(document, path, where, example.fields, (example.kind,))
        examples.append(example)
    return examples


def _check_fields(document: Document, path: Path, where: str, fields: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
    """Each name must be a field of one of the kinds; ``*`` stands alone."""
    if EVERY_FIELD in fields:
        if len(fields) > 1:
            document.mistake((*path, "fields"), where, "fields", list(fields), '"*" is every field: it stands alone')
        return
    known = [name for kind in kinds for name in COLUMNS[kind]]
    for name in fields:
        if name not in known:
            meaning = f"is no field of {' or '.join(kinds)}; allowed: {', '.join(dict.fromkeys(known))}"
            document.mistake((*path, "fields"), where, "fields", name, meaning)


def canonical_bytes(agreement: Agreement) -> bytes:
    """The content of an agreement as sorted JSON: what the version is the hash of.

    The order of rules and examples counts. The order within their lists, comments, white space, keys that say what
    leaving them out says, and the file's name do not. Instants stand as UTC text: their TAI value changes when a leap
    second is announced, and the agreement does not.
    """
    content = _plain(agreement, leave_out="file")
    content["rules"] = [_plain(rule) for rule in agreement.rules]
    content["examples"] = [_plain(example) for example in agreement.examples]
    return msgspec.json.encode(content, order="sorted")


def rule_content(rule: Rule) -> dict[str, Any]:
    """What a rule says, without whom it says it of: a partner's policy version must not name other partners."""
    content = _plain(rule)
    content.pop("partners", None)
    content.pop("groups", None)
    return content


def _plain(struct: msgspec.Struct, leave_out: str = "") -> dict[str, Any]:
    """Fields that are not at their default; every tuple here is a set, so it is sorted."""
    content: dict[str, Any] = {}
    for name, default in _defaults(type(struct)):
        value = getattr(struct, name)
        if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            value = tuple(sorted(value))
        if value != default and name != leave_out:
            content[name] = value
    return content


@cache
def _defaults(struct: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in msgspec.structs.fields(struct))
