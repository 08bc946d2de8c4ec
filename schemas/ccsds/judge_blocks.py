"""One block against its table: which keywords, in which order, how often, which must be there."""

from collections.abc import Mapping
from typing import NamedTuple

from schemas.ccsds.judge_values import Place, Words, check_comment, check_text, check_value
from schemas.ccsds.table import BlockKind, MessageKind
from schemas.ccsds.tree import Block, Item, Lines, Run
from schemas.ccsds.values import word_of
from schemas.refusals import RecordRefusedError

USER_DEFINED = "USER_DEFINED_"


class KeywordRule(NamedTuple):
    """A keyword with its place in the table, -1 for a draft keyword: the order of those changed from draft to draft,
    and producers wrote by each of them. ``partner`` excludes it. ``refused``: why the message may not have it, or "".
    """

    position: int
    words: Words
    partner: str
    refused: str


class BlockRules(NamedTuple):
    """A block's table turned into look-ups, for one version of the message and one encoding.

    ``demanded`` are the mandatory keywords in order; ``demanded_beside_rows`` those of a block whose other keywords
    stand in data lines. ``groups`` are keywords of which all or none must be there. ``refused`` as in `KeywordRule`.
    """

    kind: BlockKind
    by_name: Mapping[str, KeywordRule]
    demanded: tuple[KeywordRule, ...]
    demanded_beside_rows: tuple[KeywordRule, ...]
    groups: tuple[tuple[str, ...], ...]
    refused: str


def block_rules(kind: MessageKind, block: BlockKind, version: str, *, draft: bool, markup: bool) -> BlockRules:
    """The look-ups of a block; ``version`` is one of the message's versions."""
    by_name = {}
    groups: dict[str, list[str]] = {}
    for index, keyword in enumerate(block.keywords):
        words = Words(keyword, frozenset(word_of(choice) for choice in keyword.choices))
        refused = _why_refused(kind, keyword.since, keyword.draft, version, draft)
        place = -1 if keyword.draft else index
        by_name[keyword.keyword] = KeywordRule(place, words, keyword.exclusive_with, refused)
        group = keyword.all_or_none or (keyword.xml_group if markup else "")
        if group:
            groups.setdefault(group, []).append(keyword.keyword)
    demanded = tuple(rule for rule in by_name.values() if _is_demanded(rule, markup))
    return BlockRules(
        kind=block,
        by_name=by_name,
        demanded=demanded,
        demanded_beside_rows=tuple(rule for rule in demanded if not rule.words.keyword.in_rows),
        groups=tuple(tuple(names) for names in groups.values()),
        refused=_why_refused(kind, block.since, block.draft, version, draft),
    )


def _is_demanded(rule: KeywordRule, markup: bool) -> bool:
    keyword = rule.words.keyword
    return not rule.refused and (keyword.status == "M" or (markup and keyword.xml_mandatory))


def _why_refused(kind: MessageKind, since: str, is_draft: bool, version: str, draft: bool) -> str:
    if is_draft and not draft:
        return f"belongs to a draft of the {kind.message}, which is read only where drafts are asked for"
    versions = kind.versions + kind.draft_versions
    if since and versions.index(version) < versions.index(since):
        return f"belongs to the {kind.message} from version {since} on; this is version {version}"
    return ""


def refuse_block(block: Block, rules: BlockRules) -> None:
    """Raise RecordRefusedError where the message may not have the block at all."""
    if rules.refused:
        first = next((item for item in block.items if item.keyword != "COMMENT"), None)
        field, line = (rules.kind.name, block.line) if first is None else (first.keyword, first.line or block.line)
        raise RecordRefusedError(field, "", rules.refused, rules.kind.clause, line)


def judge_block(block: Block, rules: BlockRules, place: Place) -> None:
    """Raise RecordRefusedError for the first thing in a block that its table does not allow."""
    _judge_items(block, rules, place)
    _judge_rows(block, rules, place)


def _judge_items(block: Block, rules: BlockRules, place: Place) -> None:
    demanded = rules.demanded_beside_rows if block.rows else rules.demanded
    layout = _Layout(rules, demanded, {item.keyword for item in block.items}, place)
    line = block.line
    for item in block.items:
        line = item.line or line
        try:
            if item.keyword == "COMMENT":
                check_comment(item.text, place)
                if layout.lines and not rules.kind.user_defined:
                    place.message.notice("comment-inside-block")
            elif (rule := layout.take(item.keyword, item.text, line)) is None:
                _check_user_defined(item, place)
            else:
                if block.rows and rule.words.keyword.in_rows:
                    raise RecordRefusedError(item.keyword, item.text, "stands in the data lines", rules.kind.clause)
                check_value(item, rule.words, place)
        except RecordRefusedError as error:
            error.line = error.line or line
            raise
    layout.finish(line)


def _check_user_defined(item: Item, place: Place) -> None:
    name = item.keyword[len(USER_DEFINED) :]
    if not name.strip():
        raise RecordRefusedError(item.keyword, item.text, f"a name must follow {USER_DEFINED}", place.block.clause)
    check_text(item.keyword, name, place)
    check_text(item.keyword, item.text, place)
    if item.units:
        check_text(item.keyword, item.units, place)


class _Layout:
    """Walks the keywords of one block in order; says which may not stand where it does, and which is not there."""

    def __init__(
        self, rules: BlockRules, demanded: tuple[KeywordRule, ...], names: set[str] | frozenset[str], place: Place
    ) -> None:
        self.lines: dict[str, int] = {}  # of the keywords so far
        self._rules, self._demanded, self._names, self._place = rules, demanded, names, place
        self._clause = rules.kind.clause
        self._looked_at = 0  # of the demanded keywords, how many were looked for; then the table's index of the next
        self._next_demanded = demanded[0].position if demanded else len(rules.kind.keywords)
        self._last = -1

    def take(self, keyword: str, text: str, line: int) -> KeywordRule | None:
        """The keyword's rule, None for a user-defined one. Raises RecordRefusedError."""
        rules = self._rules
        rule = rules.by_name.get(keyword)
        if keyword in self.lines:
            before = self.lines[keyword]
            where = f" in line {before}" if before else ""
            raise RecordRefusedError(keyword, text, f"stands already{where}, once is all", self._place.clauses.order)
        if rule is None:
            if rules.kind.user_defined and keyword.startswith(USER_DEFINED):
                self.lines[keyword] = line
                return None
            what = f"no keyword of the block {rules.kind.name} of the {self._place.kind.message}"
            raise RecordRefusedError(keyword, text, what, rules.kind.clause)
        if rule.refused:
            raise RecordRefusedError(keyword, text, rule.refused, rules.kind.clause)
        if rule.position >= 0:
            if rule.position > self._next_demanded:
                self._refuse_missing_before(rule.position, line)
            if rule.position < self._last:
                after = rules.kind.keywords[self._last].keyword
                raise RecordRefusedError(keyword, text, f"stands before {after}", self._place.clauses.order)
            self._last = rule.position
        if rule.partner and rule.partner in self.lines:
            one = f"stands in place of {rule.partner}: one of the two"
            raise RecordRefusedError(keyword, text, one, rules.kind.clause)
        self.lines[keyword] = line
        return rule

    def finish(self, line: int) -> None:
        """Raise RecordRefusedError where something is still missing at the block's end, in ``line``."""
        self._refuse_missing_before(len(self._rules.kind.keywords), line)
        for group in self._rules.groups:
            missing = [name for name in group if name not in self._names]
            if 0 < len(missing) < len(group):
                rule = f"all of {group[0]} to {group[-1]}, or none of them"
                raise RecordRefusedError(missing[0], "", rule, self._rules.kind.clause, line)

    def _refuse_missing_before(self, index: int, line: int) -> None:
        for place in range(self._looked_at, len(self._demanded)):
            rule = self._demanded[place]
            if rule.position >= index:
                self._looked_at, self._next_demanded = place, rule.position
                return
            keyword = rule.words.keyword.keyword
            if keyword not in self._names and rule.partner not in self._names:
                # Of a pair the second one is named: MEAN_MOTION, which nearly everybody writes.
                other = f", or {keyword}," if rule.partner else ""
                missing = rule.partner or keyword
                raise RecordRefusedError(missing, "", f"this keyword{other} must be there", self._clause, line)
        self._looked_at, self._next_demanded = len(self._demanded), len(self._rules.kind.keywords)


def _judge_rows(block: Block, rules: BlockRules, place: Place) -> None:
    """That data lines are there and columns are the table's; what stands in them is for the message's package."""
    kind = rules.kind
    if not kind.rows:
        if block.rows:
            raise RecordRefusedError(kind.name, "", "this block has no data lines", kind.clause, block.line)
        return
    if not block.rows and any(keyword.in_rows for keyword in kind.keywords):
        return  # an element a keyword; what must be there was demanded
    if not any(_has_rows(rows) for rows in block.rows):
        raise RecordRefusedError(kind.rows, "", "data lines must be there", kind.clause, block.line)
    for rows in block.rows:
        if isinstance(rows, Run) and rows.keywords != (kind.rows,):
            _judge_columns(rows, rules, place)


def _has_rows(rows: Lines | Run) -> bool:
    return rows.length > 0 if isinstance(rows, Run) else rows.stop > rows.start


def _judge_columns(run: Run, rules: BlockRules, place: Place) -> None:
    line = int(run.lines[0]) if run.length else 0
    try:
        layout = _Layout(rules, rules.demanded, frozenset(run.keywords), place)
        for name in run.keywords:
            layout.take(name, "", line)
        layout.finish(line)
    except RecordRefusedError as error:
        error.line = error.line or line
        raise


def first_keyword(block: BlockKind) -> str:
    """What a block that is not there would have begun with: its first mandatory keyword, or its start line."""
    mandatory = (k.keyword for k in block.keywords if k.status == "M" and not k.in_rows)
    return next(mandatory, block.kvn_start or block.rows or block.name)
