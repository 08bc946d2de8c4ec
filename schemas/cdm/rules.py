"""What a conjunction message must keep beyond its table: objects in order, times in order, whole covariance rows."""

import re

from schemas.ccsds.tree import Block, Message
from schemas.ccsds.values import word_of
from schemas.cdm.columns import CDM, OBJECTS
from schemas.refusals import RecordRefusedError
from schemas.timescales import parse_utc

PROBABILITY_WITHOUT_METHOD = "probability-without-method"
ZERO_PADDED_DESIGNATOR = "zero-padded-designator"

_RELATIVE_CLAUSE = "CCSDS 508.0-B-1, table 3-2"
_METADATA_CLAUSE = "CCSDS 508.0-B-1, table 3-3"
_DATA_CLAUSE = "CCSDS 508.0-B-1, table 3-4"
_ORDERED_TIMES = (("START_SCREEN_PERIOD", "STOP_SCREEN_PERIOD"), ("SCREEN_ENTRY_TIME", "SCREEN_EXIT_TIME"))
_OBSERVATION_TIMES = ("TIME_LASTOB_START", "TIME_LASTOB_END")
_OPTIONAL_ROWS = tuple(  # 7 to 9
    [k.keyword for k in CDM.by_name["covarianceMatrix"].keywords if k.keyword.startswith(f"{row}_") and not k.draft]
    for row in ("CDRG", "CSRP", "CTHR")
)
_ZERO_PADDED = re.compile(r"0[0-9]+")
_EARTH = ("", "EARTH")


def check_conjunction(message: Message) -> None:
    """Check a CDM that its table already allows; add known deviations to ``message.deviations``.

    Raises RecordRefusedError with field, value, rule, clause and line.
    """
    _check_objects(message)
    for block in message.blocks_of("relativeMetadataData"):
        _check_times(block)
        _check_probability(message, block)
    for block in message.blocks_of("odParameters"):
        _refuse_wrong_order(block, *_OBSERVATION_TIMES, _DATA_CLAUSE)
    for block in message.blocks_of("covarianceMatrix"):
        _check_optional_rows(block)
    for block in message.blocks_of("metadata"):
        _check_center(block)
        if _ZERO_PADDED.fullmatch(block.text("OBJECT_DESIGNATOR") or ""):
            message.notice(ZERO_PADDED_DESIGNATOR)


def _line(block: Block, keyword: str) -> int:
    return next((item.line for item in block.items if item.keyword == keyword), block.line)


def _check_objects(message: Message) -> None:
    for segment in OBJECTS:
        for block in message.blocks_of("metadata", segment):
            stated, demanded = block.text("OBJECT") or "", f"OBJECT{segment}"
            if word_of(stated) != demanded:
                rule = f"{demanded}: the first segment is of OBJECT1, the second of OBJECT2"
                raise RecordRefusedError("OBJECT", stated, rule, _METADATA_CLAUSE, _line(block, "OBJECT"))


def _instant(block: Block, keyword: str) -> int | None:
    text = block.text(keyword)
    return parse_utc(text) if text else None


def _refuse_wrong_order(block: Block, first: str, last: str, clause: str) -> None:
    start, stop = _instant(block, first), _instant(block, last)
    if start is not None and stop is not None and start > stop:
        raise RecordRefusedError(last, block.text(last) or "", f"not before {first}", clause, _line(block, last))


def _check_times(block: Block) -> None:
    for first, last in _ORDERED_TIMES:
        _refuse_wrong_order(block, first, last, _RELATIVE_CLAUSE)


def _check_probability(message: Message, block: Block) -> None:
    stated = block.text("COLLISION_PROBABILITY")
    if stated and stated[-1].isdigit() and not block.text("COLLISION_PROBABILITY_METHOD"):
        message.notice(PROBABILITY_WITHOUT_METHOD)


def _check_optional_rows(block: Block) -> None:
    given = {item.keyword for item in block.items if item.text}
    for terms in _OPTIONAL_ROWS:
        missing = [term for term in terms if term not in given]
        if 0 < len(missing) < len(terms):
            rule = f"all of {terms[0]} to {terms[-1]}, or none of them"
            raise RecordRefusedError(missing[0], "", rule, _DATA_CLAUSE, block.line)


def _check_center(block: Block) -> None:
    center = word_of(block.text("ORBIT_CENTER") or "")
    if center not in _EARTH and word_of(block.text("REF_FRAME") or "") == "ITRF":
        rule = "EARTH, where REF_FRAME is ITRF"
        raise RecordRefusedError("ORBIT_CENTER", center, rule, _METADATA_CLAUSE, _line(block, "ORBIT_CENTER"))
