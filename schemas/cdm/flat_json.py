"""Space-Track's flat JSON of a CDM (class ``cdm``): SAT1_X with SAT1_X_UNIT, and the like, as a tree."""

import re
from collections.abc import Iterator

from schemas.ccsds.table import BlockKind, Keyword, ValueType
from schemas.ccsds.tree import Block, Item, Message, Unread
from schemas.cdm.columns import CDM, OBJECTS
from schemas.cdm.json_objects import FlatObject, flat_objects
from schemas.refusals import RecordRefusedError

FLAT_JSON = "flat-json"
BLANK_IN_EPOCH = "blank-in-epoch"
_PROBED_BYTES = 65_536
_FLAT_KEY = re.compile(rb'"SAT[12]_OBJECT(?:_DESIGNATOR)?"\s*:')
_KEY = re.compile(r"(?:SAT(?P<segment>[12])_)?(?P<name>[A-Z][A-Z0-9_]*)")
# Of the download, not of the message.
_BOOKKEEPING = frozenset({"CONSTELLATION", "FILENAME", "INSERT_EPOCH", "GID"})
_SPACE_TRACK_ID = "CDM_ID"
# Where 18 SDS has these comments in KVN; any other stands in the header or in the object's metadata.
_COMMENT_BLOCKS = {
    "SCREENING_OPTION": "relativeMetadataData",
    "EFFECTIVE_HBR": "relativeMetadataData",
    "COVARIANCE_SCALE_FACTOR": "odParameters",
    "EXCLUSION_VOLUME_RADIUS": "odParameters",
    "APOGEE": "additionalParameters",
    "PERIGEE": "additionalParameters",
    "INCLINATION": "additionalParameters",
    "DCP_DENSITY_FORECAST_UNCERTAINTY": "covarianceMatrix",
    "DCP_SENSITIVITY_VECTOR_POSITION": "covarianceMatrix",
    "DCP_SENSITIVITY_VECTOR_VELOCITY": "covarianceMatrix",
}
_BLANK_EPOCH = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?)")


def is_flat(data: bytes) -> bool:
    """True for JSON whose beginning has keys of Space-Track's flat form."""
    return _FLAT_KEY.search(data, 0, _PROBED_BYTES) is not None


def read_flat_messages(data: bytes) -> Iterator[Message | Unread]:
    """The messages of flat JSON. Raises RecordRefusedError where the payload is neither an array nor an object.

    JSON has no order of keys, so keywords stand in the table's order. A message with a key that has no place in a CDM
    has ``error`` set. FILENAME, INSERT_EPOCH and the like, which are of the download, are left out; CDM_ID becomes a
    comment. Deviations: ``flat-json``, and ``blank-in-epoch`` for a blank where the T should be.
    """
    for found in flat_objects(data):
        yield found if isinstance(found, Unread) else _message(found)


def _message(found: FlatObject) -> Message:
    version = found.texts.get(CDM.version_keyword) or ""
    message = Message(CDM, version, found.record, found.line, found.start, found.stop)
    message.notice(FLAT_JSON)
    try:
        _refuse_unknown_keys(found.texts)
        for segment in (0, *OBJECTS):
            for kind in CDM.blocks:
                if (kind.place in ("header", "body")) == (segment == 0):
                    _add_block(message, kind, segment, found.texts)
    except RecordRefusedError as error:
        message.error = error
    return message


def _add_block(message: Message, kind: BlockKind, segment: int, texts: dict[str, str | None]) -> None:
    items = [Item("COMMENT", text) for text in _comments(kind, segment, texts)]
    prefix = f"SAT{segment}_" if segment else ""
    for keyword in kind.keywords:
        key = f"{prefix}{keyword.keyword}"
        text = texts.get(key)
        if text is not None:
            items.append(Item(keyword.keyword, _epoch(message, key, text, keyword, texts), _units(key, texts)))
        elif key in texts and keyword.keyword == "COLLISION_PROBABILITY":
            items.append(Item(keyword.keyword, "", nil=True))
    if items:
        message.blocks.append(Block(kind, segment, message.line, items))


def _units(key: str, texts: dict[str, str | None]) -> str:
    return texts.get(f"{key}_UNIT") or ""


def _epoch(message: Message, key: str, text: str, keyword: Keyword, texts: dict[str, str | None]) -> str:
    """The text with a T in an epoch, and the text of any other keyword as it is.

    Whether X_FRACTION counts milliseconds or stands for decimals is not documented, so it is refused unless it is zero:
    a wrong guess moves the TCA by most of a second.
    """
    if keyword.type is not ValueType.EPOCH:
        return text
    fraction = texts.get(f"{key}_FRACTION") or ""
    if fraction.strip("0"):
        rule = f"no fraction of a second but zero: its meaning is not documented; {key} itself may hold decimals"
        raise RecordRefusedError(f"{key}_FRACTION", fraction, rule)
    blank = _BLANK_EPOCH.fullmatch(text)
    if blank is None:
        return text
    message.notice(BLANK_IN_EPOCH)
    return f"{blank[1]}T{blank[2]}"


def _comments(kind: BlockKind, segment: int, texts: dict[str, str | None]) -> list[str]:
    comments = []
    if kind.name == "header" and texts.get(_SPACE_TRACK_ID):
        comments.append(f"{_SPACE_TRACK_ID}:{texts[_SPACE_TRACK_ID]}")
    prefix = f"SAT{segment}_COMMENT_" if segment else "COMMENT_"
    elsewhere = "metadata" if segment else "header"
    for key, text in texts.items():
        if key.startswith(prefix) and text not in (None, "", "null") and not key.endswith("_UNIT"):
            name = key.removeprefix(prefix)
            if _COMMENT_BLOCKS.get(name, elsewhere) == kind.name:
                comments.append(f"{text} [{units}]" if (units := _units(key, texts)) else str(text))
    return comments


def _known_keywords() -> dict[str, set[str]]:
    """Names that a key may have, by its segment ("" for the message), with those of units and fractions."""
    known: dict[str, set[str]] = {"": {CDM.version_keyword, _SPACE_TRACK_ID, *_BOOKKEEPING}, "1": set(), "2": set()}
    for kind in CDM.blocks:
        for segment in [""] if kind.place in ("header", "body") else ["1", "2"]:
            for keyword in kind.keywords:
                known[segment].add(keyword.keyword)
                if keyword.units:
                    known[segment].add(f"{keyword.keyword}_UNIT")
                if keyword.type is ValueType.EPOCH:
                    known[segment].add(f"{keyword.keyword}_FRACTION")
    return known


_KNOWN = _known_keywords()


def _refuse_unknown_keys(texts: dict[str, str | None]) -> None:
    for key, text in texts.items():
        match = _KEY.fullmatch(key)
        known = _KNOWN[match["segment"] or ""] if match else set()
        if match is None or not (match["name"].startswith("COMMENT_") or match["name"] in known):
            raise RecordRefusedError(key, text or "", "a key of Space-Track's flat CDM")
