"""An originator's agreement: the TOML document, its rules and examples, and the version that its content has.

Everything is refused that the format does not know: a rule that was meant and not understood is a leak or a gap.
"""

import hashlib
from functools import cached_property
from typing import Any

import msgspec

from schemas.records import Kind
from ssa_hub.release.agreement_keys import AGREEMENT_KEYS, EXAMPLE_KEYS, RESOLUTION_KEYS, RETENTION_KEYS, RULE_KEYS
from ssa_hub.release.columns import COLUMNS, EVERY_FIELD, PAYLOAD_HASH, mask_of, shown
from ssa_hub.release.documents import Document
from ssa_hub.release.errors import AgreementError
from ssa_hub.release.mask import QUANTITIES, Resolution
from ssa_hub.release.retention import WITHOUT_SOURCE, RetentionRule
from ssa_hub.release.rule import ALL_POSTURES, DELAY_S_MAX, OWN_DATA, Example, Rule, plain
from ssa_hub.release.tear_line_terms import TearLineTerms, read_tear_line_terms
from ssa_hub.release.toml_lines import Path

__all__ = [
    "AGREEMENT_KEYS",
    "ALL_POSTURES",
    "DELAY_S_MAX",
    "EXAMPLE_KEYS",
    "OWN_DATA",
    "RESOLUTION_KEYS",
    "RETENTION_KEYS",
    "RULE_KEYS",
    "Agreement",
    "Example",
    "RetentionRule",
    "Rule",
    "canonical_bytes",
    "read_agreement",
]


class Agreement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """All that one originator allows. The first rule that matches, in the file's order, decides."""

    originator: str
    rules: tuple[Rule, ...] = ()
    examples: tuple[Example, ...] = ()
    retention: tuple[RetentionRule, ...] = ()
    title: str | None = None
    file: str = ""

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical content."""
        return hashlib.sha256(canonical_bytes(self)).hexdigest()[:16]


def canonical_bytes(agreement: Agreement) -> bytes:
    """The content of an agreement as sorted JSON: what the version is the hash of.

    The order of rules and examples counts. The order within their lists, comments, white space, keys that say what
    leaving them out says, and the file's name do not. Instants stand as UTC text: their TAI value changes when a leap
    second is announced, and the agreement does not.
    """
    content = plain(agreement, leave_out="file")
    content["rules"] = [plain(rule) for rule in agreement.rules]
    content["examples"] = [plain(example) for example in agreement.examples]
    if agreement.retention:  # an agreement without them keeps the version that it had before there were any
        content["retention"] = [plain(rule) for rule in agreement.retention]
    return msgspec.json.encode(content, order="sorted")


def read_agreement(text_: str, file: str) -> Agreement:
    """Read an agreement. Raises AgreementError with every mistake, its line, key, value and what is allowed."""
    document = Document(text_, file, AgreementError)
    head = document.read(document.content, (), "", AGREEMENT_KEYS, nested=("rule", "example", "retention"))
    rules = _read_rules(document)
    examples = _read_examples(document)
    retention = _read_retention(document)
    document.finish()
    if head is None:
        raise AssertionError("a table that could not be read has left a mistake")
    return Agreement(**head, rules=tuple(rules), examples=tuple(examples), retention=tuple(retention), file=file)


def _read_rules(document: Document) -> list[Rule]:
    rules: list[Rule] = []
    ids: set[str] = set()
    for path, raw in document.tables(document.content, ("rule",), ""):
        number = int(path[-1]) + 1
        where = f"rule {raw['id']!r}" if isinstance(raw.get("id"), str) else f"rule {number}"
        values = document.read(raw, path, where, RULE_KEYS)
        resolution = _read_resolution(document, raw, path, where)
        terms = _read_terms(document, raw, path, where)
        if values is None:
            continue
        rule = Rule(**{**values, "resolution": resolution or Resolution(), "tear_line": terms})
        if rule.id in ids or rule.id == OWN_DATA:
            meaning = "is another rule's id too" if rule.id in ids else "is the hub's own word; name it otherwise"
            document.mistake((*path, "id"), where, "id", rule.id, meaning)
        ids.add(rule.id)
        if not rule.partners and not rule.groups:
            document.mistake(path, where, "partners", None, f"is missing; allowed: {RULE_KEYS[2].allowed}")
        if Kind.TEAR_LINES in rule.kinds:
            _check_tear_line_rule(document, raw, path, where, rule)
        else:
            _check_what_is_shown(document, raw, path, where, rule)
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
        resolution = _read_resolution(document, raw, path, where, empty=True)
        if values is None:
            continue
        example = Example(**{**values, "resolution": resolution})
        if not example.sees:
            for key in ("fields", "resolution", "delay_s", "budget"):
                if key in values:
                    document.mistake((*path, key), where, key, raw[key], "says nothing where sees = false")
        of_others = ("fields", "resolution") if example.kind is Kind.TEAR_LINES else ("budget",)
        for key in of_others:
            if key in values:
                document.mistake((*path, key), where, key, raw[key], f"says nothing of {example.kind}")
        if example.fields is not None and example.kind is not Kind.TEAR_LINES:
            _check_fields(document, path, where, example.fields, (example.kind,))
        examples.append(example)
    return examples


def _read_retention(document: Document) -> list[RetentionRule]:
    found: list[RetentionRule] = []
    for path, raw in document.tables(document.content, ("retention",), ""):
        where = f"retention {int(path[-1]) + 1}"
        values = document.read(raw, path, where, RETENTION_KEYS)
        if values is None:
            continue
        rule = RetentionRule(**values)
        if Kind.TEAR_LINES in rule.kinds:
            meaning = f"{Kind.TEAR_LINES} are the hub's statements, kept as the ledger is, and no records"
            document.mistake((*path, "kinds"), where, "kinds", raw["kinds"], meaning)
        if rule.sources and not WITHOUT_SOURCE.isdisjoint(rule.kinds):
            meaning = f"says nothing of {', '.join(sorted(WITHOUT_SOURCE))}: the hub derives them, they have no source"
            document.mistake((*path, "sources"), where, "sources", raw["sources"], meaning)
        found.append(rule)
    return found


def _read_resolution(
    document: Document, raw: dict[str, Any], path: Path, where: str, *, empty: bool = False
) -> Resolution | None:
    """The table ``resolution``; None where there is none, or where it has mistakes, which the document has noted."""
    steps = raw.get("resolution")
    if not isinstance(steps, dict):
        return None
    if not steps and not empty:
        meaning = f"names no step; allowed: {', '.join(key.name for key in RESOLUTION_KEYS)}; leave it out for exact"
        document.mistake((*path, "resolution"), where, "resolution", steps, meaning)
    values = document.read(steps, (*path, "resolution"), f"{where}, resolution", RESOLUTION_KEYS)
    return None if values is None else Resolution(**values)


def _read_terms(document: Document, raw: dict[str, Any], path: Path, where: str) -> TearLineTerms | None:
    terms = raw.get("tear_line")
    if not isinstance(terms, dict):
        return None
    return read_tear_line_terms(document, terms, (*path, "tear_line"), f"{where}, tear_line")


def _check_tear_line_rule(document: Document, raw: dict[str, Any], path: Path, where: str, rule: Rule) -> None:
    if len(rule.kinds) > 1:
        meaning = f"{Kind.TEAR_LINES} stands alone: a rule for statements shows no records"
        document.mistake((*path, "kinds"), where, "kinds", raw["kinds"], meaning)
    for key in ("fields", "resolution"):
        if key in raw:
            document.mistake((*path, key), where, key, raw[key], f"says nothing of {Kind.TEAR_LINES}; tear_line does")
    if "tear_line" not in raw:
        document.mistake(path, where, "tear_line", None, f"is missing: a rule for {Kind.TEAR_LINES} needs it")


def _check_what_is_shown(document: Document, raw: dict[str, Any], path: Path, where: str, rule: Rule) -> None:
    if "tear_line" in raw:
        meaning = f"says nothing of {', '.join(rule.kinds)}; it is for a rule with kinds = [{Kind.TEAR_LINES.value!r}]"
        document.mistake((*path, "tear_line"), where, "tear_line", raw["tear_line"], meaning)
    if "fields" not in raw:
        (allowed,) = (key.allowed for key in RULE_KEYS if key.name == "fields")
        document.mistake(path, where, "fields", None, f"is missing; allowed: {allowed}")
        return
    _check_fields(document, path, where, rule.fields, rule.kinds)
    quantities = {QUANTITIES.get(name) for kind in rule.kinds for name in mask_of(kind, rule.fields)}
    for quantity, step in rule.resolution.steps().items():
        if quantity not in quantities:
            meaning = "coarsens nothing: no field that the rule shows is of this quantity"
            document.mistake((*path, "resolution", quantity), f"{where}, resolution", quantity, step, meaning)
    hashed = [kind for kind in rule.kinds if PAYLOAD_HASH in mask_of(kind, rule.fields)]
    whole = all(PAYLOAD_HASH in shown(kind, rule.fields, rule.resolution).fields for kind in hashed)
    if PAYLOAD_HASH in rule.fields and hashed and not whole:
        meaning = (
            f"names {PAYLOAD_HASH} beside fields that are withheld or coarsened: a hash of the payload lets guesses "
            "at them be tested; leave it out, or show every field exactly"
        )
        document.mistake((*path, "fields"), where, "fields", raw["fields"], meaning)


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
