"""The tables that drive reading and writing: which message has which blocks and keywords, in which order.

``tables/*.json`` hold them as data; the books and tables they come from are named in each. Order is normative.
"""

from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files

import msgspec


class ValueType(StrEnum):
    """How the text of a value is read. ``text`` is one line, ``free`` text may be in any case and empty."""

    TEXT = "text"
    FREE = "free"
    NUMBER = "number"
    INTEGER = "integer"
    EPOCH = "epoch"
    CHOICE = "choice"


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """One keyword of a block.

    ``status`` is M (mandatory), O (optional) or C (conditional: the message's own rules say when). ``units`` are those
    of the standard, "" for none. ``choices`` are the standard's values of a CHOICE. ``low`` and ``high`` bound a number
    inclusively. ``since`` is the first version of the message that has the keyword. ``draft`` keywords belong to the
    CDM 2.0 draft, are read behind a flag and never written. ``exclusive_with`` names the keyword that stands in its
    place. ``xml_group`` is the element that the XML form puts around this keyword and its neighbours of the same group.

    ``units_other`` are other forms of the units that the XML schemas have (``REV/DAY``). ``xml_units_mandatory``: the
    XML schema demands the units attribute. ``xml_mandatory``: XML demands the keyword, KVN has a default for it.
    ``open_choices``: ``choices`` are examples, any other text is good. ``low_open`` and ``high_open``: the bound itself
    lies outside. ``count`` numbers stand in the value, blanks between them. ``all_or_none`` names a group of which a
    block has every keyword or none. ``in_rows``: in KVN it stands in the data lines, not as a keyword. ``utc``: an
    epoch in UTC whatever TIME_SYSTEM says. ``relative_time``: an epoch that may be seconds since EPOCH_TZERO.

    Known deviations of real producers, accepted by name: ``empty_deviation`` for a value that is not there,
    ``value_deviations`` for values outside the standard (text in upper case to name), ``units_deviations`` for other
    units, ``high_deviation`` for the bound that ``high_open`` leaves out.
    """

    keyword: str
    status: str = "O"
    type: ValueType = ValueType.TEXT
    units: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    since: str = ""
    draft: bool = False
    exclusive_with: str = ""
    xml_group: str = ""
    units_other: tuple[str, ...] = ()
    xml_units_mandatory: bool = False
    xml_mandatory: bool = False
    open_choices: bool = False
    low_open: bool = False
    high_open: bool = False
    count: int = 1
    all_or_none: str = ""
    in_rows: bool = False
    utc: bool = False
    relative_time: bool = False
    high_deviation: str = ""
    empty_deviation: str = ""
    value_deviations: dict[str, str] = {}
    units_deviations: dict[str, str] = {}


class BlockKind(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One block: ``name`` is the XML element, ``place`` where it stands: header, body (before the segments), metadata
    or data (of a segment).

    ``kvn_start`` and ``kvn_stop`` are the lines around it in KVN, "" where its keywords alone show it. ``occurs`` is
    one of ``1``, ``0..1``, ``0..n``, ``1..n``, in each segment. ``rows`` is "" or what its data lines are called:
    in KVN lines of values, in XML an element a line (``trajLine``) or an element with ``keywords`` (``stateVector``).
    COMMENT is allowed at the start of every block and is not listed. ``user_defined``: its keywords are
    ``USER_DEFINED_x``, in XML ``<USER_DEFINED parameter="x">``. ``draft`` as in `Keyword`.
    """

    name: str
    place: str
    clause: str
    keywords: tuple[Keyword, ...] = ()
    kvn_start: str = ""
    kvn_stop: str = ""
    occurs: str = "1"
    rows: str = ""
    user_defined: bool = False
    since: str = ""
    draft: bool = False

    @cached_property
    def by_name(self) -> dict[str, Keyword]:
        """Its keywords by name."""
        return {keyword.keyword: keyword for keyword in self.keywords}


class MessageKind(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One message: ``root`` is its XML element; ``segments`` is ``1``, ``2`` or ``1..n``.

    ``line_length_max`` counts characters of a KVN line (0: no limit). ``units_mandatory``: in KVN every value with
    units must state them (CDM); otherwise they may be left out (ODM). ``time_system_keyword`` of a segment's metadata
    names the time scale of its epochs, "" where all are UTC. ``source`` says what the table was made from.
    """

    message: str
    root: str
    book: str
    version_keyword: str
    versions: tuple[str, ...]
    draft_versions: tuple[str, ...] = ()
    segments: str = "1"
    line_length_max: int = 254
    units_mandatory: bool = False
    time_system_keyword: str = ""
    source: str = ""
    blocks: tuple[BlockKind, ...]

    @cached_property
    def by_name(self) -> dict[str, BlockKind]:
        """Its blocks by name."""
        return {block.name: block for block in self.blocks}


@cache
def message_kind(name: str) -> MessageKind:
    """The table of ``OMM``, ``OEM``, ``CDM`` or ``OCM``."""
    data = files("schemas.ccsds").joinpath("tables", f"{name.lower()}.json").read_bytes()
    return msgspec.json.decode(data, type=MessageKind)


KINDS = ("OMM", "OEM", "CDM", "OCM")
