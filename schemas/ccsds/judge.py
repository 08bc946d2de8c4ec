"""A message against its table: its version, its segments and blocks, and what stands in them.

Rules that need more than one keyword of a message and that no table can say (BSTAR for SGP4, INTERPOLATION_DEGREE
where INTERPOLATION is given) belong to the message's own package.
"""

from typing import NamedTuple

from schemas.ccsds.judge_blocks import BlockRules, block_rules, first_keyword, judge_block, refuse_block
from schemas.ccsds.judge_values import Place, clauses_of
from schemas.ccsds.table import BlockKind, MessageKind
from schemas.ccsds.tree import Block, Message
from schemas.ccsds.values import word_of
from schemas.refusals import RecordRefusedError

_SEGMENTS_MAX = {"1": 1, "2": 2}
_SEGMENTS_MIN = {"2": 2}
_SCALE_LENGTH_MAX = 64


class _Rules(NamedTuple):
    """The table of one message, version and encoding as look-ups. ``by_name``: (position, rules) of each block."""

    kind: MessageKind
    blocks: tuple[BlockRules, ...]
    by_name: dict[str, tuple[int, BlockRules]]
    demanded: frozenset[int]


# By the table's identity: it is a singleton (`message_kind`), and it is kept here, so that its id stays its own.
_KNOWN: dict[tuple[int, str, bool, bool], _Rules] = {}


def _rules_of(kind: MessageKind, version: str, *, draft: bool, markup: bool) -> _Rules:
    key = (id(kind), version, draft, markup)
    rules = _KNOWN.get(key)
    if rules is None:
        blocks = tuple(block_rules(kind, block, version, draft=draft, markup=markup) for block in kind.blocks)
        rules = _Rules(
            kind=kind,
            blocks=blocks,
            by_name={block.kind.name: (position, block) for position, block in enumerate(blocks)},
            demanded=frozenset(
                position
                for position, block in enumerate(blocks)
                if block.kind.occurs in ("1", "1..n") and not block.refused
            ),
        )
        _KNOWN[key] = rules
    return rules


def judge(message: Message, *, draft: bool = False, encoding: str = "kvn") -> None:
    """Judge a message by its table: version, segments, blocks, keywords, units, values, texts.

    ``draft`` lets in the versions and keywords of a draft. ``encoding`` is ``kvn``, ``xml`` or ``json``: XML and JSON
    hold text beyond ASCII, and demand units where the XML schema does. Adds the known deviations that it accepts to
    ``message.deviations``. Not judged: what stands in data lines and in ``message.run``. Raises RecordRefusedError with
    field, value, rule, clause and line for the first error in the order of the message, and the reader's own error
    where the encoding was broken.
    """
    if encoding not in ("kvn", "xml", "json"):
        raise ValueError(f"encoding is kvn, xml or json, not {encoding}")
    if message.error is not None:
        raise message.error
    _judge_version(message, draft)
    rules = _rules_of(message.kind, message.version, draft=draft, markup=encoding != "kvn")
    walk = _Walk(message, rules, encoding != "kvn")
    for block in message.blocks:
        walk.take(block)
    walk.finish()


def _judge_version(message: Message, draft: bool) -> None:
    kind = message.kind
    if message.version in kind.versions or (draft and message.version in kind.draft_versions):
        return
    rule = f"one of {', '.join(kind.versions)}"
    if message.version in kind.draft_versions:
        rule += f"; {message.version} is a draft, which is read only where drafts are asked for"
    clause = kind.by_name["header"].clause if "header" in kind.by_name else kind.book
    raise RecordRefusedError(kind.version_keyword, message.version, rule, clause, message.line)


class _Walk:
    """Goes through the blocks of one message in order."""

    def __init__(self, message: Message, rules: _Rules, markup: bool) -> None:
        self._message, self._rules, self._markup = message, rules, markup
        self._clauses = clauses_of(message.kind.book)
        self._segment = 0
        self._position = -1  # of the last block, in the table
        self._scale = "UTC"
        self._line = message.line

    def take(self, block: Block) -> None:
        """Judge the next block."""
        known = self._rules.by_name.get(block.kind.name)
        if known is None:
            rule = f"no block of the {self._message.kind.message}"
            raise RecordRefusedError(block.kind.name, "", rule, self._message.kind.book, block.line)
        position, rules = known
        self._line = block.line or self._line
        refuse_block(block, rules)
        self._enter_segment(block)
        self._judge_position(block, position, rules.kind)
        time_system = self._message.kind.time_system_keyword
        if rules.kind.place == "metadata" and time_system:
            self._scale = word_of((block.text(time_system) or "UTC")[:_SCALE_LENGTH_MAX])
        place = Place(self._message, self._message.kind, rules.kind, self._clauses, self._markup, self._scale)
        judge_block(block, rules, place)
        self._line = (block.items[-1].line if block.items else 0) or self._line

    def finish(self) -> None:
        """Raise RecordRefusedError where blocks or segments are missing at the message's end."""
        self._refuse_missing_before(len(self._rules.blocks))
        least = _SEGMENTS_MIN.get(self._message.kind.segments, 1)
        if self._segment < least:
            self._enter(self._segment + 1)
            self._refuse_missing_before(len(self._rules.blocks))

    def _enter_segment(self, block: Block) -> None:
        while self._segment < block.segment:
            self._refuse_missing_before(len(self._rules.blocks))
            if self._segment == _SEGMENTS_MAX.get(self._message.kind.segments):
                rule = f"the {self._message.kind.message} has {self._message.kind.segments} segment(s), no more"
                raise RecordRefusedError(_named(block), "", rule, self._message.kind.book, self._line)
            self._enter(self._segment + 1)

    def _enter(self, segment: int) -> None:
        self._segment, self._position = segment, -1

    def _judge_position(self, block: Block, position: int, kind: BlockKind) -> None:
        in_segments = kind.place in ("metadata", "data")
        if block.segment != self._segment or in_segments != (self._segment > 0) or position < self._position:
            after = "where it cannot stand"
            if self._position >= 0:
                after = f"after the block {self._rules.blocks[self._position].kind.name}"
            rule = f"the block {kind.name} stands {after}"
            raise RecordRefusedError(_named(block), "", rule, self._clauses.order, self._line)
        if position == self._position and not kind.occurs.endswith("n"):
            rule = f"the block {kind.name} stands here once, no more"
            raise RecordRefusedError(_named(block), "", rule, kind.clause, self._line)
        self._refuse_missing_before(position)
        self._position = position

    def _refuse_missing_before(self, position: int) -> None:
        """Refuse where a mandatory block is not there, of those between the last one and ``position`` in the table."""
        for between in range(self._position + 1, position):
            kind = self._rules.blocks[between].kind
            if between in self._rules.demanded and (kind.place in ("metadata", "data")) == (self._segment > 0):
                rule = f"the block {kind.name} must be there"
                raise RecordRefusedError(first_keyword(kind), "", rule, kind.clause, self._line)


def _named(block: Block) -> str:
    """What a reader of the message knows the block by: its first keyword."""
    return next((item.keyword for item in block.items if item.keyword != "COMMENT"), block.kind.name)
